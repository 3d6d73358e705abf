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
    // Runs took 192396 to 239356 ns.
    fn bond() -> Weight {
        Weight::from_parts(305_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 96313 to 107289 ns.
    fn unbond() -> Weight {
        Weight::from_parts(150_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 193698 to 251303 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(314_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 388096 to 468536 ns.
    fn publish() -> Weight {
        Weight::from_parts(653_000_000, 0).saturating_add(Db::get().reads_writes(37, 5))
    }
    // Runs took 108431 to 136843 ns.
    fn vote() -> Weight {
        Weight::from_parts(180_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 277533 to 337352 ns.
    fn end_batch() -> Weight {
        Weight::from_parts(425_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 201840 to 219747 ns.
    fn ready() -> Weight {
        Weight::from_parts(320_000_000, 0).saturating_add(Db::get().reads_writes(7, 3))
    }
    // Runs took 91996 to 111476 ns.
    fn stop() -> Weight {
        Weight::from_parts(146_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 302860 to 377070 ns.
    fn commit() -> Weight {
        Weight::from_parts(486_000_000, 0).saturating_add(Db::get().reads_writes(38, 3))
    }
    // Runs took 375217 to 403410 ns.
    fn reveal() -> Weight {
        Weight::from_parts(582_000_000, 0).saturating_add(Db::get().reads_writes(23, 18))
    }
    // Runs took 392363 to 449608 ns.
    fn reveal_differing() -> Weight {
        Weight::from_parts(610_000_000, 0).saturating_add(Db::get().reads_writes(42, 16))
    }
    // Runs took 369660 to 451931 ns.
    fn disclose() -> Weight {
        Weight::from_parts(575_000_000, 0).saturating_add(Db::get().reads_writes(3, 2))
    }
    // Runs took 466764 to 472762 ns.
    fn demand() -> Weight {
        Weight::from_parts(708_000_000, 0).saturating_add(Db::get().reads_writes(70, 4))
    }
    // Runs took 1086604 to 1634768 ns.
    fn convict_generated(e: u32) -> Weight {
        Weight::from_parts(1_680_000_000, 0)
            .saturating_add(Weight::from_parts(5_228, 0).saturating_mul(u64::from(e)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 1075418 to 1863458 ns.
    fn convict_opened(w: u32) -> Weight {
        Weight::from_parts(1_666_000_000, 0)
            .saturating_add(Weight::from_parts(31_215, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 1070039 to 2064396 ns.
    fn convict_published(w: u32) -> Weight {
        Weight::from_parts(1_661_000_000, 0)
            .saturating_add(Weight::from_parts(33_953, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(25, 39))
    }
    // Runs took 250152 to 260798 ns.
    fn open_dispute() -> Weight {
        Weight::from_parts(389_000_000, 0).saturating_add(Db::get().reads_writes(35, 11))
    }
    // Runs took 724055 to 761561 ns.
    fn clear() -> Weight {
        Weight::from_parts(1_098_000_000, 0).saturating_add(Db::get().reads_writes(15, 24))
    }
    // Runs took 22613 to 368106 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(40_000_000, 0)
            .saturating_add(Weight::from_parts(3_958_665, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i)), 1))
    }
    // Runs took 21172 to 22193 ns.
    fn look_early() -> Weight {
        Weight::from_parts(33_000_000, 0).saturating_add(Db::get().reads_writes(1, 0))
    }
    // Runs took 281708 to 321217 ns.
    fn close_commits() -> Weight {
        Weight::from_parts(436_000_000, 0).saturating_add(Db::get().reads_writes(10, 10))
    }
    // Runs took 328788 to 347326 ns.
    fn close_commits_short() -> Weight {
        Weight::from_parts(498_000_000, 0).saturating_add(Db::get().reads_writes(42, 7))
    }
    // Runs took 549306 to 588484 ns.
    fn close_reveals() -> Weight {
        Weight::from_parts(847_000_000, 0).saturating_add(Db::get().reads_writes(18, 17))
    }
    // Runs took 706039 to 832918 ns.
    fn look_unanswered() -> Weight {
        Weight::from_parts(1_087_000_000, 0).saturating_add(Db::get().reads_writes(26, 37))
    }
    // Runs took 476398 to 760120 ns.
    fn look_unattended() -> Weight {
        Weight::from_parts(759_000_000, 0).saturating_add(Db::get().reads_writes(20, 21))
    }
    // Runs took 549997 to 573011 ns.
    fn tally() -> Weight {
        Weight::from_parts(857_000_000, 0).saturating_add(Db::get().reads_writes(69, 4))
    }
    // Runs took 41262 to 819678 ns.
    fn draw_audits(c: u32) -> Weight {
        Weight::from_parts(118_000_000, 0)
            .saturating_add(Weight::from_parts(33_927_905, 0).saturating_mul(u64::from(c)))
            .saturating_add(
                Db::get().reads_writes(5u64.saturating_add(u64::from(c)), 3u64.saturating_add(u64::from(c))),
            )
    }
    // Runs took 7691 to 1130399 ns.
    fn draw_inspectors(d: u32) -> Weight {
        Weight::from_parts(114_000_000, 0)
            .saturating_add(Weight::from_parts(348_057_300, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                15u64.saturating_add(u64::from(d).saturating_mul(13)),
                1u64.saturating_add(u64::from(d).saturating_mul(8)),
            ))
    }
    // Runs took 50315 to 1767365 ns.
    fn begin_rounds(s: u32) -> Weight {
        Weight::from_parts(112_000_000, 0)
            .saturating_add(Weight::from_parts(1_222_841, 0).saturating_mul(u64::from(s)))
            .saturating_add(Db::get().reads_writes(7, 3))
    }
    // Runs took 148891 to 4487575 ns.
    fn match_looks(l: u32) -> Weight {
        Weight::from_parts(281_000_000, 0)
            .saturating_add(Weight::from_parts(61_290_275, 0).saturating_mul(u64::from(l)))
            .saturating_add(Db::get().reads_writes(
                3u64.saturating_add(u64::from(l).saturating_mul(3)),
                1u64.saturating_add(u64::from(l).saturating_mul(2)),
            ))
    }
    // Runs took 147259 to 9845875 ns.
    fn match_tasks(t: u32) -> Weight {
        Weight::from_parts(451_000_000, 0)
            .saturating_add(Weight::from_parts(432_727_757, 0).saturating_mul(u64::from(t)))
            .saturating_add(Db::get().reads_writes(
                19u64.saturating_add(u64::from(t).saturating_mul(13)),
                4u64.saturating_add(u64::from(t).saturating_mul(7)),
            ))
    }
}
