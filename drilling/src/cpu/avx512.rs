//! AVX-512 with VNNI: `vpdpbusd` adds four u8×s8 products to each of 16 sums.
//!
//! Weights take the unsigned side, 128 added to each, so the sums begin at −128·(sum of the row's inputs). Sums wrap on the way and are
//! exact at the end, since the true sum fits. A tile is 14 rows by 32 columns: 28 sums in registers, two loads of weights, and
//! one load for each row, which is what keeps the multipliers busy.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{
    kit::{self, Kit, Tile},
    panel::{Element, Layout},
};
use crate::{
    element::{Tensor, initial},
    hash::Hash,
    requantise::requantise,
    spec::Layer,
};

const ROWS: usize = 14;
const COLUMNS: usize = 32;
/// How many vectors of weights ahead the first cache is filled.
const AHEAD: usize = 24;

/// The back end, where the processor has it.
pub(crate) fn kit() -> Option<Kit> {
    let there = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni");
    there.then_some(Kit {
        inputs: Layout { rows: ROWS, group: 4, element: Element::S8, whole: false },
        weights: Layout { rows: COLUMNS, group: 4, element: Element::Offset, whole: false },
        block: 512,
        lanes: 16,
        // SAFETY (all five): the features were just found.
        pack: |rows, width, panel, corrections| unsafe { pack(rows, width, panel, corrections) },
        tile: |tile| unsafe { tile_any(tile) },
        fill: |key, tensor, first, width, rows| unsafe { fill(key, tensor, first, width, rows) },
        weights_panel: Some(|key, tensor, first, width, panel| unsafe {
            weights_panel(key, tensor, first, width, panel)
        }),
        requantise: |sums, layer, out| unsafe { requantise_all(sums, layer, out) },
        around: kit::ALWAYS,
    })
}

/// What `lanes::blocks` gives, in vectors: left to itself, the compiler goes about it lane by lane here and there.
#[target_feature(enable = "avx512f")]
pub(super) fn blocks(words: &[u32; 16], first: u32, block: u32) -> [__m512i; 16] {
    let mut start = [_mm512_setzero_si512(); 16];
    for (vector, word) in start.iter_mut().zip(words) {
        *vector = _mm512_set1_epi32(*word as i32);
    }
    let rows = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    start[12] = _mm512_set1_epi32(block as i32);
    start[13] = _mm512_add_epi32(_mm512_set1_epi32(first as i32), rows);
    let mut state = start;
    for _ in 0..4 {
        for column in 0..4 {
            quarter(&mut state, [column, 4 + column, 8 + column, 12 + column]);
        }
        for column in 0..4 {
            quarter(&mut state, [column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4]);
        }
    }
    for (vector, start) in state.iter_mut().zip(start) {
        *vector = _mm512_add_epi32(*vector, start);
    }
    state
}

/// RFC 8439 §2.1.
#[target_feature(enable = "avx512f")]
#[inline]
fn quarter(state: &mut [__m512i; 16], [a, b, c, d]: [usize; 4]) {
    state[a] = _mm512_add_epi32(state[a], state[b]);
    state[d] = _mm512_rol_epi32::<16>(_mm512_xor_si512(state[d], state[a]));
    state[c] = _mm512_add_epi32(state[c], state[d]);
    state[b] = _mm512_rol_epi32::<12>(_mm512_xor_si512(state[b], state[c]));
    state[a] = _mm512_add_epi32(state[a], state[b]);
    state[d] = _mm512_rol_epi32::<8>(_mm512_xor_si512(state[d], state[a]));
    state[c] = _mm512_add_epi32(state[c], state[d]);
    state[b] = _mm512_rol_epi32::<7>(_mm512_xor_si512(state[b], state[c]));
}

