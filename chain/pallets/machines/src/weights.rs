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
    // Runs took 191795 to 243131 ns.
    fn create_token() -> Weight {
        Weight::from_parts(309_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 172646 to 220117 ns.
    fn revoke_token() -> Weight {
        Weight::from_parts(271_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 2269652 to 2319715 ns.
    fn authorize_request() -> Weight {
        Weight::from_parts(3_459_000_000, 0).saturating_add(Db::get().reads_writes(8, 0))
    }
    // Runs took 2423871 to 2560924 ns.
    fn request() -> Weight {
        Weight::from_parts(3_689_000_000, 0).saturating_add(Db::get().reads_writes(10, 5))
    }
    // Runs took 92708 to 107680 ns.
    fn challenge() -> Weight {
        Weight::from_parts(156_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 408667 to 444810 ns.
    fn refuse() -> Weight {
        Weight::from_parts(661_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 685638 to 733780 ns.
    fn answer() -> Weight {
        Weight::from_parts(1_072_000_000, 0).saturating_add(Db::get().reads_writes(34, 24))
    }
    // Runs took 119307 to 130364 ns.
    fn dispute() -> Weight {
        Weight::from_parts(191_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 1161746 to 1247413 ns.
    fn reveal() -> Weight {
        Weight::from_parts(1_805_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 2311524 to 2380346 ns.
    fn reveal_ecc() -> Weight {
        Weight::from_parts(3_511_000_000, 0).saturating_add(Db::get().reads_writes(10, 12))
    }
    // Runs took 2210043 to 2269911 ns.
    fn anchor() -> Weight {
        Weight::from_parts(3_388_000_000, 0).saturating_add(Db::get().reads_writes(23, 7))
    }
    // Runs took 1912952 to 1970837 ns.
    fn authorize_delegation() -> Weight {
        Weight::from_parts(2_933_000_000, 0).saturating_add(Db::get().reads_writes(4, 0))
    }
    // Runs took 2039029 to 2113810 ns.
    fn delegate() -> Weight {
        Weight::from_parts(3_108_000_000, 0).saturating_add(Db::get().reads_writes(7, 5))
    }
    // Runs took 3992670 to 4604640 ns.
    fn report_fork() -> Weight {
        Weight::from_parts(6_097_000_000, 0).saturating_add(Db::get().reads_writes(17, 12))
    }
    // Runs took 3920614 to 3945671 ns.
    fn accuse() -> Weight {
        Weight::from_parts(5_899_000_000, 0).saturating_add(Db::get().reads_writes(15, 4))
    }
    // Runs took 261939 to 293376 ns.
    fn refute() -> Weight {
        Weight::from_parts(404_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    fn ask() -> Weight {
        Weight::from_parts(300_000_000, 0).saturating_add(Db::get().reads_writes(6, 4))
    }
    // Runs took 264814 to 364342 ns.
    fn retire() -> Weight {
        Weight::from_parts(416_000_000, 0).saturating_add(Db::get().reads_writes(13, 10))
    }
    // Runs took 44086 to 674582 ns.
    fn draw_waiting(d: u32) -> Weight {
        Weight::from_parts(170_000_000, 0)
            .saturating_add(Weight::from_parts(213_015_600, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                8u64.saturating_add(u64::from(d).saturating_mul(6)),
                1u64.saturating_add(u64::from(d).saturating_mul(7)),
            ))
    }
    // Runs took 22904 to 2093971 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(50_000_000, 0)
            .saturating_add(Weight::from_parts(5_030_850, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i)), 1))
    }
    // Runs took 135982 to 148461 ns.
    fn settle_lapse() -> Weight {
        Weight::from_parts(218_000_000, 0).saturating_add(Db::get().reads_writes(9, 5))
    }
    // Runs took 92127 to 101420 ns.
    fn settle_machine() -> Weight {
        Weight::from_parts(142_000_000, 0).saturating_add(Db::get().reads_writes(10, 2))
    }
    // Runs took 448737 to 500213 ns.
    fn settle_request() -> Weight {
        Weight::from_parts(712_000_000, 0).saturating_add(Db::get().reads_writes(15, 17))
    }
    // Runs took 221609 to 280827 ns.
    fn settle_accusation() -> Weight {
        Weight::from_parts(371_000_000, 0).saturating_add(Db::get().reads_writes(12, 8))
    }
}
