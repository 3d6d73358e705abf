//! The watch over challenges of a machine's GPUs (docs/gpu-challenges.md, Draws): the agent that takes them and whoever doubts its log mean
//! the same blocks.

use attest::{Hash, sha256};

/// What tells this watch's draws from those of jobs: SHA-256 of `matrixai:gpu:challenges:v1`, in the place of a job's digest.
///
/// ```
/// use attest::snapshot::is_drawn;
///
/// // Whether block 9627, won with this randomness, draws a challenge of this machine's GPUs, where one block in 14,400 does.
/// let (machine, randomness) = ([1; 32], [2; 32]);
/// assert!(is_drawn(&machine, &evidence::challenge::watch(), 9627, &randomness, 14_400));
/// ```
pub fn watch() -> Hash {
    sha256(&[b"matrixai:gpu:challenges:v1"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::snapshot::{is_drawn, job};

    /// Made by Python's hashlib over the same bytes.
    #[test]
    fn the_watch_and_its_lot_are_frozen() {
        assert_eq!(watch()[..4], [0x42, 0x18, 0xba, 0x74]);
        let drawn = |mean| is_drawn(&[1; 32], &watch(), 9627, &[2; 32], mean);
        assert!(drawn(88_102) && !drawn(88_103));
    }

    #[test]
    fn no_jobs_draws_are_its_own() {
        let name = "matrixai:gpu:challenges:v1";
        let drawn = |watch: Hash| {
            let block = move |block| is_drawn(&[1; 32], &watch, block, &[2; 32], 2);
            (0..256).map(block).collect::<Vec<bool>>()
        };
        let (ours, jobs) = (drawn(watch()), drawn(job(name)));
        let same = ours.iter().zip(&jobs).filter(|(one, other)| one == other).count();
        assert!((80..176).contains(&same), "{same} of 256 agree: half of them should");
    }
}
