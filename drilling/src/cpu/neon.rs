//! NEON: products of eight bytes to 16 bits, which they fit, and pairs of them added to 32-bit sums.
#![allow(unsafe_code)]

use std::arch::aarch64::*;

use super::{
    kit::{self, Kit, Tile, store},
    lanes,
    panel::{Element, Layout},
};
use crate::requantise::requantise;

const ROWS: usize = 4;
const COLUMNS: usize = 4;
const GROUP: usize = 16;
const LAYOUT: Layout = Layout { rows: ROWS, group: GROUP, element: Element::S8, whole: false };

/// The back end, where the processor has it.
pub(crate) fn kit() -> Option<Kit> {
    std::arch::is_aarch64_feature_detected!("neon").then_some(Kit {
        inputs: LAYOUT,
        weights: LAYOUT,
        block: 64,
        lanes: 4,
        pack: |rows, width, panel, corrections| kit::pack(&LAYOUT, rows, width, panel, corrections),
        // SAFETY: the feature was just found.
        tile: |tile| unsafe { tile_any(tile) },
        fill: lanes::fill::<4>,
        weights_panel: None,
        requantise: |sums, layer, out| {
            for (slot, sum) in out.iter_mut().zip(sums) {
                *slot = requantise(*sum, layer);
            }
        },
        around: kit::ALWAYS,
    })
}

/// # Safety
/// The processor has NEON, and the tile's pointers are as [`Tile`] says.
#[target_feature(enable = "neon")]
unsafe fn tile_any(tile: &Tile) {
    // SAFETY: passed on.
    unsafe {
        match tile.rows {
            4 => tile_of::<4>(tile),
            3 => tile_of::<3>(tile),
            2 => tile_of::<2>(tile),
            _ => tile_of::<1>(tile),
        }
    }
}

/// # Safety
/// As [`tile_any`]; `R` is the tile's rows.
#[target_feature(enable = "neon")]
unsafe fn tile_of<const R: usize>(tile: &Tile) {
    let mut sums = [[vdupq_n_s32(0); COLUMNS]; R];
    let (mut inputs, mut weights) = (tile.inputs.cast::<i8>(), tile.weights.cast::<i8>());
    // SAFETY: the panels hold `groups` groups of R and 4 times 16 bytes.
    unsafe {
        for _ in 0..tile.groups {
            for (row, sums) in sums.iter_mut().enumerate() {
                let input = vld1q_s8(inputs.add(GROUP * row));
                for (column, sum) in sums.iter_mut().enumerate() {
                    let weight = vld1q_s8(weights.add(GROUP * column));
                    *sum = vpadalq_s16(*sum, vmull_s8(vget_low_s8(input), vget_low_s8(weight)));
                    *sum = vpadalq_s16(*sum, vmull_high_s8(input, weight));
                }
            }
            inputs = inputs.add(GROUP * R);
            weights = weights.add(GROUP * COLUMNS);
        }
        let block = sums.map(|row| row.map(|sum| vaddvq_s32(sum)));
        // SAFETY: the sums are as `Tile` says.
        store(tile, &block);
    }
}
