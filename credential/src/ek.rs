//! The public area of an endorsement key (TCG EK Credential Profile 2.5, Annex B.3).
//!
//! Only the default templates pass, byte for byte: an identifier is the hash of this area, so a second form of the same key would
//! be a second machine.

use crate::CredentialError;
use alloc::boxed::Box;

/// SHA-256 as nameAlg, then fixedTPM | fixedParent | sensitiveDataOrigin | adminWithPolicy | restricted | decrypt.
const NAME_AND_ATTRIBUTES: [u8; 6] = [0x00, 0x0B, 0x00, 0x03, 0x00, 0xB2];
/// `TPM2_PolicySecret(TPM_RH_ENDORSEMENT)`.
const POLICY: [u8; 32] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24, 0xFD,
    0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA,
];
/// AES-128-CFB, no scheme.
const SYMMETRIC_AND_SCHEME: [u8; 8] = [0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10];

/// An endorsement key of a default template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EkPublic {
    /// Template L-1: the modulus, exponent 65537.
    Rsa2048(Box<[u8; 256]>),
    /// Template L-2: x‖y.
    EccP256([u8; 64]),
}

impl EkPublic {
    /// Parses a `TPMT_PUBLIC` to its last byte.
    pub fn parse(public_area: &[u8]) -> Result<Self, CredentialError> {
        Self::read(public_area).ok_or(CredentialError::NotAnEk)
    }

    fn read(public_area: &[u8]) -> Option<Self> {
        let (kind, rest) = public_area.split_at_checked(2)?;
        let rest = rest.strip_prefix(&NAME_AND_ATTRIBUTES)?.strip_prefix(&[0, 32])?.strip_prefix(&POLICY)?;
        let rest = rest.strip_prefix(&SYMMETRIC_AND_SCHEME)?;
        match kind {
            // keyBits 2048, default exponent, modulus of 256 bytes
            [0x00, 0x01] => {
                let modulus = rest.strip_prefix(&[0x08, 0x00, 0, 0, 0, 0, 0x01, 0x00])?;
                Some(Self::Rsa2048(Box::new(modulus.try_into().ok()?)))
            }
            // NIST P-256, no KDF, two coordinates of 32 bytes
            [0x00, 0x23] => {
                let rest = rest.strip_prefix(&[0x00, 0x03, 0x00, 0x10, 0x00, 0x20])?;
                let (x, rest) = rest.split_at_checked(32)?;
                let y = rest.strip_prefix(&[0x00, 0x20])?;
                let mut xy = [0; 64];
                let (to_x, to_y) = xy.split_at_mut(32);
                to_x.copy_from_slice(x);
                if y.len() != to_y.len() {
                    return None;
                }
                to_y.copy_from_slice(y);
                Some(Self::EccP256(xy))
            }
            _ => None,
        }
    }
}
