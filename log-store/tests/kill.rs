//! A writer that is killed at random moments, two hundred times, and never loses what it said it had written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use attest::Hash;
use common::{check, records};
use log_store::LogStore;
use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

const FOLDER: &str = "LOG_STORE_TEST_WRITER";
const KILLS: u64 = 200;

/// The child: appends batches for ever and tells each size and root once it is acknowledged.
#[test]
fn writer() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let mut log = LogStore::open_with(Path::new(&folder), 50_000).unwrap();
    let mut out = std::io::stdout().lock();
    loop {
        let size = log.append(&records(log.size(), 1 + log.size() % 7)).unwrap();
        let root: String = log.root().iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "acknowledged {size} {root}").unwrap();
        out.flush().unwrap();
    }
}

fn parse(line: &str) -> Option<(u64, Hash)> {
    let (_, rest) = line.split_once("acknowledged ")?;
    let (size, root) = rest.split_once(' ')?;
    // The kill may cut a line short; what was not told in full was not told.
    let bytes: Option<Vec<u8>> =
        (0..32).map(|at| u8::from_str_radix(root.get(2 * at..2 * at + 2)?, 16).ok()).collect();
    Some((size.parse().ok()?, bytes?.try_into().ok()?))
}

/// Runs the writer until it is killed; returns what it acknowledged.
fn run_and_kill(folder: &Path, after: Duration) -> Vec<(u64, Hash)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let reader = thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).collect::<Vec<_>>());
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap().iter().filter_map(|line| parse(line)).collect()
}

#[test]
fn two_hundred_kills() {
    if env::var_os(FOLDER).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut before, mut acknowledged_in_all, mut random) = (0, 0, 0x9e37_79b9_7f4a_7c15u64);
    for round in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Some die before they begin, some amid a write, some after many.
        let told = run_and_kill(folder.path(), Duration::from_micros((random >> 33) % 40_000));
        let log = LogStore::open_with(folder.path(), 50_000).unwrap();
        let promised = told.last().map_or(before, |(size, _)| *size);
        assert!(
            log.size() >= promised,
            "kill {round}: {promised} were acknowledged, {} are there",
            log.size()
        );
        for (size, root) in &told {
            assert_eq!(log.root_at(*size).unwrap(), *root, "kill {round}: another history up to {size}");
        }
        for (seq, entry) in (before..).zip(log.iter_from(before)) {
            assert_eq!(entry.unwrap().1, common::record(seq), "each once, in order");
        }
        acknowledged_in_all += told.len();
        before = log.size();
    }
    assert!(acknowledged_in_all > 0, "the writers never wrote");
    check(&LogStore::open(folder.path()).unwrap(), before);
}
