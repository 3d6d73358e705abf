//! The host's GPUs as CUDA sees them.

use crate::error::{Doing, GpuError};
use cudarc::driver::{CudaContext, sys};
use std::sync::Arc;

/// What CUDA says of a GPU. NVML says the same of an honest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its number in this process.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: [u8; 16],
    /// PCI domain, bus and device.
    pub pci: (u32, u32, u32),
    /// Compute capability.
    pub capability: (i32, i32),
    /// Multiprocessors.
    pub multiprocessors: u32,
    /// L2 cache, bytes.
    pub l2: u64,
    /// Width of the memory's bus, bits.
    pub bus_bits: u32,
    /// Memory, bytes.
    pub memory: u64,
}

impl From<&Facts> for gpu_probe::identity::CudaView {
    fn from(facts: &Facts) -> Self {
        Self {
            name: facts.name.clone(),
            uuid: facts.uuid,
            pci: facts.pci,
            multiprocessors: facts.multiprocessors,
            bus_bits: facts.bus_bits,
            memory: facts.memory,
        }
    }
}

/// Whether NVIDIA's driver can be loaded. Nothing else here may be called before it was asked.
pub fn has_driver() -> bool {
    // SAFETY: loads the system's driver library, as any CUDA program does.
    unsafe { sys::is_culib_present() }
}

/// How many GPUs there are: none without a driver, or with one that has lost its chips.
pub fn count() -> usize {
    if !has_driver() {
        return 0;
    }
    CudaContext::device_count().ok().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

/// What CUDA says of a GPU; its context is there only meanwhile.
pub fn facts(index: usize) -> Result<Facts, GpuError> {
    let context = open(index)?;
    facts_of(&context)
}

/// A context on a GPU.
pub(crate) fn open(index: usize) -> Result<Arc<CudaContext>, GpuError> {
    if !has_driver() {
        return Err(GpuError::NoDriver);
    }
    if index >= count() {
        return Err(GpuError::NoDevice(index));
    }
    let context = CudaContext::new(index).doing("opening the GPU")?;
    // SAFETY: each context here has one stream, so that nothing has to be ordered between streams.
    unsafe { context.disable_event_tracking() };
    // The thread that waits for a task sleeps: the processor has work of its own.
    let sleep = sys::CUctx_flags::CU_CTX_SCHED_BLOCKING_SYNC as u32;
    // SAFETY: the device exists; flags of a context in use may be changed.
    unsafe { sys::cuDevicePrimaryCtxSetFlags_v2(context.cu_device(), sleep) }
        .result()
        .doing("opening the GPU")?;
    Ok(context)
}

/// What CUDA says of it.
pub(crate) fn facts_of(context: &CudaContext) -> Result<Facts, GpuError> {
    use sys::CUdevice_attribute as A;
    let attribute = |which: A| -> Result<u32, GpuError> {
        let value = context.attribute(which).doing("reading the GPU's attributes")?;
        Ok(u32::try_from(value).unwrap_or(0))
    };
    let doing = "reading the GPU's identity";
    Ok(Facts {
        index: context.ordinal(),
        name: context.name().doing(doing)?,
        uuid: context.uuid().doing(doing)?.bytes.map(|byte| byte as u8),
        pci: (
            attribute(A::CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID)?,
            attribute(A::CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)?,
            attribute(A::CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)?,
        ),
        capability: context.compute_capability().doing(doing)?,
        multiprocessors: attribute(A::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        l2: u64::from(attribute(A::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)?),
        bus_bits: attribute(A::CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH)?,
        memory: context.total_mem().doing(doing)? as u64,
    })
}
