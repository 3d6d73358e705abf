//! The TPM's key derivations with SHA-256 (Part 1, §11.4.10): one block of output is all that credentials need.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// HMAC-SHA-256 over the parts.
#[allow(clippy::expect_used)]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// KDFa; a shorter key is the block's beginning, for which the length field still counts: 128 bits for "STORAGE", 256 otherwise.
pub fn kdfa(seed: &[u8; 32], label: &[u8], context: &[u8]) -> [u8; 32] {
    let bits: u32 = if label == b"STORAGE" { 128 } else { 256 };
    hmac(seed, &[&1u32.to_be_bytes(), label, &[0], context, &bits.to_be_bytes()])
}

/// KDFe: the seed both sides of an ECDH agree on.
pub fn kdfe(shared_x: &[u8], label: &[u8], ephemeral_x: &[u8], static_x: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in [&1u32.to_be_bytes(), shared_x, label, &[0], ephemeral_x, static_x] {
        hasher.update(part);
    }
    hasher.finalize().into()
}
