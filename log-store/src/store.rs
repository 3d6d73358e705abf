//! Opening, recovering and extending the log.

use crate::{
    LogError, folder,
    segment::{self, End},
    tree::{GROUP, Tree, View},
};
use attest::{Hash, Proof, Record, leaf_hash, proof};
use nix::fcntl::Flock;
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// A segment that has grown to this is not extended.
pub const SEGMENT_BYTES: u64 = 8 << 20;

/// A batch of more bytes is not appended: with it, a segment is still one that is read at once.
pub const LARGEST_BATCH: u64 = 56 << 20;

/// What opening the log found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Records that are there.
    pub records: u64,
    /// Bytes of an interrupted write, cut off (or, read-only, passed over).
    pub truncated_bytes: u64,
}

/// The log on disk.
#[derive(Debug)]
pub struct LogStore {
    pub(crate) folder: PathBuf,
    pub(crate) segments: Vec<Segment>,
    pub(crate) tree: Tree,
    recovery: Recovery,
    segment_bytes: u64,
    writer: Option<Writer>,
}

/// What is known of a segment without reading it.
#[derive(Debug)]
pub struct Segment {
    pub first: u64,
    /// Records in it.
    pub count: u64,
    /// Where the frame of each [`STRIDE`]th record begins.
    pub marks: Vec<u64>,
    /// Where the last whole batch ends.
    pub end: u64,
}

/// Records from one mark to the next: who wants one reads as many at most.
pub const STRIDE: u64 = 64;

impl Segment {
    const fn new(first: u64) -> Self {
        Self { first, count: 0, marks: Vec::new(), end: segment::HEADER as u64 }
    }

    /// One more record, whose frame begins at this offset.
    fn push(&mut self, offset: u64) {
        if self.count.is_multiple_of(STRIDE) {
            self.marks.push(offset);
        }
        self.count += 1;
    }
}

#[derive(Debug)]
struct Writer {
    /// The last segment.
    file: Option<File>,
    /// Whether the file may be longer than what was acknowledged.
    overhang: bool,
    _lock: Flock<File>,
}

