//! The element generator, many rows at once: one lane for each row, so that what the cipher gives is already interleaved by row.
//!
//! Written over arrays of lanes; the back ends call it where their vector instructions are enabled, and the compiler uses them.

use crate::{
    element::{Tensor, initial},
    hash::Hash,
};

/// The rows' blocks number `block`: for each of the 16 words in turn, every row's. `rows` are `first`, `first + 1`, …
#[inline(always)]
pub(crate) fn blocks<const L: usize>(key: &Hash, tensor: Tensor, first: u32, block: u32) -> [[u32; L]; 16] {
    let words = initial(key, tensor, 0);
    let mut start = [[0u32; L]; 16];
    for (lanes, word) in start.iter_mut().zip(words) {
        *lanes = [word; L];
    }
    start[12] = [block; L];
    for (lane, row) in start[13].iter_mut().enumerate() {
        *row = first.wrapping_add(lane as u32);
    }
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
    for (lanes, first) in state.iter_mut().zip(&start) {
        add(lanes, first);
    }
    state
}

#[inline(always)]
fn quarter<const L: usize>(state: &mut [[u32; L]; 16], a: usize, b: usize, c: usize, d: usize) {
    let (mut va, mut vb, mut vc, mut vd) = (state[a], state[b], state[c], state[d]);
    add(&mut va, &vb);
    mix::<L, 16>(&mut vd, &va);
    add(&mut vc, &vd);
    mix::<L, 12>(&mut vb, &vc);
    add(&mut va, &vb);
    mix::<L, 8>(&mut vd, &va);
    add(&mut vc, &vd);
    mix::<L, 7>(&mut vb, &vc);
    (state[a], state[b], state[c], state[d]) = (va, vb, vc, vd);
}

#[inline(always)]
fn add<const L: usize>(lanes: &mut [u32; L], others: &[u32; L]) {
    for (lane, other) in lanes.iter_mut().zip(others) {
        *lane = lane.wrapping_add(*other);
    }
}

#[inline(always)]
fn mix<const L: usize, const BY: u32>(lanes: &mut [u32; L], others: &[u32; L]) {
    for (lane, other) in lanes.iter_mut().zip(others) {
        *lane = (*lane ^ other).rotate_left(BY);
    }
}

/// Fills whole rows of elements, `width` each, `L` rows from `first` on; `rows` may hold fewer.
#[inline(always)]
pub(crate) fn fill<const L: usize>(key: &Hash, tensor: Tensor, first: u32, width: usize, rows: &mut [i8]) {
    for block in 0..width.div_ceil(64) {
        let words = blocks::<L>(key, tensor, first, block as u32);
        for (lane, row) in rows.chunks_exact_mut(width).take(L).enumerate() {
            let from = block * 64;
            let row = &mut row[from..width.min(from + 64)];
            for (bytes, word) in row.chunks_mut(4).zip(&words) {
                for (byte, value) in bytes.iter_mut().zip(word[lane].to_le_bytes()) {
                    *byte = value as i8;
                }
            }
        }
    }
}
