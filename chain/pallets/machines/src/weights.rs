//! What `pallet_machines` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    // Runs took 198856 to 469319 ns.
    fn create_token() -> Weight {
        Weight::from_parts(389_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 178856 to 479031 ns.
    fn revoke_token() -> Weight {
        Weight::from_parts(590_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 2385215 to 2469489 ns.
    fn authorize_request() -> Weight {
        Weight::from_parts(3_693_000_000, 0).saturating_add(Db::get().reads_writes(8, 0))
    }
    // Runs took 2459293 to 2992776 ns.
    fn request() -> Weight {
        Weight::from_parts(4_412_000_000, 0).saturating_add(Db::get().reads_writes(10, 5))
    }
    // Runs took 111145 to 308107 ns.
    fn challenge() -> Weight {
        Weight::from_parts(180_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 453263 to 713079 ns.
    fn refuse() -> Weight {
        Weight::from_parts(1_021_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 851905 to 1141916 ns.
    fn answer() -> Weight {
        Weight::from_parts(1_470_000_000, 0).saturating_add(Db::get().reads_writes(34, 24))
    }
    // Runs took 135882 to 331171 ns.
    fn dispute() -> Weight {
        Weight::from_parts(468_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 1324808 to 2099209 ns.
    fn reveal() -> Weight {
        Weight::from_parts(2_254_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 2405544 to 2741302 ns.
    fn reveal_ecc() -> Weight {
        Weight::from_parts(3_934_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 2319065 to 3382304 ns.
    fn anchor() -> Weight {
        Weight::from_parts(3_801_000_000, 0).saturating_add(Db::get().reads_writes(23, 7))
    }
    // Runs took 1928424 to 2075263 ns.
    fn authorize_delegation() -> Weight {
        Weight::from_parts(3_097_000_000, 0).saturating_add(Db::get().reads_writes(4, 0))
    }
    // Runs took 2067641 to 2301319 ns.
    fn delegate() -> Weight {
        Weight::from_parts(3_330_000_000, 0).saturating_add(Db::get().reads_writes(7, 5))
    }
    // Runs took 4270142 to 4486965 ns.
    fn report_fork() -> Weight {
        Weight::from_parts(6_615_000_000, 0).saturating_add(Db::get().reads_writes(17, 12))
    }
    // Runs took 4190644 to 4372555 ns.
    fn accuse() -> Weight {
        Weight::from_parts(6_404_000_000, 0).saturating_add(Db::get().reads_writes(15, 4))
    }
    // Runs took 271954 to 518070 ns.
    fn refute() -> Weight {
        Weight::from_parts(713_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 293496 to 547533 ns.
    fn retire() -> Weight {
        Weight::from_parts(455_000_000, 0).saturating_add(Db::get().reads_writes(13, 10))
    }
    // Runs took 54330 to 1011303 ns.
    fn draw_waiting(d: u32) -> Weight {
        Weight::from_parts(246_000_000, 0)
            .saturating_add(Weight::from_parts(232_477_050, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                8u64.saturating_add(u64::from(d).saturating_mul(6)),
                1u64.saturating_add(u64::from(d).saturating_mul(7)),
            ))
    }
    // Runs took 25728 to 1993220 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(68_000_000, 0)
            .saturating_add(Weight::from_parts(5_262_804, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i)), 1))
    }
    // Runs took 166357 to 214599 ns.
    fn settle_lapse() -> Weight {
        Weight::from_parts(252_000_000, 0).saturating_add(Db::get().reads_writes(9, 5))
    }
    // Runs took 116833 to 125937 ns.
    fn settle_machine() -> Weight {
        Weight::from_parts(182_000_000, 0).saturating_add(Db::get().reads_writes(10, 2))
    }
    // Runs took 524799 to 708612 ns.
    fn settle_request() -> Weight {
        Weight::from_parts(899_000_000, 0).saturating_add(Db::get().reads_writes(15, 17))
    }
    // Runs took 258113 to 450179 ns.
    fn settle_accusation() -> Weight {
        Weight::from_parts(510_000_000, 0).saturating_add(Db::get().reads_writes(12, 8))
    }
}
