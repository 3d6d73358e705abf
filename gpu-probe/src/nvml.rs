//! NVML, as the thread or process sees it that may hang or crash in it. What the library says is checked for plausibility: a value
//! that no GPU can have is no value.

use crate::{
    detail::{DetailReading, DetailState},
    files,
    identity::NvmlView,
    report::GpuReport,
    window::{Flow, Reading, permille},
};
use attest::record::{Chip, ChipKind, ChipState, MAX_XIDS, Text};
use nvml_wrapper::{
    Device, EventSet, Nvml,
    bitmasks::event::EventTypes,
    enum_wrappers::device::{Clock, EccCounter, MemoryError, PcieUtilCounter, TemperatureSensor},
    enums::{device::SampleValue, event::XidError, gpm::GpmMetricId},
    error::NvmlError,
    gpm::{GpmSample, gpm_metrics_get},
    structs::device::FieldId,
    sys_exports::field_id::{
        NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL, NVML_FI_DEV_NVLINK_LINK_COUNT,
        NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL, NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL,
    },
};
use std::path::Path;

/// No host has more; a library that counts further does not count.
const MOST: u32 = 64;
const MIB: u64 = 1 << 20;
/// No GPU has more NVLinks, nor more parts.
const MOST_LINKS: u32 = 64;
const MOST_PARTS: u32 = 16;
/// Every so many samples it is asked what hardly changes; in between the last answer stands.
const SELDOM: u32 = 10;

/// What GPM measures between two samples, in this order.
const MEASURED: [GpmMetricId; 6] = [
    GpmMetricId::AnyTensorUtil,
    GpmMetricId::HmmaTensorUtil,
    GpmMetricId::ImmaTensorUtil,
    GpmMetricId::DramBwUtil,
    GpmMetricId::NvlinkTotalRxPerSec,
    GpmMetricId::NvlinkTotalTxPerSec,
];

/// The loaded library. It stays loaded until the process ends: unloading calls into it once more, and it may hang there.
pub struct Driver {
    nvml: &'static Nvml,
    version: Text,
    gpus: Vec<Result<Gpu, NvmlError>>,
}

struct Gpu {
    nvml: &'static Nvml,
    device: Device<'static>,
    memory: Option<u64>,
    /// Whether the GPU measures its units' activity (Hopper and later).
    measures: bool,
    before: Option<GpmSample<'static>>,
    /// Where its critical errors come in, if it delivers them.
    events: Option<EventSet<'static>>,
    state: DetailState,
    samples: u32,
}

impl Driver {
    /// Loads the library and finds its GPUs.
    pub fn load(library: Option<&Path>) -> Result<Self, ChipState> {
        let mut builder = Nvml::builder();
        if let Some(library) = library {
            builder.lib_path(library.as_os_str());
        }
        let nvml: &'static Nvml = Box::leak(Box::new(builder.init().map_err(|error| no_driver(&error))?));
        let version = known(nvml.sys_driver_version());
        let mut driver = Self { nvml, version, gpus: Vec::new() };
        driver.find().map_err(|error| broken(&error))?;
        if driver.gpus.is_empty() { Err(ChipState::Absent) } else { Ok(driver) }
    }

    fn find(&mut self) -> Result<(), NvmlError> {
        let nvml = self.nvml;
        let count = nvml.device_count()?.min(MOST);
        self.gpus = (0..count).map(|index| Ok(Gpu::new(nvml, nvml.device_by_index(index)?))).collect();
        Ok(())
    }

    /// Every GPU as it is now.
    pub fn chips(&self) -> Vec<Chip> {
        (0..).zip(&self.gpus).map(|(index, gpu)| self.chip(index, gpu)).collect()
    }

