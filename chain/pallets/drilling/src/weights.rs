//! What `pallet_drilling` costs, as measured. Written by `cargo xtask weights`; do not edit.
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
    // Runs took 251684 to 439333 ns.
    fn bond() -> Weight {
        Weight::from_parts(588_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 114881 to 336075 ns.
    fn unbond() -> Weight {
        Weight::from_parts(410_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 195030 to 386414 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(456_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 408888 to 775761 ns.
    fn publish() -> Weight {
        Weight::from_parts(964_000_000, 0).saturating_add(Db::get().reads_writes(37, 5))
    }
    // Runs took 124274 to 297141 ns.
    fn vote() -> Weight {
        Weight::from_parts(230_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 266085 to 500318 ns.
    fn end_batch() -> Weight {
        Weight::from_parts(729_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 216111 to 450910 ns.
    fn ready() -> Weight {
        Weight::from_parts(578_000_000, 0).saturating_add(Db::get().reads_writes(7, 3))
    }
    // Runs took 107680 to 288128 ns.
    fn stop() -> Weight {
        Weight::from_parts(385_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 329370 to 556546 ns.
    fn commit() -> Weight {
        Weight::from_parts(734_000_000, 0).saturating_add(Db::get().reads_writes(38, 3))
    }
    // Runs took 382999 to 866547 ns.
    fn reveal() -> Weight {
        Weight::from_parts(853_000_000, 0).saturating_add(Db::get().reads_writes(23, 18))
    }
    // Runs took 426673 to 693601 ns.
    fn reveal_differing() -> Weight {
        Weight::from_parts(995_000_000, 0).saturating_add(Db::get().reads_writes(42, 16))
    }
    // Runs took 417079 to 650557 ns.
    fn disclose() -> Weight {
        Weight::from_parts(840_000_000, 0).saturating_add(Db::get().reads_writes(3, 2))
    }
    // Runs took 466082 to 756714 ns.
    fn demand() -> Weight {
        Weight::from_parts(896_000_000, 0).saturating_add(Db::get().reads_writes(70, 4))
    }
    // Runs took 1232921 to 1982545 ns.
    fn convict_generated(e: u32) -> Weight {
        Weight::from_parts(2_045_000_000, 0)
            .saturating_add(Weight::from_parts(5_417, 0).saturating_mul(u64::from(e)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 1163188 to 2955219 ns.
    fn convict_opened(w: u32) -> Weight {
        Weight::from_parts(2_148_000_000, 0)
            .saturating_add(Weight::from_parts(40_191, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 1198661 to 2738268 ns.
    fn convict_published(w: u32) -> Weight {
        Weight::from_parts(1_975_000_000, 0)
            .saturating_add(Weight::from_parts(50_531, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 289370 to 534704 ns.
    fn open_dispute() -> Weight {
        Weight::from_parts(586_000_000, 0).saturating_add(Db::get().reads_writes(35, 11))
    }
    // Runs took 781581 to 1059053 ns.
    fn clear() -> Weight {
        Weight::from_parts(1_319_000_000, 0).saturating_add(Db::get().reads_writes(15, 24))
    }
    // Runs took 27861 to 537719 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(73_000_000, 0)
            .saturating_add(Weight::from_parts(4_641_425, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i)), 1))
    }
    // Runs took 23895 to 91016 ns.
    fn look_early() -> Weight {
        Weight::from_parts(43_000_000, 0).saturating_add(Db::get().reads_writes(1, 0))
    }
    // Runs took 319024 to 528616 ns.
    fn close_commits() -> Weight {
        Weight::from_parts(771_000_000, 0).saturating_add(Db::get().reads_writes(10, 10))
    }
    // Runs took 407656 to 582314 ns.
    fn close_commits_short() -> Weight {
        Weight::from_parts(868_000_000, 0).saturating_add(Db::get().reads_writes(42, 7))
    }
    // Runs took 627502 to 954287 ns.
    fn close_reveals() -> Weight {
        Weight::from_parts(1_304_000_000, 0).saturating_add(Db::get().reads_writes(18, 17))
    }
    // Runs took 831455 to 1042559 ns.
    fn look_unanswered() -> Weight {
        Weight::from_parts(1_313_000_000, 0).saturating_add(Db::get().reads_writes(26, 37))
    }
    // Runs took 553361 to 727320 ns.
    fn look_unattended() -> Weight {
        Weight::from_parts(1_006_000_000, 0).saturating_add(Db::get().reads_writes(20, 21))
    }
    // Runs took 794870 to 1032663 ns.
    fn tally() -> Weight {
        Weight::from_parts(1_339_000_000, 0).saturating_add(Db::get().reads_writes(69, 4))
    }
    // Runs took 61711 to 1154705 ns.
    fn draw_audits(c: u32) -> Weight {
        Weight::from_parts(284_000_000, 0)
            .saturating_add(Weight::from_parts(39_094_260, 0).saturating_mul(u64::from(c)))
            .saturating_add(
                Db::get().reads_writes(5u64.saturating_add(u64::from(c)), 3u64.saturating_add(u64::from(c))),
            )
    }
    // Runs took 10576 to 2630818 ns.
    fn draw_inspectors(d: u32) -> Weight {
        Weight::from_parts(279_000_000, 0)
            .saturating_add(Weight::from_parts(395_650_163, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                15u64.saturating_add(u64::from(d).saturating_mul(13)),
                1u64.saturating_add(u64::from(d).saturating_mul(8)),
            ))
    }
    // Runs took 54301 to 2208861 ns.
    fn begin_rounds(s: u32) -> Weight {
        Weight::from_parts(174_000_000, 0)
            .saturating_add(Weight::from_parts(1_336_073, 0).saturating_mul(u64::from(s)))
            .saturating_add(Db::get().reads_writes(7, 3))
    }
    // Runs took 175401 to 4911936 ns.
    fn match_looks(l: u32) -> Weight {
        Weight::from_parts(413_000_000, 0)
            .saturating_add(Weight::from_parts(69_664_944, 0).saturating_mul(u64::from(l)))
            .saturating_add(Db::get().reads_writes(
                3u64.saturating_add(u64::from(l).saturating_mul(3)),
                1u64.saturating_add(u64::from(l).saturating_mul(2)),
            ))
    }
    // Runs took 155400 to 11567792 ns.
    fn match_tasks(t: u32) -> Weight {
        Weight::from_parts(534_000_000, 0)
            .saturating_add(Weight::from_parts(518_210_072, 0).saturating_mul(u64::from(t)))
            .saturating_add(Db::get().reads_writes(
                19u64.saturating_add(u64::from(t).saturating_mul(13)),
                4u64.saturating_add(u64::from(t).saturating_mul(7)),
            ))
    }
}
