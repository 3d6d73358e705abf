//! What the chain's randomness drew in the period: snapshots of jobs' weights, and challenges of the GPUs. Kept from the log's records, and
//! shown with what came of each.

use super::{
    chart::Stretch,
    digest::Listed,
    page::{Escaped, ROWS, minute},
};
use crate::{challenges::ChallengeOutcome, render, views::words};
use attest::{
    Hash,
    record::{Finding, Outcome, Snapshot, Verdict},
};
use std::{collections::BTreeMap, fmt::Write};

/// Jobs that are told apart. An agent has sixteen at one time.
const JOBS: usize = 64;

/// What the operator calls jobs, by the log's name for them.
pub type Names = BTreeMap<Hash, String>;

/// All of it.
#[derive(Debug, Default)]
pub struct Draws {
    /// Jobs that were watched.
    pub jobs: BTreeMap<Hash, JobDigest>,
    /// Records about jobs that there was no room for.
    pub more: u64,
    /// Records about jobs, and when the log was told.
    pub snapshots: Listed<(u64, Snapshot)>,
    /// The watch over challenges, once the log told of it.
    pub watch: Option<Watched>,
    /// Challenges.
    pub challenges: Listed<Challenged>,
    /// All challenges but the last, by what came of them.
    before: BTreeMap<ChallengeOutcome, u64>,
}

/// How something is watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watched {
    /// Whether draws count at the period's end.
    pub on: bool,
    /// Blocks between two draws, on average.
    pub mean_blocks: u32,
    /// Blocks of the period that nobody looked at.
    pub unwatched: u64,
}

/// One job over the period.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct JobDigest {
    /// How it is watched.
    pub watch: Watched,
    /// Checkpoints read.
    pub taken: u64,
    /// Draws that found the file of last time.
    pub unchanged: u64,
    /// Draws without a digest, by reason.
    pub missed: BTreeMap<&'static str, u64>,
}

/// One challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenged {
    /// When the log was told, ms since 1970.
    pub at_ms: u64,
    /// The hash of the block that drew it.
    pub draw: Hash,
    /// Checks, of all GPUs.
    pub checks: usize,
    /// Those that could not be done.
    pub failed: usize,
    /// The highest score.
    pub score: u16,
    /// That check's reason; where none has a score, of the first that could not be done.
    pub why: Option<String>,
}

impl Watched {
    fn take(&mut self, snapshot: &Snapshot, counts: bool) {
        self.mean_blocks = snapshot.mean_blocks;
        self.on = snapshot.outcome != Outcome::Ended;
        if let (Outcome::Unwatched { from }, true) = (&snapshot.outcome, counts) {
            let blocks = snapshot.block_number.saturating_sub(*from).saturating_add(1);
            self.unwatched = self.unwatched.saturating_add(blocks);
        }
    }
}

impl JobDigest {
    fn take(&mut self, snapshot: &Snapshot, counts: bool) {
        self.watch.take(snapshot, counts);
        match &snapshot.outcome {
            _ if !counts => {}
            Outcome::Taken(_) => self.taken += 1,
            Outcome::Unchanged(_) => self.unchanged += 1,
            Outcome::Missed(why) => *self.missed.entry(why.name()).or_default() += 1,
            Outcome::Watching | Outcome::Ended | Outcome::Unwatched { .. } => {}
        }
    }
}

impl Challenged {
    fn take(&mut self, finding: &Finding) {
        self.checks += 1;
        let failed = finding.verdict == Verdict::Failed;
        if finding.score > self.score || (self.why.is_none() && failed) {
            self.why = Some(finding.reason.to_string());
        }
        self.failed += usize::from(failed);
        self.score = self.score.max(finding.score);
    }

    /// All of it in a word.
    pub const fn outcome(&self) -> ChallengeOutcome {
        ChallengeOutcome::of(self.checks, self.failed, self.score)
    }
}

