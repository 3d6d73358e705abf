//! What `pallet_drilling` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    // Runs took 203823 to 203823 ns.
    fn bond() -> Weight {
        Weight::from_parts(306_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 133058 to 133058 ns.
    fn unbond() -> Weight {
        Weight::from_parts(200_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 203061 to 203061 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(305_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 393795 to 393795 ns.
    fn publish() -> Weight {
        Weight::from_parts(591_000_000, 0).saturating_add(Db::get().reads_writes(37, 5))
    }
    // Runs took 130614 to 130614 ns.
    fn vote() -> Weight {
        Weight::from_parts(196_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 294999 to 294999 ns.
    fn end_batch() -> Weight {
        Weight::from_parts(443_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 226256 to 226256 ns.
    fn ready() -> Weight {
        Weight::from_parts(340_000_000, 0).saturating_add(Db::get().reads_writes(7, 3))
    }
    // Runs took 118937 to 118937 ns.
    fn stop() -> Weight {
        Weight::from_parts(179_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 373014 to 373014 ns.
    fn commit() -> Weight {
        Weight::from_parts(560_000_000, 0).saturating_add(Db::get().reads_writes(38, 3))
    }
    // Runs took 400415 to 400415 ns.
    fn reveal() -> Weight {
        Weight::from_parts(601_000_000, 0).saturating_add(Db::get().reads_writes(23, 18))
    }
    // Runs took 424491 to 424491 ns.
    fn reveal_differing() -> Weight {
        Weight::from_parts(637_000_000, 0).saturating_add(Db::get().reads_writes(42, 16))
    }
    // Runs took 467154 to 467154 ns.
    fn disclose() -> Weight {
        Weight::from_parts(701_000_000, 0).saturating_add(Db::get().reads_writes(3, 2))
    }
    // Runs took 528105 to 528105 ns.
    fn demand() -> Weight {
        Weight::from_parts(793_000_000, 0).saturating_add(Db::get().reads_writes(70, 4))
    }
    // Runs took 1137009 to 1628519 ns.
    fn convict_generated(e: u32) -> Weight {
        Weight::from_parts(1_788_000_000, 0)
            .saturating_add(Weight::from_parts(5_624, 0).saturating_mul(u64::from(e)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 1163669 to 2103644 ns.
    fn convict_opened(w: u32) -> Weight {
        Weight::from_parts(1_824_000_000, 0)
            .saturating_add(Weight::from_parts(43_029, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 1347372 to 2435958 ns.
    fn convict_published(w: u32) -> Weight {
        Weight::from_parts(2_074_000_000, 0)
            .saturating_add(Weight::from_parts(49_832, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 289430 to 289430 ns.
    fn open_dispute() -> Weight {
        Weight::from_parts(435_000_000, 0).saturating_add(Db::get().reads_writes(35, 11))
    }
    // Runs took 881519 to 881519 ns.
    fn clear() -> Weight {
        Weight::from_parts(1_323_000_000, 0).saturating_add(Db::get().reads_writes(15, 24))
    }
    // Runs took 28653 to 489568 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(21_000_000, 0)
            .saturating_add(Weight::from_parts(5_401_347, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i).saturating_mul(1)), 1))
    }
    // Runs took 24317 to 24317 ns.
    fn look_early() -> Weight {
        Weight::from_parts(37_000_000, 0).saturating_add(Db::get().reads_writes(1, 0))
    }
    // Runs took 320817 to 320817 ns.
    fn close_commits() -> Weight {
        Weight::from_parts(482_000_000, 0).saturating_add(Db::get().reads_writes(10, 10))
    }
    // Runs took 424731 to 424731 ns.
    fn close_commits_short() -> Weight {
        Weight::from_parts(638_000_000, 0).saturating_add(Db::get().reads_writes(42, 7))
    }
    // Runs took 789373 to 789373 ns.
    fn close_reveals() -> Weight {
        Weight::from_parts(1_185_000_000, 0).saturating_add(Db::get().reads_writes(18, 17))
    }
    // Runs took 1043200 to 1043200 ns.
    fn look_unanswered() -> Weight {
        Weight::from_parts(1_565_000_000, 0).saturating_add(Db::get().reads_writes(26, 37))
    }
    // Runs took 540874 to 540874 ns.
    fn look_unattended() -> Weight {
        Weight::from_parts(812_000_000, 0).saturating_add(Db::get().reads_writes(20, 21))
    }
    // Runs took 631688 to 631688 ns.
    fn tally() -> Weight {
        Weight::from_parts(948_000_000, 0).saturating_add(Db::get().reads_writes(69, 4))
    }
    // Runs took 52759 to 1145021 ns.
    fn draw_audits(c: u32) -> Weight {
        Weight::from_parts(24_000_000, 0)
            .saturating_add(Weight::from_parts(51_199_781, 0).saturating_mul(u64::from(c)))
            .saturating_add(Db::get().reads_writes(
                5u64.saturating_add(u64::from(c).saturating_mul(1)),
                3u64.saturating_add(u64::from(c).saturating_mul(1)),
            ))
    }
    // Runs took 9595 to 1103889 ns.
    fn draw_inspectors(d: u32) -> Weight {
        Weight::from_parts(53_000_000, 0)
            .saturating_add(Weight::from_parts(410_360_250, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                7u64.saturating_add(u64::from(d).saturating_mul(15)),
                0u64.saturating_add(u64::from(d).saturating_mul(9)),
            ))
    }
    // Runs took 63695 to 1894845 ns.
    fn begin_rounds(s: u32) -> Weight {
        Weight::from_parts(102_000_000, 0)
            .saturating_add(Weight::from_parts(1_341_174, 0).saturating_mul(u64::from(s)))
            .saturating_add(Db::get().reads_writes(7, 2))
    }
    // Runs took 205485 to 5111031 ns.
    fn match_looks(l: u32) -> Weight {
        Weight::from_parts(190_000_000, 0)
            .saturating_add(Weight::from_parts(76_649_156, 0).saturating_mul(u64::from(l)))
            .saturating_add(Db::get().reads_writes(
                2u64.saturating_add(u64::from(l).saturating_mul(3)),
                1u64.saturating_add(u64::from(l).saturating_mul(2)),
            ))
    }
    // Runs took 162872 to 11382077 ns.
    fn match_tasks(t: u32) -> Weight {
        Weight::from_parts(286_000_000, 0)
            .saturating_add(Weight::from_parts(525_900_234, 0).saturating_mul(u64::from(t)))
            .saturating_add(Db::get().reads_writes(
                9u64.saturating_add(u64::from(t).saturating_mul(13)),
                2u64.saturating_add(u64::from(t).saturating_mul(7)),
            ))
    }
}
