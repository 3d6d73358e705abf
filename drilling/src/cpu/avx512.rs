//! AVX-512 with VNNI: `vpdpbusd` adds four u8×s8 products to each of 16 sums.
//!
//! Weights take the unsigned side, 128 added to each, so the sums begin at −128·(sum of the row's inputs). Sums wrap on the way and are
//! exact at the end, since the true sum fits. A tile is 14 rows by 32 columns: 28 sums in registers, two loads of weights, and
//! one load for each row, which is what keeps the multipliers busy.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{
    kit::{Kit, Tile},
    lanes,
    panel::{Element, Layout},
};
use crate::{element::Tensor, hash::Hash, requantise::requantise, spec::Layer};

const ROWS: usize = 14;
const COLUMNS: usize = 32;

/// The back end, where the processor has it.
pub(crate) fn kit() -> Option<Kit> {
    let there = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni");
    there.then_some(Kit {
        inputs: Layout { rows: ROWS, group: 4, element: Element::S8 },
        weights: Layout { rows: COLUMNS, group: 4, element: Element::Offset },
        block: 256,
        lanes: 16,
        // SAFETY (all four): the features were just found.
        tile: |tile| unsafe { tile_any(tile) },
        fill: |key, tensor, first, width, rows| unsafe { fill(key, tensor, first, width, rows) },
        weights_panel: Some(|key, tensor, first, width, panel| unsafe {
            weights_panel(key, tensor, first, width, panel)
        }),
        requantise: |sums, layer, out| unsafe { requantise_all(sums, layer, out) },
    })
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn fill(key: &Hash, tensor: Tensor, first: u32, width: usize, rows: &mut [i8]) {
    lanes::fill::<16>(key, tensor, first, width, rows);
}

/// A panel of weights as the cipher gives them: a word of 16 rows is a vector of the panel.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn weights_panel(key: &Hash, tensor: Tensor, first: u32, width: usize, panel: &mut [u8]) {
    for (number, group) in panel.chunks_mut(16 * 4 * COLUMNS).enumerate().take(width.div_ceil(64)) {
        for half in 0..2 {
            let words = lanes::blocks::<16>(key, tensor, first + 16 * half as u32, number as u32);
            for (vectors, word) in group.chunks_exact_mut(4 * COLUMNS).zip(&words) {
                let vector = &mut vectors[64 * half..64 * half + 64];
                for (slot, lane) in vector.as_chunks_mut().0.iter_mut().zip(word) {
                    *slot = (lane ^ 0x8080_8080).to_le_bytes();
                }
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
        for (row, pair) in sums.iter_mut().enumerate() {
            let from = tile.sums.add(row * tile.stride);
            for (half, sum) in pair.iter_mut().enumerate() {
                *sum = if tile.first {
                    _mm512_set1_epi32(*tile.corrections.add(row))
                } else {
                    _mm512_maskz_loadu_epi32(masks[half], from.wrapping_add(16 * half))
                };
            }
        }
        let (mut inputs, mut weights) = (tile.inputs.cast::<i32>(), tile.weights.cast::<__m512i>());
        for _ in 0..tile.groups {
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
                _mm512_mask_storeu_epi32(to.wrapping_add(16 * half), masks[half], *sum);
            }
        }
    }
}
