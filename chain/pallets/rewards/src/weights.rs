//! What `pallet_rewards` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    /// `claim`, `e` from 0 to 65.
    fn claim(e: u32) -> Weight;
    /// `settle`, `e` from 0 to 65.
    fn settle(e: u32) -> Weight;
    /// `share_out`.
    fn share_out() -> Weight;
}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
    // Runs took 206946 to 888676 ns.
    fn claim(e: u32) -> Weight {
        Weight::from_parts(328_000_000, 0)
            .saturating_add(Weight::from_parts(14_144_919, 0).saturating_mul(u64::from(e)))
            .saturating_add(Db::get().reads_writes(7u64.saturating_add(u64::from(e)), 4))
    }
    // Runs took 82964 to 843602 ns.
    fn settle(e: u32) -> Weight {
        Weight::from_parts(197_000_000, 0)
            .saturating_add(Weight::from_parts(10_890_389, 0).saturating_mul(u64::from(e)))
            .saturating_add(Db::get().reads_writes(6u64.saturating_add(u64::from(e)), 3))
    }
    // Runs took 110776 to 282627 ns.
    fn share_out() -> Weight {
        Weight::from_parts(259_000_000, 0).saturating_add(Db::get().reads_writes(6, 4))
    }
}
