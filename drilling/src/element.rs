//! The element generator: ChaCha8 by position. Nothing is drawn in order, so any element costs one block.
//!
//! Element `k` of row `r` of tensor `t` is byte `k mod 64`, as an s8, of the ChaCha block (RFC 8439 §2.3, with 8 rounds for 20) whose
//! key is the task's identifier, whose counter is `⌊k/64⌋`, and whose nonce words are `r`, `t`, `0`. A cipher's output has no
//! structure (rank, symmetry, sparsity) that a product could be had from more cheaply.

use crate::hash::Hash;

/// Elements in one block.
pub const BLOCK: usize = 64;

/// Which matrix an element belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tensor {
    /// The first layer's inputs (`mlp`), or the noise on them (`infer`): tensor 0.
    Inputs,
    /// Weights of a layer, counted from 0: tensor 1 + layer. A row holds the weights of one output.
    Weights(u8),
}

impl Tensor {
    /// Its number in the nonce.
    pub fn number(self) -> u32 {
        match self {
            Self::Inputs => 0,
            Self::Weights(layer) => 1 + u32::from(layer),
        }
    }
}

pub(crate) const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// The state before the rounds, less the counter.
pub(crate) fn initial(key: &Hash, tensor: Tensor, row: u32) -> [u32; 16] {
    let mut state = [0; 16];
    let words =
        key.chunks_exact(4).map(|word| word.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)));
    let head = CONSTANTS.into_iter().chain(words).chain([0, row, tensor.number(), 0]);
    for (slot, word) in state.iter_mut().zip(head) {
        *slot = word;
    }
    state
}

/// One block: 64 elements from `64·block` on.
pub fn block(key: &Hash, tensor: Tensor, row: u32, block: u32) -> [i8; BLOCK] {
    let mut start = initial(key, tensor, row);
    start[12] = block;
    let mut state = start;
    for _ in 0..4 {
        quarter(&mut state, 0, 4, 8, 12);
        quarter(&mut state, 1, 5, 9, 13);
        quarter(&mut state, 2, 6, 10, 14);
        quarter(&mut state, 3, 7, 11, 15);
        quarter(&mut state, 0, 5, 10, 15);
        quarter(&mut state, 1, 6, 11, 12);
        quarter(&mut state, 2, 7, 8, 13);
        quarter(&mut state, 3, 4, 9, 14);
    }
    let mut elements = [0; BLOCK];
    for ((bytes, word), first) in elements.chunks_exact_mut(4).zip(state).zip(start) {
        for (element, byte) in bytes.iter_mut().zip(word.wrapping_add(first).to_le_bytes()) {
            *element = byte as i8;
        }
    }
    elements
}

#[inline(always)]
fn quarter(state: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    state[a] = state[a].wrapping_add(state[b]);
    state[d] = (state[d] ^ state[a]).rotate_left(16);
    state[c] = state[c].wrapping_add(state[d]);
    state[b] = (state[b] ^ state[c]).rotate_left(12);
    state[a] = state[a].wrapping_add(state[b]);
    state[d] = (state[d] ^ state[a]).rotate_left(8);
    state[c] = state[c].wrapping_add(state[d]);
    state[b] = (state[b] ^ state[c]).rotate_left(7);
}

/// One element.
pub fn element(key: &Hash, tensor: Tensor, row: u32, k: u32) -> i8 {
    let elements = block(key, tensor, row, k / BLOCK as u32);
    elements.get(k as usize % BLOCK).copied().unwrap_or_default()
}

/// An item's element with noise on it: `infer`'s inputs. The noise is a generated element's upper four bits, −8 to 7.
pub fn noisy(item: i8, generated: i8) -> i8 {
    item.saturating_add(generated >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_chacha_with_8_rounds() {
        // The published keystream of ChaCha8 for an all-zero key and nonce.
        let first = block(&[0; 32], Tensor::Inputs, 0, 0).map(|element| element as u8);
        assert_eq!(
            hex::encode(first),
            "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e\
             984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42"
        );
    }

    #[test]
    fn elements_are_bytes_of_blocks() {
        let key = [7; 32];
        for k in [0, 1, 63, 64, 1000] {
            let whole = block(&key, Tensor::Weights(3), 9, k / 64);
            assert_eq!(element(&key, Tensor::Weights(3), 9, k), whole[k as usize % 64]);
        }
    }

    #[test]
    fn noise_saturates() {
        assert_eq!(noisy(127, 127), 127);
        assert_eq!(noisy(-128, -128), -128);
        assert_eq!(noisy(3, -1), 2);
        assert_eq!(noisy(3, 16), 4);
    }
}
