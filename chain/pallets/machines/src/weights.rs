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
    // Runs took 224669 to 409783 ns.
    fn create_token() -> Weight {
        Weight::from_parts(576_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 250928 to 362175 ns.
    fn revoke_token() -> Weight {
        Weight::from_parts(511_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 2775223 to 4238468 ns.
    fn authorize_request() -> Weight {
        Weight::from_parts(4_474_000_000, 0).saturating_add(Db::get().reads_writes(9, 0))
    }
    // Runs took 3007717 to 4812475 ns.
    fn request() -> Weight {
        Weight::from_parts(4_665_000_000, 0).saturating_add(Db::get().reads_writes(11, 5))
    }
    // Runs took 161642 to 237663 ns.
    fn challenge() -> Weight {
        Weight::from_parts(267_000_000, 0).saturating_add(Db::get().reads_writes(1, 1))
    }
    // Runs took 785394 to 1305112 ns.
    fn refuse() -> Weight {
        Weight::from_parts(1_675_000_000, 0).saturating_add(Db::get().reads_writes(11, 14))
    }
    // Runs took 980118 to 1225410 ns.
    fn answer() -> Weight {
        Weight::from_parts(1_640_000_000, 0).saturating_add(Db::get().reads_writes(35, 26))
    }
    // Runs took 138729 to 188531 ns.
    fn dispute() -> Weight {
        Weight::from_parts(227_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 1430587 to 2151149 ns.
    fn reveal() -> Weight {
        Weight::from_parts(2_376_000_000, 0).saturating_add(Db::get().reads_writes(11, 14))
    }
    // Runs took 2946082 to 3391002 ns.
    fn reveal_ecc() -> Weight {
        Weight::from_parts(4_767_000_000, 0).saturating_add(Db::get().reads_writes(11, 14))
    }
    // Runs took 2862645 to 4318149 ns.
    fn anchor() -> Weight {
        Weight::from_parts(4_632_000_000, 0).saturating_add(Db::get().reads_writes(23, 7))
    }
    // Runs took 2447553 to 2685095 ns.
    fn authorize_delegation() -> Weight {
        Weight::from_parts(3_780_000_000, 0).saturating_add(Db::get().reads_writes(4, 0))
    }
    // Runs took 2557758 to 4049549 ns.
    fn delegate() -> Weight {
        Weight::from_parts(4_262_000_000, 0).saturating_add(Db::get().reads_writes(7, 5))
    }
    // Runs took 5219910 to 7270753 ns.
    fn report_fork() -> Weight {
        Weight::from_parts(8_381_000_000, 0).saturating_add(Db::get().reads_writes(17, 12))
    }
    // Runs took 5104024 to 7672432 ns.
    fn accuse() -> Weight {
        Weight::from_parts(9_527_000_000, 0).saturating_add(Db::get().reads_writes(15, 4))
    }
    // Runs took 300269 to 491797 ns.
    fn refute() -> Weight {
        Weight::from_parts(572_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 154960 to 253092 ns.
    fn ask() -> Weight {
        Weight::from_parts(349_000_000, 0).saturating_add(Db::get().reads_writes(4, 2))
    }
    // Runs took 211904 to 379047 ns.
    fn retire() -> Weight {
        Weight::from_parts(492_000_000, 0).saturating_add(Db::get().reads_writes(10, 7))
    }
    // Runs took 64169 to 1584914 ns.
    fn draw_waiting(d: u32) -> Weight {
        Weight::from_parts(155_000_000, 0)
            .saturating_add(Weight::from_parts(415_533_750, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                8u64.saturating_add(u64::from(d).saturating_mul(6)),
                1u64.saturating_add(u64::from(d).saturating_mul(7)),
            ))
    }
    // Runs took 27261 to 3812657 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(344_000_000, 0)
            .saturating_add(Weight::from_parts(7_376_858, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i)), 1))
    }
    // Runs took 182170 to 303606 ns.
    fn settle_lapse() -> Weight {
        Weight::from_parts(403_000_000, 0).saturating_add(Db::get().reads_writes(9, 5))
    }
    // Runs took 134672 to 214029 ns.
    fn settle_machine() -> Weight {
        Weight::from_parts(212_000_000, 0).saturating_add(Db::get().reads_writes(10, 2))
    }
    // Runs took 646284 to 1246874 ns.
    fn settle_request() -> Weight {
        Weight::from_parts(1_027_000_000, 0).saturating_add(Db::get().reads_writes(16, 19))
    }
    // Runs took 294879 to 449628 ns.
    fn settle_accusation() -> Weight {
        Weight::from_parts(490_000_000, 0).saturating_add(Db::get().reads_writes(12, 8))
    }
}
