//! When a machine is to take a digest of a job's weights: in blocks that the chain's randomness draws, so that nobody knows them before
//! (docs/snapshots.md).
//!
//! ```
//! use attest::snapshot::{is_drawn, job};
//!
//! let (machine, job) = ([1; 32], job("llm"));
//! let drawn = (0..10_000u64).filter(|number| {
//!     // A block's randomness: what its author's VRF gave.
//!     let randomness = attest::sha256(&[&number.to_le_bytes()]);
//!     is_drawn(&machine, &job, *number, &randomness, 100)
//! });
//! // One block in a hundred, each by itself.
//! assert_eq!(drawn.count(), 108);
//! ```

use crate::hash::{Hash, sha256};

/// A job by its name: what the log calls it. `SHA-256("matrixai:job:v1" ‖ name)`.
pub fn job(name: &str) -> Hash {
    sha256(&[b"matrixai:job:v1", name.as_bytes()])
}

/// Whether a block draws a snapshot of a job: whether the first eight bytes (little-endian) of
/// `SHA-256("matrixai:snapshot:v1" ‖ machine ‖ job ‖ block number u64 LE ‖ randomness)` are at most (2^64 − 1) / `mean_blocks`.
///
/// Each block draws by itself with probability 1/`mean_blocks`, so that intervals are geometric, which over many blocks is a Poisson process:
/// that there was none for long says nothing about the next. A mean of 0 draws nothing.
pub fn is_drawn(machine: &Hash, job: &Hash, block: u64, randomness: &Hash, mean_blocks: u32) -> bool {
    let Some(bar) = u64::MAX.checked_div(mean_blocks.into()) else { return false };
    let lot = sha256(&[b"matrixai:snapshot:v1", machine, job, &block.to_le_bytes(), randomness]);
    let [a, b, c, d, e, f, g, h, ..] = lot;
    u64::from_le_bytes([a, b, c, d, e, f, g, h]) <= bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_everything_that_it_names() {
        let base = |machine: u8, job: u8, block: u64, randomness: u8| -> std::vec::Vec<bool> {
            let randomness = |step: u8| sha256(&[&[randomness, step]]);
            (0..=255).map(|step| is_drawn(&[machine; 32], &[job; 32], block, &randomness(step), 2)).collect()
        };
        let one = base(1, 2, 3, 4);
        for other in [base(9, 2, 3, 4), base(1, 9, 3, 4), base(1, 2, 9, 4), base(1, 2, 3, 9)] {
            let same = one.iter().zip(&other).filter(|(one, other)| one == other).count();
            assert!((80..176).contains(&same), "{same} of 256 agree: half of them should");
        }
    }

    #[test]
    fn a_mean_of_one_draws_each_block_and_of_none_never() {
        let draws =
            |mean| (0..200u8).filter(|step| is_drawn(&[1; 32], &[2; 32], 7, &[*step; 32], mean)).count();
        assert_eq!((draws(1), draws(0), draws(u32::MAX)), (200, 0, 0));
    }

    /// Made by Python's hashlib over the same bytes.
    #[test]
    fn the_lot_is_frozen() {
        let job = job("llm");
        assert_eq!(job[..4], [0xbb, 0xd5, 0x9a, 0xec]);
        let drawn = |mean| is_drawn(&[1; 32], &job, 9143, &[2; 32], mean);
        assert!(drawn(27027) && !drawn(27028));
    }
}