    fn chip(&self, index: u16, gpu: &Result<Gpu, NvmlError>) -> Chip {
        let device = gpu.as_ref().map(|gpu| &gpu.device);
        let told = |what: fn(&Device<'static>) -> Result<String, NvmlError>| {
            device.map(|device| known(what(device))).unwrap_or_default()
        };
        let (uuid, serial) = (told(Device::uuid), told(Device::serial));
        Chip {
            kind: ChipKind::Gpu,
            index,
            state: state(gpu),
            name: told(Device::name),
            id: if uuid.is_empty() { serial } else { uuid },
            driver: self.version.clone(),
            firmware: told(Device::vbios_version),
            memory_mib: gpu.as_ref().ok().and_then(|gpu| gpu.memory).map(|bytes| bytes / MIB),
        }
    }

    /// The driver's version, and who the GPUs say they are.
    pub fn identities(&self) -> (String, Vec<NvmlView>) {
        let views = self.gpus.iter().filter_map(|gpu| gpu.as_ref().ok()).map(Gpu::view);
        (self.version.as_str().into(), views.collect())
    }

    /// Every GPU's attestation report over a nonce, in order; none where it has none to give.
    pub fn reports(&self, nonce: [u8; 32]) -> Vec<Option<GpuReport>> {
        let report = |gpu: &Result<Gpu, NvmlError>| gpu.as_ref().ok()?.report(nonce);
        self.gpus.iter().map(report).collect()
    }

    /// A reading of every GPU, in order.
    pub fn sample(&mut self) -> Vec<Option<Reading>> {
        let read = |gpu: &mut Result<Gpu, NvmlError>| gpu.as_mut().ok().map(Gpu::read);
        self.gpus.iter_mut().map(read).collect()
    }
}

/// A GPU that cannot even tell who it is fell off its bus, or its driver is broken.
fn state(gpu: &Result<Gpu, NvmlError>) -> ChipState {
    match gpu.as_ref().map(|gpu| gpu.device.uuid()) {
        Ok(Ok(_)) => ChipState::Present,
        Ok(Err(error)) => broken(&error),
        Err(error) => broken(error),
    }
}

fn no_driver(error: &NvmlError) -> ChipState {
    match error {
        NvmlError::LibloadingError(error) if error.to_string().contains("No such file") => ChipState::Absent,
        NvmlError::DriverNotLoaded | NvmlError::LibraryNotFound => ChipState::Absent,
        error => broken(error),
    }
}

fn broken(error: &NvmlError) -> ChipState {
    ChipState::Broken(files::clean(&error.to_string()))
}

fn known(text: Result<String, NvmlError>) -> Text {
    text.map(|text| files::clean(&text)).unwrap_or_default()
}

/// A value that may be missing, within what is possible.
fn within<T: PartialOrd>(value: Result<T, NvmlError>, most: T) -> Option<T> {
    value.ok().filter(|value| *value <= most)
}

impl Gpu {
    fn new(nvml: &'static Nvml, device: Device<'static>) -> Self {
        let memory =
            device.memory_info().ok().map(|memory| memory.total).filter(|total| total / MIB < 1 << 24);
        let measures = device.gpm_support().unwrap_or(false);
        let events = events(nvml, &device);
        Self {
            nvml,
            device,
            memory,
            measures,
            before: None,
            events,
            state: DetailState::default(),
            samples: 0,
        }
    }

    fn view(&self) -> NvmlView {
        let device = &self.device;
        let told = |text: Result<String, NvmlError>| {
            let text = known(text);
            (!text.is_empty()).then(|| text.as_str().into())
        };
        let pci = device.pci_info().ok();
        NvmlView {
            uuid: told(device.uuid()),
            name: told(device.name()),
            pci: pci.as_ref().map(|pci| (pci.domain, pci.bus, pci.device)),
            pci_id: pci.map(|pci| pci.pci_device_id),
            memory: self.memory,
            cores: within(device.num_cores(), 1 << 20),
            bus_bits: within(device.memory_bus_width(), 1 << 20),
            divided: device.mig_mode().is_ok_and(|mode| mode.current == 1),
            energy_mj: within(device.total_energy_consumption(), u64::MAX / 10_000),
        }
    }

