//! Challenges that bind a GPU: what a machine can only answer in time if it has the chip that it says it has.
//!
//! [`memory`] fills the card and needs all of it at once; [`fingerprint`] measures what kind of chip does the work. Both are seeded, and
//! their results are checked. What comes of them are [findings](gpu_probe::finding::Finding): evidence, never a verdict on a machine.
//! To the bit: docs/gpu-challenges.md.

mod all;
mod challenger;
mod chips;
pub mod fingerprint;
pub mod judge;
pub mod memory;
mod path;
mod seed;

pub use all::on_all;
pub use challenger::{Challenger, Committed, Spans};
pub use chips::{CHIPS, Chip, Measured, chip_of};
pub use seed::seed_of;
