//! The one who writes the log: numbers, times, and what to do when the disk takes nothing.

use crate::{clock::now_ms, tally::Tally};
use attest::{
    Hash, Record,
    record::{Activity, Body, Gap, GapReason, GpuDetail},
};
use log_store::{LogError, LogStore};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Records that are kept in memory while the disk is full; windows of activity are not, the gap tells of them.
const KEPT: usize = 64;

/// A handle on the log; clones share it.
#[derive(Clone)]
pub struct Recorder {
    writer: Arc<Mutex<Writer>>,
    /// Apart from the writer, so that who looks never waits for a disk.
    tally: Arc<Mutex<Tally>>,
}

struct Writer {
    log: LogStore,
    boot: u32,
    /// Since when the disk takes nothing.
    full_since: Option<u64>,
    kept: VecDeque<Body>,
    last_append: Option<u64>,
    trouble: Option<String>,
}

impl Recorder {
    /// Takes over a log that is open for writing.
    pub fn new(log: LogStore, boot: u32) -> Self {
        let tally = Arc::new(Mutex::new(Tally::of(&log)));
        let writer =
            Writer { log, boot, full_since: None, kept: VecDeque::new(), last_append: None, trouble: None };
        Self { writer: Arc::new(Mutex::new(writer)), tally }
    }

    /// Appends records of now, all or none, and returns when they are on disk. May block on the disk.
    pub fn append(&self, bodies: Vec<Body>) -> Result<u64, LogError> {
        let mut writer = self.writer();
        let records = writer.append(bodies, now_ms())?;
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).take(&records);
        Ok(writer.log.size())
    }

    /// Appends a window: what chips did, and what GPUs tell besides.
    pub fn append_window(&self, window: Vec<Activity>, details: Vec<GpuDetail>) -> Result<u64, LogError> {
        let details = details.into_iter().map(Body::GpuDetail);
        self.append(window.into_iter().map(Body::Activity).chain(details).collect())
    }

    /// What the log was told in this run.
    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the disk takes nothing, while it does not.
    pub fn trouble(&self) -> Option<String> {
        self.writer().trouble.clone()
    }

    /// Size and root of what is on disk.
    pub fn head(&self) -> (u64, Hash) {
        let writer = self.writer();
        (writer.log.size(), writer.log.root())
    }

    /// Looks at the log, which stands still meanwhile.
    pub fn look<R>(&self, look: impl FnOnce(&LogStore) -> R) -> R {
        look(&self.writer().log)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn append(&mut self, bodies: Vec<Body>, now: u64) -> Result<Vec<Record>, LogError> {
        let gap = self
            .full_since
            .map(|from_ms| Body::Gap(Gap { from_ms, to_ms: now, reason: GapReason::DiskFull }));
        let all: Vec<&Body> = gap.iter().chain(&self.kept).chain(&bodies).collect();
        let number =
            |(seq, body): (u64, &Body)| Record { seq, time_ms: now, boot: self.boot, body: body.clone() };
        let records: Vec<Record> = (self.log.size()..).zip(all).map(number).collect();
        match self.log.append(&records) {
            Ok(_) => {
                if let Some(trouble) = self.trouble.take() {
                    tracing::info!(trouble, "the log is written again");
                }
                (self.full_since, self.kept) = (None, VecDeque::new());
                self.last_append = Some(now);
                Ok(records)
            }
            Err(error) => {
                self.put_off(bodies, now, &error);
                Err(error)
            }
        }
    }

    fn put_off(&mut self, bodies: Vec<Body>, now: u64, error: &LogError) {
        if self.trouble.is_none() {
            tracing::error!(%error, "the log cannot be written; measuring goes on");
        }
        self.trouble = Some(error.to_string());
        self.full_since.get_or_insert(self.last_append.unwrap_or(now));
        let lasting =
            bodies.into_iter().filter(|body| !matches!(body, Body::Activity(_) | Body::GpuDetail(_)));
        self.kept.extend(lasting.take(KEPT.saturating_sub(self.kept.len())));
    }
}

/// A record that says that the agent ended in order, at this moment.
pub fn end_mark() -> Body {
    let now = now_ms();
    Body::Gap(Gap { from_ms: now, to_ms: now, reason: GapReason::Stopped })
}

