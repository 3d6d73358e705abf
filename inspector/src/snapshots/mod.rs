//! What an exported log tells of jobs' weights (docs/snapshots.md): for each job, what was taken and what was missed; with the chain's headers,
//! whether every block that drew has its record; with a file of weights, where its digest is.

mod headers;

pub use headers::Headers;

use crate::error::Error;
use attest::{
    Hash, Record,
    record::{Body, Outcome, Snapshot},
    snapshot,
};
use evidence::{AnchorReport, Bundle};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
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
            Body::Snapshot(snapshot) => Some(Self { seq, time_ms, snapshot }),
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

/// A job's draws by the chain's headers.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Draws {
    /// Blocks among the headers for which draws counted.
    pub blocks: u64,
    /// Of them, those that drew.
    pub drawn: u64,
    /// Of those, the ones with a digest.
    pub kept: u64,
    /// Missed, by name.
    pub missed: u64,
    /// Among blocks that nobody looked at, as the log says.
    pub unwatched: u64,
    /// After the last block that the log tells of.
    pub open: u64,
    /// Blocks that drew and of which the log says nothing.
    pub silent: Vec<u64>,
    /// Blocks of which the log says that they drew, and they did not.
    pub not_drawn: Vec<u64>,
    /// Blocks that have another hash on the chain.
    pub of_another_chain: Vec<u64>,
    /// Records about blocks whose headers were not given.
    pub without_header: u64,
}

impl Draws {
    /// Whether the log is as the headers want it.
    pub const fn are_kept(&self) -> bool {
        self.silent.is_empty() && self.not_drawn.is_empty() && self.of_another_chain.is_empty()
    }
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
        account.draws = headers.map(|headers| draws(machine, job, told, account.to_block, headers));
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

/// From which block on draws counted with which mean; none: they did not.
fn rates(told: &[&Snapshot]) -> BTreeMap<u64, Option<u32>> {
    let mut rates = BTreeMap::new();
    for one in told {
        let after = one.block_number.saturating_add(1);
        match one.outcome {
            Outcome::Watching => {
                rates.insert(after, Some(one.mean_blocks));
            }
            Outcome::Ended => {
                rates.insert(after, None);
            }
            _ => {}
        }
    }
    rates
}

fn draws(machine: &Hash, job: &Hash, told: &[&Snapshot], to_block: u64, headers: &Headers) -> Draws {
    let rates = rates(told);
    let drew = |number: u64, randomness: Option<Hash>| {
        let mean = rates.range(..=number).next_back().and_then(|(_, mean)| *mean)?;
        Some(randomness.is_some_and(|lot| snapshot::is_drawn(machine, job, number, &lot, mean)))
    };
    let mut draws = Draws::default();
    let mut records: BTreeMap<u64, &Outcome> = BTreeMap::new();
    let mut unwatched = Vec::new();
    for one in told {
        let number = one.block_number;
        let drawn = one.outcome.weights().is_some() || matches!(one.outcome, Outcome::Missed(_));
        match headers.get(number) {
            // Such as the last block before the headers begin.
            None if !drawn => {}
            None => draws.without_header += 1,
            Some((hash, _)) if hash != one.block_hash => draws.of_another_chain.push(number),
            Some((_, randomness)) if drawn && drew(number, randomness) != Some(true) => {
                draws.not_drawn.push(number)
            }
            Some(_) => {}
        }
        match one.outcome {
            Outcome::Unwatched { from } => unwatched.push(from..=number),
            _ if drawn => {
                records.insert(number, &one.outcome);
            }
            _ => {}
        }
    }
    for (number, randomness) in headers.iter() {
        let Some(drawn) = drew(number, randomness) else { continue };
        draws.blocks += 1;
        if !drawn {
            continue;
        }
        draws.drawn += 1;
        match records.get(&number) {
            Some(Outcome::Missed(_)) => draws.missed += 1,
            Some(_) => draws.kept += 1,
            None if unwatched.iter().any(|range| range.contains(&number)) => draws.unwatched += 1,
            None if number > to_block => draws.open += 1,
            None => draws.silent.push(number),
        }
    }
    draws
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
    File::open(file).and_then(|file| hasher.update_reader(file).map(|_| ())).map_err(trouble)?;
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
    let bundle = Bundle::read(bundle)?;
    let mut entries = Vec::new();
    let report = evidence::check_reading(&bundle, Some(log), |record| entries.extend(Entry::of(record)))?;
    let headers = headers.map(Headers::read).transpose()?;
    let anchored =
        |headers: &Headers| bundle.anchors.iter().filter(|one| headers.has(&one.block_hash)).count();
    Ok(Snapshots {
        jobs: account(&bundle.machine(), &entries, headers.as_ref()),
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
        match self.jobs.iter().filter_map(|job| job.draws.as_ref()).all(Draws::are_kept) {
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

impl fmt::Display for Draws {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "            of {} blocks {} drew: {} kept, {} missed by name, {} not looked at, {} after the last record",
            self.blocks, self.drawn, self.kept, self.missed, self.unwatched, self.open
        )?;
        let bad = [
            ("drew, and the log says nothing", &self.silent),
            ("did not draw, and the log says so", &self.not_drawn),
            ("have another hash on the chain", &self.of_another_chain),
        ];
        for (what, blocks) in bad.iter().filter(|(_, blocks)| !blocks.is_empty()) {
            writeln!(out, "            BLOCKS THAT {what}: {blocks:?}")?;
        }
        if self.without_header > 0 {
            writeln!(out, "            {} records about blocks without header here", self.without_header)?;
        }
        Ok(())
    }
}

impl fmt::Display for Snapshots {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.jobs.is_empty() {
            writeln!(out, "the log tells of no job")?;
        }
        self.jobs.iter().try_for_each(|job| write!(out, "{job}"))?;
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
mod tests;
