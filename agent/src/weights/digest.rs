//! BLAKE3 of a file, by several threads in bounded memory: each takes the next stretch, and the tree of stretches is the file's own
//! (`b3sum` gives the same).

use attest::record::Miss;
use blake3::{
    CHUNK_LEN, Hasher,
    hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root},
};
use rustix::{
    fs::{Advice, fadvise},
    process::setpriority_process,
};
use std::{
    fs::File,
    io::ErrorKind,
    num::NonZeroUsize,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

/// A stretch is a whole subtree of BLAKE3's.
const STRETCH: u64 = 16 << 20;
/// What a thread reads at once.
const BUFFER: usize = 256 << 10;
const _: () = assert!(
    STRETCH.is_power_of_two() && STRETCH.is_multiple_of(CHUNK_LEN as u64) && BUFFER.is_multiple_of(CHUNK_LEN)
);
/// More threads than these would rather be in the job's way: a disk is not faster for them.
const THREADS: usize = 4;

/// The digest of a file's first `size` bytes; [`Miss::Torn`] where there are fewer, [`Miss::Stalled`] once `stop` is set.
pub fn digest(file: &File, size: u64, stop: &AtomicBool) -> Result<[u8; 32], Miss> {
    // A hint that file systems may not know: what the job itself has in memory is to stay there.
    let _ = fadvise(file, 0, None, Advice::NoReuse);
    let _ = fadvise(file, 0, None, Advice::Sequential);
    let stretches = size.div_ceil(STRETCH).max(1);
    if stretches == 1 {
        return Ok(stretch(file, 0, size, stop)?.finalize().into());
    }
    let next = AtomicU64::new(0);
    let work = || -> Result<Vec<(u64, ChainingValue)>, Miss> {
        behind_everybody();
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= stretches {
                return Ok(done);
            }
            let from = number * STRETCH;
            let read = stretch(file, from, STRETCH.min(size - from), stop).inspect_err(|_| {
                // Nobody needs the rest.
                next.store(stretches, Ordering::Relaxed);
            });
            done.push((number, read?.finalize_non_root()));
        }
    };
    let all = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut values = thread::scope(|scope| {
        let threads: Vec<_> = (0..all.div_ceil(2).min(THREADS)).map(|_| scope.spawn(work)).collect();
        let mut values = Vec::new();
        for thread in threads {
            values.extend(thread.join().unwrap_or(Err(Miss::Unreadable))?);
        }
        Ok::<_, Miss>(values)
    })?;
    values.sort_unstable_by_key(|(number, _)| *number);
    let values: Vec<ChainingValue> = values.into_iter().map(|(_, value)| value).collect();
    let (left, right) = halves(&values);
    Ok(merge_subtrees_root(&merge(left), &merge(right), Mode::Hash).into())
}

/// Threads of Linux have a priority each: this one works when nobody else wants to.
pub fn behind_everybody() {
    let _ = setpriority_process(None, 19);
}

/// A hasher that has taken a stretch in.
fn stretch(file: &File, from: u64, length: u64, stop: &AtomicBool) -> Result<Hasher, Miss> {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(from);
    let mut buffer = vec![0; BUFFER];
    let mut at = from;
    let end = from.saturating_add(length);
    while at < end {
        if stop.load(Ordering::Relaxed) {
            return Err(Miss::Stalled);
        }
        let wanted = usize::try_from(end - at).unwrap_or(BUFFER).min(BUFFER);
        let wanted = buffer.get_mut(..wanted).unwrap_or_default();
        match file.read_at(wanted, at) {
            Ok(0) => return Err(Miss::Torn),
            Ok(read) => {
                hasher.update(wanted.get(..read).unwrap_or_default());
                at += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(Miss::Unreadable),
        }
    }
    Ok(hasher)
}

/// Two or more, split where BLAKE3's tree is: the left half is the largest power of two that leaves something.
fn halves(values: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    values.split_at(values.len().next_power_of_two() / 2)
}

fn merge(values: &[ChainingValue]) -> ChainingValue {
    match values {
        [] => ChainingValue::default(),
        [value] => *value,
        values => {
            let (left, right) = halves(values);
            merge_subtrees_non_root(&merge(left), &merge(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Write};

    fn never() -> AtomicBool {
        AtomicBool::new(false)
    }

    /// Bytes that are different everywhere.
    fn file(length: u64) -> (File, [u8; 32]) {
        let mut file = tempfile::tempfile().unwrap();
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        file.write_all(&bytes).unwrap();
        (file, blake3::hash(&bytes).into())
    }

    #[test]
    fn every_length_gives_blake3() {
        for length in [
            0,
            1,
            1024,
            BUFFER as u64 + 1,
            STRETCH - 1,
            STRETCH,
            STRETCH + 1,
            2 * STRETCH,
            3 * STRETCH - 5,
            5 * STRETCH + 1025,
        ] {
            let (file, wanted) = file(length);
            assert_eq!(digest(&file, length, &never()), Ok(wanted), "{length} bytes");
        }
    }

    #[test]
    fn a_file_that_shrinks_is_torn_and_one_that_is_stopped_ends() {
        let (file, _) = file(3 * STRETCH);
        assert_eq!(digest(&file, 3 * STRETCH, &AtomicBool::new(true)), Err(Miss::Stalled));
        file.set_len(2 * STRETCH + 7).unwrap();
        assert_eq!(digest(&file, 3 * STRETCH, &never()), Err(Miss::Torn));
    }

    fn peak_kib() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn a_huge_file_is_digested_in_little_memory() {
        const SIZE: u64 = 2 << 30;
        let file = tempfile::tempfile().unwrap();
        file.set_len(SIZE).unwrap();
        let before = peak_kib();
        let found = digest(&file, SIZE, &never()).unwrap();
        let grown = peak_kib() - before;
        assert!(grown < 256 << 10, "{grown} KiB more, other tests' included, for a file of {SIZE} bytes");
        let mut hasher = Hasher::new();
        let zeros = vec![0; BUFFER];
        for _ in 0..SIZE / BUFFER as u64 {
            hasher.update(&zeros);
        }
        assert_eq!(found, *hasher.finalize().as_bytes());
    }
}
