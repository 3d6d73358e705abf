//! What calls cost. Times are of one verification in WASM on the reference machine, measured by `cargo xtask bench`.

use polkadot_sdk::*;

use frame_support::weights::{Weight, constants::WEIGHT_REF_TIME_PER_MICROS as MICROS};

/// One ECDSA P-256 verification: a whole anchor took 2.3 to 2.5 ms.
pub const P256: Weight = Weight::from_parts(2_300 * MICROS, 0);
/// One ed25519 verification by the host: 50 µs.
pub const ED25519: Weight = Weight::from_parts(50 * MICROS, 0);
/// A consistency or inclusion proof of 65 hashes, and what is hashed around it.
pub const PROOF: Weight = Weight::from_parts(130 * MICROS, 0);
/// Making a credential again: seventeen multiplications modulo 2048 bits, or two on P-256.
pub const CREDENTIAL: Weight = Weight::from_parts(5_000 * MICROS, 0);
/// Decoding a record and parsing public areas.
pub const PARSE: Weight = Weight::from_parts(20 * MICROS, 0);

/// Two signatures, a quote, an inclusion and a consistency proof.
pub const REQUEST: Weight = sum(&[P256, ED25519, ED25519, PROOF, PROOF, PARSE]);
/// Holds and one entry.
pub const CREATE_TOKEN: Weight = PARSE;
/// One request read and written.
pub const DUTY: Weight = PARSE;
/// A credential made again.
pub const REVEAL: Weight = sum(&[CREDENTIAL, PARSE]);
/// A certified counter and a consistency proof.
pub const ANCHOR: Weight = sum(&[P256, PROOF, PARSE]);
/// A quote and a signature.
pub const DELEGATE: Weight = sum(&[P256, ED25519, PARSE]);
/// Two certified counters.
pub const FORK: Weight = sum(&[P256, P256, PARSE]);
/// A consistency proof.
pub const REFUTE: Weight = sum(&[PROOF, PARSE]);

const fn sum(parts: &[Weight]) -> Weight {
    let (mut total, mut at) = (Weight::zero(), 0);
    while at < parts.len() {
        total = total.saturating_add(parts[at]);
        at += 1;
    }
    total
}
