//! The manifest: canonical JSON, so that its SHA-256 is the one commitment to the whole package.
//!
//! Canonical means: the bytes that [`Manifest::encode`] gives. Keys in alphabetical order, no white space, integers only; whoever writes
//! in another language gets the same from a JSON encoder with sorted keys and the separators `,` and `:`.

use super::{PackageError, names};
use crate::digest::Digest;
use serde::{Deserialize, Serialize};

/// The format that this crate reads and writes.
pub const FORMAT: &str = "matrixai-training-package/1";
/// The largest manifest in bytes.
pub const MAX_MANIFEST: u64 = 16 << 20;
/// The most bytes of what the trainer tells of its hardware.
const MAX_HARDWARE: usize = 4096;
/// The most checkpoints.
pub const MAX_CHECKPOINTS: usize = 50_000;

/// What a package holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// In order of their steps, the untrained model first.
    pub checkpoints: Vec<CheckpointEntry>,
    /// Whether the training came to its end. Where it did not, the last checkpoint says how far it got.
    pub finished: bool,
    /// [`FORMAT`].
    pub format: String,
    /// The graph.
    pub graph: FileEntry,
    /// What trained, as the trainer tells it: told to readers, used for nothing.
    pub hardware: String,
    /// The activity log's head when training ended.
    pub log: Option<LogPosition>,
    /// The machine, if it has an identity.
    pub machine: Option<Digest>,
    /// The terms.
    pub terms: FileEntry,
}

/// One file and what commits to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Size.
    pub bytes: u64,
    /// Its name in the package.
    pub name: String,
    /// Merkle root over its chunks.
    pub root: Digest,
}

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointEntry {
    /// Its file.
    pub file: FileEntry,
    /// Optimiser steps taken.
    pub step: u64,
}

/// A place in the activity log of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPosition {
    /// The log's root.
    pub root: Digest,
    /// Records.
    pub size: u64,
}

impl Manifest {
    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, PackageError> {
        serde_json::to_vec(self).map_err(|error| PackageError::Manifest(error.to_string()))
    }

    /// From bytes that must be canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackageError> {
        #[derive(Deserialize)]
        struct Version {
            format: String,
        }
        let malformed = |error: serde_json::Error| PackageError::Manifest(error.to_string());
        let Version { format } = serde_json::from_slice(bytes).map_err(malformed)?;
        if format != FORMAT {
            return Err(PackageError::Format(format));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        if manifest.encode()? != bytes {
            return Err(PackageError::NotCanonical(names::MANIFEST));
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// What a trainer publishes before the replayed intervals are drawn: SHA-256 of the canonical bytes.
    pub fn commitment(&self) -> Result<Digest, PackageError> {
        Ok(Digest::of(&[&self.encode()?]))
    }

    pub(super) fn check(&self) -> Result<(), PackageError> {
        if self.checkpoints.len() > MAX_CHECKPOINTS {
            return Err(PackageError::Manifest(format!("{} checkpoints", self.checkpoints.len())));
        }
        if self.hardware.len() > MAX_HARDWARE {
            return Err(PackageError::Manifest(format!(
                "`hardware` has {} bytes; a few words, please",
                self.hardware.len()
            )));
        }
        for (entry, name) in [(&self.terms, names::TERMS), (&self.graph, names::GRAPH)] {
            names::check(&entry.name)?;
            if entry.name != name {
                return Err(PackageError::BadName(entry.name.clone()));
            }
        }
        for entry in &self.checkpoints {
            names::check(&entry.file.name)?;
            if names::step_of(&entry.file.name) != Some(entry.step) {
                return Err(PackageError::Order(format!("{} says step {}", entry.file.name, entry.step)));
            }
        }
        let rising = self.checkpoints.is_sorted_by(|one, next| one.step < next.step);
        let first = self.checkpoints.first().is_none_or(|entry| entry.step == 0);
        if !rising || !first {
            return Err(PackageError::Order("steps must rise from 0".into()));
        }
        Ok(())
    }
}