impl Draws {
    /// A record about a watch. What was told before the period says how things stood when it began, and `counts` for nothing else.
    pub fn watched(&mut self, snapshot: Snapshot, time_ms: u64, counts: bool) {
        if snapshot.job == evidence::challenge::watch() {
            return self.watch.get_or_insert_default().take(&snapshot, counts);
        }
        if snapshot.outcome == Outcome::Ended && !counts {
            self.jobs.remove(&snapshot.job);
            return;
        }
        if self.jobs.len() >= JOBS && !self.jobs.contains_key(&snapshot.job) {
            self.more += 1;
            return;
        }
        self.jobs.entry(snapshot.job).or_default().take(&snapshot, counts);
        if counts {
            self.snapshots.push((time_ms, snapshot));
        }
    }

    /// What one check of a challenge found, in the period. Those of one challenge follow each other.
    pub fn challenged(&mut self, finding: &Finding, draw: Hash, at_ms: u64) {
        match self.challenges.latest.back_mut() {
            Some(last) if last.draw == draw => return last.take(finding),
            Some(last) => *self.before.entry(last.outcome()).or_default() += 1,
            None => {}
        }
        let mut challenge = Challenged { at_ms, draw, checks: 0, failed: 0, score: 0, why: None };
        challenge.take(finding);
        self.challenges.push(challenge);
    }

    /// Challenges, by what came of them.
    pub fn outcomes(&self) -> BTreeMap<ChallengeOutcome, u64> {
        let mut outcomes = self.before.clone();
        if let Some(last) = self.challenges.latest.back() {
            *outcomes.entry(last.outcome()).or_default() += 1;
        }
        outcomes
    }

    /// Draws that found weights.
    pub fn digests(&self) -> u64 {
        self.jobs.values().map(|job| job.taken.saturating_add(job.unchanged)).fold(0, u64::saturating_add)
    }

    /// For the strip: moments of draws; `share` is where a time lies on it.
    pub fn stretches<'a>(&self, names: &Names, share: impl Fn(u64) -> f64) -> Vec<Stretch<'a>> {
        let moment = |class, ms, title| Stretch { class, from: share(ms), to: share(ms), title };
        let snapshots = self.snapshots.latest.iter().filter_map(|(ms, snapshot)| {
            let class = match &snapshot.outcome {
                Outcome::Taken(_) | Outcome::Unchanged(_) => "snapshot",
                Outcome::Missed(_) => "amiss",
                Outcome::Watching | Outcome::Ended | Outcome::Unwatched { .. } => return None,
            };
            let (job, block) = (name(names, &snapshot.job), snapshot.block_number);
            let title = format!("weights of {job}, block {block}: {}, {} UTC", told(snapshot), minute(*ms));
            Some(moment(class, *ms, title))
        });
        let challenges = self.challenges.latest.iter().map(|one| {
            let outcome = one.outcome();
            let class = if outcome == ChallengeOutcome::Clear { "challenge" } else { "amiss" };
            moment(
                class,
                one.at_ms,
                format!("challenge of the GPUs: {}, {} UTC", outcome.name(), minute(one.at_ms)),
            )
        });
        snapshots.chain(challenges).collect()
    }

    /// The sections about both.
    pub fn sections(&self, names: &Names) -> String {
        self.weights(names) + &self.gpus()
    }

