//! What the running agent says of itself, for `status` to read while the agent holds the lock.

use crate::{
    chain::Machine, challenges::ChallengeOutcome, clock::now_ms, files, hex32::Hex32, recorder::Recorder,
    tally::Tally,
};
use light_client::{Phase, Stall, Status};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

/// Some KiB, a little more for each chip.
const LARGEST: u64 = 16 << 20;
/// How often the snapshot is written.
const EVERY: Duration = Duration::from_secs(3);

/// What an agent does that was told to end.
pub const STOPPING: &str = "stopping: the last anchor is on its way";

/// Parts that can be in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The TPM.
    Tpm,
    /// The light client and what it reads.
    Chain,
    /// The log on disk.
    Log,
    /// Anchors and their like.
    Anchor,
    /// The endpoint that Prometheus reads.
    Metrics,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 5] = [Self::Tpm, Self::Chain, Self::Log, Self::Anchor, Self::Metrics];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tpm => "tpm",
            Self::Chain => "chain",
            Self::Log => "log",
            Self::Anchor => "anchor",
            Self::Metrics => "metrics",
        }
    }
}

/// Something is wrong, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// ms since 1970.
    pub since_ms: u64,
    /// What it is.
    pub what: String,
}

/// The light client at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// `connecting`, `syncing` or `ready`.
    pub phase: String,
    /// Peers connected.
    pub peers: u32,
    /// Why nothing moves.
    pub stall: Option<String>,
    /// Height of the latest finalised block.
    pub finalized: Option<u64>,
    /// Height of the best block.
    pub best: Option<u64>,
    /// When the latest finalised block was seen, ms since 1970.
    pub finalized_seen_ms: Option<u64>,
}

/// The machine on chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineView {
    /// Who owns it.
    pub owner: String,
    /// How far its identity can be trusted.
    pub level: String,
    /// Whether it is active, lapsed, forked or retired.
    pub standing: String,
    /// Counts enrolments.
    pub epoch: u32,
    /// Records anchored.
    pub anchored: u64,
    /// The counter of the last anchor.
    pub counter: u64,
    /// Without an anchor after this block it lapses.
    pub due: u64,
}

impl From<&Machine> for MachineView {
    fn from(machine: &Machine) -> Self {
        Self {
            owner: machine.owner.clone(),
            level: machine.level.clone(),
            standing: machine.standing.clone(),
            epoch: machine.epoch,
            anchored: machine.head.size,
            counter: machine.head.counter,
            due: machine.due,
        }
    }
}

/// A machine's compute power, as the chain has it, in micro-ut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerView {
    /// What counts: drilling and training lately.
    pub effective: u64,
    /// Drilling lately: its average halves in a week.
    pub drilling: u64,
    /// All drilling ever.
    pub drilling_total: u64,
    /// Training lately.
    pub training: u64,
    /// Whether it counts for the machine's owner now.
    pub counts: bool,
}

/// One debt to the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// What it is.
    pub kind: String,
    /// `queued`, `submitted` or `expired`.
    pub state: String,
    /// Extrinsics made for it.
    pub attempts: u32,
}

/// Work for the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillView {
    /// Why it holds still, if it does.
    pub held: Option<String>,
    /// The tasks that are being done.
    pub working_on: Vec<Hex32>,
    /// What does them.
    #[serde(default)]
    pub engines: Vec<EngineView>,
    /// Tasks that are not settled.
    pub tasks: usize,
    /// Questions about results.
    pub questions: usize,
    /// Tasks ever agreed.
    pub agreed: u32,
    /// Tasks ever forfeited.
    pub forfeited: u32,
    /// Lies that the chain holds against this machine.
    pub convicted: u32,
    /// What the owner's bond lacks, if that keeps tasks away.
    pub bond: Option<String>,
    /// Which classes have tasks, if the machine's own has none.
    #[serde(default)]
    pub no_supply: Option<String>,
    /// Which class fits the machine better than the one it takes, and why.
    #[serde(default)]
    pub better_class: Option<String>,
    /// Tasks that cannot be done here.
    #[serde(default)]
    pub passed_over: Vec<PassedOver>,
}

/// The processor or a GPU, at the network's tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineView {
    /// What it is called.
    pub name: String,
    /// Why it does nothing, if it was lost.
    pub lost: Option<String>,
}

/// A task that cannot be done here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Its identifier.
    pub task: Hex32,
    /// Why, and what to do.
    pub why: String,
}

