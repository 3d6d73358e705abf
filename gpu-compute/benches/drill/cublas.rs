//! The peer: cuBLASLt's s8 product with s32 sums, by the best of the algorithms that its own heuristics name.

use cudarc::cublaslt::{
    result::{self, CublasError},
    sys,
};
use gpu_compute::lab::Product;
use std::{ffi::c_void, mem::MaybeUninit, ptr};

const WORKSPACE: usize = 64 << 20;
/// How many algorithms to try.
const ALGORITHMS: usize = 8;

pub struct Cublas {
    handle: sys::cublasLtHandle_t,
    stream: sys::cudaStream_t,
    workspace: u64,
}

/// One shape, and an algorithm for it.
pub struct Plan<'a> {
    cublas: &'a Cublas,
    description: sys::cublasLtMatmulDesc_t,
    layouts: [sys::cublasLtMatrixLayout_t; 3],
    algorithms: Vec<sys::cublasLtMatmulHeuristicResult_t>,
    pub best: usize,
}

impl Cublas {
    /// `None` where the library is not here.
    pub fn open(stream: *mut c_void) -> Option<Self> {
        // SAFETY: loads NVIDIA's library, as any program that uses it does.
        if !unsafe { sys::is_culib_present() } {
            return None;
        }
        // SAFETY: a plain allocation in the current context.
        let workspace = unsafe { cudarc::driver::result::malloc_sync(WORKSPACE) }.ok()?;
        Some(Self { handle: result::create_handle().ok()?, stream: stream.cast(), workspace })
    }

    /// Sums of A (rows × width) and the transpose of W (columns × width), rows tight. cuBLAS thinks in columns, so it is told of
    /// the transposes: sumsᵀ = Wᵀ-of-its-own · A.
    pub fn plan(&self, product: &Product) -> Result<Plan<'_>, CublasError> {
        let (rows, columns, width) = product.shape;
        let (m, n, k) = (u64::from(columns), u64::from(rows), u64::from(width));
        let (s8, s32) = (sys::cudaDataType::CUDA_R_8I, sys::cudaDataType::CUDA_R_32I);
        let description = result::create_matmul_desc(sys::cublasComputeType_t::CUBLAS_COMPUTE_32I, s32)?;
        let transposed: i32 = 1; // CUBLAS_OP_T
        // SAFETY: the attribute has the size that is told.
        unsafe {
            let which = sys::cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_TRANSA;
            result::set_matmul_desc_attribute(description, which, ptr::from_ref(&transposed).cast(), 4)?;
        }
        let layouts = [
            result::create_matrix_layout(s8, k, m, k as i64)?,
            result::create_matrix_layout(s8, k, n, k as i64)?,
            result::create_matrix_layout(s32, m, n, m as i64)?,
        ];
        let preference = result::create_matmul_pref()?;
        let mut found = [MaybeUninit::<sys::cublasLtMatmulHeuristicResult_t>::uninit(); ALGORITHMS];
        let mut count = 0;
        // SAFETY: `found` has as many entries as are asked for; the first `count` are then filled.
        let algorithms = unsafe {
            let which = sys::cublasLtMatmulPreferenceAttributes_t::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
            result::set_matmul_pref_attribute(preference, which, ptr::from_ref(&WORKSPACE).cast(), 8)?;
            let [a, b, c] = layouts;
            let (wanted, to) = (ALGORITHMS as i32, found.as_mut_ptr().cast());
            sys::cublasLtMatmulAlgoGetHeuristic(
                self.handle,
                description,
                a,
                b,
                c,
                c,
                preference,
                wanted,
                to,
                &mut count,
            )
            .result()?;
            result::destroy_matmul_pref(preference)?;
            found.iter().take(count as usize).map(|found| found.assume_init()).collect()
        };
        Ok(Plan { cublas: self, description, layouts, algorithms, best: 0 })
    }
}

impl Plan<'_> {
    pub fn algorithms(&self) -> usize {
        self.algorithms.len()
    }

    pub fn run(&self, product: &Product) -> Result<(), CublasError> {
        let (one, zero) = (1i32, 0i32);
        let [a, b, c] = self.layouts;
        // SAFETY: layouts say what lies at these addresses, which are the device's.
        unsafe {
            result::matmul(
                self.cublas.handle,
                self.description,
                ptr::from_ref(&one).cast(),
                ptr::from_ref(&zero).cast(),
                product.weights as *const c_void,
                a,
                product.inputs as *const c_void,
                b,
                product.sums as *const c_void,
                c,
                product.sums as *mut c_void,
                c,
                &self.algorithms[self.best].algo,
                self.cublas.workspace as *mut c_void,
                WORKSPACE,
                self.cublas.stream,
            )
        }
    }
}
