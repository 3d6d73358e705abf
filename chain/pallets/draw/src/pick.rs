//! Drawing without replacement, the same for everybody.

use crate::Seed;
use alloc::vec::Vec;
use polkadot_sdk::sp_io::hashing::blake2_256;

/// Draws up to `wanted` of the numbers below `candidates`. `purpose` tells draws with one seed apart.
pub fn pick(seed: &Seed, purpose: &[u8], candidates: u32, wanted: u32) -> Vec<u32> {
    let mut left: Vec<u32> = (0..candidates).collect();
    let mut stream = Stream { seed: blake2_256(&[seed.as_slice(), purpose].concat()), counter: 0 };
    let mut drawn = Vec::new();
    while drawn.len() < wanted as usize && !left.is_empty() {
        let at = stream.below(left.len() as u64);
        drawn.push(left.swap_remove(at as usize));
    }
    drawn
}

struct Stream {
    seed: Seed,
    counter: u64,
}

impl Stream {
    /// A number below `bound` > 0, each as likely: values in the incomplete last stretch of u64 are thrown away.
    fn below(&mut self, bound: u64) -> u64 {
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let value = self.next();
            if value < fair {
                return value % bound;
            }
        }
    }

    fn next(&mut self) -> u64 {
        let block = blake2_256(&[self.seed.as_slice(), &self.counter.to_le_bytes()].concat());
        self.counter += 1;
        block.first_chunk().map_or(0, |head| u64::from_le_bytes(*head))
    }
}
