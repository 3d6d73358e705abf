//! What an exported log tells of jobs' weights (docs/snapshots.md): for each job, what was taken and what was missed; with the chain's headers,
//! whether every block that drew has its record; with a file of weights, where its digest is. Challenges of GPUs, which are drawn alike, are told
//! beside that.

mod headers;

pub use headers::Headers;

use crate::{
    draws::{Draws, Said},
    error::Error,
    exported,
    gpu_challenges::{ChallengeAccount, Told},
};
use attest::{
    Hash, Record,
    record::{Body, Outcome, Snapshot},
};
use evidence::{AnchorReport, challenge};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::Read,
    path::{Path, PathBuf},
};

/// A record of the log that tells of a job's weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub seq: u64,
    /// ms since 1970, as the machine says.
    pub time_ms: u64,
    /// What it tells.
    pub snapshot: Snapshot,
}

impl Entry {
    /// What a record tells of weights, if it does.
    pub fn of(record: Record) -> Option<Self> {
        let Record { seq, time_ms, body, .. } = record;
        match body {
            // Challenges of GPUs are drawn alike, and are no job.
            Body::Snapshot(snapshot) if snapshot.job != challenge::watch() => {
                Some(Self { seq, time_ms, snapshot })
            }
            _ => None,
        }
    }
}

/// A job, as a log tells of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct JobAccount {
    /// Hex of the job: SHA-256 over its name.
    pub job: String,
    /// Blocks between two draws on average, as last told.
    pub mean_blocks: u32,
    /// The block after which draws counted first.
    pub from_block: u64,
    /// The last block that is told of.
    pub to_block: u64,
    /// Whether the watch has ended.
    pub ended: bool,
    /// Snapshots that were read.
    pub taken: u64,
    /// Snapshots of a file that was the one before.
    pub unchanged: u64,
    /// Different digests.
    pub digests: usize,
    /// Draws without a digest, by reason.
    pub missed: BTreeMap<&'static str, u64>,
    /// Blocks that nobody looked at, as the log says.
    pub unwatched_blocks: u64,
    /// What the chain says to that; none where no headers were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<Draws>,
}

/// Accounts for each job of a machine's log, by the order in which they appear.
pub fn account(machine: &Hash, entries: &[Entry], headers: Option<&Headers>) -> Vec<JobAccount> {
    let mut jobs: Vec<(Hash, Vec<&Snapshot>)> = Vec::new();
    for entry in entries {
        let job = entry.snapshot.job;
        match jobs.iter_mut().find(|(known, _)| *known == job) {
            Some((_, told)) => told.push(&entry.snapshot),
            None => jobs.push((job, vec![&entry.snapshot])),
        }
    }
    let of_job = |(job, told): &(Hash, Vec<&Snapshot>)| {
        let mut account = summary(job, told);
        let said: Vec<Said> = told.iter().map(|one| Said::from(*one)).collect();
        account.draws =
            headers.map(|headers| Draws::of(machine, job, &said, account.to_block, headers, false));
        account
    };
    jobs.iter().map(of_job).collect()
}

fn summary(job: &Hash, told: &[&Snapshot]) -> JobAccount {
    let mut account = JobAccount {
        job: hex::encode(job),
        mean_blocks: told.last().map_or(0, |last| last.mean_blocks),
        from_block: told.first().map_or(0, |first| first.block_number),
        to_block: told.iter().map(|one| one.block_number).max().unwrap_or(0),
        ended: false,
        taken: 0,
        unchanged: 0,
        digests: 0,
        missed: BTreeMap::new(),
        unwatched_blocks: 0,
        draws: None,
    };
    let mut digests = BTreeSet::new();
    for one in told {
        digests.extend(one.outcome.weights().map(|weights| weights.digest));
        match &one.outcome {
            Outcome::Watching => account.ended = false,
            Outcome::Ended => account.ended = true,
            Outcome::Taken(_) => account.taken += 1,
            Outcome::Unchanged(_) => account.unchanged += 1,
            Outcome::Missed(why) => *account.missed.entry(why.name()).or_default() += 1,
            Outcome::Unwatched { from } => {
                let blocks = one.block_number.saturating_sub(*from).saturating_add(1);
                account.unwatched_blocks = account.unwatched_blocks.saturating_add(blocks);
            }
        }
    }
    account.digests = digests.len();
    account
}

/// Where a file's digest is in the log.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The file.
    pub file: PathBuf,
    /// Hex of its BLAKE3.
    pub digest: String,
    /// The records that have it.
    pub records: Vec<FoundIn>,
}

/// A record that has a file's digest.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FoundIn {
    /// Its position.
    pub seq: u64,
    /// Hex of the job.
    pub job: String,
    /// The block that drew it.
    pub block: u64,
    /// ms since 1970, as the machine says.
    pub time_ms: u64,
    /// The TPM's counter in the first anchor that covers the record; none while there is no such anchor.
    pub counter: Option<u64>,
}

