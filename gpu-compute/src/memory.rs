//! Device memory that grows and is kept: a task of milliseconds has no time for allocations.

use crate::error::{Doing, GpuError};
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr, sys::CUdeviceptr};
use std::sync::Arc;

/// One allocation. What it holds is whatever its last user wrote.
#[derive(Debug, Default)]
pub(crate) struct Room {
    slice: Option<CudaSlice<u8>>,
}

impl Room {
    /// At least so many bytes, and their address.
    pub fn sized(&mut self, stream: &Arc<CudaStream>, bytes: u64) -> Result<CUdeviceptr, GpuError> {
        let wanted = usize::try_from(bytes.max(256)).unwrap_or(usize::MAX);
        if self.slice.as_ref().is_none_or(|slice| slice.len() < wanted) {
            // First free, then ask: both would not fit where one is half the card.
            self.slice = None;
            stream.context().synchronize().doing("freeing memory")?;
            // SAFETY: every kernel writes what a later one reads of it.
            let slice = unsafe { stream.alloc::<u8>(wanted) };
            self.slice = Some(slice.map_err(|_| {
                let free = stream.context().mem_get_info().map_or(0, |(free, _)| free as u64);
                GpuError::Memory { needed: bytes, free }
            })?);
        }
        Ok(self.address(stream))
    }

    /// Its address; 0 while it holds nothing.
    pub fn address(&self, stream: &Arc<CudaStream>) -> CUdeviceptr {
        self.slice.as_ref().map_or(0, |slice| slice.device_ptr(stream).0)
    }
}

/// An s8 matrix: rows lie `pitch` bytes apart, and are zero beyond `width`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix {
    pub at: CUdeviceptr,
    pub rows: u32,
    pub width: u32,
    pub pitch: u64,
}

impl Matrix {
    /// Bytes between rows: whole blocks of 64 elements.
    pub fn pitch(width: u32) -> u64 {
        u64::from(width).next_multiple_of(64)
    }

    /// A matrix of this size in a room.
    pub fn within(
        room: &mut Room,
        stream: &Arc<CudaStream>,
        rows: u32,
        width: u32,
    ) -> Result<Self, GpuError> {
        let pitch = Self::pitch(width);
        let at = room.sized(stream, pitch * u64::from(rows))?;
        Ok(Self { at, rows, width, pitch })
    }

    /// These rows of it.
    pub fn rows(&self, first: u32, count: u32) -> Self {
        Self { at: self.at + u64::from(first) * self.pitch, rows: count, ..*self }
    }
}