/// A job whose weights are watched, as of this run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// What the operator calls it.
    pub name: String,
    /// Snapshots taken.
    pub taken: u64,
    /// Those of them that found the file of last time.
    #[serde(default)]
    pub unchanged: u64,
    /// The last one's digest.
    pub last: Option<Hex32>,
    /// When it was taken, ms since 1970.
    pub last_ms: Option<u64>,
    /// Draws without a digest, by reason.
    pub missed: BTreeMap<String, u64>,
    /// Blocks that nobody looked at.
    pub unwatched: u64,
    /// Whether one is being taken now.
    pub reading: bool,
    /// The last draw whose outcome is known.
    #[serde(default)]
    pub drawn: Option<LastDraw>,
}

impl JobView {
    /// Draws without a digest.
    pub fn misses(&self) -> u64 {
        self.missed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Draws whose outcome is known.
    pub fn draws(&self) -> u64 {
        self.taken.saturating_add(self.misses())
    }
}

/// A draw of a job's weights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDraw {
    /// The block that drew.
    pub block: u64,
    /// `taken`, `unchanged`, or why there is no digest.
    pub outcome: String,
}

/// Challenges of the GPUs, in blocks that the chain's randomness draws.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeView {
    /// Why none is drawn, if none is.
    pub off: Option<String>,
    /// Blocks between two, on average.
    pub mean_blocks: u32,
    /// Whether one is under way.
    pub under_way: bool,
    /// The last one, also from before this run.
    pub last: Option<LastChallenge>,
    /// How many there were in this run, by what came of them.
    #[serde(default)]
    pub outcomes: BTreeMap<String, u64>,
    /// Blocks of this run that nobody looked at.
    #[serde(default)]
    pub unwatched: u64,
}

/// What came of a challenge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChallenge {
    /// The block that drew it.
    pub block: u64,
    /// When the log was told, ms since 1970.
    pub at_ms: u64,
    /// How many checks there were, of all GPUs.
    pub checks: usize,
    /// Those that could not be done.
    pub failed: usize,
    /// The highest score among them: 0 speaks not against the machine, 1000: no honest machine does this.
    pub score: u16,
    /// The reason of that check; where none has a score, of the first that could not be done.
    pub why: Option<String>,
}

impl LastChallenge {
    /// All of it in a word.
    pub const fn outcome(&self) -> ChallengeOutcome {
        ChallengeOutcome::of(self.checks, self.failed, self.score)
    }
}

/// Everything, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The agent's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started, ms since 1970.
    pub started_ms: u64,
    /// When this was written, ms since 1970.
    pub written_ms: u64,
    /// What it does, in a few words.
    pub doing: String,
    /// The light client.
    pub chain: ChainView,
    /// The machine on chain, as last read.
    pub machine: Option<MachineView>,
    /// Its compute power, as last read.
    #[serde(default)]
    pub power: Option<PowerView>,
    /// The machine's identifier.
    #[serde(default)]
    pub machine_id: Option<Hex32>,
    /// What the log was told in this run.
    #[serde(default)]
    pub log: Option<Tally>,
    /// Where metrics are.
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    /// What is owed.
    pub outbox: Vec<Owed>,
    /// Work for the network, where the machine does any.
    #[serde(default)]
    pub drill: Option<DrillView>,
    /// Jobs whose weights are watched.
    #[serde(default)]
    pub jobs: Vec<JobView>,
    /// Challenges of the GPUs.
    #[serde(default)]
    pub challenges: Option<ChallengeView>,
    /// When the last window of activity ended, ms since 1970.
    pub last_window_ms: Option<u64>,
    /// When the next anchor is due, ms since 1970.
    pub next_anchor_ms: Option<u64>,
    /// What is wrong now.
    pub troubles: BTreeMap<Part, Trouble>,
}

impl Snapshot {
    /// What an agent last wrote, if anything.
    pub fn load(path: &Path) -> Option<Self> {
        serde_json::from_slice(&plain_io::read(path, LARGEST).ok()?).ok()
    }
}

/// A handle on the snapshot; clones share it.
#[derive(Clone)]
pub struct Board {
    snapshot: Arc<Mutex<Snapshot>>,
    path: PathBuf,
    log: Arc<OnceLock<Recorder>>,
}

impl Board {
    /// A fresh board, written to this file.
    pub fn new(path: PathBuf) -> Self {
        let snapshot = Snapshot {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            started_ms: now_ms(),
            doing: "starting".into(),
            chain: ChainView { phase: phase(Phase::Connecting), ..ChainView::default() },
            ..Snapshot::default()
        };
        Self { snapshot: Arc::new(Mutex::new(snapshot)), path, log: Arc::default() }
    }

    /// From now on tells what the log is told.
    pub fn follow(&self, log: Recorder) {
        // There is one log in a run.
        let _ = self.log.set(log);
    }

