//! Blocks of the memory challenge: plain, as the document has it.

use super::REFERENCES;
use drilling::{
    Hash,
    element::{self, Tensor},
};

/// Words in a block.
pub const WORDS: usize = 256;
/// Bytes in a block, which is a chunk of BLAKE3's tree.
pub const BLOCK: u64 = 1024;

/// 1,024 bytes, as little-endian words.
pub type Block = [u32; WORDS];

/// A block that nothing goes before: 16 blocks of ChaCha8, row `row` of tensor 0 under `key`.
pub fn first(key: &Hash, row: u32) -> Block {
    let mut block = [0; WORDS];
    for (number, words) in (0..).zip(block.chunks_exact_mut(element::BLOCK / 4)) {
        let bytes = element::block(key, Tensor::Inputs, row, number).map(|byte| byte as u8);
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
    }
    block
}

/// The words that choose what a block is mixed with.
pub fn heads(block: &Block) -> [u32; REFERENCES] {
    [block[0], block[1], block[2]]
}

/// The block that follows `state`, given what its references hold.
pub fn mix(state: &Block, read: &[Block; REFERENCES]) -> Block {
    let mut sum = *state;
    for (word, sum) in sum.iter_mut().enumerate() {
        *sum = (*sum ^ read[0][word]).wrapping_add(read[1][word]) ^ read[2][word];
    }
    let mut next = sum;
    for stride in [1, 4, 16, 64] {
        for start in (0..WORDS).filter(|word| word / stride % 4 == 0) {
            quarter(&mut next, [0, 1, 2, 3].map(|place| start + place * stride));
        }
    }
    for (word, sum) in next.iter_mut().zip(sum) {
        *word = word.wrapping_add(sum);
    }
    next
}

/// ChaCha's quarter-round (RFC 8439 section 2.1).
fn quarter(x: &mut Block, [a, b, c, d]: [usize; 4]) {
    x[a] = x[a].wrapping_add(x[b]);
    x[d] = (x[d] ^ x[a]).rotate_left(16);
    x[c] = x[c].wrapping_add(x[d]);
    x[b] = (x[b] ^ x[c]).rotate_left(12);
    x[a] = x[a].wrapping_add(x[b]);
    x[d] = (x[d] ^ x[a]).rotate_left(8);
    x[c] = x[c].wrapping_add(x[d]);
    x[b] = (x[b] ^ x[c]).rotate_left(7);
}

/// Which of `among` things a word chooses.
pub fn choose(word: u32, among: u32) -> u32 {
    ((u64::from(word) * u64::from(among)) >> 32) as u32
}

/// A block's bytes.
pub fn bytes(block: &Block) -> [u8; BLOCK as usize] {
    let mut bytes = [0; BLOCK as usize];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(block) {
        *bytes = word.to_le_bytes();
    }
    bytes
}

/// The block that bytes are; words that are missing are zero.
pub fn from_bytes(bytes: &[u8]) -> Block {
    let mut block = [0; WORDS];
    for (word, bytes) in block.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_that_goes_in_changes_every_word() {
        let blocks = [1, 2, 3, 4].map(|row| first(&[7; 32], row));
        let mixed_of = |[state, read @ ..]: [Block; 4]| mix(&state, &read);
        let mixed = mixed_of(blocks);
        for (which, word, bit) in [(0, 0, 0), (0, 255, 31), (1, 17, 5), (2, 128, 16), (3, 64, 1)] {
            let mut other = blocks;
            other[which][word] ^= 1 << bit;
            let other = mixed_of(other);
            let same = mixed.iter().zip(other).filter(|(one, other)| **one == *other).count();
            assert!(same <= 1, "{same} words are the same");
            let flipped: u32 = mixed.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum();
            assert!((3700..4500).contains(&flipped), "{flipped} of 8192 bits");
        }
    }

    #[test]
    fn choices_stay_in_bounds_and_bytes_come_back() {
        assert_eq!((choose(0, 7), choose(u32::MAX, 7), choose(u32::MAX, u32::MAX)), (0, 6, u32::MAX - 1));
        let block = first(&[1; 32], 5);
        assert_eq!(from_bytes(&bytes(&block)), block);
    }
}
