//! `matrixai-agent status`: is it working? Answered from the state folder, without TPM or lock, so also while the agent runs.

use crate::{
    board::{ChallengeView, DrillView, JobView, LastChallenge, Owed, STOPPING, Snapshot},
    clock::now_ms,
    config::Config,
    failure::Failure,
    identity::{Enrolment, Identity, Lost},
    journal::{Anchor, Journal},
    known::{self, Known},
    output::{Output, ago, count, span},
    render, replay,
    standing::Obstacle,
    state_dir::{self, StateDir},
    tally::{Tally, replayed},
    views::words,
};
use anyhow::{Result, anyhow};
use attest::{
    Hash,
    record::{ChipKind, ChipState},
};
use log_store::LogStore;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A snapshot older than this is not the running agent's.
pub const FRESH_MS: u64 = 20_000;
/// A chain that has shown nothing new for so long is out of reach, or has stopped.
const CUT_OFF_MS: u64 = 180_000;
/// A disk with less room than this takes no segment's growth for long, B.
const FULL: u64 = 64 << 10;
/// An anchor takes some blocks; after that it is overdue.
const LATE_MS: u64 = 30_000;
/// The latest anchors that are told.
const ANCHORS: usize = 1000;

/// What the state folder says.
#[derive(Debug, Default)]
pub struct Report {
    /// Who the machine is.
    pub identity: Option<Identity>,
    /// The agent's process.
    pub running: Option<i32>,
    /// Whether that process is `enroll`, which says nothing here.
    pub enrolling: bool,
    /// What an agent last said.
    pub snapshot: Option<Snapshot>,
    /// The log on disk.
    pub log: Option<LogView>,
    /// Attestations made.
    pub journal: Journal,
    /// Records that were signed or anchored, and are not there.
    pub missing: u64,
    /// What else is wrong with the state folder, whatever the agent says.
    pub folder: Vec<String>,
}

/// The log at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogView {
    /// Records.
    pub size: u64,
    /// Their root, where the log was read.
    pub root: Option<Hash>,
    /// When the last one was written, ms since 1970, where the log was read.
    pub last_ms: Option<u64>,
}

impl LogView {
    fn read(log: &LogStore) -> Self {
        let last = log.size().checked_sub(1).and_then(|last| log.read(last).ok());
        Self { size: log.size(), root: Some(log.root()), last_ms: last.map(|record| record.time_ms) }
    }

    fn value(&self) -> Value {
        json!({ "size": self.size, "root": self.root.map(hex::encode), "last_record_ms": self.last_ms })
    }

    fn line(&self) -> String {
        let last = self.last_ms.map_or_else(String::new, |ms| format!(", the last one {}", ago(ms)));
        format!("  log       {}{last}", count(self.size, "record"))
    }
}

/// What [`Report::verdict`] says where all is well.
const WORKING: &str = "working";
/// What it says of an agent that runs where not all is well.
const TROUBLE: &str = "running, with trouble";
/// What it says of one that was told to end, and still writes.
const ENDING: &str = "stopping";
/// What it says while `enroll` has the state folder.
const ENROLLING: &str = "enrolling";

/// Writes the report. Fails after that if the agent is not working, so that scripts need not read it.
pub fn status(config: &Config, output: Output) -> Result<()> {
    let report = Report::read(&StateDir::new(&config.state_dir))?;
    output.result(&report.value(), || report.text(&output))?;
    report.judge()
}

impl Report {
    /// Reads everything, the log from its beginning.
    pub fn read(state: &StateDir) -> Result<Self> {
        let running = state.running();
        let snapshot = Snapshot::load(&state.status());
        // First, since a running agent writes on.
        let known = Known::read(state)?;
        let log = if state.log().is_dir() { Some(LogStore::open_read_only(&state.log())?) } else { None };
        let missing = known.wanted().saturating_sub(log.as_ref().map_or(0, LogStore::size));
        if let (Some(log), Some(head), 0) = (&log, &known.head, missing) {
            head.check(log)?;
        }
        let unattested = log.as_ref().and_then(|log| known::lost_attestations(log, &known.journal));
        let full = state.room().filter(|room| *room < FULL).map(|_| {
            format!(
                "no room left in {}: neither log nor status can be written; free some space",
                state.path().display()
            )
        });
        Ok(Self {
            identity: known.identity,
            running,
            enrolling: running.is_some_and(state_dir::is_enrolling),
            snapshot,
            missing,
            log: log.as_ref().map(LogView::read),
            journal: known.journal,
            folder: full.into_iter().chain(unattested).collect(),
        })
    }

