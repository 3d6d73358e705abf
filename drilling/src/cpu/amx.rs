//! AMX: `tdpbssd` multiplies 16 rows of 64 elements with 64 elements of 16 columns.
//!
//! A tile here is 32 rows by 32 columns: four of the processor's eight tiles hold sums, two inputs and two weights, so that each load is used twice.
//! Both sides are signed and nothing saturates. What is generated and packed is so with AVX-512, which every processor with AMX has.
#![allow(unsafe_code)]

use std::{
    arch::{
        asm,
        x86_64::{__cpuid_count, __get_cpuid_max, _MM_HINT_T1, _mm_prefetch, _mm512_storeu_si512},
    },
    sync::LazyLock,
};

use super::{
    avx512,
    kit::{self, Kit, Tile},
    panel::{Element, Layout},
};
use crate::{
    element::{Tensor, initial},
    hash::Hash,
};

const SIDE: usize = 32;
/// Elements that one instruction takes of each row and column.
const DEPTH: usize = 64;
/// A half of a group: one of the processor's tiles.
const HALF: usize = SIDE / 2 * DEPTH;
const INPUTS: Layout = Layout { rows: SIDE, group: DEPTH, element: Element::S8, whole: true };

/// The back end, where the processor has it and the kernel lets this process use it.
pub(crate) fn kit() -> Option<Kit> {
    static THERE: LazyLock<bool> = LazyLock::new(|| on_chip() && permitted());
    let with = avx512::kit().filter(|_| *THERE)?;
    Some(Kit {
        // 512 elements: half of the first cache, so that a panel of weights stays there while panels of inputs pass.
        block: 8,
        inputs: INPUTS,
        weights: Layout { rows: SIDE, group: DEPTH, element: Element::Fours, whole: true },
        pack: |rows, width, panel, corrections| kit::pack(&INPUTS, rows, width, panel, corrections),
        tile,
        // SAFETY: the features were just found.
        weights_panel: Some(|key, tensor, first, width, panel| unsafe {
            weights_panel(key, tensor, first, width, panel)
        }),
        // SAFETY (both): the process may use tiles.
        around: (|| unsafe { configure() }, || unsafe { release() }),
        ..with
    })
}

/// Intel's manual, volume 1, 18.3: AMX-TILE and AMX-INT8 are bits 24 and 25 of leaf 7's EDX.
fn on_chip() -> bool {
    let wanted = 1 << 24 | 1 << 25;
    // SAFETY (both): every x86-64 processor has the instruction, and the leaf is there.
    #[allow(unused_unsafe)]
    unsafe {
        __get_cpuid_max(0).0 >= 7 && __cpuid_count(7, 0).edx & wanted == wanted
    }
}

/// Linux gives the tiles' state (8 KB a thread) to processes that ask for it (its `Documentation/arch/x86/xstate.rst`).
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_int = 0x1023;
    const XTILEDATA: libc::c_ulong = 18;
    // SAFETY: it takes two numbers, and changes what signal frames of this process may hold; whoever's alternative stacks are too small for
    // that makes it fail.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0 }
}

/// Eight tiles of 16 rows of 64 bytes. Intel's manual, `LDTILECFG`.
#[repr(C, align(64))]
struct Shape {
    palette: u8,
    start: u8,
    zero: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

/// # Safety
/// The process may use tiles.
unsafe fn configure() {
    static SHAPE: Shape = Shape {
        palette: 1,
        start: 0,
        zero: [0; 14],
        bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
        rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
    };
    // SAFETY: it reads 64 bytes, which are a shape that palette 1 allows.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &SHAPE, options(nostack, readonly, preserves_flags)) };
}

/// Gives the tiles back, so that no thread carries their state about when it is switched.
///
/// # Safety
/// The process may use tiles.
unsafe fn release() {
    // SAFETY: nothing is in them that anybody wants.
    unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
}

/// A panel of weights as the cipher gives them: a block of 16 rows is one of the processor's tiles. What it gives beyond `width` meets zeros.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn weights_panel(key: &Hash, tensor: Tensor, first: u32, width: usize, panel: &mut [u8]) {
    let words = initial(key, tensor, 0);
    for (number, group) in panel.chunks_exact_mut(SIDE * DEPTH).enumerate().take(width.div_ceil(DEPTH)) {
        for (half, tile) in group.chunks_exact_mut(HALF).enumerate() {
            let vectors = avx512::blocks(&words, first + 16 * half as u32, number as u32);
            for (to, vector) in tile.chunks_exact_mut(64).zip(vectors) {
                // SAFETY: it is 64 bytes long.
                unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), vector) };
            }
        }
    }
}

fn tile(tile: &Tile) {
    if tile.rows == SIDE && tile.columns == SIDE {
        // SAFETY: the tile is as `Tile` says, and whole.
        return unsafe { multiply(tile, tile.sums, tile.stride, tile.first) };
    }
    let mut block = [[0; SIDE]; SIDE];
    // SAFETY: panels are whole, whatever of them is used; the block has room for all sums. Then as `Tile` says.
    unsafe {
        multiply(tile, block.as_mut_ptr().cast(), SIDE, true);
        kit::store(tile, &block);
    }
}

/// # Safety
/// Tiles are configured; the panels hold `groups` groups of 32 rows and 32 columns; `sums` has 32 rows, `stride` apart, of 32.
unsafe fn multiply(tile: &Tile, sums: *mut i32, stride: usize, first: bool) {
    // What is written at the end lies far apart: fetch it meanwhile.
    for row in 0..SIDE {
        let to = sums.wrapping_add(row * stride);
        // SAFETY (both): hints, whatever they point to.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(to.cast()) };
        unsafe { _mm_prefetch::<_MM_HINT_T1>(to.wrapping_add(16).cast()) };
    }
    // SAFETY: the caller's word; all tiles are 16 rows of 64 bytes.
    unsafe {
        asm!(
            "test {first:e}, {first:e}",
            "jz 3f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 2f",
            "3:",
            "tileloadd tmm0, [{upper} + {stride}]",
            "tileloadd tmm1, [{upper} + {stride} + 64]",
            "tileloadd tmm2, [{lower} + {stride}]",
            "tileloadd tmm3, [{lower} + {stride} + 64]",
            "2:",
            "tileloadd tmm4, [{inputs} + {line}]",
            "tileloadd tmm6, [{weights} + {line}]",
            "tdpbssd tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{weights} + {line} + 1024]",
            "tdpbssd tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{inputs} + {line} + 1024]",
            "tdpbssd tmm2, tmm5, tmm6",
            "tdpbssd tmm3, tmm5, tmm7",
            "add {inputs}, 2048",
            "add {weights}, 2048",
            "dec {groups}",
            "jnz 2b",
            "tilestored [{upper} + {stride}], tmm0",
            "tilestored [{upper} + {stride} + 64], tmm1",
            "tilestored [{lower} + {stride}], tmm2",
            "tilestored [{lower} + {stride} + 64], tmm3",
            first = in(reg) u32::from(first),
            upper = in(reg) sums,
            lower = in(reg) sums.wrapping_add(16 * stride),
            stride = in(reg) 4 * stride,
            line = in(reg) 64usize,
            inputs = inout(reg) tile.inputs => _,
            weights = inout(reg) tile.weights => _,
            groups = inout(reg) tile.groups => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
