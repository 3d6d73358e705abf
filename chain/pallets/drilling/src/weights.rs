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
    // Runs took 208860 to 255667 ns.
    fn bond() -> Weight {
        Weight::from_parts(364_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 105477 to 333913 ns.
    fn unbond() -> Weight {
        Weight::from_parts(172_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 205433 to 450309 ns.
    fn withdraw() -> Weight {
        Weight::from_parts(580_000_000, 0).saturating_add(Db::get().reads_writes(3, 3))
    }
    // Runs took 427978 to 682161 ns.
    fn publish() -> Weight {
        Weight::from_parts(772_000_000, 0).saturating_add(Db::get().reads_writes(37, 5))
    }
    // Runs took 116226 to 185907 ns.
    fn vote() -> Weight {
        Weight::from_parts(220_000_000, 0).saturating_add(Db::get().reads_writes(2, 1))
    }
    // Runs took 474294 to 560565 ns.
    fn end_batch() -> Weight {
        Weight::from_parts(774_000_000, 0).saturating_add(Db::get().reads_writes(4, 4))
    }
    // Runs took 283736 to 353799 ns.
    fn ready() -> Weight {
        Weight::from_parts(452_000_000, 0).saturating_add(Db::get().reads_writes(5, 2))
    }
    // Runs took 100187 to 243524 ns.
    fn stop() -> Weight {
        Weight::from_parts(234_000_000, 0).saturating_add(Db::get().reads_writes(2, 2))
    }
    // Runs took 348139 to 501796 ns.
    fn commit() -> Weight {
        Weight::from_parts(604_000_000, 0).saturating_add(Db::get().reads_writes(38, 3))
    }
    // Runs took 499411 to 711177 ns.
    fn reveal() -> Weight {
        Weight::from_parts(957_000_000, 0).saturating_add(Db::get().reads_writes(22, 17))
    }
    // Runs took 437075 to 885001 ns.
    fn reveal_differing() -> Weight {
        Weight::from_parts(763_000_000, 0).saturating_add(Db::get().reads_writes(41, 15))
    }
    // Runs took 431675 to 640353 ns.
    fn disclose() -> Weight {
        Weight::from_parts(764_000_000, 0).saturating_add(Db::get().reads_writes(3, 2))
    }
    // Runs took 571265 to 692090 ns.
    fn demand() -> Weight {
        Weight::from_parts(891_000_000, 0).saturating_add(Db::get().reads_writes(70, 4))
    }
    // Runs took 1631912 to 4260943 ns.
    fn convict_generated(e: u32) -> Weight {
        Weight::from_parts(2_535_000_000, 0)
            .saturating_add(Weight::from_parts(12_120, 0).saturating_mul(u64::from(e)))
            .saturating_add(Db::get().reads_writes(38, 49))
    }
    // Runs took 1560819 to 4495390 ns.
    fn convict_opened(w: u32) -> Weight {
        Weight::from_parts(3_222_000_000, 0)
            .saturating_add(Weight::from_parts(56_817, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(38, 49))
    }
    // Runs took 1705679 to 3841060 ns.
    fn convict_published(w: u32) -> Weight {
        Weight::from_parts(3_622_000_000, 0)
            .saturating_add(Weight::from_parts(45_395, 0).saturating_mul(u64::from(w)))
            .saturating_add(Db::get().reads_writes(38, 49))
    }
    // Runs took 343711 to 594287 ns.
    fn open_dispute() -> Weight {
        Weight::from_parts(866_000_000, 0).saturating_add(Db::get().reads_writes(35, 11))
    }
    // Runs took 888336 to 1486080 ns.
    fn clear() -> Weight {
        Weight::from_parts(2_143_000_000, 0).saturating_add(Db::get().reads_writes(15, 24))
    }
    // Runs took 26019 to 723600 ns.
    fn settle_due(i: u32) -> Weight {
        Weight::from_parts(41_000_000, 0)
            .saturating_add(Weight::from_parts(6_349_767, 0).saturating_mul(u64::from(i)))
            .saturating_add(Db::get().reads_writes(1u64.saturating_add(u64::from(i)), 1))
    }
    // Runs took 25137 to 39302 ns.
    fn look_early() -> Weight {
        Weight::from_parts(50_000_000, 0).saturating_add(Db::get().reads_writes(1, 0))
    }
    // Runs took 385209 to 570173 ns.
    fn close_commits() -> Weight {
        Weight::from_parts(596_000_000, 0).saturating_add(Db::get().reads_writes(10, 10))
    }
    // Runs took 413651 to 766999 ns.
    fn close_commits_short() -> Weight {
        Weight::from_parts(944_000_000, 0).saturating_add(Db::get().reads_writes(42, 7))
    }
    // Runs took 701107 to 1197152 ns.
    fn close_reveals() -> Weight {
        Weight::from_parts(1_379_000_000, 0).saturating_add(Db::get().reads_writes(17, 16))
    }
    // Runs took 1191271 to 2456066 ns.
    fn look_unanswered() -> Weight {
        Weight::from_parts(3_180_000_000, 0).saturating_add(Db::get().reads_writes(39, 47))
    }
    // Runs took 926828 to 1288111 ns.
    fn look_unattended() -> Weight {
        Weight::from_parts(1_705_000_000, 0).saturating_add(Db::get().reads_writes(20, 21))
    }
    // Runs took 731153 to 1294854 ns.
    fn tally() -> Weight {
        Weight::from_parts(1_419_000_000, 0).saturating_add(Db::get().reads_writes(69, 4))
    }
    // Runs took 57868 to 1528149 ns.
    fn draw_audits(c: u32) -> Weight {
        Weight::from_parts(241_000_000, 0)
            .saturating_add(Weight::from_parts(43_903_494, 0).saturating_mul(u64::from(c)))
            .saturating_add(
                Db::get().reads_writes(6u64.saturating_add(u64::from(c)), 3u64.saturating_add(u64::from(c))),
            )
    }
    // Runs took 10790 to 1973459 ns.
    fn draw_inspectors(d: u32) -> Weight {
        Weight::from_parts(183_000_000, 0)
            .saturating_add(Weight::from_parts(487_062_863, 0).saturating_mul(u64::from(d)))
            .saturating_add(Db::get().reads_writes(
                15u64.saturating_add(u64::from(d).saturating_mul(13)),
                1u64.saturating_add(u64::from(d).saturating_mul(8)),
            ))
    }
    // Runs took 58128 to 2884677 ns.
    fn begin_rounds(s: u32) -> Weight {
        Weight::from_parts(221_000_000, 0)
            .saturating_add(Weight::from_parts(1_559_117, 0).saturating_mul(u64::from(s)))
            .saturating_add(Db::get().reads_writes(6, 3))
    }
    // Runs took 197418 to 9848970 ns.
    fn match_looks(l: u32) -> Weight {
        Weight::from_parts(806_000_000, 0)
            .saturating_add(Weight::from_parts(114_121_695, 0).saturating_mul(u64::from(l)))
            .saturating_add(Db::get().reads_writes(
                3u64.saturating_add(u64::from(l).saturating_mul(3)),
                1u64.saturating_add(u64::from(l).saturating_mul(2)),
            ))
    }
    // Runs took 202137 to 30642182 ns.
    fn match_tasks(t: u32) -> Weight {
        Weight::from_parts(196_000_000, 0)
            .saturating_add(Weight::from_parts(1_054_640_663, 0).saturating_mul(u64::from(t)))
            .saturating_add(Db::get().reads_writes(
                19u64.saturating_add(u64::from(t).saturating_mul(13)),
                4u64.saturating_add(u64::from(t).saturating_mul(7)),
            ))
    }
}
