//! Drilling: measurable machine-learning work, specified to the bit.
//!
//! A task is integer matrix products in a chain, so that every processor that does it gets the same bits. This crate says which bits,
//! what they are worth, which 32 bytes commit to all of them, and how a chain convicts whoever got them wrong. `docs/drilling.md` is the
//! same in prose, for a second implementation.
//!
//! Without features it is the specification: no allocator, no I/O, no clock, no randomness, and nothing in it panics on what others
//! sent. It is what the runtime checks with. `std` adds doing the work, and files with published data. It must not know who assigns tasks, nor what is paid for them.
//!
//! ```
//! use drilling::{Kernel, Layer, Layers, Spec, Task, difficulty};
//!
//! let layer = Layer { outputs: 1024, multiplier: 786_432, shift: 32 };
//! let spec = Spec { kernel: Kernel::Mlp, rows: 1024, inputs: 4096, layers: Layers::new(&[layer])? };
//! spec.check()?;
//! assert_eq!(difficulty(&spec), 4_971);
//! let task = Task { spec, seed: [7; 32] };
//!
//! // Who did the work commits to its digest, and reveals it once all have committed.
//! let digest = drilling::digest(&task.id(), &[[1; 32]]);
//! let posted = drilling::commitment(&digest, &[2; 32], &[3; 32]);
//! # let _ = posted;
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(all(test, not(feature = "std")))]
extern crate std;

mod class;
#[cfg(feature = "std")]
pub mod cpu;
mod difficulty;
#[cfg(feature = "std")]
pub mod digits;
pub mod disclosure;
pub mod element;
pub mod fraud;
#[cfg(feature = "std")]
pub mod freivalds;
mod hash;
mod layers;
#[cfg(feature = "std")]
pub mod library;
pub mod network;
#[cfg(feature = "std")]
pub mod prove;
#[cfg(feature = "std")]
pub mod published;
mod reader;
#[cfg(feature = "std")]
pub mod reference;
mod requantise;
mod result;
mod spec;
pub mod spread;
#[cfg(feature = "std")]
mod trail;
pub mod tree;
#[cfg(feature = "std")]
mod work;

pub use class::Class;
pub use difficulty::{FLOP_PER_MICRO_UT, MicroUt, OPERATIONS_PER_FLOP, difficulty, flop};
pub use disclosure::Question;
pub use fraud::{Fraud, FraudError, MAX_FRAUD_PROOF};
pub use hash::{Hash, blake3};
pub use layers::{Layers, MAX_LAYERS, WrongDepth};
pub use requantise::requantise;
pub use result::{commitment, digest, layer_key, layer_tree};
pub use spec::{
    Kernel, Layer, MAX_INPUTS, MAX_ITEMS, MAX_ROWS, MAX_WIDTH, MIN_PUBLISHED_DEEP, MIN_PUBLISHED_INNER,
    MIN_PUBLISHED_INPUTS, SHALLOW, SPREAD, Spec, SpecError, Task,
};
#[cfg(feature = "std")]
pub use {
    library::{Library, LibraryError},
    trail::{Step, Trail},
    work::{Outcome, WorkError, accumulator_bytes, layer_root, task_data},
};
