//! A million records, two months of a host with a dozen chips: opened, proved and read back. Run with `--ignored`, it prints how long each takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use log_store::LogStore;
use std::time::Instant;

#[test]
#[ignore = "writes 220 MB; prints times"]
fn a_million_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogStore::open(folder.path()).unwrap();
    for from in (0..1_000_000).step_by(10_000) {
        log.append(&common::records(from, 10_000)).unwrap();
    }
    let root = log.root();
    drop(log);
    let start = Instant::now();
    let log = LogStore::open(folder.path()).unwrap();
    println!("open: {:?}", start.elapsed());
    assert_eq!((log.size(), log.root()), (1_000_000, root));
    let start = Instant::now();
    for seq in (0..1_000_000).step_by(1000) {
        log.prove_inclusion(seq, 1_000_000).unwrap();
        log.prove_consistency(seq, 1_000_000).unwrap();
    }
    println!("2000 proofs: {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(log.iter_from(0).filter(Result::is_ok).count(), 1_000_000);
    println!("read all: {:?}", start.elapsed());
}
