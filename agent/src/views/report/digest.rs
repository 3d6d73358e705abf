//! The log, read once from end to end, in memory that does not grow with it.

use super::draws::Draws;
use crate::render;
use crate::tally::{self, Drills, Gaps, replayed};
use anyhow::Result;
use attest::{
    Record,
    record::{Activity, Anchor, Body, Chip, ChipKind, Drill, Finding, Gap, GapReason, Join, Verdict},
};
use log_store::LogStore;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Points of a chart.
pub const BUCKETS: usize = 336;
/// Chips with charts of their own; no host has more.
const CHIPS: usize = 128;
/// The latest of anything that is listed.
const LISTED: usize = 500;
/// A short period is not cut finer than this.
const SHORTEST_MS: u64 = 60_000;

/// Everything that the page tells of a period.
#[derive(Debug)]
pub struct Digest {
    /// Where the period begins: as asked, or with the log.
    pub from_ms: u64,
    /// Where it ends.
    pub to_ms: u64,
    /// Records of the period.
    pub records: u64,
    /// The host, as the log's beginning tells it.
    pub join: Option<Join>,
    /// Chips, GPUs first.
    pub chips: BTreeMap<(u8, u16), ChipDigest>,
    /// Chips that there was no room for.
    pub more_chips: u64,
    /// Stretches without records.
    pub gaps: Listed<Gap>,
    /// The same, by reason.
    pub reasons: BTreeMap<&'static str, Gaps>,
    /// Starts of the agent.
    pub restarts: u64,
    /// Boots of the host that records were written in.
    pub boots: BTreeSet<u32>,
    /// Anchors, and when the log was told.
    pub anchors: Listed<(u64, Anchor)>,
    /// Tasks of the network.
    pub drills: Drills,
    /// Their worth over time, micro-ut.
    pub worth: Vec<u64>,
    /// What the chain's randomness drew.
    pub draws: Draws,
    /// What checks of GPUs at starts found, by verdict.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Those that are not as on an honest machine.
    pub findings: Listed<(u64, Finding)>,
    /// Records older than the one before them.
    pub clock_back: u64,
    /// Records of a later version.
    pub unknown: u64,
}

/// The latest of something, and how many there were.
#[derive(Debug)]
pub struct Listed<T> {
    /// In all.
    pub count: u64,
    /// The latest, oldest first.
    pub latest: VecDeque<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { count: 0, latest: VecDeque::new() }
    }
}

impl<T> Listed<T> {
    /// One more.
    pub fn push(&mut self, one: T) {
        self.count += 1;
        if self.latest.len() == LISTED {
            self.latest.pop_front();
        }
        self.latest.push_back(one);
    }
}

/// One chip over the period.
#[derive(Debug)]
pub struct ChipDigest {
    /// As last told; none if nobody did.
    pub chip: Option<Chip>,
    /// What a recording said of itself, if any window of the period may be one.
    pub replay: Option<String>,
    /// Points of its charts.
    pub buckets: Vec<Bucket>,
    /// Over the whole period.
    pub all: Bucket,
    /// Energy, mJ; none if it does not tell.
    pub energy_mj: Option<u64>,
    /// Hottest, °C.
    pub temperature: Option<i16>,
    /// Samples taken, and failed.
    pub samples: (u64, u64),
    /// Uncorrected memory errors, the most that were told.
    pub ecc_errors: Option<u64>,
}

/// Means over a stretch of time, each window weighed by how long it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Time that windows cover, ms.
    pub covered_ms: u64,
    /// Power, mW.
    pub power: Weighed,
    /// The highest, mW.
    pub power_max: Option<u32>,
    /// Busy, ‰.
    pub busy: Weighed,
    /// Tensor units, ‰.
    pub tensor: Weighed,
    /// Memory bandwidth or memory, ‰.
    pub memory: Weighed,
}

/// A mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weighed {
    sum: u128,
    weight: u64,
}

impl Weighed {
    fn add(&mut self, value: Option<impl Into<u128>>, weight: u64) {
        if let Some(value) = value {
            self.sum = self.sum.saturating_add(value.into().saturating_mul(weight.into()));
            self.weight = self.weight.saturating_add(weight);
        }
    }

    /// Rounded down; none of nothing.
    pub fn mean(&self) -> Option<u64> {
        u64::try_from(self.sum.checked_div(self.weight.into())?).ok()
    }
}

impl Bucket {
    fn add(&mut self, window: &Activity, ms: u64) {
        self.covered_ms = self.covered_ms.saturating_add(ms);
        self.power.add(window.power_mw, ms);
        self.power_max = self.power_max.max(window.power_max_mw.or(window.power_mw));
        self.busy.add(window.utilisation, ms);
        self.tensor.add(window.tensor, ms);
        self.memory.add(window.memory_utilisation, ms);
    }
}

