//! Records a host's GPUs for the replay: `record --seconds 15 --about "training, bf16" > training.json`, beside whatever the GPUs are to do.
//!
//! Options: `--pace-ms N` between readings (1000), `--library FILE` for another NVML. Serial numbers and UUIDs are left out: recordings are published.

use nvml_replay::{Gpu, Reading, Recording};
use nvml_wrapper::{
    Device, Nvml,
    enum_wrappers::device::{Clock, EccCounter, MemoryError, PcieUtilCounter, TemperatureSensor},
    enums::{device::SampleValue, gpm::GpmMetricId},
    error::NvmlError,
    gpm::{GpmSample, gpm_metrics_get},
    structs::device::FieldId,
    sys_exports::field_id::NVML_FI_DEV_NVLINK_LINK_COUNT,
};
use std::{
    env, process,
    thread::sleep,
    time::{Duration, Instant},
};

fn main() {
    if let Err(error) = record() {
        eprintln!("no recording: {error}");
        process::exit(1);
    }
}

fn record() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: u64 = option("--seconds").map_or(Ok(15), |seconds| seconds.parse())?;
    let pace = Duration::from_millis(option("--pace-ms").map_or(Ok(1000), |pace| pace.parse())?);
    let library = option("--library");
    let mut builder = Nvml::builder();
    if let Some(library) = &library {
        builder.lib_path(library.as_ref());
    }
    let nvml = builder.init()?;
    let devices: Vec<Device<'_>> =
        (0..nvml.device_count()?).map(|index| nvml.device_by_index(index)).collect::<Result<_, _>>()?;
    let mut gpus: Vec<Gpu> = (0..).zip(&devices).map(|(index, device)| identity(index, device)).collect();
    let mut samples: Vec<Option<GpmSample<'_>>> = devices.iter().map(|_| None).collect();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut due = Instant::now();
    while due < end {
        for ((gpu, device), before) in gpus.iter_mut().zip(&devices).zip(&mut samples) {
            gpu.readings.push(reading(&nvml, device, before));
        }
        due += pace;
        sleep(due.saturating_duration_since(Instant::now()));
    }
    let about = option("--about").unwrap_or_else(|| "recorded".into());
    let recording = Recording { about, driver: nvml.sys_driver_version()?, gpus };
    println!("{}", serde_json::to_string(&recording)?);
    Ok(())
}

fn option(name: &str) -> Option<String> {
    let mut arguments = env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

fn identity(index: usize, device: &Device<'_>) -> Gpu {
    let pci = device.pci_info().ok();
    Gpu {
        name: device.name().unwrap_or_default(),
        uuid: format!("GPU-00000000-0000-0000-0000-{index:012}"),
        serial: None,
        vbios: device.vbios_version().ok(),
        memory_total: device.memory_info().ok().map(|memory| memory.total),
        pci: pci.as_ref().map(|pci| [pci.domain, pci.bus, pci.device]),
        pci_id: pci.as_ref().map(|pci| pci.pci_device_id),
        cores: device.num_cores().ok(),
        bus_bits: device.memory_bus_width().ok(),
        nvlinks: links(device),
        nvlinks_active: links(device).map(|links| active(device, links)),
        parts: device.mig_mode().ok().map(|mode| if mode.current == 1 { parts(device) } else { 0 }),
        report: None,
        certificates: None,
        readings: Vec::new(),
    }
}

fn links(device: &Device<'_>) -> Option<u32> {
    let field = device.field_values_for(&[FieldId(NVML_FI_DEV_NVLINK_LINK_COUNT)]).ok()?.pop()?.ok()?;
    match field.value.ok()? {
        SampleValue::U32(links) => Some(links),
        _ => None,
    }
}

fn active(device: &Device<'_>, links: u32) -> u32 {
    (0..links).filter(|link| device.link_wrapper_for(*link).is_active().unwrap_or(false)).count() as u32
}

fn parts(device: &Device<'_>) -> u32 {
    let most = device.mig_device_count().unwrap_or(0);
    (0..most).filter(|part| device.mig_device_by_index(*part).is_ok()).count() as u32
}

fn reading<'a>(nvml: &'a Nvml, device: &Device<'a>, before: &mut Option<GpmSample<'a>>) -> Reading {
    let power_mw = device.power_usage().ok();
    let shares = device.utilization_rates().ok();
    let flow = |direction| device.pcie_throughput(direction).ok();
    let [tensor, half, integer, bandwidth, received, sent] =
        measured(nvml, device, before).unwrap_or_default();
    Reading {
        power_mw,
        energy_mj: device.total_energy_consumption().ok(),
        gpu_percent: shares.as_ref().map(|shares| shares.gpu),
        memory_percent: shares.as_ref().map(|shares| shares.memory),
        memory_used: device.memory_info().ok().map(|memory| memory.used),
        clock_mhz: device.clock_info(Clock::SM).ok(),
        temperature: device.temperature(TemperatureSensor::Gpu).ok(),
        received_kb_s: flow(PcieUtilCounter::Receive),
        sent_kb_s: flow(PcieUtilCounter::Send),
        throttle: device.current_throttle_reasons().ok().map(|reasons| reasons.bits()),
        ecc_errors: device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile).ok(),
        compute_processes: device.running_compute_processes_count().ok(),
        graphics_processes: device.running_graphics_processes_count().ok(),
        tensor_percent: tensor,
        tensor_half_percent: half,
        tensor_integer_percent: integer,
        bandwidth_percent: bandwidth,
        nvlink_received_mib_s: received,
        nvlink_sent_mib_s: sent,
        nvlink_errors: None,
        ecc_corrected: device.total_ecc_errors(MemoryError::Corrected, EccCounter::Volatile).ok(),
        xid: None,
    }
}

const MEASURED: [GpmMetricId; 6] = [
    GpmMetricId::AnyTensorUtil,
    GpmMetricId::HmmaTensorUtil,
    GpmMetricId::ImmaTensorUtil,
    GpmMetricId::DramBwUtil,
    GpmMetricId::NvlinkTotalRxPerSec,
    GpmMetricId::NvlinkTotalTxPerSec,
];

/// What GPM measured since the reading before; the first reading has none to compare with, and takes 0.
fn measured<'a>(
    nvml: &'a Nvml,
    device: &Device<'a>,
    before: &mut Option<GpmSample<'a>>,
) -> Result<[Option<f64>; 6], NvmlError> {
    if !device.gpm_support()? {
        return Ok([None; 6]);
    }
    let Some(earlier) = before.replace(device.gpm_sample()?) else { return Ok([Some(0.0); 6]) };
    let Some(now) = before.as_ref() else { return Ok([None; 6]) };
    let mut metrics = gpm_metrics_get(nvml, &earlier, now, &MEASURED)?.into_iter();
    Ok(MEASURED.map(|_| metrics.next().and_then(|metric| metric.ok()).map(|metric| metric.value)))
}