    /// As [`read`](Self::read), but takes the running agent's word for the log where there is one: for who looks each second.
    pub fn glance(state: &StateDir) -> Result<Self> {
        let (running, snapshot) = (state.running(), Snapshot::load(&state.status()));
        let mut report = Self { running, snapshot, ..Self::default() };
        let Some(size) = report.now().and_then(|snapshot| Some(snapshot.log.as_ref()?.size)) else {
            return Self::read(state);
        };
        report.journal = Journal::read(&state.anchors())?;
        report.identity = Identity::of(state)?;
        report.log = Some(LogView { size, root: None, last_ms: None });
        Ok(report)
    }

    /// What the running agent said a moment ago.
    pub fn now(&self) -> Option<&Snapshot> {
        let pid = self.running?;
        let snapshot = self.snapshot.as_ref()?;
        let its = i64::from(snapshot.pid) == i64::from(pid);
        (its && now_ms().saturating_sub(snapshot.written_ms) < FRESH_MS).then_some(snapshot)
    }

    /// The log that is lost while the chain holds the machine to it.
    fn lost(&self) -> Option<Lost> {
        self.identity.as_ref()?.lost
    }

    /// Why nothing can be anchored, as the agent saw it last.
    fn obstacle(&self) -> Option<Obstacle> {
        self.identity.as_ref()?.obstacle
    }

    fn is_enrolled(&self) -> bool {
        let enrolment = self.identity.as_ref().map(|identity| identity.enrolment);
        matches!(enrolment, Some(Enrolment::Enrolled { .. }))
    }

    /// The verdict, for the exit code.
    fn judge(&self) -> Result<()> {
        if self.missing > 0 {
            return Err(Failure::Damaged(anyhow!(self.lacks())).into());
        }
        let Some(Enrolment::Enrolled { epoch }) = self.identity.as_ref().map(|identity| identity.enrolment)
        else {
            return Err(Failure::NotEnrolled.into());
        };
        if let Some(lost) = self.lost() {
            return Err(Failure::EnrolAgain(lost.to_string()).into());
        }
        if let Some(obstacle) = self.obstacle() {
            return Err(obstacle.failure(epoch).into());
        }
        match self.verdict().0 {
            WORKING => Ok(()),
            verdict => Err(Failure::NotWorking(verdict).into()),
        }
    }

    fn lacks(&self) -> String {
        match self.missing {
            1 => "1 record that was signed or anchored is missing".into(),
            missing => format!("{missing} records that were signed or anchored are missing"),
        }
    }

    /// Is it working? In a few words, and what to do.
    pub fn verdict(&self) -> (&'static str, Vec<String>) {
        let mut advice = Vec::new();
        if !self.is_enrolled() && !self.enrolling {
            advice.push("enrol: matrixai-agent enroll --token FILE".to_string());
        }
        if self.missing > 0 {
            advice.push(format!("{}: matrixai-agent doctor", self.lacks()));
        }
        if let Some(lost) = self.lost() {
            advice.push(format!("{lost}: stop the agent, then matrixai-agent enroll --token FILE"));
        } else if let Some(obstacle) = self.obstacle() {
            advice.push(format!("{}; {}", obstacle.seen_last(), obstacle.advice()));
        }
        advice.extend(self.folder.iter().cloned());
        let verdict = match (self.running, self.now()) {
            (None, _) => {
                if self.obstacle().is_none() {
                    advice.push("start it: systemctl start matrixai-agent, or matrixai-agent run".into());
                }
                "not running"
            }
            (Some(_), None) if self.enrolling => {
                advice.push("let `matrixai-agent enroll` come to its end; it says where it is".into());
                ENROLLING
            }
            (Some(_), None) if !self.folder.is_empty() => TROUBLE,
            (Some(_), None) => {
                advice.push(
                    "it has said nothing for a while; see its journal: journalctl -u matrixai-agent".into(),
                );
                "starting, or not answering"
            }
            (Some(_), Some(snapshot)) if snapshot.doing == STOPPING => ENDING,
            (Some(_), Some(snapshot)) if self.is_troubled(snapshot) => {
                advice.push("find out more: matrixai-agent doctor".into());
                TROUBLE
            }
            (Some(_), Some(_)) if self.is_enrolled() => WORKING,
            (Some(_), Some(_)) => "logging, not enrolled",
        };
        (verdict, advice)
    }