impl ChipDigest {
    fn new(buckets: usize) -> Self {
        Self {
            chip: None,
            replay: None,
            buckets: vec![Bucket::default(); buckets],
            all: Bucket::default(),
            energy_mj: None,
            temperature: None,
            samples: (0, 0),
            ecc_errors: None,
        }
    }
}

/// GPUs first.
const fn order(kind: ChipKind) -> u8 {
    match kind {
        ChipKind::Gpu => 0,
        ChipKind::Cpu => 1,
        ChipKind::Memory => 2,
        ChipKind::Disk => 3,
    }
}

impl Digest {
    /// Of the records between two moments, ms since 1970.
    pub fn of(log: &LogStore, from_ms: u64, to_ms: u64) -> Result<Self> {
        let first = if log.size() > 0 { log.read(0)?.time_ms } else { from_ms };
        let from_ms = from_ms.max(first).min(to_ms.saturating_sub(SHORTEST_MS));
        let mut digest = Self::empty(from_ms, to_ms);
        let mut last_ms = 0;
        for entry in log.iter_from(0) {
            let (_, record) = entry?;
            if record.time_ms < last_ms && digest.covers(record.time_ms) {
                digest.clock_back += 1;
            }
            last_ms = record.time_ms;
            digest.take(record);
        }
        digest.chips.retain(|_, chip| chip.chip.is_some() || chip.all.covered_ms > 0);
        Ok(digest)
    }

    fn empty(from_ms: u64, to_ms: u64) -> Self {
        Self {
            from_ms,
            to_ms,
            records: 0,
            join: None,
            chips: BTreeMap::new(),
            more_chips: 0,
            gaps: Listed::default(),
            reasons: BTreeMap::new(),
            restarts: 0,
            boots: BTreeSet::new(),
            anchors: Listed::default(),
            drills: Drills::default(),
            worth: vec![0; BUCKETS],
            draws: Draws::default(),
            verdicts: BTreeMap::new(),
            findings: Listed::default(),
            clock_back: 0,
            unknown: 0,
        }
    }

    fn covers(&self, ms: u64) -> bool {
        (self.from_ms..=self.to_ms).contains(&ms)
    }

    pub(super) fn take(&mut self, record: Record) {
        let time_ms = record.time_ms;
        self.records += u64::from(self.covers(time_ms));
        // Who the host is, what chips it has and what is watched was told when the agent started, which may be long ago.
        match record.body {
            Body::Join(join) => return self.join = Some(join),
            Body::Chip(chip) => return self.found(chip, time_ms),
            Body::Snapshot(snapshot) => {
                return self.draws.watched(snapshot, time_ms, self.covers(time_ms));
            }
            _ => {}
        }
        if !self.covers(time_ms) {
            return;
        }
        if self.boots.len() < LISTED {
            self.boots.insert(record.boot);
        }
        match record.body {
            Body::Activity(window) => self.measured(&window),
            Body::Gap(gap) if tally::is_stretch(&gap) => self.missed(gap),
            Body::Anchor(anchor) => self.anchors.push((time_ms, anchor)),
            Body::Drill(drill) => self.drilled(&drill, time_ms),
            Body::Finding(finding) => self.checked(finding, time_ms),
            Body::Unknown { .. } => self.unknown += 1,
            _ => {}
        }
    }

    fn chip(&mut self, kind: ChipKind, index: u16) -> Option<&mut ChipDigest> {
        let key = (order(kind), index);
        if !self.chips.contains_key(&key) && self.chips.len() >= CHIPS {
            self.more_chips += 1;
            return None;
        }
        Some(self.chips.entry(key).or_insert_with(|| ChipDigest::new(BUCKETS)))
    }

    fn found(&mut self, chip: Chip, time_ms: u64) {
        let began = time_ms <= self.from_ms;
        let Some(known) = self.chip(chip.kind, chip.index) else { return };
        let recording = replayed(&chip.state).map(str::to_string);
        // What was replayed before the period began is of no concern to it, if a real chip followed.
        if recording.is_some() || began {
            known.replay = recording;
        }
        match &mut known.chip {
            Some(before) => tally::retell(before, chip),
            none => *none = Some(chip),
        }
    }

