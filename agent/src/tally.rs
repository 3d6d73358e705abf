//! What the log was told in this run, kept at hand for whoever looks: the running agent alone knows it without reading the log.

use crate::{clock::now_ms, gap::Length, render, views::words};
use attest::{
    Record,
    record::{self, Activity, Body, Chip, ChipKind, ChipState, Drill, Gap, GpuDetail},
};
use log_store::LogStore;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far back the last anchor is looked for when the agent starts, in records.
const LOOK_BACK: usize = 20_000;
/// Records that are read at once meanwhile.
const STRETCH: usize = 256;
/// A window is of now for as long as two more of its length would have lasted, and this.
const GRACE_MS: u64 = 30_000;

/// Counts and latest values. Counts begin with the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Records in the log.
    pub size: u64,
    /// Every chip, as last told.
    pub chips: Vec<ChipTally>,
    /// The last anchor in the log, also from before this run.
    pub anchor: Option<Anchored>,
    /// Anchors of this run.
    pub anchors: u64,
    /// Stretches without records, by reason.
    pub gaps: BTreeMap<String, Gaps>,
    /// Tasks of the network done in this run.
    pub drills: Drills,
}

/// One chip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChipTally {
    /// As it was found.
    pub chip: Chip,
    /// Its last window.
    pub window: Option<Activity>,
    /// What its last window told besides.
    #[serde(default)]
    pub detail: Option<GpuDetail>,
    /// The last critical error of this run, as NVIDIA numbers them (XID): 0 for none, nothing where none would be told.
    #[serde(default)]
    pub xid: Option<u32>,
    /// What it used, mJ; none if it does not tell.
    pub energy_mj: Option<u64>,
    /// Bytes read or received.
    pub read_bytes: Option<u64>,
    /// Bytes written or sent.
    pub written_bytes: Option<u64>,
    /// Samples taken.
    pub samples: u64,
    /// Samples that failed.
    pub failed: u64,
}

/// An anchor that the chain has finalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchored {
    /// The block that it is younger than.
    pub block: u64,
    /// Records anchored.
    pub size: u64,
    /// The TPM's counter.
    pub counter: u64,
    /// When the log was told, ms since 1970.
    pub at_ms: u64,
}

/// Stretches without records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// How many.
    pub count: u64,
    /// How long those were, together, whose length is known, ms.
    pub ms: u64,
    /// How many are of unknown length.
    #[serde(default)]
    pub unmeasured: u64,
}

/// Tasks of the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drills {
    /// How many.
    pub tasks: u64,
    /// What they are worth, micro-ut.
    pub micro_ut: u64,
    /// How long they took, together, ms.
    pub ms: u64,
}

impl Tally {
    /// At the start of a run.
    pub fn of(log: &LogStore) -> Self {
        let size = log.size();
        let anchored = |entry: Result<(Vec<u8>, Record), _>| {
            let (_, record) = entry.ok()?;
            let Body::Anchor(anchor) = record.body else { return None };
            Some(Anchored::new(&anchor, record.time_ms))
        };
        // From the end, but a stretch at a time: each read of the disk opens a file. The last stretch may be a short one.
        let mut stretches = (0..size.div_ceil(STRETCH as u64)).rev().take(LOOK_BACK.div_ceil(STRETCH) + 1);
        let anchor = stretches.find_map(|number| {
            log.iter_from(number * STRETCH as u64).take(STRETCH).filter_map(anchored).last()
        });
        Self { size, anchor, ..Self::default() }
    }

    /// Takes note of what was appended.
    pub fn take(&mut self, records: &[Record]) {
        for record in records {
            self.size = record.seq.saturating_add(1);
            match &record.body {
                Body::Chip(chip) => self.found(chip),
                Body::Activity(window) => self.measured(window),
                Body::GpuDetail(detail) => self.detailed(detail),
                Body::Anchor(anchor) => {
                    self.anchors += 1;
                    self.anchor = Some(Anchored::new(anchor, record.time_ms));
                }
                Body::Gap(gap) if is_stretch(gap) => {
                    self.gaps.entry(render::reason(gap.reason).into()).or_default().add(gap);
                }
                Body::Drill(drill) => self.drills.add(drill),
                _ => {}
            }
        }
    }

    fn found(&mut self, chip: &Chip) {
        match self.chips.iter_mut().find(|known| known.is(chip.kind, chip.index)) {
            Some(known) => retell(&mut known.chip, chip.clone()),
            None => self.chips.push(ChipTally::new(chip.clone())),
        }
    }

    fn measured(&mut self, window: &Activity) {
        if let Some(chip) = self.chips.iter_mut().find(|known| known.is(window.kind, window.index)) {
            chip.take(window);
        }
    }

    fn detailed(&mut self, detail: &GpuDetail) {
        let Some(chip) = self.chips.iter_mut().find(|known| known.is(ChipKind::Gpu, detail.gpu)) else {
            return;
        };
        if let Some(xids) = &detail.xids {
            chip.xid = xids.last().copied().or(chip.xid).or(Some(0));
        }
        chip.detail = Some(detail.clone());
    }

