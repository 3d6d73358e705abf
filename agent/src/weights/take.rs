//! One snapshot: the newest checkpoint that stands still, read once, and looked at again after that.

use super::{
    digest::{behind_everybody, digest},
    pattern::{Candidate, Identity, Pattern, identity},
};
use attest::record::Miss;
use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// A file that has changed in so long is being written.
pub const SETTLE: Duration = Duration::from_secs(3);

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The file.
    pub identity: Identity,
    /// BLAKE3 of it.
    pub digest: [u8; 32],
    /// Whether it was the file that was read before, and not read again.
    pub unchanged: bool,
}

/// Takes a snapshot: looks, waits for as long as `settle` does, looks again, and reads. `last` is what was read before.
pub fn take(
    pattern: &Pattern,
    settle: impl FnOnce(),
    last: Option<&Taken>,
    stop: &AtomicBool,
) -> Result<Taken, Miss> {
    let before = pattern.look()?;
    settle();
    let found = still(&before, pattern.look()?).ok_or(Miss::Unsettled)?;
    let file = found.open()?;
    match last.filter(|last| last.identity == found.identity) {
        Some(last) => Ok(Taken { unchanged: true, ..*last }),
        None => read(&file, found.identity, stop),
    }
}

/// Reads a file, and looks whether it is still what it was before.
fn read(file: &File, before: Identity, stop: &AtomicBool) -> Result<Taken, Miss> {
    let digest = digest(file, before.size, stop)?;
    match identity(file)?.same_contents(&before) {
        true => Ok(Taken { identity: before, digest, unchanged: false }),
        false => Err(Miss::Torn),
    }
}

/// The newest file that did not change between two looks.
fn still(before: &[Candidate], after: Vec<Candidate>) -> Option<Candidate> {
    after.into_iter().find(|now| before.iter().any(|then| then.identity == now.identity))
}

/// A snapshot that is being taken, on a thread of its own: a file system may hang.
#[derive(Debug)]
pub struct Taking {
    done: mpsc::Receiver<Result<Taken, Miss>>,
    stop: Arc<AtomicBool>,
    since: Instant,
}

impl Taking {
    /// Starts.
    pub fn start(pattern: Pattern, settle: Duration, last: Option<Taken>) -> std::io::Result<Self> {
        let (tell, done) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let work = move || {
            behind_everybody();
            // Nobody may wait for it any more.
            let _ = tell.send(take(&pattern, || thread::sleep(settle), last.as_ref(), &stopped));
        };
        thread::Builder::new().name("snapshot".into()).spawn(work)?;
        Ok(Self { done, stop, since: Instant::now() })
    }

    /// What came of it, once it has ended.
    pub fn poll(&self) -> Option<Result<Taken, Miss>> {
        match self.done.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Err(Miss::Unreadable)),
        }
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{self, OpenOptions},
        io::Write,
        path::Path,
    };

    fn pattern(folder: &Path) -> Pattern {
        Pattern::try_from(format!("{}/*.pt", folder.display())).unwrap()
    }

    fn never() -> AtomicBool {
        AtomicBool::new(false)
    }

    /// Takes one while something else happens between the two looks.
    fn take_while(folder: &Path, last: Option<&Taken>, happens: impl FnOnce()) -> Result<Taken, Miss> {
        take(&pattern(folder), happens, last, &never())
    }

    fn hash(bytes: &[u8]) -> [u8; 32] {
        blake3::hash(bytes).into()
    }

    fn found(folder: &Path) -> (File, Identity) {
        let found = pattern(folder).look().unwrap().remove(0);
        (found.open().unwrap(), found.identity)
    }

    #[test]
    fn the_newest_checkpoint_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("1.pt");
        fs::write(&file, "one").unwrap();
        let one = take_while(dir.path(), None, || ()).unwrap();
        assert_eq!((one.digest, one.unchanged, one.identity.size), (hash(b"one"), false, 3));
        assert_eq!(take_while(dir.path(), Some(&one), || ()), Ok(Taken { unchanged: true, ..one }));
        // Renamed over, as trainers do: another file.
        fs::write(dir.path().join("draft"), "two").unwrap();
        fs::rename(dir.path().join("draft"), file).unwrap();
        let two = take_while(dir.path(), Some(&one), || ()).unwrap();
        assert_eq!((two.digest, two.unchanged), (hash(b"two"), false));
    }

    #[test]
    fn a_file_that_is_being_written_is_left_for_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("2.pt");
        let grow =
            || OpenOptions::new().create(true).append(true).open(&path).unwrap().write_all(b"more").unwrap();
        grow();
        assert_eq!(take_while(dir.path(), None, grow), Err(Miss::Unsettled));
        fs::write(dir.path().join("1.pt"), "whole").unwrap();
        assert_eq!(take_while(dir.path(), None, grow).unwrap().digest, hash(b"whole"));
        // One that appears meanwhile is not looked at either.
        let appears = || fs::write(dir.path().join("3.pt"), "new").unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(take_while(dir.path(), None, appears).unwrap().digest, hash(b"whole"));
        let gone = || fs::remove_dir_all(dir.path()).unwrap();
        assert_eq!(take_while(dir.path(), None, gone), Err(Miss::NoCheckpoint));
    }

    #[test]
    fn a_file_written_while_it_is_read_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.pt");
        File::create(&path).unwrap().set_len(64 << 20).unwrap();
        let (file, before) = found(dir.path());
        let (done, written) = (AtomicBool::new(false), mpsc::channel());
        let outcome = thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
                while !done.load(Ordering::Relaxed) {
                    writer.write_all(b"other weights").unwrap();
                    // Clocks of file systems tick slowly.
                    if !identity(&writer).unwrap().same_contents(&before) {
                        let _ = written.0.send(());
                    }
                }
            });
            written.1.recv().unwrap();
            let outcome = read(&file, before, &never());
            done.store(true, Ordering::Relaxed);
            outcome
        });
        assert_eq!(outcome, Err(Miss::Torn));
    }

    #[test]
    fn a_file_cut_short_while_it_is_read_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.pt");
        // Nobody reads this to its end.
        File::create(&path).unwrap().set_len(1 << 43).unwrap();
        let (file, before) = found(dir.path());
        let outcome = thread::scope(|scope| {
            let reading = scope.spawn(|| read(&file, before, &never()));
            OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
            reading.join().unwrap()
        });
        assert_eq!(outcome, Err(Miss::Torn));
    }

    #[test]
    fn a_checkpoint_deleted_while_it_is_read_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.pt");
        fs::write(&path, "weights").unwrap();
        let (file, before) = found(dir.path());
        fs::remove_file(&path).unwrap();
        assert_eq!(read(&file, before, &never()).unwrap().digest, hash(b"weights"));
    }

    #[test]
    fn a_snapshot_that_is_let_go_of_stops() {
        let dir = tempfile::tempdir().unwrap();
        File::create(dir.path().join("1.pt")).unwrap().set_len(1 << 43).unwrap();
        let taking = Taking::start(pattern(dir.path()), Duration::ZERO, None).unwrap();
        assert!(taking.poll().is_none());
        let Taking { stop, .. } = &taking;
        let stop = stop.clone();
        drop(taking);
        // The thread has the other half of it, until it ends.
        while Arc::strong_count(&stop) > 1 {
            thread::yield_now();
        }
    }
}