    fn measured(&mut self, window: &Activity) {
        let (from, to) = (self.from_ms, self.to_ms);
        let Some(chip) = self.chip(window.kind, window.index) else { return };
        let end = window.from_ms.saturating_add(window.span_ms.into()).min(to);
        let begin = window.from_ms.max(from);
        if begin >= end {
            return;
        }
        chip.all.add(window, end - begin);
        for (bucket, ms) in slices(from, to, begin, end) {
            if let Some(bucket) = chip.buckets.get_mut(bucket) {
                bucket.add(window, ms);
            }
        }
        tally::add(&mut chip.energy_mj, window.energy_mj);
        chip.temperature = chip.temperature.max(window.temperature);
        chip.ecc_errors = chip.ecc_errors.max(window.ecc_errors);
        chip.samples.0 = chip.samples.0.saturating_add(window.samples.into());
        chip.samples.1 = chip.samples.1.saturating_add(window.failed.into());
    }

    fn missed(&mut self, gap: Gap) {
        self.restarts += u64::from(ends_with_a_start(&gap));
        self.reasons.entry(render::reason(gap.reason)).or_default().add(&gap);
        self.gaps.push(gap);
    }

    fn drilled(&mut self, drill: &Drill, time_ms: u64) {
        self.drills.add(drill);
        let (bucket, _) =
            slices(self.from_ms, self.to_ms, time_ms, time_ms.saturating_add(1)).next().unwrap_or_default();
        if let Some(worth) = self.worth.get_mut(bucket) {
            *worth = worth.saturating_add(drill.micro_ut);
        }
    }

    fn checked(&mut self, finding: Finding, time_ms: u64) {
        if let Some(challenge) = finding.challenge {
            return self.draws.challenged(&finding, challenge.draw, time_ms);
        }
        let name = match finding.verdict {
            Verdict::Consistent => "consistent",
            Verdict::Suspicious => "suspicious",
            Verdict::Unknown => "unknown",
            Verdict::Failed => "failed",
        };
        *self.verdicts.entry(name).or_default() += 1;
        if matches!(finding.verdict, Verdict::Suspicious | Verdict::Failed) {
            self.findings.push((time_ms, finding));
        }
    }

    /// What the recording says of itself, if any chip is one.
    pub fn replay(&self) -> Option<&str> {
        self.chips.values().find_map(|chip| chip.replay.as_deref())
    }

    /// Time that any chip's windows cover, ms, for each point of the charts.
    pub fn covered(&self) -> Vec<u64> {
        let most = |bucket| {
            self.chips
                .values()
                .filter_map(|chip| chip.buckets.get(bucket))
                .map(|bucket: &Bucket| bucket.covered_ms)
                .max()
        };
        (0..BUCKETS).map(|bucket| most(bucket).unwrap_or(0)).collect()
    }

    /// Length of one point of the charts, ms.
    pub fn bucket_ms(&self) -> f64 {
        (self.to_ms - self.from_ms) as f64 / BUCKETS as f64
    }
}

/// Whether the agent was started where the gap ends.
pub const fn ends_with_a_start(gap: &Gap) -> bool {
    matches!(gap.reason, GapReason::Stopped | GapReason::Crashed)
}

/// The buckets that a stretch lies in, with how much of it lies in each, ms.
fn slices(from: u64, to: u64, begin: u64, end: u64) -> impl Iterator<Item = (usize, u64)> {
    let span = u128::from(to.saturating_sub(from).max(1));
    let (begin, end) = (begin.max(from), end.min(to));
    let bucket =
        move |ms: u64| usize::try_from(u128::from(ms - from) * BUCKETS as u128 / span).unwrap_or(BUCKETS);
    // The first moment that is no longer in a bucket, rounded up.
    let edge = move |bucket: usize| {
        let edge = ((bucket as u128 + 1) * span).div_ceil(BUCKETS as u128);
        from.saturating_add(u64::try_from(edge).unwrap_or(u64::MAX))
    };
    let mut at = begin;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let here = bucket(at).min(BUCKETS - 1);
        let next = edge(here).min(end).max(at + 1);
        let slice = (here, next - at);
        at = next;
        Some(slice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_lose_nothing() {
        for (from, to) in [(1_000u64, 1_000 + 604_800_000), (5, 60_005), (0, 335), (0, 100)] {
            for (begin, end) in [(from, to), (from + 3, from + 77), (from.saturating_sub(5), to + 9)] {
                let slices: Vec<_> = slices(from, to, begin, end).collect();
                let sum: u64 = slices.iter().map(|(_, ms)| ms).sum();
                assert_eq!(sum, end.min(to) - begin.max(from), "{from} {to} {begin} {end}");
                assert!(slices.iter().all(|(bucket, _)| *bucket < BUCKETS));
                assert!(slices.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            }
        }
    }

    #[test]
    fn lists_keep_the_latest() {
        let mut list = Listed::default();
        (0..10_000).for_each(|number| list.push(number));
        assert_eq!((list.count, list.latest.len(), list.latest.back()), (10_000, LISTED, Some(&9_999)));
    }
}
