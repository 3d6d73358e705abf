//! What the tensor copy engine is told about a matrix (PTX ISA, tensor maps; `cuTensorMapEncodeTiled`).

use crate::{
    error::{Doing, GpuError},
    memory::Matrix,
};
use cudarc::driver::{DeviceRepr, sys};
use std::mem::MaybeUninit;

/// Columns of a tile, that is its rows' bytes.
const DEPTH: u32 = 128;

/// Tiles of some rows by 128 columns; elements outside the matrix are zero.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct TensorMap(sys::CUtensorMap);

// SAFETY: 128 opaque bytes, passed by value as `__grid_constant__`.
unsafe impl DeviceRepr for TensorMap {}

/// A matrix as the engine sees it; sizes go from the inner side outwards.
struct Described {
    at: u64,
    kind: sys::CUtensorMapDataType,
    sizes: [u64; 2],
    /// Bytes between rows.
    pitch: u64,
    /// Elements that are copied at once; a row of them has 128 bytes.
    tile: [u32; 2],
    ahead: sys::CUtensorMapL2promotion,
}

impl TensorMap {
    /// Tiles of `rows` rows, at most 256.
    pub fn new(matrix: &Matrix, rows: u32) -> Result<Self, GpuError> {
        Self::describe(&Described {
            at: matrix.at,
            kind: sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_UINT8,
            sizes: [u64::from(matrix.width), u64::from(matrix.rows)],
            pitch: matrix.pitch,
            tile: [DEPTH, rows],
            ahead: sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        })
    }

    /// Boxes of 16 rows by 32 sums, rows tight.
    pub fn of_sums(at: u64, rows: u32, columns: u32) -> Result<Self, GpuError> {
        Self::describe(&Described {
            at,
            kind: sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_INT32,
            sizes: [u64::from(columns), u64::from(rows)],
            pitch: u64::from(columns) * 4,
            tile: [32, 16],
            ahead: sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_NONE,
        })
    }

    fn describe(matrix: &Described) -> Result<Self, GpuError> {
        let mut map = MaybeUninit::<sys::CUtensorMap>::uninit();
        let (strides, steps) = ([matrix.pitch], [1u32; 2]);
        // SAFETY: the arrays have as many entries as the rank says (strides one fewer) and outlive the call; the map is filled by it.
        unsafe {
            sys::cuTensorMapEncodeTiled(
                map.as_mut_ptr(),
                matrix.kind,
                2,
                matrix.at as *mut _,
                matrix.sizes.as_ptr(),
                strides.as_ptr(),
                matrix.tile.as_ptr(),
                steps.as_ptr(),
                sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
                sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
                matrix.ahead,
                sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
            )
            .result()
            .doing("describing a matrix to the copy engine")?;
            Ok(Self(map.assume_init()))
        }
    }
}
