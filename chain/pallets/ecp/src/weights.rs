//! What a credit costs beside the database.

use polkadot_sdk::*;

use frame_support::weights::{Weight, constants::WEIGHT_REF_TIME_PER_MICROS as MICROS};

/// Four decays of 64 products of 128 bits, under a microsecond each natively, and the same in WASM at a tenth of the speed.
pub const CREDIT: Weight = Weight::from_parts(25 * MICROS, 0);