    fn is_troubled(&self, snapshot: &Snapshot) -> bool {
        let own = !snapshot.troubles.is_empty() || cut_off(snapshot).is_some();
        let unfit = self.lost().is_some() || self.obstacle().is_some();
        own || unfit || self.missing > 0 || !self.folder.is_empty()
    }

    /// The latest anchors that are final, oldest first.
    pub fn anchors(&self) -> Vec<&Anchor> {
        let Some(ak) = self.identity.as_ref().map(Identity::ak_name) else { return Vec::new() };
        let all: Vec<&Anchor> = self.journal.finalised(&ak).collect();
        all.into_iter().rev().take(ANCHORS).rev().collect()
    }

    fn value(&self) -> Value {
        let (verdict, advice) = self.verdict();
        let identity = self.identity.as_ref();
        json!({
            "verdict": verdict,
            "advice": advice,
            "running": self.running,
            "machine": identity.map(|identity| hex::encode(identity.machine)),
            "device": identity.map(|identity| hex::encode(identity.device.public)),
            "genesis": identity.and_then(|identity| identity.genesis),
            "enrolment": identity.map(|identity| identity.enrolment),
            "obstacle": self.obstacle().map(|obstacle| obstacle.to_string()),
            "log": self.log.as_ref().map(LogView::value),
            "agent": self.now(),
            "anchors": self.anchors().into_iter().map(anchor_value).collect::<Vec<_>>(),
        })
    }

    fn text(&self, output: &Output) -> String {
        let (verdict, advice) = self.verdict();
        let painted = match verdict {
            WORKING => output.good(verdict),
            "not running" => output.bad(verdict),
            _ => output.doubtful(verdict),
        };
        let mut lines = vec![match self.running {
            Some(pid) => format!("{painted} (pid {pid})"),
            None => painted,
        }];
        if let Some(recording) = self.now().and_then(|now| now.log.as_ref()).and_then(Tally::replay) {
            let label = output.bad("REPLAY: GPUs are played back, not measured here.");
            lines.push(format!("  {label} {recording}"));
        }
        lines.extend(self.machine_lines());
        lines.extend(self.log.as_ref().map(LogView::line));
        lines.extend(self.anchor_lines());
        lines.extend(self.now().into_iter().flat_map(|snapshot| snapshot_lines(snapshot, output)));
        lines.extend(advice.into_iter().map(|advice| format!("  → {advice}")));
        lines.join("\n")
    }

    fn machine_lines(&self) -> Vec<String> {
        let Some(identity) = &self.identity else {
            return vec!["  machine   unknown: no identity in this state folder yet".into()];
        };
        let enrolment = match identity.enrolment {
            Enrolment::None => "not enrolled".to_string(),
            Enrolment::Requested { id, .. } => format!("requested ({id})"),
            Enrolment::Enrolled { epoch } => format!("enrolled, epoch {epoch}"),
        };
        vec![
            format!("  machine   {}", hex::encode(identity.machine)),
            format!("  enrolment {enrolment}"),
            format!("  device    {}", hex::encode(identity.device.public)),
        ]
    }

