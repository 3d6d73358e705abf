//! What can be wrong with a package. Each case says which part, and what to do where there is something to do.

use super::{MAX_CHECKPOINTS, MAX_HEADER, MAX_MANIFEST};
use crate::digest::Digest;
use std::{io, path::PathBuf};

/// Why a package was refused or could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The operating system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// Pickle runs code when it is read. It is never opened.
    #[error(
        "{0} is a pickle (PyTorch's .pt, .pth, .bin): it can run code, and is refused; write safetensors"
    )]
    Pickle(String),
    /// A compressed archive can be a million times larger than it looks.
    #[error("{0} is compressed ({1}): packages are folders or plain tar archives; unpack it yourself first")]
    Compressed(String, &'static str),
    /// Neither a folder nor a tar archive.
    #[error("{0} is neither a folder nor a tar archive")]
    NotAPackage(PathBuf),
    /// A name that is not in the format, among them every path that leads out of the package.
    #[error("{0:?} is not a name that a package can hold")]
    BadName(String),
    /// A link, a device, a pipe, a sparse file.
    #[error("{0} is not a plain file")]
    NotPlain(String),
    /// Two files of one name.
    #[error("{0} is there twice")]
    Duplicate(String),
    /// A file that the manifest names is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// No manifest: nothing was ever completed here.
    #[error("there is no manifest.json: this is no package, or it was left before its first checkpoint")]
    NoManifest,
    /// More than a reader holds in memory.
    #[error("{name} has {bytes} bytes; at most {most} are read")]
    TooLarge {
        /// The part.
        name: String,
        /// Its size in bytes.
        bytes: u64,
        /// The bound in bytes.
        most: u64,
    },
    /// The manifest is not JSON of this format.
    #[error("manifest.json: {0} (at most {MAX_MANIFEST} bytes and {MAX_CHECKPOINTS} checkpoints)")]
    Manifest(String),
    /// Another version.
    #[error("the package's format is {0:?}; this program reads {known:?}", known = super::FORMAT)]
    Format(String),
    /// The same content in other bytes: it would have two digests.
    #[error("{0} is not in its canonical form")]
    NotCanonical(&'static str),
    /// Shorter or longer than the manifest says.
    #[error(
        "{name} has {found} bytes, the manifest says {expected}: cut off, or not the file that was committed to"
    )]
    WrongSize {
        /// The file.
        name: String,
        /// What the manifest says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// Other bytes than those committed to.
    #[error("{name} is not what was committed to: its Merkle root is {found}, the manifest says {expected}")]
    WrongRoot {
        /// The file.
        name: String,
        /// What the manifest says.
        expected: Digest,
        /// What there is.
        found: Digest,
    },
    /// Reading ended before the end.
    #[error("{name} ends at byte {at}")]
    Truncated {
        /// The file.
        name: String,
        /// Where it ends.
        at: u64,
    },
    /// Another program writes to it.
    #[error("{0} changed while it was read: verify again when nothing writes to it")]
    Changed(String),
    /// The header of a safetensors file says it is longer than the bound or than the file.
    #[error("{name}: a header of {bytes} bytes; at most {MAX_HEADER} and no more than the file are read")]
    HugeHeader {
        /// The file.
        name: String,
        /// What it claims.
        bytes: u64,
    },
    /// The header is not a safetensors header: not JSON, overlapping tensors, holes, sizes that do not fit shapes.
    #[error("{name}: {cause}")]
    BadHeader {
        /// The file.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// Tensors end before or after the file does.
    #[error("{name}: tensors end at byte {tensors}, the file at {file}")]
    Uncovered {
        /// The file.
        name: String,
        /// Where tensors end.
        tensors: u64,
        /// Where the file ends.
        file: u64,
    },
    /// A tensor that has to be there is not.
    #[error("{file} has no tensor {tensor}")]
    NoTensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
    },
    /// A tensor that nothing needs: it would only be read.
    #[error(
        "{file}: {tensor:?} is no tensor of the order's graph or optimiser; write those alone, and put others into a file of their own"
    )]
    UnknownTensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
    },
    /// Checkpoints of another model, or of none.
    #[error("{file}: {tensor} has shape {found:?}, {expected:?} is expected")]
    WrongShape {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// The shape it must have.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// Something other than 32-bit floats.
    #[error("{file}: {tensor} is {found}; {expected} is expected")]
    WrongType {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What it is.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// NaN or infinity.
    #[error("{file}: {tensor} holds NaN or infinity at element {element}")]
    NotFinite {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Which element.
        element: u64,
    },
    /// Checkpoints out of order, repeated or numbered against the terms.
    #[error("checkpoints: {0}")]
    Order(String),
    /// The terms inside.
    #[error("terms.json: {0}")]
    Terms(#[from] crate::terms::TermsError),
    /// A package that is there already.
    #[error("{0} holds a package already: resume it, or write elsewhere")]
    Exists(PathBuf),
    /// A package of another order.
    #[error("the package that lies there was begun under other terms")]
    OtherTerms,
    /// Two trainings.
    #[error("somebody else writes a package into {0}: wait, or write elsewhere")]
    Busy(PathBuf),
    /// A package that is complete.
    #[error("the package is finished: nothing can be added")]
    Finished,
    /// The manifest has no root to prove a chunk under.
    #[error(
        "manifest.json holds the roots of all other files and has none itself: its SHA-256 is the commitment"
    )]
    NoRoot,
    /// A chunk that is not there.
    #[error("{0} has no chunk {1}")]
    NoChunk(String, u64),
}

impl PackageError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io(path, error)
    }
}
