//! Seeds: one draw, another seed for each GPU.

use drilling::{Hash, blake3};

/// The seed of one GPU's challenge. All GPUs of a host are asked at once; since no two have one seed, a card that is shown as several has
/// to do the work of several. `draw` is the chain's randomness, or an inspector's.
pub fn seed_of(draw: &Hash, machine: &Hash, gpu: &[u8; 16]) -> Hash {
    blake3(&[b"matrixai:gpu:seed:v1", draw, machine, gpu])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_draw_machine_or_gpu_has_another_seed() {
        let seed = seed_of(&[1; 32], &[2; 32], &[3; 16]);
        assert_ne!(seed, seed_of(&[9; 32], &[2; 32], &[3; 16]));
        assert_ne!(seed, seed_of(&[1; 32], &[9; 32], &[3; 16]));
        assert_ne!(seed, seed_of(&[1; 32], &[2; 32], &[9; 16]));
    }
}