    fn read(&mut self) -> Reading {
        // First: the recording of a replay begins its next reading with it. 100 kW, 20 GHz, 250 °C and 1 TB/s are beyond any chip.
        let power_mw = within(self.device.power_usage(), 100_000_000);
        let [tensor, tensor_half, tensor_integer, bandwidth, received, sent] = self.measure();
        let share = |percent: Option<f64>| permille(percent?, 100.0);
        let detail = DetailReading {
            tensor_half: share(tensor_half),
            tensor_integer: share(tensor_integer),
            memory_bandwidth: share(bandwidth),
            received: received.and_then(from_mib),
            sent: sent.and_then(from_mib),
            xids: self.xids(),
            state: self.state(),
        };
        let device = &self.device;
        let shares = device.utilization_rates().ok();
        let memory_used = device.memory_info().ok().map(|memory| memory.used);
        let energy_mj = within(device.total_energy_consumption(), u64::MAX / 10_000);
        Reading {
            power_mw,
            energy_uj: energy_mj.map(|energy| energy * 1000),
            utilisation: shares.as_ref().and_then(|shares| permille(shares.gpu.into(), 100.0)),
            memory_utilisation: shares.as_ref().and_then(|shares| permille(shares.memory.into(), 100.0)),
            clock_mhz: within(device.clock_info(Clock::SM), 20_000),
            temperature: within(device.temperature(TemperatureSensor::Gpu), 250)
                .map(|degrees| degrees as i16),
            memory_used_mib: memory_used
                .zip(self.memory)
                .and_then(|(used, total)| (used <= total).then_some(used / MIB)),
            read: self.flow(PcieUtilCounter::Receive),
            written: self.flow(PcieUtilCounter::Send),
            throttle: device.current_throttle_reasons().ok().map(|reasons| reasons.bits()),
            ecc_errors: self.ecc(MemoryError::Uncorrected),
            processes: self.processes(),
            tensor: share(tensor),
            detail: (detail != DetailReading::default()).then_some(detail),
        }
    }

    fn ecc(&self, kind: MemoryError) -> Option<u64> {
        within(self.device.total_ecc_errors(kind, EccCounter::Volatile), u64::MAX - 1)
    }

    fn flow(&self, direction: PcieUtilCounter) -> Option<Flow> {
        let kilobytes = within(self.device.pcie_throughput(direction), 1_000_000_000)?;
        Some(Flow::PerSecond(u64::from(kilobytes) * 1000))
    }

    /// Counted only, so that the library cannot make us reserve memory for what it claims. One that computes and draws counts twice.
    fn processes(&self) -> Option<u16> {
        let compute = self.device.running_compute_processes_count().ok();
        let graphics = self.device.running_graphics_processes_count().ok();
        if compute.is_none() && graphics.is_none() {
            return None;
        }
        u16::try_from(compute.unwrap_or(0).checked_add(graphics.unwrap_or(0))?).ok()
    }

    /// What GPM measured since the sample before, as [`MEASURED`] lists it.
    fn measure(&mut self) -> [Option<f64>; MEASURED.len()] {
        let metrics = self.metrics().unwrap_or_default();
        let mut values = metrics.into_iter();
        MEASURED.map(|_| values.next().flatten())
    }

    fn metrics(&mut self) -> Option<Vec<Option<f64>>> {
        if !self.measures {
            return None;
        }
        let now = self.device.gpm_sample().ok()?;
        let before = self.before.replace(now)?;
        let metrics = gpm_metrics_get(self.nvml, &before, self.before.as_ref()?, &MEASURED).ok()?;
        Some(metrics.into_iter().map(|metric| metric.ok().map(|metric| metric.value)).collect())
    }

