//! Endorsement key certificates: does this TPM come from a maker we know?
//!
//! Sources: TCG EK Credential Profile 2.5 (§3.1 fields, §3.2 key usage), RFC 5280.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::{
    Certificate,
    der::{
        Decode, Reader, SliceReader, Tag,
        asn1::UintRef,
        oid::{AssociatedOid, ObjectIdentifier},
    },
    ext::pkix::{ExtendedKeyUsage, KeyUsage as KeyUsageExtension},
};

/// tcg-kp-EKCertificate, 2.23.133.8.1.
const EK_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.1");
const EK_PURPOSE_DER: &[u8] = &[0x67, 0x81, 0x05, 0x08, 0x01];
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// A certificate takes some 2 KiB, and makers publish theirs in bundles: room for thousands in one file.
const LONGEST: u64 = 16 << 20;

/// How far the machine's identity can be trusted, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The certificate chains to a known TPM maker.
    Hardware,
    /// The certificate chains to a known issuer of virtual TPMs.
    Virtual,
    /// No certificate, or one from nobody we know.
    Unverified,
}

impl std::fmt::Display for Level {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Hardware => "hardware",
            Self::Virtual => "virtual",
            Self::Unverified => "unverified",
        })
    }
}

/// Why a certificate earns no better than [`Level::Unverified`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// None was given: the TPM has none, or it is kept back.
    #[error("there is no EK certificate")]
    NoCertificate,
    /// Not X.509, or with something broken in it.
    #[error("the EK certificate does not parse: {0}")]
    Malformed(String),
    /// For another key than the one in the request.
    #[error("the EK certificate certifies another key than this EK")]
    AnotherKey,
    /// Its usages are not those of an endorsement key.
    #[error("the EK certificate lacks {0}")]
    WrongUsage(&'static str),
    /// No chain to a root in the folder.
    #[error("the EK certificate chains to no known root: {0}")]
    UnknownIssuer(String),
}

/// A roots folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// A file or folder that cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// A folder without any roots.
    #[error("{} has neither a folder hardware/ nor virtual/ with certificates of TPM makers: is it the right one?", .0.display())]
    None(PathBuf),
    /// A file that holds no certificate.
    #[error("{0} holds no certificate: {1}")]
    NoCertificate(PathBuf, String),
}

/// Known certificate authorities, from a folder with `hardware/`, `virtual/` and `intermediates/` (PEM or DER files, any may be
/// absent).
#[derive(Default)]
pub struct Roots {
    hardware: Vec<CertificateDer<'static>>,
    virtual_: Vec<CertificateDer<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Reads the folder, which must exist: a mistyped name would make every honest machine unverified.
    pub fn load(folder: &Path) -> Result<Self, RootsError> {
        fs::read_dir(folder).map_err(|error| RootsError::Read(folder.into(), error))?;
        Ok(Self {
            hardware: certificates(&folder.join("hardware"))?,
            virtual_: certificates(&folder.join("virtual"))?,
            intermediates: certificates(&folder.join("intermediates"))?,
        })
    }

    /// The same for a folder that must have roots.
    pub fn load_some(folder: &Path) -> Result<Self, RootsError> {
        let roots = Self::load(folder)?;
        let there = ["hardware", "virtual"].iter().any(|kind| folder.join(kind).is_dir());
        if there { Ok(roots) } else { Err(RootsError::None(folder.into())) }
    }

    /// The level that a certificate earns for an endorsement key (`TPMT_PUBLIC`), and the doubt when it is the lowest.
    pub fn judge(&self, ek_public: &[u8], certificate: &[u8], now: UnixTime) -> (Level, Option<Doubt>) {
        match self.check(ek_public, certificate, now) {
            Ok(level) => (level, None),
            Err(doubt) => (Level::Unverified, Some(doubt)),
        }
    }

    fn check(&self, ek_public: &[u8], certificate: &[u8], now: UnixTime) -> Result<Level, Doubt> {
        if certificate.is_empty() {
            return Err(Doubt::NoCertificate);
        }
        let parsed =
            Certificate::from_der(certificate).map_err(|error| Doubt::Malformed(error.to_string()))?;
        certifies(&parsed, ek_public)?;
        usages(&parsed)?;
        let chains = |roots| self.chains(certificate, roots, now);
        match chains(&self.hardware) {
            Ok(()) => Ok(Level::Hardware),
            Err(_) => chains(&self.virtual_).map(|()| Level::Virtual),
        }
    }

