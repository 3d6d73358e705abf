//! What `pallet_authorities` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    // Runs took 366444 to 366444 ns.
    fn join() -> Weight {
        Weight::from_parts(550_000_000, 0).saturating_add(Db::get().reads_writes(6, 6))
    }
    // Runs took 115562 to 115562 ns.
    fn bond_more() -> Weight {
        Weight::from_parts(174_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 54190 to 54190 ns.
    fn seat() -> Weight {
        Weight::from_parts(82_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 155992 to 155992 ns.
    fn wake() -> Weight {
        Weight::from_parts(234_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 187008 to 187008 ns.
    fn leave() -> Weight {
        Weight::from_parts(281_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 251854 to 251854 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(378_000_000, 0).saturating_add(Db::get().reads_writes(6, 5))
    }
    // Runs took 3853714 to 3853714 ns.
    fn weakest() -> Weight {
        Weight::from_parts(5_781_000_000, 0).saturating_add(Db::get().reads_writes(1027, 0))
    }
    // Runs took 164294 to 164294 ns.
    fn rest() -> Weight {
        Weight::from_parts(247_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 10255 to 10255 ns.
    fn stay() -> Weight {
        Weight::from_parts(16_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 201859 to 44423976 ns.
    fn turn(n: u32) -> Weight {
        Weight::from_parts(303_000_000, 0)
            .saturating_add(Weight::from_parts(62_505_741, 0).saturating_mul(u64::from(n)))
            .saturating_add(Db::get().reads_writes(
                23u64.saturating_add(u64::from(n).saturating_mul(4)),
                39u64.saturating_add(u64::from(n).saturating_mul(1)),
            ))
    }
}
