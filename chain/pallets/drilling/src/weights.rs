//! What calls cost beside the database, reckoned for WASM on the reference machine.

use drilling::{MAX_FRAUD_PROOF, MAX_INPUTS, fraud::Cost};
use polkadot_sdk::*;

use frame_support::weights::{Weight, constants::WEIGHT_REF_TIME_PER_MICROS as MICROS};

/// Picoseconds in a nanosecond.
const NANOS: u64 = MICROS / 1_000;

/// Decoding a task or a worker, a few comparisons, encoding it again.
pub const RECORD: Weight = Weight::from_parts(20 * MICROS, 0);
/// BLAKE3 over a commitment's three hashes.
pub const COMMITMENT: Weight = Weight::from_parts(5 * MICROS, 0);
/// An answer of 8 KiB, hashed for each inspector who asked for it.
pub const ANSWER: Weight = Weight::from_parts(120 * MICROS, 0);
/// Sixty-four votes and their bonds.
pub const VOTE: Weight = RECORD;
/// Shuffling one entry of a pool.
pub const SHUFFLE: Weight = Weight::from_parts(3 * MICROS, 0);

/// Bytes through BLAKE3 without SIMD at 400 MB/s, and elements: each a 64th of a ChaCha block of a microsecond, and a product.
pub const fn fraud(cost: &Cost) -> Weight {
    let nanos = cost.hashed.saturating_mul(3).saturating_add(cost.elements.saturating_mul(20));
    Weight::from_parts(nanos.saturating_mul(NANOS), 0).saturating_add(RECORD)
}

/// The dearest proof of all: what a call sets aside before the chain looks which task it is about.
pub const FRAUD: Weight = fraud(&Cost { hashed: MAX_FRAUD_PROOF as u64, elements: 2 * MAX_INPUTS as u64 });
