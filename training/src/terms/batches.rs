//! Which samples a step takes: the order's own generator, not the framework's, so that anybody can have the same.
//!
//! In epoch `e` every sample `i` gets a key: the i-th 8 bytes (little-endian) of the stream of blocks
//! `SHA-256("matrixai:batches:v1" ‖ randomness ‖ e u64 LE ‖ block u64 LE)`. Samples in the order of their keys, the lower number first
//! where keys are equal, are the epoch's permutation; step `s` takes its s-th stretch of `batch`. What is left over is not used.

use crate::digest::Digest;
use std::cmp;

const DOMAIN: &[u8] = b"matrixai:batches:v1";

/// The batches of a training.
#[derive(Debug, Clone)]
pub struct Batches {
    randomness: Digest,
    samples: u64,
    batch: u64,
    epoch: Option<(u64, Vec<u64>)>,
}

impl Batches {
    /// For so many samples, in batches of a size that is not 0.
    pub fn new(randomness: &Digest, samples: u64, batch: u64) -> Self {
        Self { randomness: *randomness, samples, batch: cmp::max(batch, 1), epoch: None }
    }

    /// The samples of a step, counted from 0 over the whole training.
    pub fn step(&mut self, step: u64) -> &[u64] {
        let per_epoch = cmp::max(self.samples / self.batch, 1);
        let (epoch, at) = (step / per_epoch, (step % per_epoch) * self.batch);
        if self.epoch.as_ref().is_none_or(|(known, _)| *known != epoch) {
            self.epoch = Some((epoch, permutation(&self.randomness, epoch, self.samples)));
        }
        let order = self.epoch.as_ref().map_or(&[][..], |(_, order)| order);
        let end = cmp::min(at + self.batch, order.len() as u64);
        &order[at as usize..end as usize]
    }
}

fn permutation(randomness: &Digest, epoch: u64, samples: u64) -> Vec<u64> {
    let mut keys = Vec::with_capacity(samples as usize + 4);
    for block in 0..samples.div_ceil(4) {
        let bytes = Digest::of(&[DOMAIN, &randomness.0, &epoch.to_le_bytes(), &block.to_le_bytes()]).0;
        keys.extend(bytes.as_chunks::<8>().0.iter().map(|key| u64::from_le_bytes(*key)));
    }
    let mut order: Vec<u64> = (0..samples).collect();
    order.sort_unstable_by_key(|&sample| (keys[sample as usize], sample));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_takes_every_sample_once_and_the_next_one_in_another_order() {
        let mut batches = Batches::new(&Digest([7; 32]), 10, 5);
        let epoch = |batches: &mut Batches, first| {
            let mut all = batches.step(first).to_vec();
            all.extend_from_slice(batches.step(first + 1));
            all
        };
        let (first, second) = (epoch(&mut batches, 0), epoch(&mut batches, 2));
        assert_ne!(first, second);
        // The vector that the Python module's tests hold as well.
        assert_eq!(first, VECTOR);
        for mut all in [first, second] {
            all.sort_unstable();
            assert_eq!(all, (0..10).collect::<Vec<_>>());
        }
    }

    const VECTOR: [u64; 10] = [9, 5, 3, 8, 0, 1, 7, 2, 4, 6];
}