    fn anchor_lines(&self) -> Vec<String> {
        let anchors = self.anchors();
        let Some(last) = anchors.last() else { return vec!["  anchors   none yet".into()] };
        let signed = &last.made.signed;
        vec![format!(
            "  anchors   {}; the last: counter {}, {} records, in block {}, root {}",
            anchors.len(),
            last.made.counter,
            signed.size,
            last.at.unwrap_or_default(),
            render::short(&signed.root)
        )]
    }
}

/// What is to be said of a chain that has shown no new final block for a while.
fn cut_off(snapshot: &Snapshot) -> Option<String> {
    let seen = snapshot.chain.finalized_seen_ms.unwrap_or(snapshot.started_ms);
    let still = now_ms().saturating_sub(seen);
    let long = snapshot.chain.stall.is_some() || still > CUT_OFF_MS;
    long.then(|| format!("no new final block for {}", span(still)))
}

/// What is owed to the chain, by kind: a machine at work owes dozens of calls at a time.
fn owed_line(outbox: &[Owed]) -> Option<String> {
    let mut kinds = BTreeMap::<_, (u64, u32)>::new();
    for owed in outbox {
        let (number, attempts) = kinds.entry((&owed.kind, &owed.state)).or_default();
        *number += 1;
        *attempts = owed.attempts.max(*attempts);
    }
    let kinds = kinds.into_iter().map(|((kind, state), (number, attempts))| {
        let again = if attempts > 1 { format!(", attempt {attempts}") } else { String::new() };
        format!("{number} × {kind} ({state}{again})")
    });
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    (!kinds.is_empty()).then(|| format!("  owed      {kinds}"))
}

fn next_line(due: u64, output: &Output) -> String {
    let when = match now_ms().checked_sub(due) {
        None => ago(due),
        Some(late) if late < LATE_MS => "due now".into(),
        Some(late) => output.doubtful(&format!("overdue since {}", span(late))),
    };
    format!("  next      anchor {when}")
}

fn drill_line(drill: &DrillView, output: &Output) -> String {
    let mut line = format!(
        "  drilling  {} tasks open, {} agreed, {} forfeited",
        drill.tasks, drill.agreed, drill.forfeited
    );
    let held = drill.held.iter().chain(&drill.bond).chain(&drill.no_supply).chain(&drill.better_class);
    held.for_each(|why| line += &format!("; {}", output.doubtful(why)));
    if let Some(first) = drill.passed_over.first() {
        let count = drill.passed_over.len();
        line += &format!("; {}", output.doubtful(&format!("{count} passed over: {}", first.why)));
    }
    for engine in &drill.engines {
        let lost = engine.lost.iter().map(|why| format!("; {} lost: {why}", engine.name));
        lost.for_each(|why| line += &output.bad(&why));
    }
    if drill.convicted > 0 {
        line += &format!("; {}", output.bad(&format!("convicted {}", count(drill.convicted.into(), "time"))));
    }
    line
}

fn job_line(job: &JobView, output: &Output) -> String {
    let mut line = format!("  job       {}: {} snapshots in this run", job.name, job.taken);
    if let (Some(digest), Some(ms)) = (job.last, job.last_ms) {
        line += &format!(", the last one {}: {}", ago(ms), render::short(&digest.0));
    }
    if let Some(draw) = &job.drawn {
        line += &format!("; block {} drew last: {}", draw.block, draw.outcome);
    }
    if job.reading {
        line += "; one is being taken";
    }
    for (why, count) in &job.missed {
        line += &format!("; {}", output.doubtful(&format!("{count} missed: {why}")));
    }
    if job.unwatched > 0 {
        line += &format!("; {}", output.doubtful(&format!("{} blocks not looked at", job.unwatched)));
    }
    line
}