/// The cipher's words, a vector of 16 rows each, become 64 elements of every row.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn fill(key: &Hash, tensor: Tensor, first: u32, width: usize, rows: &mut [i8]) {
    let words = initial(key, tensor, 0);
    for block in 0..width.div_ceil(64) {
        let vectors = transpose(blocks(&words, first, block as u32));
        for (row, vector) in rows.chunks_exact_mut(width).zip(vectors) {
            let row = &mut row[64 * block..width.min(64 * block + 64)];
            // SAFETY: the mask covers the slice and no more.
            unsafe { _mm512_mask_storeu_epi8(row.as_mut_ptr(), mask(row.len()), vector) };
        }
    }
}

/// Packs up to 14 rows of inputs, and sums each up on the way.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn pack(rows: &[i8], width: usize, panel: &mut [u8], corrections: &mut [i32]) {
    let count = corrections.len();
    let mut sums = _mm512_setzero_si512();
    for from in (0..width).step_by(64) {
        let length = (width - from).min(64);
        let mut vectors = [_mm512_setzero_si512(); 16];
        for (vector, row) in vectors.iter_mut().zip(rows.chunks_exact(width)) {
            let row = &row[from..from + length];
            // SAFETY: the mask covers the slice and no more.
            *vector = unsafe { _mm512_maskz_loadu_epi8(mask(length), row.as_ptr()) };
        }
        let groups = panel[from * count..].chunks_exact_mut(4 * count);
        for (group, words) in groups.zip(transpose(vectors)).take(length.div_ceil(4)) {
            sums = _mm512_dpbusd_epi32(sums, _mm512_set1_epi8(1), words);
            // SAFETY: the mask covers the slice and no more.
            unsafe { _mm512_mask_storeu_epi8(group.as_mut_ptr().cast(), mask(group.len()), words) };
        }
    }
    let mut words = [0; 16];
    // SAFETY: it is 16 words long.
    unsafe { _mm512_storeu_epi32(words.as_mut_ptr(), sums) };
    for (correction, sum) in corrections.iter_mut().zip(words) {
        *correction = sum.wrapping_mul(-128);
    }
}

