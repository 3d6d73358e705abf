//! Challenges of the GPUs (docs/gpu-challenges.md), in blocks that the chain's randomness draws: nobody knows the moment before, and the block's
//! hash, which makes the seeds, not even its author.
//!
//! - `ask.rs`: one challenge of all GPUs, on a thread that nobody waits for
//! - `outcome.rs`: what came of it, in a word
//! - here: that each block that draws (`draws.rs`) gets its records, whatever becomes of the challenge. What is found is evidence and bans nobody.
//!
//! A host without GPUs is never asked. One that had some goes on being drawn: that none answers any more is in the log.

mod ask;
mod outcome;

pub use outcome::ChallengeOutcome;

use crate::{
    agent::Agent,
    begin,
    board::{ChallengeView, LastChallenge},
    clock::now_ms,
    config::Config,
    draws::{Draw, Follow, Told},
    files, replay,
    state_dir::StateDir,
};
use anyhow::Result;
use ask::{Asker, Asking, Found};
use attest::{Hash, record::Body};
use evidence::challenge;
use gpu_probe::finding::{Check, Finding, Verdict};
use light_client::{Block, LightClient, randomness::Drawing};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, TryRecvError},
    },
    thread,
    time::Duration,
};

/// Two numbers and the last outcome.
const LARGEST: u64 = 16 << 20;
/// How long a challenge may take. Tasks of the network are held meanwhile, and questions about them have to be answered in 30 blocks.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is said of a draw for which no GPU answers.
const NO_GPU: &str = "no GPU here that computes, or no NVIDIA driver";

/// What is done when a block draws, given its hash.
type Ask = Arc<dyn Fn(&Hash) -> Vec<Found> + Send + Sync>;

/// What is kept on disk between runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// How far draws are told.
    told: Option<Told>,
    last: Option<LastChallenge>,
}

/// How many GPUs CUDA computes on: asked once, on a thread of its own.
enum Gpus {
    Asked(mpsc::Receiver<usize>),
    Known(usize),
}

/// A draw that is being answered.
struct Open {
    draw: Draw,
    asking: Asking,
    /// It took too long: the log was told, and whatever comes is not looked at.
    given_up: bool,
}

/// The watch over challenges.
pub struct ChallengeWatch {
    machine: Hash,
    mean_blocks: u32,
    /// Why none are drawn.
    off: Option<&'static str>,
    gpus: Gpus,
    follow: Follow,
    ask: Ask,
    patience: Duration,
    open: Option<Open>,
    /// Whether something was told that an inspector asked for.
    awaited: bool,
    last: Option<LastChallenge>,
    /// Of this run: challenges by what came of them, and blocks that nobody looked at.
    outcomes: BTreeMap<String, u64>,
    unwatched: u64,
    path: PathBuf,
    written: Kept,
}

impl ChallengeWatch {
    /// As configured, going on from what earlier runs have told.
    pub fn open(config: &Config, state: &StateDir, machine: Hash) -> Result<Self> {
        let path = state.challenges();
        let written: Kept = files::kept(&path, LARGEST, "challenges")?;
        let off = off(config);
        let asker = Asker {
            options: begin::probe_options(config),
            machine,
            memory_percent: config.challenge_memory_percent,
        };
        Ok(Self {
            machine,
            mean_blocks: config.challenge_blocks,
            off,
            gpus: if off.is_some() { Gpus::Known(0) } else { Gpus::ask(gpu_compute::count) },
            follow: Follow::new(challenge::watch(), written.told).with_questions(),
            ask: Arc::new(move |draw: &Hash| asker.ask(draw)),
            patience: PATIENCE,
            open: None,
            awaited: false,
            last: written.last.clone(),
            outcomes: BTreeMap::new(),
            unwatched: 0,
            path,
            written,
        })
    }

    /// Looks what new blocks draw, and writes down what came of earlier draws. Whether an inspector waits for what was written: he has a
    /// clock of his own, which runs until it is anchored.
    pub async fn look(&mut self, agent: &Agent, client: &LightClient) -> Result<bool> {
        let Some(head) = client.status().finalized else { return Ok(false) };
        let Some(after) = self.after(head.number) else { return Ok(false) };
        let drawings = client.drawings_after(after).await?;
        let head = drawings.last().map_or(head, |last| last.block);
        let bodies = self.turn(&drawings, head);
        if !bodies.is_empty() {
            // What a full disk does not take, the recorder keeps.
            agent.append(bodies).await?;
        }
        self.keep();
        Ok(std::mem::take(&mut self.awaited))
    }