    fn weights(&self, names: &Names) -> String {
        let mut out = String::from("<h2>Snapshots of weights</h2>");
        if self.jobs.is_empty() {
            return out + "<p>No job's weights were watched in this period.</p>";
        }
        out += "<p>Digests of jobs' newest checkpoints, taken in blocks that the chain's randomness drew: nobody could name them before. A digest says that a file \
                with these bytes was there, not that it was trained there.</p><div class=\"scroll\"><table><tr><th>job</th><th class=\"n\">read</th>\
                <th class=\"n\">unchanged</th><th>no digest</th><th class=\"n\">blocks not looked at</th><th>a draw in</th></tr>";
        for (job, digest) in &self.jobs {
            let missed = digest.missed.iter().map(|(why, count)| format!("{count} × {why}"));
            let missed: Vec<String> = missed.collect();
            let ended = if digest.watch.on { "" } else { "; ended" };
            let _ = write!(
                out,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td>{} blocks{ended}</td></tr>",
                Escaped(&name(names, job)),
                words::count(digest.taken),
                words::count(digest.unchanged),
                if missed.is_empty() { "none".into() } else { missed.join(", ") },
                words::count(digest.watch.unwatched),
                words::count(digest.watch.mean_blocks.into()),
            );
        }
        out += "</table></div>";
        if self.more > 0 {
            out += "<p class=\"bad\">There are more jobs than this page has room for.</p>";
        }
        out + &self.latest_snapshots(names)
    }

    fn latest_snapshots(&self, names: &Names) -> String {
        if self.snapshots.count == 0 {
            return String::from("<p>No block of this period drew any of them.</p>");
        }
        let mut out = format!(
            "<p>The latest of {} records:</p><div class=\"scroll\"><table><tr><th>when (UTC)</th><th>job</th><th class=\"n\">block</th><th>what came of it</th></tr>",
            words::count(self.snapshots.count)
        );
        for (ms, snapshot) in self.snapshots.latest.iter().rev().take(ROWS) {
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
                minute(*ms),
                Escaped(&name(names, &snapshot.job)),
                words::count(snapshot.block_number),
                told(snapshot)
            );
        }
        out + "</table></div>"
    }

    fn gpus(&self) -> String {
        let mut out = String::from("<h2>Challenges of the GPUs</h2>");
        let watch = self.watch.unwrap_or_default();
        if self.challenges.count == 0 && (!watch.on || watch.unwatched == 0) {
            let why = if watch.on { "no block drew one" } else { "they were not watched" };
            return out + &format!("<p>None in this period: {why}.</p>");
        }
        let outcomes = self.outcomes();
        let outcomes: Vec<String> =
            outcomes.iter().map(|(outcome, count)| format!(", {count} {}", outcome.name())).collect();
        let _ = write!(
            out,
            "<p>{} drawn by the chain{}; blocks that nobody looked at: {}. The machine asks itself: what binds are the moment and the seed, which nobody \
             knew, and results that such memory is needed for.</p>",
            words::count(self.challenges.count),
            outcomes.concat(),
            words::count(watch.unwatched)
        );
        if self.challenges.count == 0 {
            return out;
        }
        out += "<div class=\"scroll\"><table><tr><th>when (UTC)</th><th>drawn by block</th><th class=\"n\">checks</th><th class=\"n\">not done</th>\
                <th class=\"n\">score of 1000</th><th>outcome</th><th>why</th></tr>";
        for one in self.challenges.latest.iter().rev().take(ROWS) {
            let _ = write!(
                out,
                "<tr><td>{}</td><td><code>{}…</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
                minute(one.at_ms),
                render::short(&one.draw),
                one.checks,
                one.failed,
                one.score,
                one.outcome().name(),
                Escaped(one.why.as_deref().unwrap_or_default())
            );
        }
        out + "</table></div>"
    }
}

/// What the operator calls a job now, or its digest.
fn name(names: &Names, job: &Hash) -> String {
    names.get(job).cloned().unwrap_or_else(|| format!("{}…", render::short(job)))
}

fn told(snapshot: &Snapshot) -> String {
    match &snapshot.outcome {
        Outcome::Watching => "watched from the next block on".into(),
        Outcome::Ended => "not watched any more".into(),
        Outcome::Taken(weights) => {
            format!("digest {}…, {} bytes", render::short(&weights.digest), words::count(weights.size))
        }
        Outcome::Unchanged(weights) => format!("digest {}… as before", render::short(&weights.digest)),
        Outcome::Missed(why) => format!("no digest: {}", why.name()),
        Outcome::Unwatched { from } => format!("nobody looked at the blocks from {} on", words::count(*from)),
    }
}
