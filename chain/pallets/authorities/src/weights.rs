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
    // Runs took 330822 to 343861 ns.
    fn join() -> Weight {
        Weight::from_parts(507_000_000, 0).saturating_add(Db::get().reads_writes(6, 6))
    }
    // Runs took 95011 to 105337 ns.
    fn bond_more() -> Weight {
        Weight::from_parts(149_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 16364 to 28482 ns.
    fn seat() -> Weight {
        Weight::from_parts(27_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 131435 to 148771 ns.
    fn wake() -> Weight {
        Weight::from_parts(214_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 115872 to 155671 ns.
    fn leave() -> Weight {
        Weight::from_parts(189_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 217573 to 243962 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(330_000_000, 0).saturating_add(Db::get().reads_writes(6, 5))
    }
    // Runs took 3880494 to 3964139 ns.
    fn weakest() -> Weight {
        Weight::from_parts(5_902_000_000, 0).saturating_add(Db::get().reads_writes(1027, 0))
    }
    // Runs took 81131 to 113749 ns.
    fn rest() -> Weight {
        Weight::from_parts(133_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 7822 to 9253 ns.
    fn stay() -> Weight {
        Weight::from_parts(13_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 194910 to 38736168 ns.
    fn turn(n: u32) -> Weight {
        Weight::from_parts(294_000_000, 0)
            .saturating_add(Weight::from_parts(52_355_103, 0).saturating_mul(u64::from(n)))
            .saturating_add(Db::get().reads_writes(
                23u64.saturating_add(u64::from(n).saturating_mul(4)),
                38u64.saturating_add(u64::from(n)),
            ))
    }
}