/// The stretch between the log's last record and now, if there is a last record. What came while the agent was ending may follow its end
/// mark: an anchor that became final, a task that was done. No window does, since nobody samples any more.
pub fn gap_since_end(log: &LogStore) -> Result<Option<Gap>, LogError> {
    let Some(last) = log.size().checked_sub(1) else { return Ok(None) };
    let from_ms = log.read(last)?.time_ms;
    let mut reason = GapReason::Crashed;
    for seq in (0..=last).rev() {
        match log.read(seq)?.body {
            Body::Gap(gap) if gap.reason == GapReason::Stopped && gap.from_ms == gap.to_ms => {
                reason = GapReason::Stopped;
                break;
            }
            Body::Activity(_) | Body::Gap(_) | Body::Join(_) => break,
            _ => {}
        }
    }
    Ok(Some(Gap { from_ms, to_ms: now_ms(), reason }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::record::{Anchor, Drill};

    fn log(dir: &tempfile::TempDir) -> LogStore {
        LogStore::open(&dir.path().join("log")).unwrap()
    }

    fn anchor() -> Body {
        Body::Anchor(Anchor { block_number: 1, block_hash: [0; 32], size: 1, root: [0; 32], counter: 1 })
    }

    fn drill() -> Body {
        Body::Drill(Drill {
            task: [1; 32],
            digest: [2; 32],
            commitment: [3; 32],
            micro_ut: 1,
            span_ms: 1,
            energy_mj: None,
            threads: 1,
        })
    }

    fn reason(bodies: &[Body]) -> Option<GapReason> {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(log(&dir), 1);
        for body in bodies {
            recorder.append(vec![body.clone()]).unwrap();
        }
        recorder.look(gap_since_end).unwrap().map(|gap| gap.reason)
    }

    #[test]
    fn an_end_in_order_is_told_from_a_crash() {
        assert_eq!(reason(&[]), None);
        assert_eq!(reason(&[anchor()]), Some(GapReason::Crashed));
        assert_eq!(reason(&[anchor(), end_mark()]), Some(GapReason::Stopped));
        assert_eq!(reason(&[end_mark(), anchor()]), Some(GapReason::Stopped));
        let gap = Gap { from_ms: 1, to_ms: 2, reason: GapReason::Stopped };
        assert_eq!(reason(&[end_mark(), drill(), anchor(), drill()]), Some(GapReason::Stopped));
        assert_eq!(reason(&[end_mark(), Body::Gap(gap.clone())]), Some(GapReason::Crashed));
        assert_eq!(reason(&[end_mark(), Body::Gap(gap), drill()]), Some(GapReason::Crashed));
    }

    #[test]
    fn records_carry_their_position() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(log(&dir), 3);
        recorder.append(vec![anchor(), anchor()]).unwrap();
        recorder.append(vec![anchor()]).unwrap();
        recorder.look(|log| {
            let record = log.read(2).unwrap();
            assert_eq!((record.seq, record.boot), (2, 3));
        });
        assert_eq!(recorder.head().0, 3);
    }

    #[test]
    fn a_full_disk_leaves_a_gap_and_loses_no_anchor() {
        let dir = tempfile::tempdir().unwrap();
        drop(log(&dir));
        // A read-only log refuses every record, like a full disk.
        let full = LogStore::open_read_only(&dir.path().join("log")).unwrap();
        let recorder = Recorder::new(full, 1);
        assert!(recorder.append(vec![anchor()]).is_err());
        assert!(recorder.append_window(vec![], vec![]).is_err() || recorder.trouble().is_some());
        recorder.writer().log = log(&dir);
        recorder.append(vec![end_mark()]).unwrap();
        let bodies =
            recorder.look(|log| (0..log.size()).map(|seq| log.read(seq).unwrap().body).collect::<Vec<_>>());
        assert!(matches!(
            &bodies[..],
            [
                Body::Gap(Gap { reason: GapReason::DiskFull, .. }),
                Body::Anchor(_),
                Body::Gap(Gap { reason: GapReason::Stopped, .. }),
            ]
        ));
        assert_eq!(recorder.trouble(), None);
    }
}
