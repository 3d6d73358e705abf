//! What a machine exported, in files that the command line names. One of them that cannot be read says nothing about the machine.

use crate::error::Error;
use attest::Record;
use evidence::{Bundle, EvidenceError, Report};
use std::{fs, path::Path};

/// Reads the evidence.
pub(crate) fn bundle(file: &Path) -> Result<Bundle, Error> {
    Bundle::read(file).map_err(|error| match error {
        EvidenceError::Io(path, source) => Error::File { path, source },
        refused => refused.into(),
    })
}

/// Checks it, with the log where there is one, and hands on every record. What the log's folder lacks, the machine has not shown.
pub(crate) fn check(bundle: &Bundle, log: Option<&Path>, each: impl FnMut(Record)) -> Result<Report, Error> {
    if let Some(folder) = log {
        fs::read_dir(folder).map_err(|source| Error::File { path: folder.into(), source })?;
    }
    Ok(evidence::check_reading(bundle, log, each)?)
}
