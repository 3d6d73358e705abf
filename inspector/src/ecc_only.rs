//! Makers whose TPMs have no RSA endorsement key.
//!
//! A TPM can hold several certified keys and must not count twice, so a machine is its RSA key. Only for makers on this list, by their
//! TCG vendor identifier, does the elliptic one count.

use crate::ek_certificate::RootsError;
use std::{collections::BTreeSet, io::ErrorKind, path::Path};
use x509_cert::{
    Certificate,
    attr::AttributeTypeAndValue,
    der::{Decode, asn1::AnyRef, asn1::ObjectIdentifier, asn1::PrintableStringRef, asn1::Utf8StringRef},
    ext::pkix::{SubjectAltName, name::GeneralName},
};

/// tcg-at-tpmManufacturer (TCG EK Credential Profile 2.5, §3.1.2).
const MANUFACTURER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.2.1");

/// A line for each maker, and the TCG has registered some thirty: much room for comments.
const LONGEST: u64 = 64 << 10;

/// The list, as in `ecc-only.txt`: one vendor identifier a line, `id:494E5443` or `INTC`; `#` begins a comment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EccOnly(BTreeSet<String>);

impl EccOnly {
    /// Reads the list of a roots folder; without one, no maker is on it.
    pub fn load(roots: &Path) -> Result<Self, RootsError> {
        let file = roots.join("ecc-only.txt");
        match plain_io::read_to_string(&file, LONGEST) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(RootsError::Read(file, error)),
        }
    }

    fn parse(text: &str) -> Self {
        let names = text.lines().filter_map(|line| line.split('#').next()).map(str::trim);
        Self(names.filter(|name| !name.is_empty()).map(vendor).collect())
    }

    /// Whether the maker that a certificate names is on the list. Believe it only of a certificate that chains to a known root.
    pub fn lists_maker_of(&self, certificate: &[u8]) -> bool {
        maker(certificate).is_some_and(|maker| self.0.contains(&vendor(&maker)))
    }
}

/// `id:` and eight digits; a name in letters is spelt out.
fn vendor(name: &str) -> String {
    match name.get(..3) {
        Some(prefix) if prefix.eq_ignore_ascii_case("id:") => name.to_ascii_uppercase(),
        _ => format!("ID:{}", hex::encode_upper(name)),
    }
}

/// The vendor identifier in the certificate's subject alternative name.
pub fn maker(certificate: &[u8]) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let (_, names) = certificate.tbs_certificate.get::<SubjectAltName>().ok()??;
    names.0.iter().find_map(|name| match name {
        GeneralName::DirectoryName(name) => {
            name.0.iter().flat_map(|part| part.0.iter()).find_map(manufacturer)
        }
        _ => None,
    })
}

fn manufacturer(attribute: &AttributeTypeAndValue) -> Option<String> {
    if attribute.oid != MANUFACTURER {
        return None;
    }
    let value = AnyRef::from(&attribute.value);
    let utf8 = value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.as_str().to_owned());
    utf8.or_else(|| value.decode_as::<PrintableStringRef<'_>>().ok().map(|text| text.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_digits_name_the_same_maker() {
        let list = EccOnly::parse("# makers\nINTC  # no RSA since 2021\nid:474f4f47\n\n");
        assert_eq!(list.0.iter().collect::<Vec<_>>(), ["ID:474F4F47", "ID:494E5443"]);
    }

    #[test]
    fn without_a_file_nobody_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(EccOnly::load(dir.path()).unwrap(), EccOnly::default());
    }
}
