//! Appending, reading, proving; what damage does; and a model that random histories are held against.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use attest::{
    leaf_hash,
    proof::{verify_consistency, verify_inclusion},
};
use common::{check, last_segment, record, records};
use log_store::{LogError, LogStore};
use proptest::prelude::*;
use std::{fs, path::Path};

const SMALL: u64 = 2000;

fn fill(folder: &Path, batches: &[u64]) -> LogStore {
    let mut log = LogStore::open_with(folder, SMALL).unwrap();
    for count in batches {
        log.append(&records(log.size(), *count)).unwrap();
    }
    log
}

#[test]
fn what_is_appended_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let root = fill(folder.path(), &[10, 7, 13, 20, 5, 15, 30]).root();
    let log = LogStore::open(folder.path()).unwrap();
    check(&log, 100);
    assert_eq!(log.root(), root);
    assert_eq!(log.recovered(), log_store::Recovery { records: 100, truncated_bytes: 0 });
    assert!(fs::read_dir(folder.path()).unwrap().count() > 3, "several segments");
    assert_eq!(log.read(42).unwrap(), record(42));
    assert_eq!(log.iter_from(97).count(), 3);
    assert!(matches!(log.read(100), Err(LogError::OutOfRange { asked: 100, size: 100 })));
    assert!(matches!(log.raw(u64::MAX), Err(LogError::OutOfRange { .. })));
}

#[test]
fn an_empty_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogStore::open(folder.path()).unwrap();
    check(&log, 0);
    assert_eq!(log.append(&[]).unwrap(), 0);
    assert_eq!(log.root(), attest::EMPTY_ROOT);
    assert_eq!(log.root_at(0).unwrap(), attest::EMPTY_ROOT);
    assert!(matches!(log.root_at(1), Err(LogError::OutOfRange { .. })));
    assert!(matches!(log.read(0), Err(LogError::OutOfRange { .. })));
}

#[test]
fn every_proof_of_a_small_log_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let log = fill(folder.path(), &[33]);
    for size in 1..=33 {
        let root = log.root_at(size).unwrap();
        for seq in 0..size {
            let leaf = attest::leaf_hash(&log.raw(seq).unwrap());
            verify_inclusion(&leaf, seq, size, &log.prove_inclusion(seq, size).unwrap(), &root).unwrap();
            let proof = log.prove_consistency(seq, size).unwrap();
            verify_consistency(seq, &log.root_at(seq).unwrap(), size, &root, &proof).unwrap();
        }
    }
    assert!(log.prove_inclusion(0, 34).is_err());
    assert!(log.prove_consistency(0, u64::MAX).is_err());
    assert!(log.prove_inclusion(33, 33).is_err());
}

#[test]
fn a_record_out_of_order_is_refused_and_nothing_of_its_batch_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = fill(folder.path(), &[3]);
    let wrong = [record(3), record(5)];
    assert!(matches!(log.append(&wrong), Err(LogError::WrongSeq { expected: 4, found: 5 })));
    assert!(matches!(log.append(&[record(2)]), Err(LogError::WrongSeq { expected: 3, found: 2 })));
    check(&log, 3);
    log.append(&[record(3)]).unwrap();
    drop(log);
    check(&LogStore::open(folder.path()).unwrap(), 4);
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = fill(folder.path(), &[3]);
    assert!(matches!(LogStore::open(folder.path()), Err(LogError::InUse(_))));
    let mut reader = LogStore::open_read_only(folder.path()).unwrap();
    check(&reader, 3);
    assert!(matches!(reader.append(&[record(3)]), Err(LogError::ReadOnly)));
    log.append(&records(3, 50)).unwrap();
    check(&reader, 3);
    check(&LogStore::open_read_only(folder.path()).unwrap(), 53);
    drop(log);
    check(&LogStore::open(folder.path()).unwrap(), 53);
}

#[test]
fn a_reader_beside_a_busy_writer_sees_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = fill(folder.path(), &[]);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut reads, mut last) = (0, 0);
            while !done.load(std::sync::atomic::Ordering::Relaxed) || reads == 0 {
                let log = LogStore::open_read_only(folder.path()).unwrap();
                assert!(log.size() >= last && log.size().is_multiple_of(5), "whole batches only");
                last = log.size();
                check(&log, last);
                reads += 1;
            }
        });
        for _ in 0..200 {
            log.append(&records(log.size(), 5)).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap();
    });
}

