//! Snapshots of weights (after Shavit 2023; docs/snapshots.md): digests of jobs' newest checkpoints, in blocks that the chain's randomness draws.
//!
//! - `pattern.rs`: where checkpoints are, and which is the newest
//! - `take.rs`: one snapshot; `digest.rs`: reading it at the speed of memory
//! - here: that each block that draws (`draws.rs`) gets its record. Draws of a job are told in the order of their blocks; what a crash leaves
//!   untold, the next start tells as blocks that nobody looked at.

mod digest;
mod pattern;
mod take;

pub use pattern::Pattern;

use crate::{
    board::{JobView, LastDraw},
    clock::now_ms,
    config::Config,
    draws::{Draw, Follow, Told},
    files,
    hex32::Hex32,
    state_dir::StateDir,
};
use anyhow::Result;
use attest::{
    Hash,
    record::{Body, Miss, Outcome, Weights},
    snapshot,
};
use light_client::{Block, randomness::Drawing};
use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    time::Duration,
};
use take::{SETTLE, Taken, Taking};

/// A line for each job that ever was.
const LARGEST: u64 = 16 << 20;
/// How long reading a file may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How far jobs' draws are told, by the job's digest.
type Ledger = BTreeMap<String, Told>;

/// A job that is watched.
struct Watch {
    name: String,
    follow: Follow,
    pattern: Pattern,
    taking: Option<(Draw, Taking)>,
    /// Draws that came meanwhile.
    busy: VecDeque<Draw>,
    last: Option<Taken>,
    view: JobView,
}

/// The watch over all jobs.
pub struct WeightWatch {
    machine: Hash,
    mean_blocks: u32,
    settle: Duration,
    watches: Vec<Watch>,
    /// Jobs that are not configured any more.
    ended: Ledger,
    path: PathBuf,
    written: Ledger,
}

impl WeightWatch {
    /// Over the configured jobs, going on from what earlier runs have told.
    pub fn open(config: &Config, state: &StateDir, machine: Hash) -> Result<Self> {
        let path = state.jobs();
        let mut written: Ledger = files::kept(&path, LARGEST, "jobs")?;
        let kept = written.clone();
        let watches = config.job.iter().map(|job| {
            let id = snapshot::job(&job.name);
            let follow = Follow::new(id, written.remove(&hex::encode(id)));
            Watch::new(job.name.clone(), follow, job.checkpoints.clone())
        });
        let watches = watches.collect();
        let mean_blocks = config.snapshot_blocks;
        Ok(Self { machine, mean_blocks, settle: SETTLE, watches, ended: written, path, written: kept })
    }

    /// From where on finalised blocks are to be looked at; none where nothing is watched.
    pub fn after(&self, head: u64) -> Option<u64> {
        let seen = |watch: &Watch| watch.follow.seen.map_or(head, |seen| seen.block);
        match self.watches.iter().map(seen).min() {
            None if self.ended.is_empty() => None,
            oldest => Some(oldest.unwrap_or(head)),
        }
    }

    /// Looks at new blocks (oldest first, the last is the latest finalised) and at what came of earlier draws. What it returns is to be
    /// written into the log, and [`keep`](Self::keep) called after that.
    pub fn turn(&mut self, drawings: &[Drawing], head: Block) -> Vec<Body> {
        let mut bodies = Vec::new();
        for (job, told) in std::mem::take(&mut self.ended) {
            let mut id = [0; 32];
            if hex::decode_to_slice(&job, &mut id).is_ok() {
                bodies.push(told.body(id, Outcome::Ended));
            }
        }
        for watch in &mut self.watches {
            watch.turn(&self.machine, self.mean_blocks, self.settle, drawings, head, &mut bodies);
        }
        bodies
    }

    /// Keeps on disk how far draws are told. Losing the last of it in a power cut tells of more blocks that nobody looked at.
    pub fn keep(&mut self) {
        let told =
            self.watches.iter().filter_map(|watch| Some((hex::encode(watch.follow.watch), watch.told()?)));
        let told: Ledger = told.collect();
        files::keep(&self.path, told, &mut self.written);
    }