fn challenge_line(view: &ChallengeView, output: &Output) -> String {
    let mut line = match &view.off {
        Some(why) => format!("  challenge none: {why}"),
        None => format!("  challenge of the GPUs in one block of {}", view.mean_blocks),
    };
    if view.under_way {
        line += "; one is under way";
    }
    let Some(LastChallenge { block, at_ms, checks, failed, score, why }) = &view.last else { return line };
    let found = match why {
        None => output.good(&format!("{checks} checks, score 0")),
        Some(why) => output
            .doubtful(&format!("{checks} checks, {failed} could not be done, score {score} of 1000: {why}")),
    };
    line + &format!("; the last one {}, by block {block}: {found}", ago(*at_ms))
}

fn anchor_value(anchor: &Anchor) -> Value {
    let signed = &anchor.made.signed;
    json!({
        "counter": anchor.made.counter,
        "size": signed.size,
        "root": hex::encode(signed.root),
        "block": signed.block_number,
        "included_in": anchor.at,
    })
}

/// GPUs one by one, everything else by number.
fn chip_lines(log: &Tally, output: &Output) -> Vec<String> {
    let gpus = log.chips.iter().filter(|known| known.chip.kind == ChipKind::Gpu).map(|known| {
        let chip = &known.chip;
        let reading = known.current().map_or_else(|| "no reading yet".into(), render::activity);
        let said = match (replayed(&chip.state), words::caveat(chip.kind, &chip.state)) {
            (Some(recording), _) => {
                format!("{}, {reading}", output.doubtful(replay::source(Some(recording))))
            }
            (None, Some(caveat)) => output.doubtful(&caveat),
            (None, None) => reading,
        };
        format!("{} {}: {said}", chip.index, chip.name)
    });
    let answers = log.chips.iter().filter(|known| known.chip.state == ChipState::Present);
    let rest = answers.filter(|known| known.chip.kind != ChipKind::Gpu).count();
    let all = gpus.chain([format!("{rest} others answer (processors, memory, disks)")]);
    all.map(|line| format!("  chip      {line}")).collect()
}

