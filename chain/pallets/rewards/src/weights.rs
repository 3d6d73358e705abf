//! What calls cost beside the database.

use polkadot_sdk::*;

use frame_support::weights::{Weight, constants::WEIGHT_REF_TIME_PER_MICROS as MICROS};

/// Some multiplications and divisions of 128 bits for each era.
pub const SETTLE: Weight = Weight::from_parts(50 * MICROS, 0);
/// Eras read where an owner was away for longer than anybody remembers.
pub const ERAS: u64 = 65;
