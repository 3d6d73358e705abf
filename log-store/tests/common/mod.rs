//! Records to fill logs with.
#![allow(dead_code, clippy::unwrap_used)]

use attest::{
    Hash,
    record::{Body, Gap, GapReason, Record},
};
use log_store::LogStore;
use std::path::{Path, PathBuf};

/// A record that is unlike every other: its times tell its number, and its length varies.
pub fn record(seq: u64) -> Record {
    let body = if seq.is_multiple_of(3) {
        Body::Gap(Gap { from_ms: seq, to_ms: seq + 1, reason: GapReason::Sensors })
    } else {
        let bytes: Vec<u8> = (0..seq * 37 % 400).map(|byte| (byte ^ seq) as u8).collect();
        Body::Unknown { tag: 900, bytes: bytes.as_slice().try_into().unwrap() }
    };
    Record { seq, time_ms: 1_700_000_000_000 + seq, boot: 1, body }
}

pub fn records(from: u64, count: u64) -> Vec<Record> {
    (from..from + count).map(record).collect()
}

/// The last segment's file.
pub fn last_segment(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    files.sort();
    files.pop().unwrap()
}

/// RFC 6962 §2.1, word by word and slowly.
pub fn slow_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => attest::sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            attest::node_hash(&slow_root(left), &slow_root(right))
        }
    }
}

/// The log holds exactly the records `0..size`, and says so consistently.
pub fn check(log: &LogStore, size: u64) {
    assert_eq!(log.size(), size);
    let read: Vec<_> = log.iter_from(0).map(|entry| entry.unwrap()).collect();
    assert_eq!(read.len() as u64, size);
    for (seq, (bytes, entry)) in read.iter().enumerate() {
        assert_eq!(*entry, record(seq as u64));
        assert_eq!(bytes.as_slice(), entry.encode().unwrap().as_slice());
    }
    let leaves: Vec<Hash> = read.iter().map(|(bytes, _)| attest::leaf_hash(bytes)).collect();
    assert_eq!(log.root(), slow_root(&leaves));
    let mut frontier = attest::Frontier::new();
    leaves.iter().for_each(|leaf| frontier.append(*leaf).unwrap());
    assert_eq!(log.root(), frontier.root());
}