impl LogStore {
    /// Opens the log for writing, creating it if there is none. An interrupted write at its very end is cut off and told by
    /// [`recovered`](Self::recovered); any other damage is an error.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        Self::open_with(folder, SEGMENT_BYTES)
    }

    /// As [`open`](Self::open), for a log that is known to have held `wanted` records. Damage near the end looks like an interrupted
    /// write; where that would cut off what is known to have been acknowledged, this is an error and the files stay as they are. A
    /// log that is gone altogether is a new one.
    pub fn open_holding(folder: &Path, wanted: u64) -> Result<Self, LogError> {
        Self::open_all(folder, SEGMENT_BYTES, wanted)
    }

    /// As [`open`](Self::open), with segments of another size.
    pub fn open_with(folder: &Path, segment_bytes: u64) -> Result<Self, LogError> {
        Self::open_all(folder, segment_bytes, 0)
    }

    fn open_all(folder: &Path, segment_bytes: u64, wanted: u64) -> Result<Self, LogError> {
        fs::create_dir_all(folder).map_err(|error| LogError::io(folder, error))?;
        let lock = folder::lock(folder)?;
        let mut store = Self::load(folder, segment_bytes)?;
        let held = store.size();
        if held < wanted && (held > 0 || store.recovery.truncated_bytes > 0) {
            return Err(LogError::Missing { folder: folder.into(), held, wanted });
        }
        let file = store.segments.last().map(|last| open_last(folder, last)).transpose()?;
        store.writer = Some(Writer { file, overhang: false, _lock: lock });
        Ok(store)
    }

    /// Opens the log to look at it, also while another process writes it: what is there now, up to the last whole batch.
    pub fn open_read_only(folder: &Path) -> Result<Self, LogError> {
        let mut tries = 0;
        loop {
            // A writer that takes a batch back while we read makes the log look damaged for a moment.
            match Self::load(folder, SEGMENT_BYTES) {
                Err(LogError::Corrupt { .. }) if tries < 3 => tries += 1,
                result => return result,
            }
        }
    }

    fn load(folder: &Path, segment_bytes: u64) -> Result<Self, LogError> {
        let mut store = Self {
            folder: folder.into(),
            segments: Vec::new(),
            tree: Tree::default(),
            recovery: Recovery::default(),
            segment_bytes,
            writer: None,
        };
        let firsts = folder::segments(folder)?;
        for (index, first) in firsts.iter().enumerate() {
            store.load_segment(*first, index + 1 == firsts.len())?;
        }
        store.recovery.records = store.size();
        Ok(store)
    }

    fn load_segment(&mut self, first: u64, last: bool) -> Result<(), LogError> {
        let path = folder::segment_path(&self.folder, first);
        let corrupt = |offset| LogError::Corrupt { file: path.clone(), offset };
        if first != self.size() {
            return Err(corrupt(0));
        }
        let most = self.segment_bytes.max(SEGMENT_BYTES).saturating_add(LARGEST_BATCH);
        let bytes = plain_io::read(&path, most).map_err(|error| LogError::Io(path.clone(), error))?;
        let (mut segment, mut full) = (Segment::new(first), Ok(()));
        let (end, how) = segment::scan(&bytes, first, |offset, record| {
            segment.push(offset);
            full = full.and_then(|()| self.tree.push(leaf_hash(record)));
        });
        full?;
        match how {
            End::Whole => {}
            End::Torn if last => self.recovery.truncated_bytes = bytes.len() as u64 - end,
            End::Torn => return Err(corrupt(end)),
            End::Damaged(offset) => return Err(corrupt(offset)),
        }
        segment.end = end;
        self.segments.push(segment);
        Ok(())
    }

    /// Appends the records, all or none: when this returns, they are on disk. Each must carry the number of its position.
    pub fn append(&mut self, records: &[Record]) -> Result<u64, LogError> {
        if self.writer.is_none() {
            return Err(LogError::ReadOnly);
        }
        let (batch, leaves, lengths) = encode(records, self.size())?;
        if batch.len() as u64 > LARGEST_BATCH {
            return Err(LogError::BatchTooLarge(records.len()));
        }
        if !batch.is_empty() {
            self.prepare_segment()?;
            self.write(&batch)?;
            self.remember(&leaves, &lengths)?;
        }
        Ok(self.size())
    }

    /// Makes the last segment one that takes a batch.
    fn prepare_segment(&mut self) -> Result<(), LogError> {
        let first = self.size();
        let takes = |last: &Segment| last.count == 0 || last.end < self.segment_bytes;
        let fits = self.segments.last().is_some_and(takes);
        let Some(writer) = self.writer.as_mut().filter(|_| !fits) else { return Ok(()) };
        if let (Some(file), Some(last)) = (&writer.file, self.segments.last()) {
            take_back(file, last.end, &mut writer.overhang)
                .map_err(|error| LogError::io(&self.folder, error))?;
        }
        let path = folder::segment_path(&self.folder, first);
        writer.file = Some(folder::write_whole(&path, &segment::header(first))?);
        self.segments.push(Segment::new(first));
        Ok(())
    }

    fn write(&mut self, batch: &[u8]) -> Result<(), LogError> {
        let (Some(writer), Some(last)) = (&mut self.writer, self.segments.last()) else {
            return Err(LogError::ReadOnly);
        };
        let Some(file) = &writer.file else { return Err(LogError::ReadOnly) };
        let fail = |error| LogError::io(&self.folder, error);
        take_back(file, last.end, &mut writer.overhang).map_err(fail)?;
        writer.overhang = true;
        let written = file.write_all_at(batch, last.end).and_then(|()| file.sync_data());
        if written.is_err() {
            // If this fails as well, the next append begins with it.
            let _ = take_back(file, last.end, &mut writer.overhang);
        } else {
            writer.overhang = false;
        }
        written.map_err(fail)
    }

    fn remember(&mut self, leaves: &[Hash], lengths: &[usize]) -> Result<(), LogError> {
        for (leaf, length) in leaves.iter().zip(lengths) {
            self.tree.push(*leaf)?;
            if let Some(last) = self.segments.last_mut() {
                last.push(last.end);
                last.end += *length as u64;
            }
        }
        Ok(())
    }

    /// What opening the log found.
    pub const fn recovered(&self) -> Recovery {
        self.recovery
    }

    /// Records in the log.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The log's root.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The root that the log had with `size` records.
    pub fn root_at(&self, size: u64) -> Result<Hash, LogError> {
        self.within(size)?;
        Ok(proof::root_at(&self.nodes(&[size])?, size)?)
    }

    /// Proves that record `seq` is in the log of `size` records.
    pub fn prove_inclusion(&self, seq: u64, size: u64) -> Result<Proof, LogError> {
        self.within(size)?;
        Ok(proof::prove_inclusion(&self.nodes(&[seq, size])?, seq, size)?)
    }

    /// Proves that the log of `new` records begins with the log of `old` records.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Proof, LogError> {
        self.within(new)?;
        Ok(proof::prove_consistency(&self.nodes(&[old, new])?, old, new)?)
    }

    /// The tree with all nodes around these records: those that are no longer in memory are hashed from what lies on disk.
    pub(crate) fn nodes(&self, around: &[u64]) -> Result<View<'_>, LogError> {
        let mut view = View::of(&self.tree);
        for seq in around {
            if view.lacks(*seq) {
                let first = seq / GROUP * GROUP;
                let mut group = self.iter_from(first);
                let records = (0..GROUP).map_while(|_| group.raw()).collect::<Result<Vec<_>, _>>()?;
                if !view.add(first, records.iter().map(Vec::as_slice)) {
                    let (folder, last) = (self.folder.clone(), first.saturating_add(GROUP - 1));
                    return Err(LogError::Exchanged { folder, first, last });
                }
            }
        }
        Ok(view)
    }

    pub(crate) fn within(&self, asked: u64) -> Result<(), LogError> {
        let size = self.size();
        if asked <= size { Ok(()) } else { Err(LogError::OutOfRange { asked, size }) }
    }
}