#[test]
fn a_log_cut_anywhere_in_its_last_batch_loses_only_that_batch() {
    let folder = tempfile::tempdir().unwrap();
    drop(fill(folder.path(), &[4]));
    let file = last_segment(folder.path());
    let before = fs::metadata(&file).unwrap().len();
    drop(fill(folder.path(), &[5]));
    let whole = fs::read(&file).unwrap();
    for cut in before..whole.len() as u64 {
        fs::write(&file, &whole[..cut as usize]).unwrap();
        let reader = LogStore::open_read_only(folder.path()).unwrap();
        assert_eq!((reader.size(), reader.recovered().truncated_bytes), (4, cut - before));
        let mut log = LogStore::open(folder.path()).unwrap();
        check(&log, 4);
        assert_eq!(log.recovered().truncated_bytes, cut - before);
        assert_eq!(fs::metadata(&file).unwrap().len(), before);
        log.append(&records(4, 5)).unwrap();
        drop(log);
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn a_flipped_byte_in_the_last_batch_never_yields_a_wrong_record() {
    let folder = tempfile::tempdir().unwrap();
    drop(fill(folder.path(), &[4]));
    let file = last_segment(folder.path());
    let before = fs::metadata(&file).unwrap().len() as usize;
    drop(fill(folder.path(), &[5]));
    let whole = fs::read(&file).unwrap();
    for at in before..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            fs::write(&file, &damaged).unwrap();
            let log = LogStore::open(folder.path()).unwrap();
            check(&log, 4);
            assert_eq!(log.recovered().truncated_bytes, (whole.len() - before) as u64, "told, not hidden");
        }
    }
}

#[test]
fn a_flipped_byte_before_later_batches_is_an_error_and_the_file_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(fill(folder.path(), &[2, 3]));
    let file = last_segment(folder.path());
    let damaged_part = fs::metadata(&file).unwrap().len() as usize;
    drop(fill(folder.path(), &[1, 1]));
    let whole = fs::read(&file).unwrap();
    for at in 0..damaged_part {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x04;
        fs::write(&file, &damaged).unwrap();
        let error = LogStore::open(folder.path()).unwrap_err();
        assert!(matches!(&error, LogError::Corrupt { offset, .. } if *offset <= at as u64), "{at}: {error}");
        assert!(matches!(LogStore::open_read_only(folder.path()), Err(LogError::Corrupt { .. })));
        assert_eq!(fs::read(&file).unwrap(), damaged);
    }
}

#[test]
fn damage_of_an_earlier_segment_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    drop(fill(folder.path(), &[20; 10]));
    let file = folder.path().join("00000000000000000000.log");
    let whole = fs::read(&file).unwrap();
    assert_ne!(file, last_segment(folder.path()));
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(LogStore::open(folder.path()), Err(LogError::Corrupt { .. })), "cut");
    fs::remove_file(&file).unwrap();
    assert!(matches!(LogStore::open(folder.path()), Err(LogError::Corrupt { .. })), "gone");
    fs::write(&file, [&whole[..], &[0]].concat()).unwrap();
    assert!(matches!(LogStore::open(folder.path()), Err(LogError::Corrupt { .. })), "longer");
    fs::write(&file, &whole).unwrap();
    check(&LogStore::open(folder.path()).unwrap(), 200);
}

#[test]
fn damage_that_happens_while_the_log_is_open_is_seen_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = fill(folder.path(), &[6]);
    let file = last_segment(folder.path());
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.len() - 2;
    bytes[at] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert!(matches!(log.read(5), Err(LogError::Corrupt { .. })));
    assert_eq!(log.read(4).unwrap(), record(4));
    assert!(matches!(log.iter_from(0).last(), Some(Err(LogError::Corrupt { .. }))));
}

#[test]
fn what_is_no_longer_in_memory_is_proven_from_many_segments() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogStore::open_with(folder.path(), 2_000).unwrap();
    let mut roots = vec![log.root()];
    for seq in 0..700 {
        log.append(&records(seq, 1)).unwrap();
        roots.push(log.root());
    }
    let reopened = LogStore::open_read_only(folder.path()).unwrap();
    for log in [&log, &reopened] {
        for (seq, size) in
            [(0, 700), (3, 4), (63, 64), (64, 300), (255, 256), (256, 700), (511, 513), (699, 700)]
        {
            let (leaf, root) = (leaf_hash(&log.raw(seq).unwrap()), roots[size as usize]);
            assert_eq!(log.root_at(size).unwrap(), root);
            let proof = log.prove_inclusion(seq, size).unwrap();
            verify_inclusion(&leaf, seq, size, &proof, &root).unwrap();
            let proof = log.prove_consistency(seq, size).unwrap();
            verify_consistency(seq, &roots[seq as usize], size, &root, &proof).unwrap();
        }
    }
}

