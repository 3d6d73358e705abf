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
    // Runs took 421947 to 719591 ns.
    fn join() -> Weight {
        Weight::from_parts(981_000_000, 0).saturating_add(Db::get().reads_writes(6, 6))
    }
    // Runs took 131816 to 288999 ns.
    fn bond_more() -> Weight {
        Weight::from_parts(424_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 32301 to 63457 ns.
    fn seat() -> Weight {
        Weight::from_parts(90_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 150921 to 221714 ns.
    fn wake() -> Weight {
        Weight::from_parts(314_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 139229 to 205113 ns.
    fn leave() -> Weight {
        Weight::from_parts(294_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 286434 to 442986 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(626_000_000, 0).saturating_add(Db::get().reads_writes(6, 5))
    }
    // Runs took 8211557 to 8666044 ns.
    fn weakest() -> Weight {
        Weight::from_parts(12_655_000_000, 0).saturating_add(Db::get().reads_writes(1027, 0))
    }
    // Runs took 91982 to 175367 ns.
    fn rest() -> Weight {
        Weight::from_parts(225_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 12082 to 13586 ns.
    fn stay() -> Weight {
        Weight::from_parts(20_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 250928 to 86205102 ns.
    fn turn(n: u32) -> Weight {
        Weight::from_parts(381_000_000, 0)
            .saturating_add(Weight::from_parts(89_304_782, 0).saturating_mul(u64::from(n)))
            .saturating_add(Db::get().reads_writes(
                23u64.saturating_add(u64::from(n).saturating_mul(4)),
                38u64.saturating_add(u64::from(n)),
            ))
    }
}
