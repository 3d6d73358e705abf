//! What `pallet_authorities` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    /// `join`.
    fn join() -> Weight;
    /// `bond_more`.
    fn bond_more() -> Weight;
    /// `seat`.
    fn seat() -> Weight;
    /// `wake`.
    fn wake() -> Weight;
    /// `leave`.
    fn leave() -> Weight;
    /// `withdraw`.
    fn withdraw() -> Weight;
    /// `weakest`.
    fn weakest() -> Weight;
    /// `rest`.
    fn rest() -> Weight;
    /// `stay`.
    fn stay() -> Weight;
    /// `turn`, `n` from 1 to 1024.
    fn turn(n: u32) -> Weight;
}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
    // Runs took 412754 to 601553 ns.
    fn join() -> Weight {
        Weight::from_parts(822_000_000, 0).saturating_add(Db::get().reads_writes(6, 6))
    }
    // Runs took 98516 to 293897 ns.
    fn bond_more() -> Weight {
        Weight::from_parts(161_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 17126 to 22103 ns.
    fn seat() -> Weight {
        Weight::from_parts(28_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 171715 to 378022 ns.
    fn wake() -> Weight {
        Weight::from_parts(480_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 289341 to 346033 ns.
    fn leave() -> Weight {
        Weight::from_parts(469_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 407205 to 458952 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(652_000_000, 0).saturating_add(Db::get().reads_writes(6, 5))
    }
    // Runs took 4310944 to 4583574 ns.
    fn weakest() -> Weight {
        Weight::from_parts(6_685_000_000, 0).saturating_add(Db::get().reads_writes(1027, 0))
    }
    // Runs took 124906 to 304422 ns.
    fn rest() -> Weight {
        Weight::from_parts(369_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 8102 to 151995 ns.
    fn stay() -> Weight {
        Weight::from_parts(16_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 310521 to 49122272 ns.
    fn turn(n: u32) -> Weight {
        Weight::from_parts(651_000_000, 0)
            .saturating_add(Weight::from_parts(66_161_426, 0).saturating_mul(u64::from(n)))
            .saturating_add(Db::get().reads_writes(
                23u64.saturating_add(u64::from(n).saturating_mul(4)),
                38u64.saturating_add(u64::from(n)),
            ))
    }
}
