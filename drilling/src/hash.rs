//! BLAKE3 with a domain in front of everything: a hash of one kind is never one of another.

use blake3::Hasher;

/// A BLAKE3 digest.
pub type Hash = [u8; 32];

/// BLAKE3 of the parts, one after the other.
pub fn blake3(parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
