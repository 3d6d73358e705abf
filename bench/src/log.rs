//! The log: appending, and verifying it against bare hashing.

use crate::{
    clock,
    table::{Bar, Quantity, Row, Table},
};
use anyhow::{Result, ensure};
use attest::{
    Record,
    checkpoint::{self, Checkpoint},
    record::{Activity, Body, ChipKind},
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use log_store::LogStore;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    hint::black_box,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

const SECTION: &str = "log";
/// Records that are synced together.
const BATCH: u64 = 64;
const TURNS: u32 = 5;

/// Measures all of it.
pub fn run(records: u64, table: &mut Table) -> Result<()> {
    println!("The log: {records} records, each batch of {BATCH} synced");
    let scratch = tempfile::Builder::new().prefix("matrixai-bench-").tempdir()?;
    let written = append(scratch.path(), records)?;
    let raw = written.leaves.fastest()?;
    written.tell(&raw, table);
    verify(scratch.path(), &written, &raw, table)?;
    signature(table)
}

/// What was appended, and how long it took.
struct Written {
    leaves: Leaves,
    ours: Duration,
    ours_used: Duration,
    by_hand: Duration,
}

/// Appends to a log and, turn by turn, writes the same bytes to a bare file.
fn append(folder: &Path, records: u64) -> Result<Written> {
    let mut log = LogStore::open(&folder.join("log"))?;
    let mut bare = File::create(folder.join("bare"))?;
    let mut written = Written::default();
    for first in (0..records).step_by(BATCH as usize) {
        let batch: Vec<Record> = (first..records.min(first + BATCH)).map(record).collect();
        let started = Instant::now();
        written.ours_used += clock::cost(|| Ok(log.append(&batch).map(drop)?))?;
        written.ours += started.elapsed();
        let from = written.leaves.bytes.len();
        batch.iter().try_for_each(|record| written.leaves.add(record))?;
        let started = Instant::now();
        bare.write_all(written.leaves.bytes.get(from..).unwrap_or_default())?;
        bare.sync_data()?;
        written.by_hand += started.elapsed();
    }
    Ok(written)
}

impl Default for Written {
    fn default() -> Self {
        let none = Duration::ZERO;
        Self { leaves: Leaves::default(), ours: none, ours_used: none, by_hand: none }
    }
}

impl Written {
    fn tell(&self, raw: &Raw, table: &mut Table) {
        let leaves = &self.leaves;
        let rate = |time| Quantity::more(leaves.rate(time), "rec/s");
        let what = format!("append, hash, store, sync ({:.0} bytes a record)", leaves.mean());
        table.row(
            Row::new(SECTION, what, rate(self.ours))
                .against("write and fdatasync of the same bytes", rate(self.by_hand)),
        );
        let megabytes = |time| Quantity::more(leaves.megabytes(time), "MB/s");
        table.row(
            Row::new(SECTION, "the same in bytes", megabytes(self.ours))
                .against(raw.name, megabytes(raw.time)),
        );
        table.row(
            Row::new(SECTION, "the same, processor time", rate(self.ours_used))
                .against(raw.name, rate(raw.time)),
        );
    }
}

/// A minute of a busy accelerator.
fn record(seq: u64) -> Record {
    let from_ms = 1_795_478_400_000 + seq * 60_000;
    let wobble = (seq % 97) as u32;
    let activity = Activity {
        kind: ChipKind::Gpu,
        index: (seq % 8) as u16,
        from_ms,
        span_ms: 60_000,
        samples: 60,
        failed: 0,
        power_mw: Some(612_000 + wobble * 11),
        power_max_mw: Some(701_000 + wobble),
        energy_mj: Some(36_720_000 + u64::from(wobble) * 660),
        utilisation: Some(940 + (wobble % 60) as u16),
        memory_utilisation: Some(520),
        tensor: Some(433),
        clock_mhz: Some(1_830),
        temperature: Some(67),
        memory_used_mib: Some(71_234),
        read_bytes: Some(123_456_789 + seq),
        written_bytes: Some(98_765_432 + seq),
        throttle: Some(4),
        ecc_errors: Some(0),
        processes: Some(2),
    };
    Record { seq, time_ms: from_ms + 60_000, boot: 3, body: Body::Activity(activity) }
}

/// Every leaf's preimage in one piece, prefix included: the least that anybody must hash.
#[derive(Default)]
struct Leaves {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The limit: a bare implementation's time for all leaves and nodes.
struct Raw {
    name: &'static str,
    time: Duration,
    hash: fn(&[u8]),
}

type Implementation = (&'static str, fn(&[u8]));

const IMPLEMENTATIONS: [Implementation; 2] = [
    ("bare SHA-256 (sha2)", |bytes| {
        black_box(Sha256::digest(bytes));
    }),
    ("bare SHA-256 (ring)", |bytes| {
        black_box(ring::digest::digest(&ring::digest::SHA256, bytes));
    }),
];

impl Leaves {
    fn add(&mut self, record: &Record) -> Result<()> {
        self.bytes.push(0x00);
        self.bytes.extend_from_slice(&record.encode()?);
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// As many hashes over as many bytes as the tree has.
    fn hash_all(&self, hash: fn(&[u8])) -> Result<()> {
        let mut start = 0;
        for end in &self.ends {
            hash(self.bytes.get(start..*end).unwrap_or_default());
            start = *end;
        }
        for _ in 1..self.ends.len() {
            hash(black_box(&[1; 65]));
        }
        Ok(())
    }

    /// The faster implementation here.
    fn fastest(&self) -> Result<Raw> {
        let time = |hash| clock::cost(|| self.hash_all(hash));
        let [first, second] = IMPLEMENTATIONS;
        let (one, two) = (time(first.1)?.min(time(first.1)?), time(second.1)?.min(time(second.1)?));
        let ((name, hash), time) = if one <= two { (first, one) } else { (second, two) };
        Ok(Raw { name, time, hash })
    }

    fn count(&self) -> u64 {
        self.ends.len() as u64
    }

    fn mean(&self) -> f64 {
        self.bytes.len() as f64 / self.ends.len() as f64 - 1.0
    }

    fn rate(&self, time: Duration) -> f64 {
        clock::rate(self.ends.len() as f64, time)
    }

    fn megabytes(&self, time: Duration) -> f64 {
        clock::rate(self.bytes.len() as f64 / 1e6, time)
    }
}

/// The log as its owner opens it, and its export as anybody replays it.
fn verify(folder: &Path, written: &Written, raw: &Raw, table: &mut Table) -> Result<()> {
    let leaves = &written.leaves;
    let log = LogStore::open_read_only(&folder.join("log"))?;
    let (size, root) = (log.size(), log.root());
    let export = folder.join("export");
    log.export(&export, size)?;
    drop(log);
    let reopen = || {
        let log = LogStore::open_read_only(&folder.join("log"))?;
        ensure!(log.root() == root && log.size() == leaves.count(), "the log is not what was written");
        Ok(())
    };
    let replay = || {
        let frontier = evidence::log::replay(&export, size, |_, _, _| Ok(()))?;
        ensure!(frontier.root() == root, "the export gives another root");
        Ok(())
    };
    let mut tell = |what: &str, work: &dyn Fn() -> Result<()>| {
        let (ours, peer) = clock::compare(TURNS, work, || leaves.hash_all(raw.hash))?;
        let rate = |time| Quantity::more(leaves.rate(time), "rec/s");
        table.row(Row::new(SECTION, what, rate(ours)).against(raw.name, rate(peer)).bar(Bar::Ratio(0.5)));
        anyhow::Ok(())
    };
    tell("open anew: read, check, recompute every node", &reopen)?;
    tell("replay of the export: read, recompute the root", &replay)
}

/// A checkpoint's signature against the bare check of the same bytes.
fn signature(table: &mut Table) -> Result<()> {
    const CHECKS: u32 = 500;
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = key.verifying_key().to_bytes();
    let origin = format!("matrixai/machine/{}", hex::encode([9; 32]));
    let head = Checkpoint { origin: &origin, size: 1_000_000, root: [8; 32] };
    let note = checkpoint::sign(&head, &public, |body| key.sign(body).to_bytes())?;
    let mut body = String::new();
    checkpoint::write_body(&mut body, &head)?;
    let bare = key.sign(body.as_bytes());
    let ours = || {
        checkpoint::verify(black_box(&note), &origin, &public)?;
        Ok(())
    };
    let peer = || check_bare(black_box(&public), body.as_bytes(), &bare);
    let (ours, peer) =
        clock::compare(20, || (0..CHECKS).try_for_each(|_| ours()), || (0..CHECKS).try_for_each(|_| peer()))?;
    let rate = |time| Quantity::more(clock::rate(CHECKS.into(), time), "/s");
    table.row(
        Row::new(SECTION, "a checkpoint's signature", rate(ours))
            .against("bare ed25519 (dalek, strict)", rate(peer)),
    );
    Ok(())
}

fn check_bare(public: &[u8; 32], body: &[u8], signature: &Signature) -> Result<()> {
    Ok(VerifyingKey::from_bytes(public)?.verify_strict(body, signature)?)
}
