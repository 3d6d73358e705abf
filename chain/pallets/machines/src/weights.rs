//! What `pallet_machines` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    /// `create_token`.
    fn create_token() -> Weight;
    /// `revoke_token`.
    fn revoke_token() -> Weight;
    /// `authorize_request`.
    fn authorize_request() -> Weight;
    /// `request`.
    fn request() -> Weight;
    /// `challenge`.
    fn challenge() -> Weight;
    /// `refuse`.
    fn refuse() -> Weight;
    /// `answer`.
    fn answer() -> Weight;
    /// `dispute`.
    fn dispute() -> Weight;
    /// `reveal`.
    fn reveal() -> Weight;
    /// `reveal_ecc`.
    fn reveal_ecc() -> Weight;
    /// `anchor`.
    fn anchor() -> Weight;
    /// `authorize_delegation`.
    fn authorize_delegation() -> Weight;
    /// `delegate`.
    fn delegate() -> Weight;
    /// `report_fork`.
    fn report_fork() -> Weight;
    /// `accuse`.
    fn accuse() -> Weight;
    /// `refute`.
    fn refute() -> Weight;
    /// `retire`.
    fn retire() -> Weight;
    /// `draw_waiting`, `d` from 0 to 4.
    fn draw_waiting(d: u32) -> Weight;
    /// `settle_due`, `i` from 0 to 512.
    fn settle_due(i: u32) -> Weight;
    /// `settle_lapse`.
    fn settle_lapse() -> Weight;
    /// `settle_machine`.
    fn settle_machine() -> Weight;
    /// `settle_request`.
    fn settle_request() -> Weight;
    /// `settle_accusation`.
    fn settle_accusation() -> Weight;
}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
    // Runs took 196702 to 196702 ns.
    fn create_token() -> Weight {
        Weight::from_parts(296_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 194028 to 194028 ns.
    fn revoke_token() -> Weight {
        Weight::from_parts(292_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 2298283 to 2298283 ns.
    fn authorize_request() -> Weight {
        Weight::from_parts(3_448_000_000, 0).saturating_add(Db::get().reads_writes(8, 0))
    }
    // Runs took 4067882 to 4067882 ns.
    fn request() -> Weight {
        Weight::from_parts(6_102_000_000, 0).saturating_add(Db::get().reads_writes(10, 5))
    }
    // Runs took 120709 to 120709 ns.
    fn challenge() -> Weight {
        Weight::from_parts(182_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 568685 to 568685 ns.
    fn refuse() -> Weight {
        Weight::from_parts(854_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 942200 to 942200 ns.
    fn answer() -> Weight {
        Weight::from_parts(1_414_000_000, 0).saturating_add(Db::get().reads_writes(34, 24))
    }
    // Runs took 132507 to 132507 ns.
    fn dispute() -> Weight {
        Weight::from_parts(199_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 1415478 to 1415478 ns.
    fn reveal() -> Weight {
        Weight::from_parts(2_124_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 2701173 to 2701173 ns.
    fn reveal_ecc() -> Weight {
        Weight::from_parts(4_052_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 2439615 to 2439615 ns.
    fn anchor() -> Weight {
        Weight::from_parts(3_660_000_000, 0).saturating_add(Db::get().reads_writes(23, 7))
    }
    // Runs took 1979200 to 1979200 ns.
    fn authorize_delegation() -> Weight {
        Weight::from_parts(2_969_000_000, 0).saturating_add(Db::get().reads_writes(4, 0))
    }
    // Runs took 2350521 to 2350521 ns.
    fn delegate() -> Weight {
        Weight::from_parts(3_526_000_000, 0).saturating_add(Db::get().reads_writes(7, 5))
    }
    // Runs took 4352346 to 4352346 ns.
    fn report_fork() -> Weight {
        Weight::from_parts(6_529_000_000, 0).saturating_add(Db::get().reads_writes(17, 12))
    }
    // Runs took 4235722 to 4235722 ns.
    fn accuse() -> Weight {
        Weight::from_parts(6_354_000_000, 0).saturating_add(Db::get().reads_writes(15, 4))
    }
    // Runs took 377811 to 377811 ns.
    fn refute() -> Weight {
        Weight::from_parts(567_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 303191 to 303191 ns.
    fn retire() -> Weight {
        Weight::from_parts(455_000_000, 0).saturating_add(Db::get().reads_writes(13, 10))
    }
    // Runs took 54841 to 714281 ns.
    fn draw_waiting(d: u32) -> Weight {
        Weight::from_parts(170_000_000, 0)
            .saturating_add(Weight::from_parts(247_290_000, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                5u64.saturating_add(u64::from(d).saturating_mul(6)),
                0u64.saturating_add(u64::from(d).saturating_mul(7)),
            ))
    }
    // Runs took 26659 to 1739534 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(53_000_000, 0)
            .saturating_add(Weight::from_parts(5_018_187, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i).saturating_mul(1)), 1))
    }
    // Runs took 158916 to 158916 ns.
    fn settle_lapse() -> Weight {
        Weight::from_parts(239_000_000, 0).saturating_add(Db::get().reads_writes(9, 5))
    }
    // Runs took 140339 to 140339 ns.
    fn settle_machine() -> Weight {
        Weight::from_parts(211_000_000, 0).saturating_add(Db::get().reads_writes(10, 2))
    }
    // Runs took 529156 to 529156 ns.
    fn settle_request() -> Weight {
        Weight::from_parts(794_000_000, 0).saturating_add(Db::get().reads_writes(15, 17))
    }
    // Runs took 264312 to 264312 ns.
    fn settle_accusation() -> Weight {
        Weight::from_parts(397_000_000, 0).saturating_add(Db::get().reads_writes(12, 8))
    }
}
