//! NVML's functions for events, NVLink, division and attestation reports.
//!
//! Safety is that of the other functions.

use super::{Handle, answer, fixed, index, number, write_noise};
use crate::{
    playback::{self, Misbehaviour, Mischief, status},
    recording::{Gpu, Reading},
};
use std::ffi::{c_int, c_uint, c_ulonglong};

/// nvmlEventTypeXidCriticalError
const XID: c_ulonglong = 8;

/// A set of events: whose they are (an index and one), and the reading up to which they were told.
#[derive(Default)]
pub struct EventSet {
    device: usize,
    told: usize,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetSupportedEventTypes(device: Handle, out: *mut c_ulonglong) -> c_uint {
    let types =
        |gpu: &Gpu| Some(if gpu.readings.iter().any(|reading| reading.xid.is_some()) { XID } else { 0 });
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, fixed(device, c_ulonglong::MAX, types)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetCreate(out: *mut *mut EventSet) -> c_uint {
    if out.is_null() {
        return status::INVALID_ARGUMENT;
    }
    // SAFETY: the caller's promise, see above; `nvmlEventSetFree` takes the box back.
    unsafe { answer(out, Ok(Box::into_raw(Box::default()))) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetFree(set: *mut EventSet) -> c_uint {
    if !set.is_null() {
        // SAFETY: nvml.h demands a set of `nvmlEventSetCreate` that was not freed before.
        drop(unsafe { Box::from_raw(set) });
    }
    status::SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceRegisterEvents(
    device: Handle,
    _types: c_ulonglong,
    set: *mut EventSet,
) -> c_uint {
    // SAFETY: null, or a set of `nvmlEventSetCreate` that was not freed.
    match (unsafe { set.as_mut() }, playback::mischief()) {
        (None, _) => status::INVALID_ARGUMENT,
        (_, Some(Mischief::Error(status))) => status,
        (Some(set), _) => {
            set.device = index(device).wrapping_add(1);
            status::SUCCESS
        }
    }
}

#[repr(C)]
pub struct EventData {
    device: Handle,
    types: c_ulonglong,
    data: c_ulonglong,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetWait_v2(
    set: *mut EventSet,
    out: *mut EventData,
    _timeout_ms: c_uint,
) -> c_uint {
    // SAFETY: null, or a set of `nvmlEventSetCreate` that was not freed.
    let Some(set) = (unsafe { set.as_mut() }) else { return status::INVALID_ARGUMENT };
    let event = playback::get().and_then(|playback| {
        let gpu = set.device.wrapping_sub(1);
        let (reading, step) = (playback.reading(gpu)?, playback.begun(gpu));
        let garbage = playback.is(Misbehaviour::Garbage);
        let xid =
            if garbage { Some(u64::MAX) } else { reading.xid.filter(|xid| *xid > 0 && set.told != step) };
        set.told = step;
        let data = xid.ok_or(status::TIMEOUT)?;
        let device = std::ptr::without_provenance_mut(set.device);
        Ok(EventData { device, types: XID, data, gpu_instance: 0, compute_instance: 0 })
    });
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, event) }
}

#[repr(C)]
pub struct FieldValue {
    field: c_uint,
    scope: c_uint,
    timestamp: i64,
    latency: i64,
    kind: c_uint,
    status: c_uint,
    value: u64,
}

/// NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
const U64: c_uint = 3;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetFieldValues(
    device: Handle,
    count: c_int,
    values: *mut FieldValue,
) -> c_uint {
    match playback::mischief() {
        Some(Mischief::Error(status)) => return status,
        _ if values.is_null() => return status::INVALID_ARGUMENT,
        _ => {}
    }
    for at in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: not null, and nvml.h demands that so many follow.
        let field = unsafe { &mut *values.add(at) };
        let value = match field.field {
            91 => fixed(device, u64::MAX, |gpu| gpu.nvlinks.map(u64::from)),
            // A recording has their sum.
            38 => number(device, u64::MAX, |reading: &Reading| reading.nvlink_errors),
            _ => Err(status::NOT_SUPPORTED),
        };
        field.kind = U64;
        match (playback::mischief(), value) {
            (Some(Mischief::Error(status)), _) | (None, Err(status)) => field.status = status,
            // SAFETY: a C type of so many bytes.
            (Some(Mischief::Noise(noise)), _) => unsafe {
                write_noise((&raw mut *field).cast(), size_of::<FieldValue>(), noise);
            },
            (None, Ok(value)) => (field.status, field.value) = (status::SUCCESS, value),
        }
    }
    status::SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetNvLinkState(device: Handle, link: c_uint, out: *mut c_uint) -> c_uint {
    let active = fixed(device, c_uint::MAX, |gpu| gpu.nvlinks_active);
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, active.map(|active| (link < active).into())) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigMode(
    device: Handle,
    current: *mut c_uint,
    pending: *mut c_uint,
) -> c_uint {
    let mode = fixed(device, c_uint::MAX, |gpu| gpu.parts.map(|parts| (parts > 0).into()));
    // SAFETY: the caller's promise, see above.
    match unsafe { answer(pending, mode) } {
        // SAFETY: likewise.
        status::SUCCESS => unsafe { answer(current, mode) },
        status => status,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMaxMigDeviceCount(device: Handle, out: *mut c_uint) -> c_uint {
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, fixed(device, c_uint::MAX, |gpu| gpu.parts.map(|_| 7))) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigDeviceHandleByIndex(
    device: Handle,
    part: c_uint,
    out: *mut Handle,
) -> c_uint {
    let parts = fixed(device, c_uint::MAX, |gpu| gpu.parts);
    let handle =
        parts.and_then(|parts| if part < parts { Ok(device) } else { Err(status::INVALID_ARGUMENT) });
    // SAFETY: the caller's promise, see above.
    unsafe { answer(out, handle) }
}

#[repr(C)]
pub struct AttestationReport {
    has_cec: c_uint,
    length: c_uint,
    cec_length: c_uint,
    nonce: [u8; 32],
    report: [u8; 8192],
    cec: [u8; 4096],
}

/// Where SPDM's GET_MEASUREMENTS has its nonce.
const NONCE_AT: usize = 4;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetConfComputeGpuAttestationReport(
    device: Handle,
    out: *mut AttestationReport,
) -> c_uint {
    // SAFETY: null or as nvml.h describes it.
    let Some(out) = (unsafe { out.as_mut() }) else { return status::INVALID_ARGUMENT };
    let report = match fixed(device, vec![0; 1], |gpu| decode(gpu.report.as_ref()?)) {
        Ok(report) => report,
        Err(status) => return status,
    };
    out.length = write(&report, &mut out.report);
    if let Some(place) = out.report.get_mut(NONCE_AT..NONCE_AT + 32) {
        place.copy_from_slice(&out.nonce);
    }
    lie(&mut out.length)
}

#[repr(C)]
pub struct Certificates {
    length: c_uint,
    attestation_length: c_uint,
    chain: [u8; 4096],
    attestation_chain: [u8; 5120],
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetConfComputeGpuCertificate(
    device: Handle,
    out: *mut Certificates,
) -> c_uint {
    // SAFETY: null or as nvml.h describes it.
    let Some(out) = (unsafe { out.as_mut() }) else { return status::INVALID_ARGUMENT };
    let chain = |gpu: &Gpu| Some(gpu.certificates.as_ref()?.as_bytes().to_vec());
    let chain = match fixed(device, vec![0; 1], chain) {
        Ok(chain) => chain,
        Err(status) => return status,
    };
    out.length = 0;
    out.attestation_length = write(&chain, &mut out.attestation_chain);
    lie(&mut out.attestation_length)
}

fn write(from: &[u8], to: &mut [u8]) -> c_uint {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    from.len().min(to.len()) as c_uint
}

/// A length that may not be true.
fn lie(length: &mut c_uint) -> c_uint {
    let garbage = playback::get().is_ok_and(|playback| playback.is(Misbehaviour::Garbage));
    match playback::mischief() {
        Some(Mischief::Error(status)) => return status,
        Some(Mischief::Noise(noise)) => *length = noise as c_uint,
        None if garbage => *length = c_uint::MAX,
        None => {}
    }
    status::SUCCESS
}

fn decode(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    Some(
        digits?
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8))
            .collect(),
    )
}