/// The first `count` bytes of a vector.
fn mask(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// Sixteen vectors of words: columns become rows.
#[target_feature(enable = "avx512f")]
fn transpose(rows: [__m512i; 16]) -> [__m512i; 16] {
    let zero = _mm512_setzero_si512();
    let (mut pairs, mut fours, mut eights, mut columns) = ([zero; 16], [zero; 16], [zero; 16], [zero; 16]);
    for at in (0..16).step_by(2) {
        pairs[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    for at in (0..16).step_by(4) {
        for half in 0..2 {
            fours[at + 2 * half] = _mm512_unpacklo_epi64(pairs[at + half], pairs[at + half + 2]);
            fours[at + 2 * half + 1] = _mm512_unpackhi_epi64(pairs[at + half], pairs[at + half + 2]);
        }
    }
    // `fours[4·q + c]` holds words c, c+4, c+8, c+12 of rows 4q to 4q+3, one in each quarter.
    for column in 0..4 {
        for at in [0, 8] {
            let (low, high) = (fours[at + column], fours[at + column + 4]);
            eights[at + column] = _mm512_shuffle_i32x4::<0x88>(low, high);
            eights[at + column + 4] = _mm512_shuffle_i32x4::<0xdd>(low, high);
        }
        for odd in [0, 4] {
            let (low, high) = (eights[column + odd], eights[column + odd + 8]);
            columns[column + odd] = _mm512_shuffle_i32x4::<0x88>(low, high);
            columns[column + odd + 8] = _mm512_shuffle_i32x4::<0xdd>(low, high);
        }
    }
    columns
}

/// A panel of weights as the cipher gives them: a word of 16 rows is a vector of the panel.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn weights_panel(key: &Hash, tensor: Tensor, first: u32, width: usize, panel: &mut [u8]) {
    let (words, offset) = (initial(key, tensor, 0), _mm512_set1_epi8(-128));
    for (number, group) in panel.chunks_mut(16 * 4 * COLUMNS).enumerate().take(width.div_ceil(64)) {
        for half in 0..2 {
            let vectors = blocks(&words, first + 16 * half as u32, number as u32);
            for (pair, vector) in group.chunks_exact_mut(4 * COLUMNS).zip(vectors) {
                let to = &mut pair[64 * half..64 * half + 64];
                // SAFETY: it is 64 bytes long.
                unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), _mm512_xor_si512(vector, offset)) };
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn requantise_all(sums: &[i32], layer: &Layer, out: &mut [i8]) {
    for (slot, sum) in out.iter_mut().zip(sums) {
        *slot = requantise(*sum, layer);
    }
}

/// # Safety
/// The processor has the features, and the tile's pointers are as [`Tile`] says.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn tile_any(tile: &Tile) {
    // SAFETY: passed on.
    unsafe {
        match tile.rows {
            14 => tile_of::<14>(tile),
            13 => tile_of::<13>(tile),
            12 => tile_of::<12>(tile),
            11 => tile_of::<11>(tile),
            10 => tile_of::<10>(tile),
            9 => tile_of::<9>(tile),
            8 => tile_of::<8>(tile),
            7 => tile_of::<7>(tile),
            6 => tile_of::<6>(tile),
            5 => tile_of::<5>(tile),
            4 => tile_of::<4>(tile),
            3 => tile_of::<3>(tile),
            2 => tile_of::<2>(tile),
            _ => tile_of::<1>(tile),
        }
    }
}

/// # Safety
/// As [`tile_any`]; `R` is the tile's rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn tile_of<const R: usize>(tile: &Tile) {
    let columns = if tile.columns >= 32 { u32::MAX } else { (1 << tile.columns) - 1 };
    let masks = [columns as u16, (columns >> 16) as u16];
    let mut sums = [[_mm512_setzero_si512(); 2]; R];
    // SAFETY: the panels hold `groups` groups of R and 32 words, the sums' rows are `stride` apart with `columns` valid in each, and the
    // corrections are one for each row.
    unsafe {
        // What is written at the end lies far apart: fetch it meanwhile.
        for row in 0..R {
            let to = tile.sums.wrapping_add(row * tile.stride);
            _mm_prefetch::<_MM_HINT_T1>(to.cast());
            _mm_prefetch::<_MM_HINT_T1>(to.wrapping_add(16).cast());
        }
        if tile.first {
            for (row, pair) in sums.iter_mut().enumerate() {
                *pair = [_mm512_set1_epi32(*tile.corrections.add(row)); 2];
            }
        }
        let (mut inputs, mut weights) = (tile.inputs.cast::<i32>(), tile.weights.cast::<__m512i>());
        for _ in 0..tile.groups {
            _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(AHEAD).cast());
            _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(AHEAD + 1).cast());
            _mm_prefetch::<_MM_HINT_T0>(inputs.wrapping_add(AHEAD / 2 * R).cast());
            let (left, right) = (_mm512_loadu_si512(weights), _mm512_loadu_si512(weights.add(1)));
            for (row, pair) in sums.iter_mut().enumerate() {
                let input = _mm512_set1_epi32(inputs.add(row).read_unaligned());
                pair[0] = _mm512_dpbusd_epi32(pair[0], left, input);
                pair[1] = _mm512_dpbusd_epi32(pair[1], right, input);
            }
            inputs = inputs.add(R);
            weights = weights.add(2);
        }
        for (row, pair) in sums.iter().enumerate() {
            let to = tile.sums.add(row * tile.stride);
            for (half, sum) in pair.iter().enumerate() {
                let (to, mask) = (to.wrapping_add(16 * half), masks[half]);
                let before =
                    if tile.first { _mm512_setzero_si512() } else { _mm512_maskz_loadu_epi32(mask, to) };
                let sum = _mm512_add_epi32(*sum, before);
                // A store under a mask costs more, and few tiles need it.
                if columns == u32::MAX {
                    _mm512_storeu_epi32(to, sum);
                } else {
                    _mm512_mask_storeu_epi32(to, mask, sum);
                }
            }
        }
    }
}
