//! What kernels take, laid out as CUDA lays it out. Each is the struct of the same name in `kernels/`.

use cudarc::driver::{DeviceRepr, sys::CUdeviceptr};
use drilling::{Hash, Layer, MAX_LAYERS};

/// A key or chaining value, as little-endian words.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Words8([u32; 8]);

impl From<&Hash> for Words8 {
    fn from(hash: &Hash) -> Self {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(hash.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Self(words)
    }
}

/// A layer's requantisation.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rescale {
    multiplier: u32,
    shift: u32,
}

impl From<&Layer> for Rescale {
    fn from(layer: &Layer) -> Self {
        Self { multiplier: layer.multiplier, shift: u32::from(layer.shift) }
    }
}

/// A product's sizes: rows and columns of sums, products in a sum.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub rows: u32,
    pub columns: u32,
    pub width: u32,
}

/// What `layer_hopper` does with sums.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish {
    pub key: Words8,
    pub values: CUdeviceptr,
    pub next: CUdeviceptr,
    pub pitch: u64,
    pub by: Rescale,
    pub room: CUdeviceptr,
}

/// One tree's round: nodes, where those above them go, and how many there are.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tree {
    pub values: CUdeviceptr,
    pub above: CUdeviceptr,
    pub key: Words8,
    pub count: u32,
}

/// Nodes that one block of threads takes to the one above them.
pub(crate) const NODES: u32 = 512;

/// A round of several trees; those with a count of 0 are left alone.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trees(pub [Tree; MAX_LAYERS]);

// SAFETY: plain data with CUDA's layout (`repr(C)`), no padding that a kernel reads.
unsafe impl DeviceRepr for Words8 {}
// SAFETY: as above.
unsafe impl DeviceRepr for Rescale {}
// SAFETY: as above.
unsafe impl DeviceRepr for Shape {}
// SAFETY: as above.
unsafe impl DeviceRepr for Finish {}
// SAFETY: as above.
unsafe impl DeviceRepr for Trees {}
