//! No vector instructions by name: the compiler uses what the target has.

use super::{
    kit::{self, Kit, Tile, elements, store},
    lanes,
    panel::{Element, Layout},
};
use crate::requantise::requantise;

const ROWS: usize = 4;
const COLUMNS: usize = 4;
const GROUP: usize = 16;
const LAYOUT: Layout = Layout { rows: ROWS, group: GROUP, element: Element::S8, whole: false };

/// The back end; every processor has it.
pub(crate) fn kit() -> Kit {
    Kit {
        inputs: LAYOUT,
        weights: LAYOUT,
        block: 64,
        lanes: 4,
        pack: |rows, width, panel, corrections| kit::pack(&LAYOUT, rows, width, panel, corrections),
        tile,
        fill: lanes::fill::<4>,
        weights_panel: None,
        requantise: |sums, layer, out| {
            for (slot, sum) in out.iter_mut().zip(sums) {
                *slot = requantise(*sum, layer);
            }
        },
        around: kit::ALWAYS,
    }
}

#[allow(unsafe_code)]
fn tile(tile: &Tile) {
    // SAFETY: the pointers are as `Tile` says.
    let (inputs, weights) = unsafe {
        (elements(tile.inputs, tile.groups * tile.rows), elements(tile.weights, tile.groups * COLUMNS))
    };
    let mut block = [[0i32; COLUMNS]; ROWS];
    for (inputs, weights) in inputs.chunks_exact(tile.rows).zip(weights.chunks_exact(COLUMNS)) {
        for (row, input) in block.iter_mut().zip(inputs) {
            for (sum, weight) in row.iter_mut().zip(weights) {
                *sum += dot(input, weight);
            }
        }
    }
    // SAFETY: the sums are as `Tile` says.
    unsafe { store(tile, &block) };
}

#[inline(always)]
fn dot(input: &[i8; GROUP], weight: &[i8; GROUP]) -> i32 {
    input.iter().zip(weight).map(|(a, w)| i32::from(*a) * i32::from(*w)).sum()
}
