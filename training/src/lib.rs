//! Proof of Training: packages of checkpoints that anyone can verify, the six rules, and the replay that makes cheating not pay.
//!
//! [`package`] reads and writes what a training leaves behind; [`terms`] is what an order fixes before it begins; [`engine`] trains and
//! replays to the bit of one machine; [`graph`] makes, evaluates and counts the model as ONNX; [`rules`] are the white paper's six;
//! [`replay`] redoes drawn stretches of the training; [`verify`] puts all of it into one [`report`]. `docs/training.md` is the format and
//! the reasons in prose.
//!
//! It must not know the network: randomness, orders and identities come in as bytes.
//!
//! ```
//! use training::terms::{Batches, Mixture};
//! use training::digest::Digest;
//!
//! // Which samples the third step of an order takes: anybody can say, once the chain has drawn the order's randomness.
//! let randomness = Digest([7; 32]);
//! assert_eq!(Batches::new(&randomness, 60_000, 64).step(2).len(), 64);
//! // What the weights of a layer with 784 inputs start as.
//! assert!((Mixture::new(784).variance() - 2.0 / 784.0).abs() < 1e-12);
//! ```

#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod digest;
pub mod engine;
pub mod graph;
#[cfg(feature = "lab")]
pub mod lab;
pub mod order;
pub mod package;
pub mod replay;
pub mod report;
pub mod rules;
pub mod statistics;
mod steps;
pub mod terms;
pub mod trace;
pub mod train;
pub mod verify;
