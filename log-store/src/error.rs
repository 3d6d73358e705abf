//! What can go wrong with a log on disk.

use std::{io, path::PathBuf};

/// Why the log could not be opened, read or extended.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process writes this log.
    #[error("{0} is in use by another process; stop that agent, or open the log read-only")]
    InUse(PathBuf),
    /// Bytes that were once acknowledged are not what they were.
    #[error(
        "{file} is damaged at byte {offset}; restore that very file from a copy, never an older log, or move the folder away: a new log \
         begins, and this one is lost"
    )]
    Corrupt {
        /// The damaged segment.
        file: PathBuf,
        /// Where the damage begins.
        offset: u64,
    },
    /// Fewer whole records than there must be: records that were acknowledged are damaged or cut off. Nothing was touched.
    #[error(
        "{folder} holds {held} whole records, but {wanted} were signed or anchored: records are missing or damaged; \
         restore that very folder from a copy, never an older one, or move it away: a new log begins, and this one is lost"
    )]
    Missing {
        /// The log.
        folder: PathBuf,
        /// What there is.
        held: u64,
        /// What there must be.
        wanted: u64,
    },
    /// Records on disk that their checksums vouch for, and that are not those which were appended.
    #[error(
        "records {first} to {last} in {folder} were exchanged for others; restore that very folder from a copy, never an older one, or \
         move it away: a new log begins, and this one is lost"
    )]
    Exchanged {
        /// The log.
        folder: PathBuf,
        /// The first record of those that were looked at.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// The disk, the quota or the largest file size is used up. Nothing was appended; append again when there is room.
    #[error("no room left for the log in {0}; free some space")]
    Full(PathBuf),
    /// The operating system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The log was opened to be read.
    #[error("the log was opened read-only")]
    ReadOnly,
    /// More records at once than a segment may grow by.
    #[error("{0} records are too many for one batch; append them in parts")]
    BatchTooLarge(usize),
    /// A record does not stand at its own position.
    #[error("the record's number is {found}, its position {expected}")]
    WrongSeq {
        /// The position.
        expected: u64,
        /// What the record says.
        found: u64,
    },
    /// A record that cannot be encoded or decoded.
    #[error("record {0}: {1}")]
    Record(u64, attest::RecordError),
    /// Something that the log does not hold yet.
    #[error("record {asked} was asked for, but the log holds {size}")]
    OutOfRange {
        /// What was asked for.
        asked: u64,
        /// What there is.
        size: u64,
    },
    /// A proof that cannot be made.
    #[error("the proof cannot be made: {0}")]
    Proof(#[from] attest::ProofError),
    /// 2^64 − 1 records.
    #[error("the log holds as many records as can be counted")]
    Uncountable(#[from] attest::LogFull),
}

impl LogError {
    /// An operating system's error, where running out of room is told apart.
    pub(crate) fn io(path: impl Into<PathBuf>, error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::Full(path.into()),
            _ => Self::Io(path.into(), error),
        }
    }
}
