//! What `pallet_inspectors` costs, as measured. Written by `cargo xtask weights`; do not edit.
//!
//! 2026-11-25 on AMD EPYC, 2 cores.
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
    // Runs took 180849 to 190773 ns.
    fn register() -> Weight {
        Weight::from_parts(281_000_000, 0).saturating_add(Db::get().reads_writes(4, 3))
    }
    // Runs took 105306 to 140709 ns.
    fn leave() -> Weight {
        Weight::from_parts(173_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 80720 to 88842 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(130_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
}