    /// Everything, now. Never waits for a disk.
    pub fn now(&self) -> Snapshot {
        let mut snapshot = self.snapshot().clone();
        snapshot.written_ms = now_ms();
        snapshot.log = self.log.get().map(Recorder::tally);
        let windows = snapshot.log.iter().flat_map(|log| &log.chips).filter_map(|chip| chip.window.as_ref());
        let ends = windows.map(|window| window.from_ms.saturating_add(window.span_ms.into()));
        snapshot.last_window_ms = ends.max();
        snapshot
    }

    /// Changes the snapshot.
    pub fn note(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.snapshot());
    }

    /// Says that a part is in trouble; news go to the journal too.
    pub fn trouble(&self, part: Part, what: impl std::fmt::Display) {
        // With its causes, where the error knows them.
        let what = format!("{what:#}");
        let mut snapshot = self.snapshot();
        match snapshot.troubles.get_mut(&part) {
            Some(trouble) if trouble.what == what => {}
            Some(trouble) => {
                tracing::warn!(?part, what);
                trouble.what = what;
            }
            None => {
                tracing::warn!(?part, what);
                snapshot.troubles.insert(part, Trouble { since_ms: now_ms(), what });
            }
        }
    }

    /// Says that a part is fine.
    pub fn fine(&self, part: Part) {
        if let Some(trouble) = self.snapshot().troubles.remove(&part) {
            tracing::info!(?part, "fine again after: {}", trouble.what);
        }
    }

    /// Notes what the light client does.
    pub fn note_chain(&self, status: &Status) {
        let finalized = status.finalized.map(|block| block.number);
        let mut snapshot = self.snapshot();
        let chain = &mut snapshot.chain;
        if finalized != chain.finalized {
            chain.finalized_seen_ms = Some(now_ms());
        }
        // One that knows where it was, but has nobody to ask, is not ready for anything.
        let alone = status.phase == Phase::Ready && !status.is_ready();
        chain.phase = phase(if alone { Phase::Connecting } else { status.phase });
        chain.peers = status.peers;
        chain.stall = status.stall.map(|stall| stall_text(stall).into());
        chain.finalized = finalized;
        chain.best = status.best.map(|block| block.number);
    }

    /// Writes the snapshot to disk, every few seconds, for ever.
    pub async fn keep_written(self) {
        loop {
            self.write();
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Writes the snapshot now. Losing it in a power cut is no loss.
    pub fn write(&self) {
        let written = serde_json::to_vec(&self.now())
            .map_err(std::io::Error::other)
            .and_then(|text| files::replace_fleeting(&self.path, &text));
        if let Err(error) = written {
            tracing::debug!(%error, path = %self.path.display(), "status not written");
        }
    }

    fn snapshot(&self) -> MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A phase in words.
pub fn phase(phase: Phase) -> String {
    match phase {
        Phase::Connecting => "connecting".into(),
        Phase::Syncing { at, target } => format!("syncing, block {at} of {target}"),
        Phase::Ready => "ready".into(),
    }
}

/// A stall in words, with what to look at.
pub const fn stall_text(stall: Stall) -> &'static str {
    match stall {
        Stall::NoPeers => {
            "no peers: look at network, firewall, and the boot nodes in the chain specification"
        }
        Stall::NoProgress => {
            "peers prove nothing new: the chain may have stopped, or the peers follow another one"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("status.json");
        assert_eq!(Snapshot::load(&path), None);
        let board = Board::new(path.clone());
        board.trouble(Part::Tpm, "gone");
        board.note_chain(&Status::default());
        board.write();
        let read = Snapshot::load(&path).unwrap();
        assert_eq!(read.chain.phase, "connecting");
        assert_eq!(read.troubles.get(&Part::Tpm).map(|trouble| trouble.what.as_str()), Some("gone"));
    }

    #[test]
    fn a_trouble_tells_its_cause() {
        let board = Board::new("/nonexistent".into());
        let full = anyhow::Error::from(std::io::Error::from(std::io::ErrorKind::StorageFull));
        let error = crate::desk::DeskError::from(full.context("cannot write checkpoint"));
        board.trouble(Part::Anchor, error);
        assert_eq!(
            board.snapshot().troubles[&Part::Anchor].what,
            "cannot write checkpoint: no storage space"
        );
    }

    #[test]
    fn a_trouble_keeps_its_beginning() {
        let board = Board::new("/nonexistent".into());
        board.trouble(Part::Chain, "one");
        let since = board.snapshot().troubles[&Part::Chain].since_ms;
        board.trouble(Part::Chain, "another");
        assert_eq!(
            board.snapshot().troubles[&Part::Chain],
            Trouble { since_ms: since, what: "another".into() }
        );
        board.fine(Part::Chain);
        assert!(board.snapshot().troubles.is_empty());
    }
}
