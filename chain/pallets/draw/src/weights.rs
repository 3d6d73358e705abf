//! What `pallet_draw` costs, as measured. Written by `cargo xtask weights`; do not edit.
//!
//! 2026-11-30 on AMD EPYC, 2 cores.
//! The runtime's WASM is built for release; it runs in the node's executor, built for development.
//! 5 values of each component, 6 runs of each, processor time, least squares. Times are multiplied by 1.5; proof size is not counted.

use core::marker::PhantomData;
use polkadot_sdk::*;

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};

/// What calls and hooks cost.
pub trait WeightInfo {
    /// `turn`, `e` from 0 to 64.
    fn turn(e: u32) -> Weight;
}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
    // Runs took 16170 to 704343 ns.
    fn turn(e: u32) -> Weight {
        Weight::from_parts(27_000_000, 0)
            .saturating_add(Weight::from_parts(14_275_829, 0).saturating_mul(u64::from(e)))
            .saturating_add(Db::get().reads_writes(4, 2u64.saturating_add(u64::from(e).saturating_mul(2))))
    }
}