    /// For the board.
    pub fn views(&self) -> Vec<JobView> {
        self.watches
            .iter()
            .map(|watch| JobView { reading: watch.taking.is_some(), ..watch.view.clone() })
            .collect()
    }
}

impl Watch {
    fn new(name: String, follow: Follow, pattern: Pattern) -> Self {
        let view = JobView { name: name.clone(), ..JobView::default() };
        Self { name, follow, pattern, taking: None, busy: VecDeque::new(), last: None, view }
    }

    fn turn(
        &mut self,
        machine: &Hash,
        mean_blocks: u32,
        settle: Duration,
        drawings: &[Drawing],
        head: Block,
        bodies: &mut Vec<Body>,
    ) {
        self.collect(mean_blocks, bodies);
        let seen = self.follow.look(machine, mean_blocks, drawings, head, bodies);
        self.view.unwatched += seen.unwatched;
        for draw in seen.draws {
            self.drawn(draw, mean_blocks, settle, bodies);
        }
    }

    fn drawn(&mut self, draw: Draw, mean_blocks: u32, settle: Duration, bodies: &mut Vec<Body>) {
        tracing::info!(job = self.name, block = draw.block.number, "the chain has drawn a snapshot");
        if self.taking.is_some() {
            self.busy.push_back(draw);
            return;
        }
        if draw.is_late() {
            return bodies.push(self.missed(mean_blocks, &draw, Miss::Late));
        }
        match Taking::start(self.pattern.clone(), settle, self.last) {
            Ok(taking) => self.taking = Some((draw, taking)),
            Err(_) => bodies.push(self.missed(mean_blocks, &draw, Miss::Unreadable)),
        }
    }

    /// What came of the draw before, and of those that had to wait for it.
    fn collect(&mut self, mean_blocks: u32, bodies: &mut Vec<Body>) {
        let Some((draw, taking)) = &self.taking else { return };
        let outcome = match taking.poll() {
            Some(outcome) => outcome,
            None if taking.elapsed() > PATIENCE => Err(Miss::Stalled),
            None => return,
        };
        let (draw, span) = (*draw, taking.elapsed());
        self.taking = None;
        bodies.push(match outcome {
            Ok(taken) => self.taken(mean_blocks, &draw, &taken, span),
            Err(miss) => self.missed(mean_blocks, &draw, miss),
        });
        for draw in std::mem::take(&mut self.busy) {
            bodies.push(self.missed(mean_blocks, &draw, Miss::Busy));
        }
    }

    fn taken(&mut self, mean_blocks: u32, draw: &Draw, taken: &Taken, span: Duration) -> Body {
        self.last = Some(*taken);
        self.view.taken += 1;
        self.view.last_ms = Some(now_ms());
        self.view.last = Some(Hex32(taken.digest));
        let weights = Weights {
            digest: taken.digest,
            size: taken.identity.size,
            modified_ms: taken.identity.modified_ms(),
            behind: draw.behind,
            span_ms: u64::try_from(span.as_millis()).unwrap_or(u64::MAX),
        };
        self.view.unchanged += u64::from(taken.unchanged);
        self.came(draw, if taken.unchanged { "unchanged" } else { "taken" });
        let outcome = if taken.unchanged { Outcome::Unchanged(weights) } else { Outcome::Taken(weights) };
        Told::at(draw.block, mean_blocks).body(self.follow.watch, outcome)
    }

    fn missed(&mut self, mean_blocks: u32, draw: &Draw, miss: Miss) -> Body {
        tracing::warn!(job = self.name, block = draw.block.number, ?miss, "no snapshot");
        *self.view.missed.entry(miss.name().into()).or_default() += 1;
        self.came(draw, miss.name());
        Told::at(draw.block, mean_blocks).body(self.follow.watch, Outcome::Missed(miss))
    }

    fn came(&mut self, draw: &Draw, outcome: &str) {
        self.view.drawn = Some(LastDraw { block: draw.block.number, outcome: outcome.into() });
    }

    /// Up to where every draw has its record.
    fn told(&self) -> Option<Told> {
        self.follow.told(self.taking.as_ref().map(|(draw, _)| draw))
    }
}

#[cfg(test)]
mod tests;
