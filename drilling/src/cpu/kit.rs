//! What a back end consists of, and which there are.

use super::{panel::Layout, scalar};
use crate::{element::Tensor, hash::Hash, spec::Layer};

/// A way to multiply on this processor. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// AMX, on Linux.
    Amx,
    /// AVX-512 with VNNI.
    Avx512,
    /// AVX2.
    Avx2,
    /// NEON.
    Neon,
    /// Any processor.
    Scalar,
}

impl Backend {
    /// Those that this processor has, fastest first.
    pub fn available() -> Vec<Self> {
        let all = [Self::Amx, Self::Avx512, Self::Avx2, Self::Neon, Self::Scalar];
        all.into_iter().filter(|backend| backend.kit().is_some()).collect()
    }

    /// The fastest that this processor has.
    pub fn fastest() -> Self {
        Self::available().first().copied().unwrap_or(Self::Scalar)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amx => "amx",
            Self::Avx512 => "avx512-vnni",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Scalar => "scalar",
        }
    }

    pub(crate) fn kit(self) -> Option<Kit> {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => super::amx::kit(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::avx512::kit(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::avx2::kit(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => super::neon::kit(),
            Self::Scalar => Some(scalar::kit()),
            #[allow(unreachable_patterns)] // which are left depends on the target
            _ => None,
        }
    }
}

type Pack = fn(&[i8], usize, &mut [u8], &mut [i32]);
type Fill = fn(&Hash, Tensor, u32, usize, &mut [i8]);
type Panel = fn(&Hash, Tensor, u32, usize, &mut [u8]);

/// A back end's parts.
#[derive(Clone, Copy)]
pub(crate) struct Kit {
    /// Panels of inputs; a panel's rows are a tile's.
    pub(crate) inputs: Layout,
    /// Panels of weights; a panel's rows are a tile's columns.
    pub(crate) weights: Layout,
    /// Groups that a tile multiplies at most: its panels stay in the second cache, and the sums are seldom written.
    pub(crate) block: usize,
    /// Rows that `fill` generates at once.
    pub(crate) lanes: usize,
    /// Packs a panel of inputs, and gives the term that each row's sums begin with.
    pub(crate) pack: Pack,
    /// Multiplies one tile.
    pub(crate) tile: fn(&Tile),
    /// Generates up to `lanes` rows of elements.
    pub(crate) fill: Fill,
    /// Generates a panel of weights as it is wanted, where that is faster.
    pub(crate) weights_panel: Option<Panel>,
    /// Requantises a stretch of accumulators.
    pub(crate) requantise: fn(&[i32], &Layer, &mut [i8]),
    /// What a thread does before it multiplies tiles, and afterwards.
    pub(crate) around: (fn(), fn()),
}

impl Kit {
    /// Makes this thread ready for tiles, until what it returns is dropped.
    pub(crate) fn ready(&self) -> Ready {
        (self.around.0)();
        Ready(self.around.1)
    }
}

/// A thread may multiply tiles.
pub(crate) struct Ready(fn());

impl Drop for Ready {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A thread is always ready.
pub(crate) const ALWAYS: (fn(), fn()) = (|| (), || ());

/// Packs rows of inputs for a back end without corrections.
pub(crate) fn pack(layout: &Layout, rows: &[i8], width: usize, panel: &mut [u8], corrections: &mut [i32]) {
    layout.pack(rows, width, layout.room(corrections.len()), panel);
    corrections.fill(0);
}

/// One tile: some rows of inputs times a panel of weights, over some of their groups.
///
/// `inputs` points to `groups`·`rows` units of the inputs' layout, `weights` to `groups` times a panel's rows of the weights' layout, `sums`
/// to `rows` rows, `stride` apart, of which the first `columns` sums belong to this tile alone; `corrections` to `rows` terms.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // only there do sums begin at anything but zero
pub(crate) struct Tile {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) groups: usize,
    pub(crate) inputs: *const u8,
    pub(crate) weights: *const u8,
    pub(crate) sums: *mut i32,
    pub(crate) stride: usize,
    pub(crate) corrections: *const i32,
    /// These are the rows' first groups: sums begin at the corrections, not at what is there.
    pub(crate) first: bool,
}

/// A panel's groups of 16 bytes.
///
/// # Safety
/// `pointer` points to `count` of them, and nobody writes to them meanwhile.
#[allow(unsafe_code)]
pub(crate) unsafe fn elements<'a>(pointer: *const u8, count: usize) -> &'a [[i8; 16]] {
    // SAFETY: the caller's word; bytes need no alignment.
    unsafe { std::slice::from_raw_parts(pointer.cast(), count) }
}

/// Stores or adds a block of sums.
///
/// # Safety
/// The tile's `sums` are as [`Tile`] says.
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) unsafe fn store<const R: usize, const C: usize>(tile: &Tile, block: &[[i32; C]; R]) {
    for (row, sums) in block.iter().take(tile.rows).enumerate() {
        // SAFETY: this row of `columns` sums belongs to this tile alone.
        let out = unsafe { std::slice::from_raw_parts_mut(tile.sums.add(row * tile.stride), tile.columns) };
        for (slot, sum) in out.iter_mut().zip(sums) {
            *slot = if tile.first { *sum } else { slot.wrapping_add(*sum) };
        }
    }
}