    /// Critical errors since the sample before; never waits.
    fn xids(&self) -> Option<Vec<u32>> {
        let events = self.events.as_ref()?;
        let mut xids = Vec::new();
        for _ in 0..MAX_XIDS {
            match events.wait(0) {
                // One without a number that can be one is no answer.
                Ok(event) => xids.push(event.event_data.and_then(xid)?),
                Err(NvmlError::Timeout) => return Some(xids),
                Err(_) if xids.is_empty() => return None,
                Err(_) => break,
            }
        }
        Some(xids)
    }

    /// What hardly changes: as it was at most [`SELDOM`] samples ago.
    fn state(&mut self) -> DetailState {
        if self.samples.is_multiple_of(SELDOM) {
            self.state = self.ask_state();
        }
        self.samples = self.samples.wrapping_add(1);
        self.state.clone()
    }

    fn ask_state(&self) -> DetailState {
        let fields = [
            NVML_FI_DEV_NVLINK_LINK_COUNT,
            NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL,
            NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL,
            NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL,
        ];
        let values = self.device.field_values_for(&fields.map(FieldId)).unwrap_or_default();
        let mut values = values.into_iter().map(|value| count(&value.ok()?.value.ok()?));
        let nvlinks = values.next().flatten().filter(|links| *links <= MOST_LINKS.into());
        let errors: Vec<u64> = values.flatten().collect();
        let active =
            |links| (0..links).filter_map(|link| self.device.link_wrapper_for(link).is_active().ok());
        DetailState {
            nvlinks: nvlinks.map(|links| links as u16),
            nvlinks_active: nvlinks.map(|links| active(links as u32)).and_then(count_true),
            nvlink_errors: errors.iter().copied().reduce(u64::saturating_add),
            ecc_corrected: self.ecc(MemoryError::Corrected),
            parts: self.parts(),
        }
    }

    fn parts(&self) -> Option<u16> {
        match self.device.mig_mode().ok()?.current {
            0 => Some(0),
            1 => {
                let most = self.device.mig_device_count().ok()?.min(MOST_PARTS);
                let parts = (0..most).filter(|part| self.device.mig_device_by_index(*part).is_ok());
                Some(parts.count() as u16)
            }
            _ => None,
        }
    }

    /// Asks only GPUs that the driver says have one: the wrapper trusts the lengths that it is told, and panics over wrong ones.
    fn report(&self, nonce: [u8; 32]) -> Option<GpuReport> {
        let report = self.device.confidential_compute_gpu_attestation_report(nonce).ok()?;
        let chain = self.device.confidential_compute_gpu_certificate().ok()?;
        GpuReport::new(report.attestation_report, chain.attestation_cert_chain)
    }
}

/// A set of its own for each GPU, so that nobody need be asked whose event it is.
fn events(nvml: &'static Nvml, device: &Device<'static>) -> Option<EventSet<'static>> {
    let wanted = EventTypes::CRITICAL_XID_ERROR;
    device.supported_event_types().ok().filter(|types| types.contains(wanted))?;
    device.register_events(wanted, nvml.create_event_set().ok()?).ok()
}

fn xid(event: XidError) -> Option<u32> {
    match event {
        XidError::Value(xid) => u32::try_from(xid).ok(),
        // As NVML writes it.
        XidError::Unknown => Some(999),
    }
}

/// A counter, whatever its type.
fn count(value: &SampleValue) -> Option<u64> {
    match *value {
        SampleValue::U32(value) => Some(value.into()),
        SampleValue::U64(value) => (value < u64::MAX).then_some(value),
        SampleValue::I64(value) => u64::try_from(value).ok(),
        SampleValue::F64(_) => None,
    }
}

/// How many are true; none if nothing was told.
fn count_true(told: impl Iterator<Item = bool>) -> Option<u16> {
    told.map(u16::from).reduce(|sum, one| sum + one)
}

/// From MiB/s; 10 TB/s are beyond any chip.
fn from_mib(rate: f64) -> Option<Flow> {
    (0.0..=1e7).contains(&rate).then_some(Flow::PerSecond((rate * MIB as f64) as u64))
}
