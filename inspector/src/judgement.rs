//! From a request to a vote, or a refusal.

use crate::{
    ecc_only::{self, EccOnly},
    ek_certificate::{Doubt, Level, Roots, RootsError},
};
use credential::EkPublic;
use rustls_pki_types::UnixTime;
use std::path::Path;

/// What an inspector goes by.
#[derive(Default)]
pub struct Rules {
    roots: Roots,
    ecc_only: EccOnly,
}

/// What an inspector makes of a machine.
#[derive(Debug, PartialEq, Eq)]
pub enum Judgement {
    /// A level, and the doubt when it is the lowest.
    Vote(Level, Option<Doubt>),
    /// Will not have it.
    Refuse(Refusal),
}

/// Why a machine is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No credential can be made for it.
    #[error("the endorsement key is of no default template, so no credential can be made for it")]
    NotAnEk,
    /// An elliptic key that nobody we know certifies: the TPM may have an RSA one and be enrolled with it.
    #[error(
        "an ECC endorsement key without a certificate that we can trust ({0}): its TPM may be enrolled by its RSA key"
    )]
    EccUncertified(Doubt),
    /// An elliptic key of a maker whose TPMs have RSA ones.
    #[error("an ECC endorsement key of {0}, whose TPMs have RSA ones: the machine must enrol by its RSA key")]
    EccOfMakerWithRsa(String),
}

impl Rules {
    /// Reads a roots folder, which must have roots: by an empty one, every honest machine would be unverified.
    pub fn load(folder: &Path) -> Result<Self, RootsError> {
        Ok(Self { roots: Roots::load_some(folder)?, ecc_only: EccOnly::load(folder)? })
    }

    /// Judges an endorsement key and its certificate.
    pub fn judge(&self, ek_public: &[u8], certificate: &[u8], now: UnixTime) -> Judgement {
        let Ok(ek) = EkPublic::parse(ek_public) else { return Judgement::Refuse(Refusal::NotAnEk) };
        // NV storage hands out certificates with padding behind them.
        let certificate = without_padding(certificate);
        let (level, doubt) = self.roots.judge(ek_public, certificate, now);
        match (ek, doubt) {
            (EkPublic::Rsa2048(_), doubt) => Judgement::Vote(level, doubt),
            (EkPublic::EccP256(_), Some(doubt)) => Judgement::Refuse(Refusal::EccUncertified(doubt)),
            (EkPublic::EccP256(_), None) if self.ecc_only.lists_maker_of(certificate) => {
                Judgement::Vote(level, None)
            }
            (EkPublic::EccP256(_), None) => {
                let maker = ecc_only::maker(certificate).unwrap_or_else(|| "an unnamed maker".into());
                Judgement::Refuse(Refusal::EccOfMakerWithRsa(maker))
            }
        }
    }
}

/// Cuts what follows the outermost DER sequence, if its length is given in the usual two bytes.
fn without_padding(certificate: &[u8]) -> &[u8] {
    let &[0x30, 0x82, high, low, ..] = certificate else { return certificate };
    let length = usize::from(u16::from_be_bytes([high, low])).saturating_add(4);
    let (body, rest) = certificate.split_at_checked(length).unwrap_or((certificate, &[]));
    if rest.iter().all(|byte| matches!(byte, 0x00 | 0xFF)) { body } else { certificate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_goes_and_nothing_else() {
        assert_eq!(without_padding(&[0x30, 0x82, 0, 1, 7, 0xFF, 0xFF]), [0x30, 0x82, 0, 1, 7]);
        assert_eq!(without_padding(&[0x30, 0x82, 0, 1, 7, 1]).len(), 6);
        assert_eq!(without_padding(&[0x30, 0x82, 9, 9, 7]).len(), 5);
        assert_eq!(without_padding(&[]), [0u8; 0]);
    }

    #[test]
    fn what_is_no_ek_is_refused() {
        let rules = Rules::default();
        assert_eq!(rules.judge(b"key", b"", UnixTime::now()), Judgement::Refuse(Refusal::NotAnEk));
    }
}
