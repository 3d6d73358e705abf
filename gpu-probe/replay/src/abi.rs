//! NVML's C functions, those that `gpu-probe` asks.
//!
//! Safety, for all of them: as `nvml.h` demands, a pointer is null or points to writable memory of its type, and a buffer has the
//! length that is given with it. Handles are numbers in disguise and are never followed.
#![allow(non_snake_case, missing_docs, clippy::missing_safety_doc)] // nvml.h names and documents them

mod detail;

use crate::{
    playback::{self, Misbehaviour, Mischief, Playback, status},
    recording::{Gpu, Reading},
};
use std::{
    ffi::{c_char, c_uint, c_ulonglong, c_void},
    ptr,
};

/// A GPU's index and one, so that it is not null.
type Handle = *mut c_void;

fn index(handle: Handle) -> usize {
    handle.addr().wrapping_sub(1)
}

/// Writes an answer, or says why there is none.
///
/// # Safety
/// `out` is null or writable.
unsafe fn answer<T>(out: *mut T, value: Result<T, u32>) -> c_uint {
    match playback::mischief() {
        Some(Mischief::Error(status)) => return status,
        Some(Mischief::Noise(seed)) if !out.is_null() => {
            // SAFETY: not null, and the caller promises that it is writable then. Only C's types are written.
            unsafe { write_noise(out.cast(), size_of::<T>(), seed) };
            return status::SUCCESS;
        }
        _ => {}
    }
    match value {
        Ok(_) if out.is_null() => status::INVALID_ARGUMENT,
        Ok(value) => {
            // SAFETY: not null, and the caller promises that it is writable then.
            unsafe { out.write(value) };
            status::SUCCESS
        }
        Err(status) => status,
    }
}

/// Writes whatever bytes.
///
/// # Safety
/// `out` has `length` writable bytes.
unsafe fn write_noise(out: *mut u8, length: usize, mut seed: u64) {
    // Every other time what is small: it looks more like an answer.
    let mask = if seed.is_multiple_of(2) { 0x01 } else { 0xff };
    for at in 0..length {
        // SAFETY: the caller's promise.
        unsafe { out.add(at).write(playback::next(&mut seed) as u8 & mask) };
    }
}

/// Writes text with its closing zero.
///
/// # Safety
/// `out` is null or has `length` writable bytes.
unsafe fn write_text(out: *mut c_char, length: c_uint, text: Result<&[u8], u32>) -> c_uint {
    let text = match text {
        Ok(text) => text,
        Err(status) => return status,
    };
    if out.is_null() {
        return status::INVALID_ARGUMENT;
    }
    match playback::mischief() {
        Some(Mischief::Error(status)) => return status,
        Some(Mischief::Noise(seed)) => {
            // Often without a zero at its end.
            // SAFETY: not null, and the caller promises that it has so many bytes.
            unsafe { write_noise(out.cast(), length as usize, seed) };
            return status::SUCCESS;
        }
        None => {}
    }
    if text.len() >= length as usize {
        return status::INSUFFICIENT_SIZE;
    }
    // SAFETY: the buffer has room for the text and its zero, as was just checked; the two do not overlap.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr().cast(), out, text.len());
        out.add(text.len()).write(0);
    }
    status::SUCCESS
}

/// No UTF-8, and a terminal's escape for good measure.
const GARBAGE: &[u8] = b"\xff\xfe\x1b[2J\xc0\x80";
/// UTF-8, but nothing to put on a terminal.
const GARBAGE_NAME: &[u8] = b"\x1b]0;owned\x07\nNVIDIA \xc2\x9b31m";

fn text_of(
    handle: Handle,
    garbage: &'static [u8],
    text: fn(&Gpu) -> Option<&String>,
) -> Result<&'static [u8], u32> {
    let playback = playback::get()?;
    let gpu = playback.optional(index(handle))?;
    if playback.is(Misbehaviour::Garbage) {
        return Ok(garbage);
    }
    text(gpu).map(String::as_bytes).ok_or(status::NOT_SUPPORTED)
}