/// Looks for a file's digest. `anchors` are the log's, oldest first.
pub fn find(file: &Path, entries: &[Entry], anchors: &[AnchorReport]) -> Result<Found, Error> {
    let trouble = |source| Error::File { path: file.into(), source };
    let mut hasher = blake3::Hasher::new();
    let weights = plain_io::open(file).map_err(trouble)?;
    // As long as it is now: one that grows while it is read would have no end.
    let length = weights.metadata().map_err(trouble)?.len();
    hasher.update_reader(weights.take(length)).map_err(trouble)?;
    let digest: Hash = hasher.finalize().into();
    let has_it = |entry: &&Entry| entry.snapshot.outcome.weights().is_some_and(|told| told.digest == digest);
    let record = |entry: &Entry| FoundIn {
        seq: entry.seq,
        job: hex::encode(entry.snapshot.job),
        block: entry.snapshot.block_number,
        time_ms: entry.time_ms,
        counter: anchors.iter().find(|anchor| anchor.size > entry.seq).map(|anchor| anchor.counter),
    };
    let records = entries.iter().filter(has_it).map(record).collect();
    Ok(Found { file: file.into(), digest: hex::encode(digest), records })
}

/// What an inspector is told.
#[derive(Debug, Serialize)]
pub struct Snapshots {
    /// Each job.
    pub jobs: Vec<JobAccount>,
    /// Challenges of the machine's GPUs, where the log tells of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenges: Option<ChallengeAccount>,
    /// The last header's number and hash, where headers were given: to be compared with a chain that one trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers_to: Option<(u64, String)>,
    /// Anchors whose block, which the TPM has signed, is among the headers.
    pub anchors_among_headers: usize,
    /// Files that were looked for.
    pub files: Vec<Found>,
}

/// Checks evidence and log as `verify` does, then what the log tells of weights.
pub fn check(
    bundle: &Path,
    log: &Path,
    headers: Option<&Path>,
    files: &[PathBuf],
) -> Result<Snapshots, Error> {
    let bundle = exported::bundle(bundle)?;
    let (mut entries, mut challenged) = (Vec::new(), Told::default());
    let report = exported::check(&bundle, Some(log), |record| {
        challenged.take(&record);
        entries.extend(Entry::of(record));
    })?;
    let headers = headers.map(Headers::read).transpose()?;
    let anchored =
        |headers: &Headers| bundle.anchors.iter().filter(|one| headers.has(&one.block_hash)).count();
    Ok(Snapshots {
        jobs: account(&bundle.machine(), &entries, headers.as_ref()),
        challenges: challenged.account(&bundle.machine(), headers.as_ref()),
        headers_to: headers
            .as_ref()
            .and_then(Headers::last)
            .map(|(number, hash)| (number, hex::encode(hash))),
        anchors_among_headers: headers.as_ref().map_or(0, anchored),
        files: files.iter().map(|file| find(file, &entries, &report.anchors)).collect::<Result<_, _>>()?,
    })
}

impl Snapshots {
    /// Whether all that was asked for is in the log.
    pub fn verdict(&self) -> Result<(), Error> {
        if self.files.iter().any(|found| found.records.is_empty()) {
            return Err(Error::NotKept("a file's digest is not in the log"));
        }
        let jobs = self.jobs.iter().filter_map(|job| job.draws.as_ref());
        let challenges = self.challenges.iter().filter_map(|told| told.draws.as_ref());
        match jobs.chain(challenges).all(Draws::are_kept) {
            true => Ok(()),
            false => Err(Error::NotKept("the log does not tell of every draw as the chain has it")),
        }
    }
}

impl fmt::Display for JobAccount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let job = self.job.get(..12).unwrap_or_default();
        let ended = if self.ended { ", ended" } else { "" };
        write!(
            out,
            "job {job}  blocks {} to {}{ended}, a draw in {} blocks: {} taken, {} unchanged, {} digests",
            self.from_block, self.to_block, self.mean_blocks, self.taken, self.unchanged, self.digests
        )?;
        for (why, count) in &self.missed {
            write!(out, ", {count} missed ({why})")?;
        }
        writeln!(out, ", {} blocks not looked at", self.unwatched_blocks)?;
        self.draws.as_ref().map_or(Ok(()), |draws| write!(out, "{draws}"))
    }
}

impl fmt::Display for Snapshots {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.jobs.is_empty() {
            writeln!(out, "the log tells of no job")?;
        }
        self.jobs.iter().try_for_each(|job| write!(out, "{job}"))?;
        self.challenges.iter().try_for_each(|told| write!(out, "{told}"))?;
        if let Some((number, hash)) = &self.headers_to {
            writeln!(
                out,
                "headers     to block {number}, {hash}: compare that; {} anchors' blocks are among them",
                self.anchors_among_headers
            )?;
        } else {
            writeln!(out, "draws       not checked: give --headers")?;
        }
        for found in &self.files {
            writeln!(out, "{}  {}", found.digest, found.file.display())?;
            if found.records.is_empty() {
                writeln!(out, "            NOT IN THE LOG")?;
            }
            for record in &found.records {
                let anchor = match record.counter {
                    Some(counter) => format!("anchored with counter {counter}"),
                    None => "not anchored yet".into(),
                };
                writeln!(
                    out,
                    "            record {}, drawn by block {}, job {}, {anchor}",
                    record.seq,
                    record.block,
                    record.job.get(..12).unwrap_or_default()
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
