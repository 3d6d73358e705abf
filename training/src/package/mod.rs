//! A proof package: what a training leaves behind for anybody to check.
//!
//! A folder, or the same files in one uncompressed tar archive:
//!
//! ```text
//! manifest.json                        which files there are, their sizes and Merkle roots
//! terms.json                           what the order fixed before training
//! model.onnx                           the graph, its parameters left open
//! checkpoints/0000000000.safetensors   step 0, then one per epoch and at the intervals the terms ask for
//! ```
//!
//! Nothing in a package is believed. Names come from a closed list, sizes are bounded before anything is allocated, and every
//! malformed thing has a name in [`PackageError`]. Files are read at positions, never mapped: a file that shrinks while it is
//! read is then an error and not a signal.

mod checkpoint;
mod chunks;
mod error;
mod layout;
mod manifest;
mod names;
mod part;
mod reader;
mod writer;

pub use checkpoint::{Checkpoint, MAX_HEADER, TensorRef};
pub use chunks::{CHUNK, ChunkTree, verify_chunk};
pub use error::PackageError;
pub use layout::Layout;
pub use manifest::{
    CheckpointEntry, FORMAT, FileEntry, LogPosition, MAX_CHECKPOINTS, MAX_MANIFEST, Manifest,
};
pub use names::{checkpoint_name, is_name};
pub use part::{Part, read_plain};
pub use reader::{MAX_GRAPH, MAX_TERMS, Package};
pub use writer::{Origin, Resumed, TensorData, Writer, save, write};
