//! What `pallet_ecp` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    /// `credit`.
    fn credit() -> Weight;
    /// `changed`.
    fn changed() -> Weight;
}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
    // Runs took 76322 to 81642 ns.
    fn credit() -> Weight {
        Weight::from_parts(119_000_000, 0).saturating_add(Db::get().reads_writes(8, 4))
    }
    // Runs took 123251 to 131555 ns.
    fn changed() -> Weight {
        Weight::from_parts(191_000_000, 0).saturating_add(Db::get().reads_writes(10, 6))
    }
}
