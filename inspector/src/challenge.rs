//! The credential that only one TPM can open, and the commitment to its right answer.

use crate::{
    ek_certificate::Level,
    vault::{Drawn, RequestId},
};
use attest::statement::{answer, answer_commitment};
use credential::{CredentialError, EkPublic, make_credential};

/// What is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Contents of the `TPM2B_ID_OBJECT`.
    pub id_object: Vec<u8>,
    /// Contents of the `TPM2B_ENCRYPTED_SECRET`.
    pub encrypted_secret: Vec<u8>,
    /// SHA-256 of the right answer.
    pub commitment: [u8; 32],
    /// The vote.
    pub level: Level,
}

/// Makes the challenge; the same for the same draw.
pub fn make(
    request: &RequestId,
    ek_public: &[u8],
    ak_public: &[u8],
    inspector: &[u8; 32],
    drawn: &Drawn,
) -> Result<Challenge, CredentialError> {
    let ek = EkPublic::parse(ek_public)?;
    let name = attest::object_name(ak_public);
    let credential = make_credential(&ek, &name, &drawn.secret, &drawn.randomness())?;
    Ok(Challenge {
        id_object: credential.id_object,
        encrypted_secret: credential.encrypted_secret,
        commitment: answer_commitment(&answer(request, inspector, &drawn.secret)),
        level: drawn.level,
    })
}