    fn chains(&self, certificate: &[u8], roots: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Doubt> {
        let unknown = |error: webpki::Error| Doubt::UnknownIssuer(error.to_string());
        let leaf = CertificateDer::from(certificate);
        let leaf = EndEntityCert::try_from(&leaf).map_err(|error| Doubt::Malformed(error.to_string()))?;
        let anchors: Vec<TrustAnchor<'_>> =
            roots.iter().filter_map(|root| anchor_from_trusted_cert(root).ok()).collect();
        // Intermediates carry no EK purpose; the leaf's is required in `usages`.
        let purpose = KeyUsage::required_if_present(EK_PURPOSE_DER);
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &self.intermediates,
            now,
            purpose,
            None,
            None,
        )
        .map(|_| ())
        .map_err(unknown)
    }
}

/// The certificate's key must be the EK: `unique` is the last field of a `TPMT_PUBLIC`.
fn certifies(certificate: &Certificate, ek_public: &[u8]) -> Result<(), Doubt> {
    let malformed = |error: x509_cert::der::Error| Doubt::Malformed(error.to_string());
    let spki = &certificate.tbs_certificate.subject_public_key_info;
    let key = spki.subject_public_key.as_bytes().ok_or(Doubt::Malformed("key is no byte string".into()))?;
    let unique = match spki.algorithm.oid {
        RSA_ENCRYPTION => rsa_unique(key).map_err(malformed)?,
        EC_PUBLIC_KEY => ec_unique(key).ok_or(Doubt::Malformed("EC point is not uncompressed".into()))?,
        other => return Err(Doubt::Malformed(format!("unknown key algorithm {other}"))),
    };
    let kind: &[u8] = if spki.algorithm.oid == RSA_ENCRYPTION { &[0x00, 0x01] } else { &[0x00, 0x23] };
    if ek_public.starts_with(kind) && ek_public.ends_with(&unique) { Ok(()) } else { Err(Doubt::AnotherKey) }
}

/// keyBits is fixed by the template; exponent 0 stands for 65537, which precedes the modulus.
fn rsa_unique(key: &[u8]) -> Result<Vec<u8>, x509_cert::der::Error> {
    let mut reader = SliceReader::new(key)?;
    // RSAPublicKey (RFC 8017, A.1.1)
    let (modulus, exponent) =
        reader.sequence(|fields| Ok((UintRef::decode(fields)?, UintRef::decode(fields)?)))?;
    reader.finish(())?;
    if exponent.as_bytes() != [1, 0, 1] {
        return Err(Tag::Integer.value_error());
    }
    let modulus = modulus.as_bytes();
    let mut unique = vec![0, 0, 0, 0];
    unique.extend(u16::try_from(modulus.len()).unwrap_or(u16::MAX).to_be_bytes());
    unique.extend(modulus);
    Ok(unique)
}

fn ec_unique(point: &[u8]) -> Option<Vec<u8>> {
    let coordinates = point.strip_prefix(&[0x04])?;
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    let length = u16::try_from(x.len()).ok()?.to_be_bytes();
    Some([&length, x, &length, y].concat())
}

fn usages(certificate: &Certificate) -> Result<(), Doubt> {
    let purposes: ExtendedKeyUsage =
        extension(certificate)?.ok_or(Doubt::WrongUsage("extended key usage"))?;
    if !purposes.0.contains(&EK_PURPOSE) {
        return Err(Doubt::WrongUsage("the extended key usage tcg-kp-EKCertificate"));
    }
    let usage: KeyUsageExtension = extension(certificate)?.ok_or(Doubt::WrongUsage("key usage"))?;
    // RSA EKs decrypt, ECC EKs agree; makers set either bit for either.
    if usage.key_encipherment() || usage.key_agreement() {
        Ok(())
    } else {
        Err(Doubt::WrongUsage("the key usages keyEncipherment and keyAgreement"))
    }
}

fn extension<T: AssociatedOid + for<'a> Decode<'a>>(certificate: &Certificate) -> Result<Option<T>, Doubt> {
    let extensions = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
    let Some(found) = extensions.iter().find(|extension| extension.extn_id == T::OID) else {
        return Ok(None);
    };
    T::from_der(found.extn_value.as_bytes()).map(Some).map_err(|error| Doubt::Malformed(error.to_string()))
}

/// All certificates in a folder, which may be absent.
pub(crate) fn certificates(folder: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let read = |error| RootsError::Read(folder.to_path_buf(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        found.extend(certificates_in(&entry.map_err(read)?.path())?);
    }
    Ok(found)
}

fn certificates_in(file: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let bytes = plain_io::read(file, LONGEST).map_err(|error| RootsError::Read(file.to_path_buf(), error))?;
    let none = |why: String| RootsError::NoCertificate(file.to_path_buf(), why);
    if bytes.starts_with(&[0x30]) {
        Certificate::from_der(&bytes).map_err(|error| none(error.to_string()))?;
        return Ok(vec![CertificateDer::from(bytes)]);
    }
    let pem: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match pem {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) => Err(none("neither DER nor PEM".into())),
        Err(error) => Err(none(format!("{error:?}"))),
    }
}
