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

impl TensorMap {
    /// Tiles of `rows` rows, at most 256.
    pub fn new(matrix: &Matrix, rows: u32) -> Result<Self, GpuError> {
        let mut map = MaybeUninit::<sys::CUtensorMap>::uninit();
        let sizes = [u64::from(matrix.width), u64::from(matrix.rows)];
        let (strides, tile, steps) = ([matrix.pitch], [DEPTH, rows], [1u32; 2]);
        // SAFETY: the arrays have as many entries as the rank says (strides one fewer) and outlive the call; the map is filled by it.
        unsafe {
            sys::cuTensorMapEncodeTiled(
                map.as_mut_ptr(),
                sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_UINT8,
                2,
                matrix.at as *mut _,
                sizes.as_ptr(),
                strides.as_ptr(),
                tile.as_ptr(),
                steps.as_ptr(),
                sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
                sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
                sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
            )
            .result()
            .doing("describing a matrix to the copy engine")?;
            Ok(Self(map.assume_init()))
        }
    }

    /// Boxes of 16 rows by 32 sums, rows tight.
    pub fn of_sums(at: u64, rows: u32, columns: u32) -> Result<Self, GpuError> {
        let mut map = MaybeUninit::<sys::CUtensorMap>::uninit();
        let (sizes, strides) = ([u64::from(columns), u64::from(rows)], [u64::from(columns) * 4]);
        let (tile, steps) = ([32u32, 16], [1u32; 2]);
        // SAFETY: as above.
        unsafe {
            sys::cuTensorMapEncodeTiled(
                map.as_mut_ptr(),
                sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_INT32,
                2,
                at as *mut _,
                sizes.as_ptr(),
                strides.as_ptr(),
                tile.as_ptr(),
                steps.as_ptr(),
                sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
                sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
                sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_NONE,
                sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
            )
            .result()
            .doing("describing a matrix to the copy engine")?;
            Ok(Self(map.assume_init()))
        }
    }
}
