//! Reading records back, each checked against its checksum.

use crate::{LogError, LogStore, folder, segment, store::STRIDE};
use attest::Record;
use std::{collections::VecDeque, os::unix::fs::FileExt};

/// Records read from disk at once.
const AHEAD: usize = 256;

impl LogStore {
    /// The record at this position.
    pub fn read(&self, seq: u64) -> Result<Record, LogError> {
        decode(seq, &self.raw(seq)?)
    }

    /// The record's bytes, those that its leaf hash is over.
    pub fn raw(&self, seq: u64) -> Result<Vec<u8>, LogError> {
        let out_of_range = LogError::OutOfRange { asked: seq, size: self.size() };
        self.run(seq, 1)?.pop_front().ok_or(out_of_range)
    }

    /// Every record from this position on, as bytes and decoded.
    pub const fn iter_from(&self, seq: u64) -> Iter<'_> {
        Iter { log: self, next: seq, ahead: VecDeque::new() }
    }

    /// At most `count` records from one segment.
    pub(crate) fn run(&self, seq: u64, count: usize) -> Result<VecDeque<Vec<u8>>, LogError> {
        let index = self.segments.partition_point(|segment| segment.first <= seq);
        let Some(segment) = index.checked_sub(1).and_then(|index| self.segments.get(index)) else {
            return Ok(VecDeque::new());
        };
        let skip = seq - segment.first;
        if skip >= segment.count {
            return Ok(VecDeque::new());
        }
        let after = skip.saturating_add(count as u64).div_ceil(STRIDE);
        let mark = |index: u64| segment.marks.get(usize::try_from(index).ok()?).copied();
        let (start, end) = (mark(skip / STRIDE).unwrap_or(segment.end), mark(after).unwrap_or(segment.end));
        let path = folder::segment_path(&self.folder, segment.first);
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(usize::MAX)];
        plain_io::open(&path)
            .and_then(|file| file.read_exact_at(&mut bytes, start))
            .map_err(|error| LogError::io(&path, error))?;
        let before = skip % STRIDE;
        let mut records = split(&bytes, seq - before, (before as usize).saturating_add(count))
            .map_err(|offset| LogError::Corrupt { file: path, offset: start + offset })?;
        records.drain(..(before as usize).min(records.len()));
        Ok(records)
    }
}

/// The records of a run of frames, `most` at most, or where the damage is.
fn split(mut bytes: &[u8], seq: u64, most: usize) -> Result<VecDeque<Vec<u8>>, u64> {
    let (mut records, mut offset) = (VecDeque::new(), 0);
    for seq in seq.. {
        if bytes.is_empty() || records.len() == most {
            break;
        }
        let frame = segment::read_frame(bytes).filter(|frame| segment::seq_of(frame.record) == Some(seq));
        let frame = frame.ok_or(offset)?;
        records.push_back(frame.record.to_vec());
        offset += frame.len() as u64;
        bytes = bytes.get(frame.len()..).unwrap_or_default();
    }
    Ok(records)
}

fn decode(seq: u64, bytes: &[u8]) -> Result<Record, LogError> {
    Record::decode(bytes).map_err(|error| LogError::Record(seq, error))
}

/// Records in order; ends after the last, or after the first error.
#[derive(Debug)]
pub struct Iter<'a> {
    log: &'a LogStore,
    next: u64,
    ahead: VecDeque<Vec<u8>>,
}

impl Iterator for Iter<'_> {
    type Item = Result<(Vec<u8>, Record), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let seq = self.next;
        let decoded = self.raw()?.and_then(|bytes| Ok((decode(seq, &bytes)?, bytes)));
        match decoded {
            Ok((record, bytes)) => Some(Ok((bytes, record))),
            Err(error) => self.fail(error),
        }
    }
}

impl Iter<'_> {
    /// The next record's bytes, whatever they mean.
    pub(crate) fn raw(&mut self) -> Option<Result<Vec<u8>, LogError>> {
        if self.next >= self.log.size() {
            return None;
        }
        if self.ahead.is_empty() {
            match self.log.run(self.next, AHEAD) {
                Ok(ahead) => self.ahead = ahead,
                Err(error) => return self.fail(error),
            }
        }
        let bytes = self.ahead.pop_front()?;
        self.next += 1;
        Some(Ok(bytes))
    }

    const fn fail<T>(&mut self, error: LogError) -> Option<Result<T, LogError>> {
        self.next = u64::MAX;
        Some(Err(error))
    }
}