    /// What the recording says of itself, if what is told of GPUs is one that is played back.
    pub fn replay(&self) -> Option<&str> {
        self.chips.iter().find_map(|known| replayed(&known.chip.state))
    }
}

/// An end in order is a moment, not a stretch; the next start tells how long it lasted.
pub const fn is_stretch(gap: &Gap) -> bool {
    gap.from_ms != gap.to_ms
}

/// What is told of a chip that was told of before.
pub fn retell(known: &mut Chip, told: Chip) {
    // A GPU that is lost while it drills is told by its number alone.
    if known.id.len() > told.id.len() { known.state = told.state } else { *known = told }
}

/// Adds up what some chips never tell.
pub fn add(sum: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0).saturating_add(more));
    }
}

/// Whether the chip answers, be it as a recording.
pub const fn answers(state: &ChipState) -> bool {
    matches!(state, ChipState::Present | ChipState::Replayed(_))
}

/// What the recording says of itself, if the chip is one.
pub fn replayed(state: &ChipState) -> Option<&str> {
    match state {
        ChipState::Replayed(recording) => Some(recording),
        _ => None,
    }
}

impl Anchored {
    fn new(anchor: &record::Anchor, at_ms: u64) -> Self {
        Self { block: anchor.block_number, size: anchor.size, counter: anchor.counter, at_ms }
    }
}

impl Gaps {
    /// Adds a stretch.
    pub const fn add(&mut self, gap: &Gap) {
        self.count += 1;
        match Length::of(gap).ms() {
            Some(ms) => self.ms = self.ms.saturating_add(ms),
            None => self.unmeasured += 1,
        }
    }

    /// How long, in words.
    pub fn length(&self) -> String {
        match (self.count.saturating_sub(self.unmeasured), self.unmeasured) {
            (_, 0) => words::span(self.ms),
            (0, _) => "length not known".into(),
            (_, unmeasured) => format!("{}, and {unmeasured} of unknown length", words::span(self.ms)),
        }
    }
}

impl Drills {
    /// Adds a task.
    pub const fn add(&mut self, drill: &Drill) {
        self.tasks += 1;
        self.micro_ut = self.micro_ut.saturating_add(drill.micro_ut);
        self.ms = self.ms.saturating_add(drill.span_ms);
    }
}

impl ChipTally {
    fn new(chip: Chip) -> Self {
        Self {
            chip,
            window: None,
            detail: None,
            xid: None,
            energy_mj: None,
            read_bytes: None,
            written_bytes: None,
            samples: 0,
            failed: 0,
        }
    }

    fn is(&self, kind: ChipKind, index: u16) -> bool {
        (self.chip.kind, self.chip.index) == (kind, index)
    }

    fn take(&mut self, window: &Activity) {
        add(&mut self.energy_mj, window.energy_mj);
        add(&mut self.read_bytes, window.read_bytes);
        add(&mut self.written_bytes, window.written_bytes);
        self.samples = self.samples.saturating_add(window.samples.into());
        self.failed = self.failed.saturating_add(window.failed.into());
        self.window = Some(window.clone());
    }

    /// What was told besides in the last window, likewise.
    pub fn current_detail(&self) -> Option<&GpuDetail> {
        let window = self.current()?;
        self.detail.as_ref().filter(|detail| detail.from_ms == window.from_ms)
    }