fn snapshot_lines(snapshot: &Snapshot, output: &Output) -> Vec<String> {
    let chain = &snapshot.chain;
    let height = chain.finalized.map_or_else(String::new, |number| format!(", block {number} final"));
    let seen = chain.finalized_seen_ms.map_or_else(String::new, |ms| format!(" ({})", ago(ms)));
    let mut lines = vec![
        format!("  doing     {}", snapshot.doing),
        format!("  chain     {}, {} peers{height}{seen}", chain.phase, chain.peers),
    ];
    let still = cut_off(snapshot);
    lines.extend(still.iter().chain(&chain.stall).map(|why| format!("            {}", output.bad(why))));
    if let Some(machine) = &snapshot.machine {
        lines.push(format!(
            "  on chain  {}, level {}, {} records anchored, due by block {}",
            machine.standing, machine.level, machine.anchored, machine.due
        ));
    }
    if let Some(power) = snapshot.power {
        lines.push(format!(
            "  power     {} effective, {} drilled ever",
            words::ut(power.effective),
            words::ut(power.drilling_total)
        ));
    }
    if let Some(next) = snapshot.next_anchor_ms {
        lines.push(next_line(next, output));
    }
    lines.extend(snapshot.log.iter().flat_map(|log| chip_lines(log, output)));
    lines.extend(snapshot.drill.as_ref().map(|drill| drill_line(drill, output)));
    lines.extend(snapshot.challenges.as_ref().map(|view| challenge_line(view, output)));
    lines.extend(snapshot.jobs.iter().map(|job| job_line(job, output)));
    lines.extend(snapshot.metrics.map(|address| format!("  metrics   http://{address}/metrics")));
    lines.extend(owed_line(&snapshot.outbox));
    for (part, trouble) in &snapshot.troubles {
        let part = part.name();
        lines.push(format!(
            "  {} {part}: {} (since {})",
            output.bad("trouble"),
            trouble.what,
            ago(trouble.since_ms)
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolled() -> Report {
        let mut identity = crate::identity::tests::made_up();
        identity.enrolment = Enrolment::Enrolled { epoch: 0 };
        let pid = std::process::id();
        let mut snapshot =
            Snapshot { pid, written_ms: now_ms(), started_ms: now_ms(), ..Snapshot::default() };
        snapshot.chain.finalized_seen_ms = Some(now_ms());
        let running = i32::try_from(pid).ok();
        Report { identity: Some(identity), running, snapshot: Some(snapshot), ..Report::default() }
    }

    #[test]
    fn a_lost_log_is_trouble_until_the_machine_is_enrolled_anew() {
        let output = Output { json: false, colour: false };
        let mut report = enrolled();
        assert_eq!(report.verdict(), (WORKING, vec![]));
        report.judge().unwrap();
        report.identity.as_mut().unwrap().lost = Some(Lost { signed: 638, anchored: 188 });
        let told = report.text(&output);
        assert!(
            told.starts_with(TROUBLE) && told.contains("638 records had been signed and 188 anchored"),
            "{told}"
        );
        assert!(told.contains("matrixai-agent enroll --token"), "{told}");
        assert!(matches!(report.judge().unwrap_err().downcast_ref(), Some(Failure::EnrolAgain(_))));
        // The same where it does not run.
        report.running = None;
        assert!(report.text(&output).contains("638 records"));
        assert!(matches!(report.judge().unwrap_err().downcast_ref(), Some(Failure::EnrolAgain(_))));
    }

    #[test]
    fn what_keeps_an_agent_from_saying_anything_is_said_by_status() {
        let mut report = enrolled();
        report.snapshot = None;
        assert_eq!(report.verdict().0, "starting, or not answering");
        report.folder = vec!["no room left".into()];
        assert_eq!(report.verdict(), (TROUBLE, vec!["no room left".into()]));
    }

    #[test]
    fn a_chain_that_shows_nothing_new_and_an_overdue_anchor_are_told_with_since_when() {
        let output = Output { json: false, colour: false };
        let mut report = enrolled();
        report.snapshot.as_mut().unwrap().chain.finalized_seen_ms = Some(now_ms() - 600_500);
        assert_eq!(report.verdict().0, TROUBLE);
        assert!(report.text(&output).contains("no new final block for 10 min"));
        assert!(next_line(now_ms() + 90_500, &output).ends_with("anchor in 90 s"));
        assert!(next_line(now_ms() - 2_000, &output).ends_with("anchor due now"));
        assert!(next_line(now_ms() - 600_500, &output).ends_with("overdue since 10 min"));
    }

    #[test]
    fn what_is_owed_is_told_in_one_line_whatever_its_number() {
        let owed =
            |kind: &str, state: &str, attempts| Owed { kind: kind.into(), state: state.into(), attempts };
        assert_eq!(owed_line(&[]), None);
        let some =
            [owed("reveal", "submitted", 1), owed("anchor", "queued", 0), owed("reveal", "submitted", 3)];
        let told = owed_line(&some).unwrap();
        assert_eq!(told, "  owed      1 × anchor (queued), 2 × reveal (submitted, attempt 3)");
    }

    #[test]
    fn a_challenge_is_told_in_one_line() {
        let output = Output { json: false, colour: false };
        let off = ChallengeView { off: Some("no GPU".into()), ..ChallengeView::default() };
        assert_eq!(challenge_line(&off, &output), "  challenge none: no GPU");
        let none = ChallengeView { mean_blocks: 14_400, ..ChallengeView::default() };
        assert_eq!(challenge_line(&none, &output), "  challenge of the GPUs in one block of 14400");
        let last = LastChallenge { block: 7, at_ms: now_ms(), checks: 16, ..LastChallenge::default() };
        let fine = ChallengeView { last: Some(last.clone()), under_way: true, ..none.clone() };
        let told = challenge_line(&fine, &output);
        assert!(
            told.contains("; one is under way; the last one 0 s ago, by block 7: 16 checks, score 0"),
            "{told}"
        );
        let slow = LastChallenge { score: 700, failed: 2, why: Some("slow".into()), ..last };
        let told = challenge_line(&ChallengeView { last: Some(slow), ..none }, &output);
        assert!(told.ends_with("16 checks, 2 could not be done, score 700 of 1000: slow"), "{told}");
    }
}
