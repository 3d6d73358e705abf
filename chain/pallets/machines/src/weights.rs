//! What `pallet_machines` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    /// `ask`.
    fn ask() -> Weight;
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
    // Runs took 213037 to 300110 ns.
    fn create_token() -> Weight {
        Weight::from_parts(379_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 197708 to 346225 ns.
    fn revoke_token() -> Weight {
        Weight::from_parts(310_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 2839914 to 4412114 ns.
    fn authorize_request() -> Weight {
        Weight::from_parts(4_550_000_000, 0).saturating_add(Db::get().reads_writes(9, 0))
    }
    // Runs took 3038645 to 4550101 ns.
    fn request() -> Weight {
        Weight::from_parts(6_143_000_000, 0).saturating_add(Db::get().reads_writes(11, 5))
    }
    // Runs took 114883 to 150159 ns.
    fn challenge() -> Weight {
        Weight::from_parts(193_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 574201 to 908653 ns.
    fn refuse() -> Weight {
        Weight::from_parts(1_070_000_000, 0).saturating_add(Db::get().reads_writes(11, 14))
    }
    // Runs took 922470 to 1909639 ns.
    fn answer() -> Weight {
        Weight::from_parts(1_480_000_000, 0).saturating_add(Db::get().reads_writes(35, 26))
    }
    // Runs took 146333 to 203500 ns.
    fn dispute() -> Weight {
        Weight::from_parts(282_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 1395531 to 1949093 ns.
    fn reveal() -> Weight {
        Weight::from_parts(2_327_000_000, 0).saturating_add(Db::get().reads_writes(11, 14))
    }
    // Runs took 2894867 to 3157015 ns.
    fn reveal_ecc() -> Weight {
        Weight::from_parts(4_496_000_000, 0).saturating_add(Db::get().reads_writes(11, 14))
    }
    // Runs took 2742702 to 3218489 ns.
    fn anchor() -> Weight {
        Weight::from_parts(4_302_000_000, 0).saturating_add(Db::get().reads_writes(23, 7))
    }
    // Runs took 2458813 to 3016232 ns.
    fn authorize_delegation() -> Weight {
        Weight::from_parts(3_832_000_000, 0).saturating_add(Db::get().reads_writes(4, 0))
    }
    // Runs took 2656011 to 3977003 ns.
    fn delegate() -> Weight {
        Weight::from_parts(4_283_000_000, 0).saturating_add(Db::get().reads_writes(7, 5))
    }
    // Runs took 6960916 to 8331261 ns.
    fn report_fork() -> Weight {
        Weight::from_parts(11_273_000_000, 0).saturating_add(Db::get().reads_writes(17, 12))
    }
    // Runs took 4863366 to 6612116 ns.
    fn accuse() -> Weight {
        Weight::from_parts(7_817_000_000, 0).saturating_add(Db::get().reads_writes(15, 4))
    }
    // Runs took 315418 to 619434 ns.
    fn refute() -> Weight {
        Weight::from_parts(704_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 155400 to 276685 ns.
    fn ask() -> Weight {
        Weight::from_parts(304_000_000, 0).saturating_add(Db::get().reads_writes(4, 2))
    }
    // Runs took 207446 to 367104 ns.
    fn retire() -> Weight {
        Weight::from_parts(432_000_000, 0).saturating_add(Db::get().reads_writes(10, 7))
    }
    // Runs took 58248 to 1322746 ns.
    fn draw_waiting(d: u32) -> Weight {
        Weight::from_parts(188_000_000, 0)
            .saturating_add(Weight::from_parts(377_509_688, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                8u64.saturating_add(u64::from(d).saturating_mul(6)),
                1u64.saturating_add(u64::from(d).saturating_mul(7)),
            ))
    }
    // Runs took 28392 to 3410217 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(621_000_000, 0)
            .saturating_add(Weight::from_parts(6_436_257, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i)), 1))
    }
    // Runs took 171290 to 240409 ns.
    fn settle_lapse() -> Weight {
        Weight::from_parts(268_000_000, 0).saturating_add(Db::get().reads_writes(9, 5))
    }
    // Runs took 128690 to 223067 ns.
    fn settle_machine() -> Weight {
        Weight::from_parts(265_000_000, 0).saturating_add(Db::get().reads_writes(10, 2))
    }
    // Runs took 608294 to 950802 ns.
    fn settle_request() -> Weight {
        Weight::from_parts(1_120_000_000, 0).saturating_add(Db::get().reads_writes(16, 19))
    }
    // Runs took 398082 to 430733 ns.
    fn settle_accusation() -> Weight {
        Weight::from_parts(639_000_000, 0).saturating_add(Db::get().reads_writes(12, 8))
    }
}