#[test]
fn other_files_in_the_folder_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    drop(fill(folder.path(), &[6]));
    for name in ["notes.log", "00000000000000000006.log.new", "1.log", "+0000000000000000006.log"] {
        fs::write(folder.path().join(name), b"rubbish").unwrap();
    }
    let mut log = LogStore::open(folder.path()).unwrap();
    check(&log, 6);
    log.append(&records(6, 40)).unwrap();
    check(&log, 46);
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Reopen,
    /// A crash while a batch of that many records is written, of which that share of bytes reached the disk.
    Crash(u64, f64),
    /// A crash that left this after the end.
    Rubbish(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..25u64).prop_map(Step::Append),
        1 => Just(Step::Reopen),
        2 => (1..12u64, 0.0..1.0f64).prop_map(|(count, share)| Step::Crash(count, share)),
        1 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Step::Rubbish),
    ]
}

/// Writes what a crash leaves; the log is closed meanwhile.
fn crash(folder: &Path, acknowledged: u64, step: &Step) {
    if acknowledged == 0 {
        return;
    }
    let file = last_segment(folder);
    let mut bytes = fs::read(&file).unwrap();
    match step {
        Step::Crash(count, share) => {
            let scratch = tempfile::tempdir().unwrap();
            fs::copy(&file, scratch.path().join(file.file_name().unwrap())).unwrap();
            // The batch's bytes as the log itself writes them, behind a copy of all segments.
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                fs::copy(entry.path(), scratch.path().join(entry.file_name())).unwrap();
            }
            let mut log = LogStore::open_with(scratch.path(), u64::MAX).unwrap();
            log.append(&records(acknowledged, *count)).unwrap();
            let longer = fs::read(scratch.path().join(file.file_name().unwrap())).unwrap();
            let part = ((longer.len() - bytes.len()) as f64 * share) as usize;
            bytes.extend_from_slice(&longer[bytes.len()..bytes.len() + part]);
        }
        Step::Rubbish(rubbish) => bytes.extend_from_slice(rubbish),
        Step::Append(_) | Step::Reopen => {}
    }
    fs::write(&file, bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn acknowledged_records_are_never_lost(steps in prop::collection::vec(step(), 1..20)) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Some(fill(folder.path(), &[]));
        let mut acknowledged = 0;
        for step in steps {
            if let Step::Append(count) = step {
                acknowledged = log.as_mut().unwrap().append(&records(acknowledged, count)).unwrap();
            } else {
                drop(log.take());
                crash(folder.path(), acknowledged, &step);
                log = Some(fill(folder.path(), &[]));
            }
            check(log.as_ref().unwrap(), acknowledged);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(tail in prop::collection::vec(any::<u8>(), 0..300), at in 0..400usize) {
        let folder = tempfile::tempdir().unwrap();
        drop(fill(folder.path(), &[9]));
        let file = last_segment(folder.path());
        let mut bytes = fs::read(&file).unwrap();
        bytes.splice(at.min(bytes.len()).., tail);
        fs::write(&file, bytes).unwrap();
        if let Ok(log) = LogStore::open(folder.path()) {
            check(&log, log.size());
        }
    }
}

#[test]
fn damage_near_the_end_is_no_interrupted_write_where_more_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogStore::open(folder.path()).unwrap();
    for _ in 0..5 {
        log.append(&records(log.size(), 1)).unwrap();
    }
    drop(log);
    let file = folder.path().join("00000000000000000000.log");
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let error = LogStore::open_holding(folder.path(), 5).unwrap_err();
    assert!(matches!(error, LogError::Missing { held: 4, wanted: 5, .. }), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "nothing was cut off");
    assert_eq!(LogStore::open_holding(folder.path(), 4).unwrap().size(), 4);
}

#[test]
fn a_segment_that_is_no_plain_file_of_its_size_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    drop(fill(folder.path(), &[3]));
    let segment = last_segment(folder.path());
    let refused = |told: &str| {
        for opened in [LogStore::open_read_only(folder.path()), LogStore::open(folder.path())] {
            let error = opened.unwrap_err().to_string();
            assert!(error.contains(segment.to_str().unwrap()) && error.contains(told), "{error}");
        }
        fs::remove_file(&segment).unwrap();
    };
    fs::File::options().write(true).open(&segment).unwrap().set_len(1 << 40).unwrap();
    refused("larger than the 64 MiB");
    std::os::unix::fs::symlink("/dev/zero", &segment).unwrap();
    refused("not a regular file");
    nix::unistd::mkfifo(&segment, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused("not a regular file");
}