    /// Whether GPUs are being challenged: they are to do nothing else meanwhile.
    pub fn is_under_way(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.given_up)
    }

    /// For the board.
    pub fn view(&self) -> ChallengeView {
        let waits = match (self.follow.seen, &self.gpus) {
            (Some(_), _) => None,
            (None, Gpus::Asked(_)) => Some("CUDA has not answered yet"),
            (None, Gpus::Known(0)) => Some(NO_GPU),
            (None, Gpus::Known(_)) => Some("the chain has not been seen yet"),
        };
        ChallengeView {
            off: self.off.or(waits).map(str::to_string),
            mean_blocks: self.mean_blocks,
            under_way: self.is_under_way(),
            last: self.last.clone(),
            outcomes: self.outcomes.clone(),
            unwatched: self.unwatched,
        }
    }

    /// From where on finalised blocks are to be looked at; none where there is nothing to look for.
    fn after(&mut self, head: u64) -> Option<u64> {
        let known = self.follow.seen.map(|seen| seen.block);
        if self.off.is_some() {
            // So that the end is told.
            return known.map(|_| head);
        }
        known.or_else(|| (self.gpus.count()? > 0).then_some(head))
    }

    /// Looks at new blocks: oldest first, the last is the latest finalised. What it returns is to be written into the log, and
    /// [`keep`](Self::keep) called after that.
    fn turn(&mut self, drawings: &[Drawing], head: Block) -> Vec<Body> {
        if self.off.is_some() {
            return self.follow.end().into_iter().collect();
        }
        let mut bodies = self.collect();
        let seen = self.follow.look(&self.machine, self.mean_blocks, drawings, head, &mut bodies);
        self.unwatched = self.unwatched.saturating_add(seen.unwatched);
        for draw in seen.draws {
            bodies.extend(self.drawn(draw));
        }
        bodies
    }

    /// Has a draw answered; or says why not.
    fn drawn(&mut self, draw: Draw) -> Vec<Body> {
        let by = if draw.asked { "an inspector" } else { "the chain's randomness" };
        tracing::info!(block = draw.block.number, by, "a challenge of the GPUs is asked for");
        if draw.is_late() {
            return self.failed(&draw, &format!("the block was seen {} blocks late", draw.behind));
        }
        if self.open.is_some() {
            return self.failed(&draw, "the challenge before this one has not ended");
        }
        let (ask, hash) = (Arc::clone(&self.ask), draw.block.hash.0);
        match Asking::start(move || ask(&hash)) {
            Ok(asking) => {
                self.open = Some(Open { draw, asking, given_up: false });
                Vec::new()
            }
            Err(error) => self.failed(&draw, &format!("no thread could be started: {error}")),
        }
    }

    /// What came of the draw before.
    fn collect(&mut self) -> Vec<Body> {
        let Some(open) = &mut self.open else { return Vec::new() };
        let (draw, given_up) = (open.draw, open.given_up);
        let Some(outcome) = open.asking.poll() else {
            if given_up || open.asking.elapsed() <= self.patience {
                return Vec::new();
            }
            open.given_up = true;
            return self
                .failed(&draw, &format!("no answer in {} s: a driver hangs", self.patience.as_secs()));
        };
        self.open = None;
        match outcome {
            _ if given_up => {
                tracing::warn!(
                    block = draw.block.number,
                    "a challenge that was given up has ended after all"
                );
                Vec::new()
            }
            Ok(found) if found.is_empty() => self.failed(&draw, NO_GPU),
            Ok(found) => self.tell(&draw, &found),
            Err(crashed) => self.failed(&draw, &crashed.to_string()),
        }
    }

    /// No GPU could be challenged.
    fn failed(&mut self, draw: &Draw, why: &str) -> Vec<Body> {
        let gpus = u16::try_from(self.gpus.count().unwrap_or(0)).unwrap_or(u16::MAX).max(1);
        let failed = |gpu| Found { gpu, finding: Finding::failed(Check::Memory, why), result: None };
        let found: Vec<Found> = (0..gpus).map(failed).collect();
        self.tell(draw, &found)
    }

    fn tell(&mut self, draw: &Draw, found: &[Found]) -> Vec<Body> {
        let last = last(draw.block.number, found);
        *self.outcomes.entry(last.outcome().name().into()).or_default() += 1;
        let LastChallenge { block, score, failed, why, .. } = &last;
        tracing::info!(block, score, failed, why, "the GPUs were challenged");
        self.last = Some(last);
        self.awaited |= draw.asked;
        found.iter().map(|one| one.body(draw.block.hash.0)).collect()
    }

    /// Keeps on disk how far draws are told. Losing the last of it in a power cut tells of more blocks that nobody looked at.
    fn keep(&mut self) {
        let open = self.open.as_ref().filter(|open| !open.given_up).map(|open| &open.draw);
        let kept = Kept { told: self.follow.told(open), last: self.last.clone() };
        files::keep(&self.path, kept, &mut self.written);
    }
}

/// Why no challenges are wanted, if they are not. A recording has no business among evidence.
fn off(config: &Config) -> Option<&'static str> {
    if config.challenge_blocks == 0 {
        return Some("challenge_blocks is 0");
    }
    replay::recording(config).map(|_| "a recording is played back in the GPUs' place")
}

/// What there is to say of a challenge in one line.
fn last(block: u64, found: &[Found]) -> LastChallenge {
    let findings = || found.iter().map(|one| &one.finding);
    let mut failed = findings().filter(|one| one.verdict == Verdict::Failed);
    let worst = findings().max_by_key(|one| one.score).filter(|one| one.score > 0);
    let first_failed = failed.next();
    LastChallenge {
        block,
        at_ms: now_ms(),
        checks: found.len(),
        failed: failed.count() + usize::from(first_failed.is_some()),
        score: worst.map_or(0, |one| one.score),
        why: worst.or(first_failed).map(|one| one.reason.clone()),
    }
}

impl Gpus {
    fn ask(count: impl FnOnce() -> usize + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        let ask = move || {
            // Nobody may wait for it any more.
            let _ = tell.send(count());
        };
        match thread::Builder::new().name("cuda".into()).spawn(ask) {
            Ok(_) => Self::Asked(told),
            Err(_) => Self::Known(0),
        }
    }

    /// How many, once CUDA has said so; 0 where asking it ended in a crash.
    fn count(&mut self) -> Option<usize> {
        let told = match self {
            Self::Known(count) => return Some(*count),
            Self::Asked(told) => told.try_recv(),
        };
        let count = match told {
            Ok(count) => count,
            Err(TryRecvError::Disconnected) => 0,
            Err(TryRecvError::Empty) => return None,
        };
        *self = Self::Known(count);
        Some(count)
    }
}

#[cfg(test)]
mod tests;
