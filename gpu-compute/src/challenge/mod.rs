//! Challenges that bind a GPU: what a machine can only answer in time if it has the chip that it says it has.
//!
//! [`memory`] fills the card and needs all of it at once; [`fingerprint`] measures what kind of chip does the work. Both are seeded, and
//! their results are checked. What comes of them are [findings](gpu_probe::finding::Finding): evidence, never a verdict on a machine.
//! To the bit: docs/gpu-challenges.md.

mod challenger;
pub mod memory;
mod seed;

pub use challenger::{Challenger, Committed, Spans};
pub use seed::seed_of;
