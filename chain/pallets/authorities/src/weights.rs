//! What `pallet_authorities` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    // Runs took 374207 to 705334 ns.
    fn join() -> Weight {
        Weight::from_parts(837_000_000, 0).saturating_add(Db::get().reads_writes(6, 6))
    }
    // Runs took 125915 to 133077 ns.
    fn bond_more() -> Weight {
        Weight::from_parts(192_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 24556 to 29034 ns.
    fn seat() -> Weight {
        Weight::from_parts(42_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 166400 to 237573 ns.
    fn wake() -> Weight {
        Weight::from_parts(306_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 138579 to 261757 ns.
    fn leave() -> Weight {
        Weight::from_parts(217_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 253523 to 513427 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(598_000_000, 0).saturating_add(Db::get().reads_writes(6, 5))
    }
    // Runs took 4936192 to 8286137 ns.
    fn weakest() -> Weight {
        Weight::from_parts(8_067_000_000, 0).saturating_add(Db::get().reads_writes(1027, 0))
    }
    // Runs took 97421 to 181829 ns.
    fn rest() -> Weight {
        Weight::from_parts(194_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 12103 to 26910 ns.
    fn stay() -> Weight {
        Weight::from_parts(34_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 250116 to 71498472 ns.
    fn turn(n: u32) -> Weight {
        Weight::from_parts(382_000_000, 0)
            .saturating_add(Weight::from_parts(87_957_422, 0).saturating_mul(u64::from(n)))
            .saturating_add(Db::get().reads_writes(
                23u64.saturating_add(u64::from(n).saturating_mul(4)),
                38u64.saturating_add(u64::from(n)),
            ))
    }
}
