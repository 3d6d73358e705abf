//! Getting the seed to the TPM: OAEP for RSA (Part 1, Annex B.10.3), one-pass ECDH for ECC (Annex C.6.4).

use crate::{CredentialError, EkPublic, Randomness, kdf, sized};
use alloc::{vec, vec::Vec};
use p256::{
    EncodedPoint, NonZeroScalar, ProjectivePoint, PublicKey,
    elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint},
};
use rsa::{BigUint, RsaPublicKey};
use sha2::{Digest, Sha256};

/// The label as TPMs hash it: with its terminating zero.
const LABEL: &[u8] = b"IDENTITY\0";
const DIGEST: usize = 32;

/// The seed, and its encrypted form.
pub fn seed(ek: &EkPublic, randomness: &Randomness) -> Result<([u8; 32], Vec<u8>), CredentialError> {
    match ek {
        EkPublic::Rsa2048(modulus) => Ok((randomness.seed, rsa(modulus, randomness)?)),
        EkPublic::EccP256(xy) => ecc(xy, &randomness.seed),
    }
}

fn rsa(modulus: &[u8; 256], randomness: &Randomness) -> Result<Vec<u8>, CredentialError> {
    let impossible = |_| CredentialError::ImpossibleKey;
    // A shorter modulus could be smaller than the padded message; an even one cannot be multiplied modulo by Montgomery's method.
    if modulus[0] & 0x80 == 0 || modulus[255] & 1 == 0 {
        return Err(CredentialError::ImpossibleKey);
    }
    let key = RsaPublicKey::new(BigUint::from_bytes_be(modulus), 65_537u32.into()).map_err(impossible)?;
    let message = BigUint::from_bytes_be(&oaep(&randomness.seed, &randomness.oaep_seed));
    let cipher = rsa::hazmat::rsa_encrypt(&key, &message).map_err(impossible)?.to_bytes_be();
    let mut padded = vec![0; 256usize.saturating_sub(cipher.len())];
    padded.extend(cipher);
    Ok(padded)
}

/// EME-OAEP for a key of 256 bytes (RFC 8017, §7.1.1), hash and mask SHA-256.
fn oaep(message: &[u8; 32], oaep_seed: &[u8; 32]) -> [u8; 256] {
    let mut encoded = [0; 256];
    let (head, block) = encoded.split_at_mut(1 + DIGEST);
    let (_, seed) = head.split_at_mut(1);
    let (label, rest) = block.split_at_mut(DIGEST);
    label.copy_from_slice(&Sha256::digest(LABEL));
    let (padding, tail) = rest.split_at_mut(rest.len() - message.len());
    if let Some(last) = padding.last_mut() {
        *last = 1;
    }
    tail.copy_from_slice(message);
    seed.copy_from_slice(oaep_seed);
    mask(block, seed);
    mask(seed, block);
    encoded
}

/// XORs with MGF1 of a seed.
fn mask(data: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0u32..).zip(data.chunks_mut(DIGEST)) {
        let block = Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        for (byte, mask) in chunk.iter_mut().zip(block) {
            *byte ^= mask;
        }
    }
}

fn ecc(xy: &[u8; 64], scalar: &[u8; 32]) -> Result<([u8; 32], Vec<u8>), CredentialError> {
    let point = EncodedPoint::from_untagged_bytes(xy.into());
    let key = Option::<PublicKey>::from(PublicKey::from_encoded_point(&point))
        .ok_or(CredentialError::ImpossibleKey)?;
    let scalar = Option::<NonZeroScalar>::from(NonZeroScalar::from_repr((*scalar).into()))
        .ok_or(CredentialError::BadScalar)?;
    let ephemeral = PublicKey::from_secret_scalar(&scalar).to_encoded_point(false);
    let shared = (ProjectivePoint::from(*key.as_affine()) * *scalar).to_affine().to_encoded_point(false);
    let (Some(x), Some(y), Some(shared_x)) = (ephemeral.x(), ephemeral.y(), shared.x()) else {
        return Err(CredentialError::ImpossibleKey);
    };
    let seed = kdf::kdfe(shared_x, b"IDENTITY", x, xy.split_at(32).0);
    let mut encrypted = sized(x);
    encrypted.extend(sized(y));
    Ok((seed, encrypted))
}
