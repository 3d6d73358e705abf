//! Why a GPU did not do what it was asked.

use cudarc::driver::{DriverError, sys::CUresult};
use drilling::WorkError;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// NVIDIA's driver is not there. A normal state: the host has no such GPU, or lost its driver.
    #[error("no NVIDIA driver here (libcuda cannot be loaded)")]
    NoDriver,
    /// There is no GPU of this number.
    #[error("there is no GPU {0}")]
    NoDevice(usize),
    /// The chip is older than what the kernels are written for.
    #[error("compute capability {0}.{1} is older than 8.0, the oldest that the kernels are made for")]
    TooOld(i32, i32),
    /// The task does not fit into the memory that is free.
    #[error("{needed} bytes of GPU memory are needed, {free} are free")]
    Memory {
        /// Bytes that were asked for.
        needed: u64,
        /// Bytes that were free.
        free: u64,
    },
    /// The driver refused or failed.
    #[error("{doing}: {error}")]
    Driver {
        /// What was being done.
        doing: &'static str,
        /// The driver's own error.
        error: DriverError,
    },
    /// The task itself.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl GpuError {
    /// Whether the device has to be opened anew, or is gone: nothing that its context holds can be used again.
    pub fn is_lost(&self) -> bool {
        use CUresult as E;
        let Self::Driver { error, .. } = self else { return false };
        !matches!(
            error.0,
            E::CUDA_ERROR_INVALID_VALUE | E::CUDA_ERROR_OUT_OF_MEMORY | E::CUDA_ERROR_NOT_SUPPORTED
        )
    }
}

/// Says what was being done when the driver failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, GpuError>;
}

impl<T> Doing<T> for Result<T, DriverError> {
    fn doing(self, doing: &'static str) -> Result<T, GpuError> {
        self.map_err(|error| GpuError::Driver { doing, error })
    }
}
