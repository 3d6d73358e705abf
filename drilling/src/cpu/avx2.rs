//! AVX2: `vpmaddwd` over elements widened to 16 bits. `vpmaddubsw` would be twice as fast and saturates: it is not this arithmetic.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{
    kit::{self, Kit, Tile, store},
    lanes,
    panel::{Element, Layout},
};
use crate::{element::Tensor, hash::Hash, requantise::requantise, spec::Layer};

const ROWS: usize = 6;
const COLUMNS: usize = 16;
const INPUTS: Layout = Layout { rows: ROWS, group: 2, element: Element::S16, whole: false };

/// The back end, where the processor has it.
pub(crate) fn kit() -> Option<Kit> {
    is_x86_feature_detected!("avx2").then_some(Kit {
        inputs: INPUTS,
        weights: Layout { rows: COLUMNS, group: 2, element: Element::S16, whole: false },
        block: 256,
        lanes: 8,
        pack: |rows, width, panel, corrections| kit::pack(&INPUTS, rows, width, panel, corrections),
        // SAFETY (all three): the feature was just found.
        tile: |tile| unsafe { tile_any(tile) },
        fill: |key, tensor, first, width, rows| unsafe { fill(key, tensor, first, width, rows) },
        weights_panel: None,
        requantise: |sums, layer, out| unsafe { requantise_all(sums, layer, out) },
        around: kit::ALWAYS,
    })
}

#[target_feature(enable = "avx2")]
fn fill(key: &Hash, tensor: Tensor, first: u32, width: usize, rows: &mut [i8]) {
    lanes::fill::<8>(key, tensor, first, width, rows);
}

#[target_feature(enable = "avx2")]
fn requantise_all(sums: &[i32], layer: &Layer, out: &mut [i8]) {
    for (slot, sum) in out.iter_mut().zip(sums) {
        *slot = requantise(*sum, layer);
    }
}

/// # Safety
/// The processor has AVX2, and the tile's pointers are as [`Tile`] says.
#[target_feature(enable = "avx2")]
unsafe fn tile_any(tile: &Tile) {
    // SAFETY: passed on.
    unsafe {
        match tile.rows {
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
#[target_feature(enable = "avx2")]
unsafe fn tile_of<const R: usize>(tile: &Tile) {
    let mut sums = [[_mm256_setzero_si256(); 2]; R];
    let (mut inputs, mut weights) = (tile.inputs.cast::<i32>(), tile.weights.cast::<__m256i>());
    // SAFETY: the panels hold `groups` groups of R and 16 words.
    unsafe {
        for _ in 0..tile.groups {
            let (left, right) = (_mm256_loadu_si256(weights), _mm256_loadu_si256(weights.add(1)));
            for (row, pair) in sums.iter_mut().enumerate() {
                let input = _mm256_set1_epi32(inputs.add(row).read_unaligned());
                pair[0] = _mm256_add_epi32(pair[0], _mm256_madd_epi16(left, input));
                pair[1] = _mm256_add_epi32(pair[1], _mm256_madd_epi16(right, input));
            }
            inputs = inputs.add(R);
            weights = weights.add(2);
        }
        let mut block = [[0i32; COLUMNS]; R];
        for (row, pair) in block.iter_mut().zip(&sums) {
            _mm256_storeu_si256(row.as_mut_ptr().cast(), pair[0]);
            _mm256_storeu_si256(row.as_mut_ptr().add(8).cast(), pair[1]);
        }
        // SAFETY: the sums are as `Tile` says.
        store(tile, &block);
    }
}