/// Opens the last segment for writing, less what an interrupted write left behind. What a killed process had not synced yet is
/// synced now: from here on it counts as acknowledged.
fn open_last(folder: &Path, last: &Segment) -> Result<File, LogError> {
    let path = folder::segment_path(folder, last.first);
    let open = || {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        take_back(&file, last.end, &mut true)?;
        file.sync_all()?;
        folder::sync(folder)?;
        Ok(file)
    };
    open().map_err(|error| LogError::io(&path, error))
}

/// Cuts off what was never acknowledged.
fn take_back(file: &File, end: u64, overhang: &mut bool) -> std::io::Result<()> {
    if *overhang {
        if file.metadata()?.len() != end {
            file.set_len(end)?;
            file.sync_data()?;
        }
        *overhang = false;
    }
    Ok(())
}

type Batch = (Vec<u8>, Vec<Hash>, Vec<usize>);

/// The batch's bytes, leaf hashes, and frames' lengths.
fn encode(records: &[Record], size: u64) -> Result<Batch, LogError> {
    let mut batch: Batch = (Vec::new(), Vec::with_capacity(records.len()), Vec::with_capacity(records.len()));
    for (record, expected) in records.iter().zip(size..) {
        if record.seq != expected {
            return Err(LogError::WrongSeq { expected, found: record.seq });
        }
        let bytes = record.encode().map_err(|error| LogError::Record(expected, error))?;
        let before = batch.0.len();
        segment::write_frame(&mut batch.0, &bytes, batch.1.len() + 1 == records.len());
        batch.1.push(leaf_hash(&bytes));
        batch.2.push(batch.0.len() - before);
    }
    Ok(batch)
}
