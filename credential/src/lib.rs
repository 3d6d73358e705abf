//! `TPM2_MakeCredential` in software (TPM 2.0 Part 1, §24), deterministic given its randomness.
//!
//! An inspector makes a credential that only one TPM can open: the one that holds both the endorsement key (EK) and the attestation
//! key of this name. Whoever learns the randomness afterwards can make the same bytes again, which is how the chain settles whether
//! a credential was bad. It must not know who asks for it, nor where its randomness comes from.
//!
//! ```
//! use credential::{CredentialError, EkPublic};
//!
//! assert_eq!(EkPublic::parse(b"no key"), Err(CredentialError::NotAnEk));
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

mod ek;
mod kdf;
mod wrap;

pub use ek::EkPublic;

use aes::{
    Aes128,
    cipher::{AsyncStreamCipher, KeyIvInit},
};
use alloc::vec::Vec;
use cfb_mode::Encryptor;

/// Name of the attestation key: hash algorithm and digest.
pub type Name = [u8; 34];

/// The longest secret that a credential can carry: a SHA-256 digest.
pub const MAX_SECRET: usize = 32;

/// What an inspector draws for one credential and may later have to show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Randomness {
    /// For an RSA EK the seed that is encrypted; for an ECC EK the ephemeral private scalar.
    pub seed: [u8; 32],
    /// Randomness of the OAEP padding; unused for an ECC EK.
    pub oaep_seed: [u8; 32],
}

/// What goes into `TPM2_ActivateCredential`, both without their size field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Contents of the `TPM2B_ID_OBJECT`.
    pub id_object: Vec<u8>,
    /// Contents of the `TPM2B_ENCRYPTED_SECRET`.
    pub encrypted_secret: Vec<u8>,
}

/// Why no credential can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not the public area of a TCG default endorsement key: RSA-2048 (template L-1) or ECC P-256 (L-2).
    #[error("the key is no TCG default endorsement key (RSA-2048 or ECC P-256)")]
    NotAnEk,
    /// No such key can exist: an even modulus, a point off the curve.
    #[error("the endorsement key is no possible key")]
    ImpossibleKey,
    /// The secret is longer than [`MAX_SECRET`].
    #[error("the secret is longer than {MAX_SECRET} bytes")]
    SecretTooLong,
    /// The ephemeral scalar is zero or not below the curve's order: draw again.
    #[error("the ephemeral scalar is not one of the curve: draw again")]
    BadScalar,
}

/// Makes the credential with `secret` inside for the TPM that holds `ek` and an attestation key called `ak`.
pub fn make_credential(
    ek: &EkPublic,
    ak: &Name,
    secret: &[u8],
    randomness: &Randomness,
) -> Result<Credential, CredentialError> {
    if secret.len() > MAX_SECRET {
        return Err(CredentialError::SecretTooLong);
    }
    let (seed, encrypted_secret) = wrap::seed(ek, randomness)?;
    Ok(Credential { id_object: id_object(&seed, ak, secret), encrypted_secret })
}

/// `TPM2B_DIGEST(HMAC) ‖ encrypted identity` (Part 1, §24.4 and §24.5).
fn id_object(seed: &[u8; 32], ak: &Name, secret: &[u8]) -> Vec<u8> {
    let mut identity = sized(secret);
    let key = kdf::kdfa(seed, b"STORAGE", ak);
    let (key, _) = key.split_at(16);
    Encryptor::<Aes128>::new(key.into(), &[0; 16].into()).encrypt(&mut identity);
    let integrity = kdf::kdfa(seed, b"INTEGRITY", &[]);
    let mut object = sized(&kdf::hmac(&integrity, &[&identity, ak]));
    object.extend(identity);
    object
}

/// A `TPM2B`: u16 length, then the bytes.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut sized = Vec::from(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    sized.extend(bytes);
    sized
}
