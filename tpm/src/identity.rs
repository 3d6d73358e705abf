//! Who this TPM is, by its maker's word.

use crate::{EkKind, Tpm, TpmError, Transport};
use alloc::vec::Vec;

/// An endorsement key and what its maker says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Which key.
    pub kind: EkKind,
    /// `TPMT_PUBLIC`.
    pub public: Vec<u8>,
    /// The maker's X.509 certificate as DER, if the TPM carries one: clouds often leave it out.
    pub certificate: Option<Vec<u8>>,
}

impl<T: Transport> Tpm<T> {
    /// The endorsement key by the TCG's default template, and its certificate from NV memory.
    pub fn identity(&mut self, kind: EkKind) -> Result<Identity, TpmError> {
        self.scoped(|tpm| {
            let public = tpm.ek(kind)?.public;
            let contents = tpm.nv_contents(kind.certificate_index())?;
            Ok(Identity { kind, public, certificate: contents.as_deref().and_then(trim_der).map(Vec::from) })
        })
    }
}

/// The DER value at the beginning: makers pad their indices. A certificate is a SEQUENCE of more than 127 bytes (X.690, §8.1.3.5).
fn trim_der(contents: &[u8]) -> Option<&[u8]> {
    let (length, header) = match contents {
        [0x30, 0x81, length, ..] => (usize::from(*length), 3),
        [0x30, 0x82, high, low, ..] => (usize::from(u16::from_be_bytes([*high, *low])), 4),
        _ => return None,
    };
    contents.get(..length.checked_add(header)?)
}

#[cfg(test)]
mod tests {
    use super::trim_der;

    #[test]
    fn padding_goes_and_truncation_is_noticed() {
        let certificate = [&[0x30, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        let padded = [&certificate[..], &[0xFF; 90]].concat();
        assert_eq!(trim_der(&padded), Some(&certificate[..]));
        assert_eq!(trim_der(certificate.get(..200).unwrap_or_default()), None);
        assert_eq!(trim_der(&[0xFF; 64]), None);
        assert_eq!(trim_der(&[]), None);
    }
}
