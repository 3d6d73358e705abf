//! What `pallet_drilling` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    /// `bond`.
    fn bond() -> Weight;
    /// `unbond`.
    fn unbond() -> Weight;
    /// `withdraw`.
    fn withdraw() -> Weight;
    /// `publish`.
    fn publish() -> Weight;
    /// `vote`.
    fn vote() -> Weight;
    /// `end_batch`.
    fn end_batch() -> Weight;
    /// `ready`.
    fn ready() -> Weight;
    /// `stop`.
    fn stop() -> Weight;
    /// `commit`.
    fn commit() -> Weight;
    /// `reveal`.
    fn reveal() -> Weight;
    /// `reveal_differing`.
    fn reveal_differing() -> Weight;
    /// `disclose`.
    fn disclose() -> Weight;
    /// `demand`.
    fn demand() -> Weight;
    /// `convict_generated`, `e` from 1 to 131071.
    fn convict_generated(e: u32) -> Weight;
    /// `convict_opened`, `w` from 1 to 32768.
    fn convict_opened(w: u32) -> Weight;
    /// `convict_published`, `w` from 1 to 32768.
    fn convict_published(w: u32) -> Weight;
    /// `open_dispute`.
    fn open_dispute() -> Weight;
    /// `clear`.
    fn clear() -> Weight;
    /// `settle_due`, `i` from 0 to 128.
    fn settle_due(i: u32) -> Weight;
    /// `look_early`.
    fn look_early() -> Weight;
    /// `close_commits`.
    fn close_commits() -> Weight;
    /// `close_commits_short`.
    fn close_commits_short() -> Weight;
    /// `close_reveals`.
    fn close_reveals() -> Weight;
    /// `look_unanswered`.
    fn look_unanswered() -> Weight;
    /// `look_unattended`.
    fn look_unattended() -> Weight;
    /// `tally`.
    fn tally() -> Weight;
    /// `draw_audits`, `c` from 0 to 32.
    fn draw_audits(c: u32) -> Weight;
    /// `draw_inspectors`, `d` from 0 to 4.
    fn draw_inspectors(d: u32) -> Weight;
    /// `begin_rounds`, `s` from 0 to 2048.
    fn begin_rounds(s: u32) -> Weight;
    /// `match_looks`, `l` from 0 to 96.
    fn match_looks(l: u32) -> Weight;
    /// `match_tasks`, `t` from 0 to 32.
    fn match_tasks(t: u32) -> Weight;
}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
    // Runs took 202477 to 371222 ns.
    fn bond() -> Weight {
        Weight::from_parts(431_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 115716 to 182450 ns.
    fn unbond() -> Weight {
        Weight::from_parts(192_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 218257 to 481197 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(571_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 422368 to 762141 ns.
    fn publish() -> Weight {
        Weight::from_parts(1_019_000_000, 0).saturating_add(Db::get().reads_writes(37, 5))
    }
    // Runs took 139351 to 224028 ns.
    fn vote() -> Weight {
        Weight::from_parts(241_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 314146 to 532893 ns.
    fn end_batch() -> Weight {
        Weight::from_parts(684_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 191728 to 267218 ns.
    fn ready() -> Weight {
        Weight::from_parts(389_000_000, 0).saturating_add(Db::get().reads_writes(5, 2))
    }
    // Runs took 104044 to 223296 ns.
    fn stop() -> Weight {
        Weight::from_parts(239_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 361784 to 575975 ns.
    fn commit() -> Weight {
        Weight::from_parts(644_000_000, 0).saturating_add(Db::get().reads_writes(38, 3))
    }
    // Runs took 744879 to 867667 ns.
    fn reveal() -> Weight {
        Weight::from_parts(1_199_000_000, 0).saturating_add(Db::get().reads_writes(22, 17))
    }
    // Runs took 426625 to 719751 ns.
    fn reveal_differing() -> Weight {
        Weight::from_parts(1_073_000_000, 0).saturating_add(Db::get().reads_writes(41, 15))
    }
    // Runs took 406608 to 718579 ns.
    fn disclose() -> Weight {
        Weight::from_parts(714_000_000, 0).saturating_add(Db::get().reads_writes(3, 2))
    }
    // Runs took 532282 to 1056218 ns.
    fn demand() -> Weight {
        Weight::from_parts(1_040_000_000, 0).saturating_add(Db::get().reads_writes(70, 4))
    }
    // Runs took 1738310 to 3810683 ns.
    fn convict_generated(e: u32) -> Weight {
        Weight::from_parts(3_479_000_000, 0)
            .saturating_add(Db::get().reads_writes(38, 49))
            .saturating_add(Weight::zero().saturating_mul(u64::from(e)))
    }
    // Runs took 1663781 to 4035442 ns.
    fn convict_opened(w: u32) -> Weight {
        Weight::from_parts(3_347_000_000, 0)
            .saturating_add(Weight::from_parts(40_407, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(38, 49))
    }
    // Runs took 1649675 to 4111404 ns.
    fn convict_published(w: u32) -> Weight {
        Weight::from_parts(3_363_000_000, 0)
            .saturating_add(Weight::from_parts(39_294, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(38, 49))
    }
    // Runs took 287005 to 566806 ns.
    fn open_dispute() -> Weight {
        Weight::from_parts(564_000_000, 0).saturating_add(Db::get().reads_writes(35, 11))
    }
    // Runs took 850125 to 1122793 ns.
    fn clear() -> Weight {
        Weight::from_parts(1_346_000_000, 0).saturating_add(Db::get().reads_writes(15, 24))
    }
    // Runs took 26259 to 792557 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(53_000_000, 0)
            .saturating_add(Weight::from_parts(5_739_686, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i)), 1))
    }
    // Runs took 26861 to 107182 ns.
    fn look_early() -> Weight {
        Weight::from_parts(54_000_000, 0).saturating_add(Db::get().reads_writes(1, 0))
    }
    // Runs took 359360 to 587976 ns.
    fn close_commits() -> Weight {
        Weight::from_parts(634_000_000, 0).saturating_add(Db::get().reads_writes(10, 10))
    }
    // Runs took 392612 to 630245 ns.
    fn close_commits_short() -> Weight {
        Weight::from_parts(726_000_000, 0).saturating_add(Db::get().reads_writes(42, 7))
    }
    // Runs took 652216 to 845105 ns.
    fn close_reveals() -> Weight {
        Weight::from_parts(1_170_000_000, 0).saturating_add(Db::get().reads_writes(17, 16))
    }
    // Runs took 1112885 to 2056214 ns.
    fn look_unanswered() -> Weight {
        Weight::from_parts(1_812_000_000, 0).saturating_add(Db::get().reads_writes(39, 47))
    }
    // Runs took 620106 to 1125758 ns.
    fn look_unattended() -> Weight {
        Weight::from_parts(1_395_000_000, 0).saturating_add(Db::get().reads_writes(20, 21))
    }
    // Runs took 716876 to 1594006 ns.
    fn tally() -> Weight {
        Weight::from_parts(1_232_000_000, 0).saturating_add(Db::get().reads_writes(69, 4))
    }
    // Runs took 60243 to 1477364 ns.
    fn draw_audits(c: u32) -> Weight {
        Weight::from_parts(203_000_000, 0)
            .saturating_add(Weight::from_parts(52_708_701, 0).saturating_mul(u64::from(c)))
            .saturating_add(
                Db::get().reads_writes(6u64.saturating_add(u64::from(c)), 3u64.saturating_add(u64::from(c))),
            )
    }
    // Runs took 11001 to 1417643 ns.
    fn draw_inspectors(d: u32) -> Weight {
        Weight::from_parts(178_000_000, 0)
            .saturating_add(Weight::from_parts(440_985_675, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                15u64.saturating_add(u64::from(d).saturating_mul(13)),
                1u64.saturating_add(u64::from(d).saturating_mul(8)),
            ))
    }
    // Runs took 58469 to 3515603 ns.
    fn begin_rounds(s: u32) -> Weight {
        Weight::from_parts(176_000_000, 0)
            .saturating_add(Weight::from_parts(1_779_263, 0).saturating_mul(u64::from(s)))
            .saturating_add(Db::get().reads_writes(6, 3))
    }
    // Runs took 177411 to 10422443 ns.
    fn match_looks(l: u32) -> Weight {
        Weight::from_parts(280_000_000, 0)
            .saturating_add(Weight::from_parts(108_162_854, 0).saturating_mul(u64::from(l)))
            .saturating_add(Db::get().reads_writes(
                3u64.saturating_add(u64::from(l).saturating_mul(3)),
                1u64.saturating_add(u64::from(l).saturating_mul(2)),
            ))
    }
    // Runs took 194031 to 16460334 ns.
    fn match_tasks(t: u32) -> Weight {
        Weight::from_parts(969_000_000, 0)
            .saturating_add(Weight::from_parts(671_426_793, 0).saturating_mul(u64::from(t)))
            .saturating_add(Db::get().reads_writes(
                19u64.saturating_add(u64::from(t).saturating_mul(13)),
                4u64.saturating_add(u64::from(t).saturating_mul(7)),
            ))
    }
}