fn number<T>(handle: Handle, garbage: T, value: fn(&Reading) -> Option<T>) -> Result<T, u32> {
    let playback = playback::get()?;
    let reading = playback.reading(index(handle))?;
    if playback.is(Misbehaviour::Garbage) {
        return Ok(garbage);
    }
    value(&reading).ok_or(status::NOT_SUPPORTED)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> c_uint {
    playback::start().map_or_else(|status| status, |()| status::SUCCESS)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInitWithFlags(_flags: c_uint) -> c_uint {
    nvmlInit_v2()
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> c_uint {
    status::SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(out: *mut c_char, length: c_uint) -> c_uint {
    let version = playback::get().map(|playback| {
        if playback.is(Misbehaviour::Garbage) { GARBAGE } else { playback.recording.driver.as_bytes() }
    });
    // SAFETY: the caller's promise, see above.
    unsafe { write_text(out, length, version) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(out: *mut c_uint) -> c_uint {
    let count = |playback: &Playback| match playback.misbehaviour {
        Some(Misbehaviour::Garbage) => c_uint::MAX,
        _ => playback.recording.gpus.len() as c_uint,
    };
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, playback::get().map(count)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, out: *mut Handle) -> c_uint {
    let handle = playback::get().and_then(|playback| {
        let known = (index as usize) < playback.recording.gpus.len();
        known.then_some(ptr::without_provenance_mut(index as usize + 1)).ok_or(status::INVALID_ARGUMENT)
    });
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, handle) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUUID(device: Handle, out: *mut c_char, length: c_uint) -> c_uint {
    let uuid = playback::get().and_then(|playback| {
        let gpu = playback.gpu(index(device))?;
        Ok(if playback.is(Misbehaviour::Garbage) { GARBAGE } else { gpu.uuid.as_bytes() })
    });
    // SAFETY: the caller's promise, see above.
    unsafe { write_text(out, length, uuid) }
}

macro_rules! texts {
    ($($function:ident: $garbage:expr, $text:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(device: Handle, out: *mut c_char, length: c_uint) -> c_uint {
            // SAFETY: the caller's promise, see above.
            unsafe { write_text(out, length, text_of(device, $garbage, $text)) }
        }
    )*};
}

texts! {
    nvmlDeviceGetName: GARBAGE_NAME, |gpu| Some(&gpu.name);
    nvmlDeviceGetSerial: GARBAGE, |gpu| gpu.serial.as_ref();
    nvmlDeviceGetVbiosVersion: GARBAGE, |gpu| gpu.vbios.as_ref();
}

/// What never changes.
fn fixed<T>(handle: Handle, garbage: T, value: fn(&Gpu) -> Option<T>) -> Result<T, u32> {
    let playback = playback::get()?;
    let gpu = playback.optional(index(handle))?;
    if playback.is(Misbehaviour::Garbage) {
        return Ok(garbage);
    }
    value(gpu).ok_or(status::NOT_SUPPORTED)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetNumGpuCores(device: Handle, out: *mut c_uint) -> c_uint {
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, fixed(device, c_uint::MAX, |gpu| gpu.cores)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryBusWidth(device: Handle, out: *mut c_uint) -> c_uint {
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, fixed(device, c_uint::MAX, |gpu| gpu.bus_bits)) }
}

#[repr(C)]
pub struct PciInfo {
    legacy_id: [c_char; 16],
    domain: c_uint,
    bus: c_uint,
    device: c_uint,
    id: c_uint,
    subsystem: c_uint,
    bus_id: [c_char; 32],
}

impl PciInfo {
    fn of(gpu: &Gpu) -> Option<Self> {
        let [domain, bus, device] = gpu.pci?;
        let mut bus_id = [0; 32];
        let text = format!("{domain:08X}:{bus:02X}:{device:02X}.0");
        bus_id.iter_mut().take(31).zip(text.bytes()).for_each(|(to, from)| *to = from as c_char);
        let id = gpu.pci_id.unwrap_or(0);
        Some(Self { legacy_id: [0; 16], domain, bus, device, id, subsystem: 0, bus_id })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPciInfo_v3(device: Handle, out: *mut PciInfo) -> c_uint {
    let nonsense = || PciInfo {
        legacy_id: [-1; 16],
        domain: c_uint::MAX,
        bus: c_uint::MAX,
        device: c_uint::MAX,
        id: c_uint::MAX,
        subsystem: c_uint::MAX,
        bus_id: [0; 32],
    };
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, fixed(device, nonsense(), PciInfo::of)) }
}

macro_rules! numbers {
    ($($function:ident: $type:ty = $garbage:expr, $value:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(device: Handle, out: *mut $type) -> c_uint {
            // SAFETY: the caller's promise, see above.
            unsafe { answer(out, number(device, $garbage, $value)) }
        }
    )*};
}

numbers! {
    nvmlDeviceGetTotalEnergyConsumption: c_ulonglong = c_ulonglong::MAX, |reading| reading.energy_mj;
    nvmlDeviceGetCurrentClocksThrottleReasons: c_ulonglong = c_ulonglong::MAX, |reading| reading.throttle;
    nvmlDeviceGetUtilizationRates: Utilization = Utilization { gpu: 4_000_000_000, memory: 101 }, Utilization::of;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPowerUsage(device: Handle, out: *mut c_uint) -> c_uint {
    if let Ok(playback) = playback::get() {
        playback.step(index(device));
    }
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, number(device, c_uint::MAX, |reading| reading.power_mw)) }
}

#[repr(C)]
pub struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

impl Utilization {
    fn of(reading: &Reading) -> Option<Self> {
        Some(Self { gpu: reading.gpu_percent?, memory: reading.memory_percent? })
    }
}

#[repr(C)]
pub struct MemoryV2 {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Handle, out: *mut MemoryV2) -> c_uint {
    let memory = playback::get().and_then(|playback| {
        let total = playback.optional(index(device))?.memory_total.ok_or(status::NOT_SUPPORTED)?;
        let used = playback.reading(index(device))?.memory_used.ok_or(status::NOT_SUPPORTED)?;
        let version = size_of::<MemoryV2>() as c_uint | 2 << 24;
        Ok(if playback.is(Misbehaviour::Garbage) {
            MemoryV2 { version, total: u64::MAX, reserved: u64::MAX, free: u64::MAX, used: u64::MAX }
        } else {
            MemoryV2 { version, total, reserved: 0, free: total.saturating_sub(used), used }
        })
    });
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, memory) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetClockInfo(device: Handle, _clock: c_uint, out: *mut c_uint) -> c_uint {
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, number(device, c_uint::MAX, |reading| reading.clock_mhz)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(
    device: Handle,
    _sensor: c_uint,
    out: *mut c_uint,
) -> c_uint {
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, number(device, c_uint::MAX, |reading| reading.temperature)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPcieThroughput(
    device: Handle,
    counter: c_uint,
    out: *mut c_uint,
) -> c_uint {
    let value = match counter {
        0 => |reading: &Reading| reading.sent_kb_s,
        _ => |reading: &Reading| reading.received_kb_s,
    };
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, number(device, c_uint::MAX, value)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTotalEccErrors(
    device: Handle,
    error: c_uint,
    _counter: c_uint,
    out: *mut c_ulonglong,
) -> c_uint {
    let value = match error {
        0 => |reading: &Reading| reading.ecc_corrected,
        _ => |reading: &Reading| reading.ecc_errors,
    };
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, number(device, c_ulonglong::MAX, value)) }
}

/// NVML tells how many there are by refusing a list that is too short. Nobody here asks for the list itself.
///
/// # Safety
/// `count` is null or writable.
unsafe fn count_processes(count: *mut c_uint, processes: Result<c_uint, u32>) -> c_uint {
    let some = matches!(processes, Ok(1..));
    // SAFETY: null or writable, as this function's caller promises.
    match unsafe { answer(count, processes) } {
        status::SUCCESS if some => status::INSUFFICIENT_SIZE,
        status => status,
    }
}

macro_rules! processes {
    ($($function:ident: $value:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(device: Handle, count: *mut c_uint, _list: *mut c_void) -> c_uint {
            // SAFETY: the caller's promise, see above.
            unsafe { count_processes(count, number(device, c_uint::MAX, $value)) }
        }
    )*};
}

processes! {
    nvmlDeviceGetComputeRunningProcesses_v3: |reading| reading.compute_processes;
    nvmlDeviceGetGraphicsRunningProcesses_v3: |reading| reading.graphics_processes;
}

#[repr(C)]
pub struct GpmSupport {
    version: c_uint,
    supported: c_uint,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmQueryDeviceSupport(device: Handle, out: *mut GpmSupport) -> c_uint {
    let support = playback::get().and_then(|playback| {
        let reading = playback.reading(index(device))?;
        Ok(GpmSupport { version: 1, supported: reading.tensor_percent.is_some().into() })
    });
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, support) }
}

/// NVML_GPM_METRIC_…, and what a recording has of it.
type Measured = (c_uint, fn(&Reading) -> Option<f64>);
const MEASURED: [Measured; 6] = [
    (5, |reading| reading.tensor_percent),
    (7, |reading| reading.tensor_half_percent),
    (9, |reading| reading.tensor_integer_percent),
    (10, |reading| reading.bandwidth_percent),
    (60, |reading| reading.nvlink_received_mib_s),
    (61, |reading| reading.nvlink_sent_mib_s),
];

/// A GPM sample: what was measured when it was taken, in that order.
type Sample = *mut Values;
type Values = [Option<f64>; MEASURED.len()];

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleAlloc(out: *mut Sample) -> c_uint {
    if out.is_null() {
        return status::INVALID_ARGUMENT;
    }
    // SAFETY: the caller's promise, see above; `nvmlGpmSampleFree` takes the box back.
    unsafe { answer(out, Ok(Box::into_raw(Box::new([None; MEASURED.len()])))) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleFree(sample: Sample) -> c_uint {
    if !sample.is_null() {
        // SAFETY: nvml.h demands a sample of `nvmlGpmSampleAlloc` that was not freed before.
        drop(unsafe { Box::from_raw(sample) });
    }
    status::SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleGet(device: Handle, sample: Sample) -> c_uint {
    let garbage = [Some(f64::NAN); MEASURED.len()];
    let values = |reading: &Reading| Some(MEASURED.map(|(_, value)| value(reading)));
    match number(device, garbage, values) {
        Err(status) => status,
        Ok(_) if sample.is_null() => status::INVALID_ARGUMENT,
        Ok(values) => {
            // SAFETY: nvml.h demands a sample of `nvmlGpmSampleAlloc` that was not freed.
            unsafe { sample.write(values) };
            status::SUCCESS
        }
    }
}

#[repr(C)]
pub struct GpmMetric {
    id: c_uint,
    status: c_uint,
    value: f64,
    info: [*mut c_char; 3],
}

/// What comes before the list of metrics, whose length depends on the header's version.
#[repr(C)]
pub struct GpmMetrics {
    version: c_uint,
    count: c_uint,
    before: Sample,
    after: Sample,
    metrics: [GpmMetric; 0],
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmMetricsGet(request: *mut GpmMetrics) -> c_uint {
    if let Some(Mischief::Error(status)) = playback::mischief() {
        return status;
    }
    if request.is_null() {
        return status::INVALID_ARGUMENT;
    }
    // SAFETY: not null, and as nvml.h describes it. No reference is made to it, since its metrics lie beyond its type.
    let (count, after) = unsafe { ((*request).count, (*request).after) };
    if count as usize > MEASURED.len() || after.is_null() {
        return status::INVALID_ARGUMENT;
    }
    // SAFETY: not null, hence a sample of `nvmlGpmSampleAlloc`.
    let values = unsafe { after.read() };
    // SAFETY: as above.
    let first: *mut GpmMetric = unsafe { (&raw mut (*request).metrics).cast() };
    for at in 0..count as usize {
        // SAFETY: nvml.h demands that so many metrics follow.
        let metric = unsafe { &mut *first.add(at) };
        let known = MEASURED.iter().zip(values).find(|((id, _), _)| *id == metric.id);
        match (playback::mischief(), known.and_then(|(_, value)| value)) {
            (Some(Mischief::Error(status)), _) => metric.status = status,
            (Some(Mischief::Noise(noise)), _) => metric.value = f64::from_bits(noise),
            (None, Some(value)) => metric.value = value,
            (None, None) => metric.status = status::NOT_SUPPORTED,
        }
    }
    status::SUCCESS
}