    /// The last window, unless it is of long ago: old readings are no readings.
    pub fn current(&self) -> Option<&Activity> {
        let window = self.window.as_ref()?;
        let span = u64::from(window.span_ms);
        let age = now_ms().saturating_sub(window.from_ms.saturating_add(span));
        (age <= span.saturating_mul(2).saturating_add(GRACE_MS)).then_some(window)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use attest::record::{Anchor, GapReason, text};

    /// A window of a minute that ended so long ago, with every signal.
    pub fn window(kind: ChipKind, index: u16, ended_ms_ago: u64) -> Activity {
        Activity {
            kind,
            index,
            from_ms: now_ms() - ended_ms_ago - 60_000,
            span_ms: 60_000,
            samples: 60,
            failed: 0,
            power_mw: Some(654_000),
            power_max_mw: Some(688_000),
            energy_mj: Some(39_240_000),
            utilisation: Some(970),
            memory_utilisation: Some(600),
            tensor: Some(398),
            clock_mhz: Some(1755),
            temperature: Some(59),
            memory_used_mib: Some(68_096),
            read_bytes: Some(23_717_520_000),
            written_bytes: Some(7_814_340_000),
            throttle: Some(4),
            ecc_errors: Some(0),
            processes: Some(1),
        }
    }

    /// A chip that answers.
    pub fn chip(kind: ChipKind, index: u16, name: &str) -> Chip {
        Chip {
            kind,
            index,
            state: ChipState::Present,
            name: text(name),
            id: text(&format!("GPU-0000000{index}")),
            driver: text("570.124.06"),
            firmware: text("96.00"),
            memory_mib: Some(81_559),
        }
    }

    fn records(bodies: Vec<Body>) -> Vec<Record> {
        (10..).zip(bodies).map(|(seq, body)| Record { seq, time_ms: 5_000, boot: 1, body }).collect()
    }

    #[test]
    fn sums_go_on_and_what_nobody_told_stays_none() {
        let mut tally = Tally::default();
        let silent = Activity { energy_mj: None, read_bytes: None, ..window(ChipKind::Gpu, 1, 0) };
        let bodies = [
            Body::Chip(chip(ChipKind::Gpu, 0, "H100")),
            Body::Chip(chip(ChipKind::Gpu, 1, "L4")),
            Body::Activity(window(ChipKind::Gpu, 0, 60_000)),
            Body::Activity(window(ChipKind::Gpu, 0, 0)),
            Body::Activity(silent),
            Body::Gap(Gap { from_ms: 9, to_ms: 9, reason: GapReason::Stopped }),
            Body::Gap(Gap { from_ms: 2_000, to_ms: 500, reason: GapReason::ClockJump }),
        ];
        tally.take(&records(bodies.into()));
        assert_eq!(tally.size, 17);
        let [one, other] = &tally.chips[..] else { panic!("{tally:?}") };
        assert_eq!((one.energy_mj, one.samples), (Some(2 * 39_240_000), 120));
        assert_eq!((other.energy_mj, other.read_bytes, other.samples), (None, None, 60));
        assert_eq!(tally.gaps.len(), 1, "an end in order is no stretch");
        let back = Gaps { count: 1, ms: 0, unmeasured: 1 };
        assert_eq!((tally.gaps["clock-jump"], back.length()), (back, "length not known".into()));
        let mut gaps = back;
        gaps.add(&Gap { from_ms: 500, to_ms: 2_000, reason: GapReason::Crashed });
        gaps.add(&Gap { from_ms: 0, to_ms: 1_796_024_632_000, reason: GapReason::LogLost });
        assert_eq!((gaps.ms, gaps.length()), (1_500, "1 s, and 2 of unknown length".into()));
    }

    #[test]
    fn the_last_error_stays_and_details_are_of_the_window() {
        let mut tally = Tally::default();
        let shown = window(ChipKind::Gpu, 0, 0);
        let detail = |xids: &[u32]| {
            Body::GpuDetail(GpuDetail {
                tensor_half: Some(398),
                nvlinks: Some(18),
                nvlinks_active: Some(18),
                xids: Some(xids.iter().copied().collect()),
                ..GpuDetail::nothing(0, shown.from_ms, 60_000)
            })
        };
        tally.take(&records(vec![Body::Chip(chip(ChipKind::Gpu, 0, "H100")), Body::Activity(shown.clone())]));
        assert_eq!((tally.chips[0].xid, tally.chips[0].current_detail()), (None, None));
        for (xids, last) in [(&[][..], 0), (&[31, 79], 79), (&[], 79)] {
            tally.take(&records(vec![detail(xids)]));
            assert_eq!(tally.chips[0].xid, Some(last));
        }
        assert_eq!(tally.chips[0].current_detail().unwrap().nvlinks, Some(18));
        tally.take(&records(vec![Body::Activity(Activity { from_ms: shown.from_ms + 1, ..shown })]));
        assert_eq!(tally.chips[0].current_detail(), None, "of the window before");
    }

    #[test]
    fn old_windows_are_not_current() {
        let mut tally = Tally::default();
        tally.take(&records(vec![Body::Chip(chip(ChipKind::Gpu, 0, "H100"))]));
        assert_eq!(tally.chips[0].current(), None);
        for (ago, current) in [(1_000, true), (149_000, true), (152_000, false)] {
            tally.take(&records(vec![Body::Activity(window(ChipKind::Gpu, 0, ago))]));
            assert_eq!(tally.chips[0].current().is_some(), current, "{ago}");
        }
    }

    #[test]
    fn a_gpu_lost_at_work_keeps_its_name() {
        let lost = Chip {
            state: ChipState::Broken(text("lost")),
            name: text("GPU 0"),
            id: text(""),
            ..chip(ChipKind::Gpu, 0, "")
        };
        let mut tally = Tally::default();
        tally.take(&records(vec![Body::Chip(chip(ChipKind::Gpu, 0, "H100")), Body::Chip(lost)]));
        assert_eq!(tally.chips[0].chip.name, "H100");
        assert_eq!(tally.chips[0].chip.state, ChipState::Broken(text("lost")));
    }

    #[test]
    fn the_last_anchor_is_found_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogStore::open(dir.path()).unwrap();
        assert_eq!(Tally::of(&log).anchor, None);
        let anchor = |counter| {
            Body::Anchor(Anchor { block_number: 7, block_hash: [1; 32], size: 5, root: [2; 32], counter })
        };
        let bodies = vec![anchor(1), anchor(2), Body::Activity(window(ChipKind::Gpu, 0, 0))];
        let records: Vec<Record> =
            (0..).zip(bodies).map(|(seq, body)| Record { seq, time_ms: 99, boot: 1, body }).collect();
        log.append(&records).unwrap();
        let tally = Tally::of(&log);
        assert_eq!(tally.anchor, Some(Anchored { block: 7, size: 5, counter: 2, at_ms: 99 }));
        assert_eq!((tally.size, tally.anchors), (3, 0));
    }
}
