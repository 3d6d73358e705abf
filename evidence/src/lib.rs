//! What a machine hands to somebody who doubts it, and the check that needs nobody else.
//!
//! The agent writes a [`Bundle`] (`matrixai-agent evidence export`) beside its log in C2SP tiles (`log export`); the inspector's
//! tool reads both with [`check`]. This crate must not know where evidence comes from or which chain took it: whether an anchor
//! is *on chain* is the light client's answer, not a file's.
//!
//! ```no_run
//! # fn main() -> Result<(), evidence::EvidenceError> {
//! let bundle = evidence::Bundle::read("evidence.json".as_ref())?;
//! let report = evidence::check(&bundle, Some("log".as_ref()))?;
//! println!("{} anchors verified", report.anchors.len());
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bundle;
pub mod challenge;
mod check;
mod file;
pub mod log;
pub mod tpm2_tools;

pub use bundle::{Bundle, GpuReport, GpuReports, Signed, VERSION};
pub use check::{AnchorReport, Report, check, check_reading};
pub use log::LogReport;

use std::path::PathBuf;

/// Why evidence was refused.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file that cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// Not the bundle's format.
    #[error("the evidence does not parse: {0}")]
    Malformed(serde_json::Error),
    /// Written by another version.
    #[error("the evidence has format version {0}, this program reads {VERSION}")]
    Version(u32),
    /// The attestation key is not one that proves anything.
    #[error("the attestation key is refused: {0}")]
    AttestationKey(attest::verify::EvidenceError),
    /// The attestation key is no point of the curve.
    #[error("the attestation key is no point of P-256")]
    NotOnCurve,
    /// There is no quote in the bundle.
    #[error("the bundle holds no boot quote; run the agent once, then export again")]
    NoQuote,
    /// There is nothing to verify.
    #[error("the bundle holds no anchor: it proves nothing")]
    NoAnchor,
    /// An anchor that does not verify.
    #[error("anchor {0}: {1}")]
    Anchor(usize, attest::verify::EvidenceError),
    /// The quote does not verify.
    #[error("boot quote: {0}")]
    Quote(attest::verify::EvidenceError),
    /// An entry that is no record.
    #[error("entry {0} of the log is no record: {1}")]
    NoRecord(u64, attest::RecordError),
    /// A record in another's place.
    #[error(
        "entry {place} of the log says that it is number {says}: records were dropped, repeated or reordered"
    )]
    Misplaced {
        /// Where it stands.
        place: u64,
        /// Where it says that it belongs.
        says: u64,
    },
    /// An entry bundle that ends in the middle of an entry, or holds too much.
    #[error("{0} is torn or holds more than it should")]
    TornBundle(PathBuf),
    /// The log's checkpoint is not one of the machine's.
    #[error("the log's checkpoint: {0} (by a device key that this evidence delegates)")]
    Checkpoint(#[from] attest::CheckpointError),
    /// The exported log ends before the last anchor.
    #[error(
        "the exported log has {0} records, the last anchor covers {1}: export the log again, after the evidence"
    )]
    LogTooShort(u64, u64),
    /// The entries do not give the root that the device signed.
    #[error("the log's entries do not give the root of its checkpoint")]
    CheckpointDiffers,
    /// A file of hashes that the entries do not give.
    #[error("{0} does not hold the hashes that the entries give")]
    TileDiffers(PathBuf),
    /// The log hashes to another root than the one anchored.
    #[error("the log does not give the root of anchor {0}: it is not the log that was anchored")]
    LogDiffers(usize),
}
