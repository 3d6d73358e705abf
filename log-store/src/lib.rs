//! The machine's log on disk: what [`LogStore::append`] has acknowledged survives a kill, a power cut and a full disk.
//!
//! The log is a folder of segments, `<first seq as 20 digits>.log`; see `segment.rs` for their bytes. A batch of records is there
//! whole or not at all. Hashes are computed anew at each start, so there is no second file that could disagree with the records; those of
//! subtrees of 256 records and more stay in memory, with where each 64th record lies: 0.4 bytes a record. The others are computed from the
//! records when a proof wants them. This crate must not know what records mean, who signs heads, or where exports go.
//!
//! ```
//! use attest::record::{Body, Gap, GapReason, Record};
//! use log_store::LogStore;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let mut log = LogStore::open(folder.path())?;
//! let gap = Gap { from_ms: 1, to_ms: 2, reason: GapReason::Stopped };
//! let size = log.append(&[Record { seq: 0, time_ms: 3, boot: 1, body: Body::Gap(gap) }])?;
//! let proof = log.prove_inclusion(0, size)?;
//! attest::proof::verify_inclusion(&attest::leaf_hash(&log.raw(0)?), 0, size, &proof, &log.root()).unwrap();
//! # Ok::<(), log_store::LogError>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod error;
mod export;
mod folder;
mod read;
mod segment;
mod store;
mod tree;

pub use error::LogError;
pub use export::publish;
pub use read::Iter;
pub use store::{LogStore, Recovery, SEGMENT_BYTES};
