//! What `pallet_inspectors` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    /// `register`.
    fn register() -> Weight;
    /// `leave`.
    fn leave() -> Weight;
    /// `withdraw`.
    fn withdraw() -> Weight;
}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
    // Runs took 206215 to 297414 ns.
    fn register() -> Weight {
        Weight::from_parts(328_000_000, 0).saturating_add(Db::get().reads_writes(4, 3))
    }
    // Runs took 119603 to 235128 ns.
    fn leave() -> Weight {
        Weight::from_parts(269_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 108232 to 120215 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(167_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
}
