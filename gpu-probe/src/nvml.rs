//! NVML, as the thread sees it that may hang in it. What the library says is checked for plausibility: a value that no GPU can
//! have is no value.

use crate::{
    files,
    identity::NvmlView,
    window::{Flow, Reading, permille},
};
use attest::record::{Chip, ChipKind, ChipState, Text};
use nvml_wrapper::{
    Device, Nvml,
    enum_wrappers::device::{Clock, EccCounter, MemoryError, PcieUtilCounter, TemperatureSensor},
    enums::gpm::GpmMetricId,
    error::NvmlError,
    gpm::{GpmSample, gpm_metrics_get},
};
use std::path::Path;

/// No host has more; a library that counts further does not count.
const MOST: u32 = 64;
const MIB: u64 = 1 << 20;

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
        Self { nvml, device, memory, measures, before: None }
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
        let device = &self.device;
        // 100 kW, 20 GHz, 250 °C and 1 TB/s are beyond any chip.
        let power_mw = within(device.power_usage(), 100_000_000);
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
            ecc_errors: within(
                device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile),
                u64::MAX - 1,
            ),
            processes: self.processes(),
            tensor: self.tensor(),
        }
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

    /// Activity of the tensor units since the sample before.
    fn tensor(&mut self) -> Option<u16> {
        if !self.measures {
            return None;
        }
        let now = self.device.gpm_sample().ok()?;
        let before = self.before.replace(now)?;
        let metrics =
            gpm_metrics_get(self.nvml, &before, self.before.as_ref()?, &[GpmMetricId::AnyTensorUtil]);
        let percent = metrics.ok()?.into_iter().next()?.ok()?.value;
        permille(percent, 100.0)
    }
}
