//! What `pallet_inspectors` costs, as measured. Written by `cargo xtask weights`; do not edit.
//!
//! 2026-11-24 on AMD EPYC, 2 cores.
//! The runtime's WASM is built for release; it runs in the node's executor, built for development.
//! 3 values of each component, 1 runs of each, processor time, least squares. Times are multiplied by 1.5; proof size is not counted.

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
    /// `draw`.
    fn draw() -> Weight;
    /// `cheated`.
    fn cheated() -> Weight;
}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
    // Runs took 426233 to 426233 ns.
    fn register() -> Weight {
        Weight::from_parts(640_000_000, 0).saturating_add(Db::get().reads_writes(4, 3))
    }
    // Runs took 130424 to 130424 ns.
    fn leave() -> Weight {
        Weight::from_parts(196_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 91556 to 91556 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(138_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 121200 to 121200 ns.
    fn draw() -> Weight {
        Weight::from_parts(182_000_000, 0).saturating_add(Db::get().reads_writes(5, 3))
    }
    // Runs took 190573 to 190573 ns.
    fn cheated() -> Weight {
        Weight::from_parts(286_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
}
