//! Records, the Merkle log, evidence and its verification.
//!
//! This is the core that everybody shares: the agent writes with it, the runtime's WASM, inspectors and tools verify with it, and a
//! microcontroller can hold it. It therefore never reads a clock, a file, a socket or randomness: bytes come in, bytes and decisions
//! go out. It must not know how its input travelled, nor which chain takes its output.
//!
//! ```
//! use attest::{Frontier, Statement, leaf_hash};
//!
//! let mut log = Frontier::new();
//! log.append(leaf_hash(b"a record"))?;
//! let statement = Statement {
//!     genesis: [1; 32], block: [2; 32], machine: [3; 32],
//!     size: log.size(), root: log.root(), device_key: [4; 32],
//! };
//! // The TPM certifies its anchor counter over these bytes.
//! let qualifying_data = statement.qualification();
//! # assert_eq!(qualifying_data.len(), 32);
//! # Ok::<(), attest::LogFull>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(test)]
extern crate std;

pub mod checkpoint;
#[cfg(feature = "forge")]
pub mod forge;
mod frontier;
mod hash;
pub mod proof;
pub mod question;
mod reader;
pub mod record;
pub mod snapshot;
pub mod statement;
pub mod tile;
pub mod tpms;
pub mod verify;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use frontier::{Frontier, LogFull};
pub use hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash, sha256};
pub use proof::{Nodes, Proof, ProofError};
pub use record::{Body, MAX_RECORD, Record, RecordError};
pub use statement::Statement;
pub use tpms::{machine_id, object_name};
