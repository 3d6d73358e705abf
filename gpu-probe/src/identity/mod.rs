//! Is a GPU what it says it is? Everybody who knows it is asked, and what they say is compared: CUDA, NVML, the kernel's driver, the PCI bus.
//!
//! A faked library lies alone: the others contradict it. Who fakes all of them has a kernel of his own, and only measured work finds him.
//! What this reads is told by [`Host`]; the comparison is pure.

mod energy;
mod kernel;
mod libraries;
mod mounts;

pub use energy::{Spent, energy};
pub use libraries::{Digest, Libraries};
pub use mounts::Mount;

use crate::{
    Options, files,
    finding::{Check, Finding},
};
use attest::record::ChipState;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What CUDA says of a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaView {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: [u8; 16],
    /// PCI domain, bus and device.
    pub pci: (u32, u32, u32),
    /// Multiprocessors.
    pub multiprocessors: u32,
    /// Width of its memory's bus, bits.
    pub bus_bits: u32,
    /// Memory, bytes.
    pub memory: u64,
}

impl CudaView {
    /// The UUID as NVML writes it.
    pub fn uuid(&self) -> String {
        let hex: String = self.uuid.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut parts = Vec::new();
        let mut rest = hex.as_str();
        for length in [8, 4, 4, 4, 12] {
            let (part, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            parts.push(part);
            rest = after;
        }
        format!("GPU-{}", parts.join("-"))
    }

    /// The PCI address as Linux writes it.
    pub fn address(&self) -> String {
        address(self.pci)
    }
}

/// What NVML says of a GPU. What it does not say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmlView {
    /// Its UUID; a part of a divided GPU has another.
    pub uuid: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// PCI domain, bus and device.
    pub pci: Option<(u32, u32, u32)>,
    /// PCI device and vendor, 16 bits each.
    pub pci_id: Option<u32>,
    /// Memory, bytes.
    pub memory: Option<u64>,
    /// Cores for single precision.
    pub cores: Option<u32>,
    /// Width of its memory's bus, bits.
    pub bus_bits: Option<u32>,
    /// Whether it is divided (MIG).
    pub divided: bool,
    /// Energy used since the driver was loaded, mJ.
    pub energy_mj: Option<u64>,
}

/// What a host tells of its driver and GPUs, besides CUDA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// NVML's driver version; empty if unknown.
    pub driver: String,
    /// NVML's GPUs, or why there are none.
    pub nvml: Result<Vec<NvmlView>, ChipState>,
    /// Where the kernel's files are.
    pub options: Options,
    /// Mounts over the driver's files.
    pub mounts: Vec<Mount>,
    /// Whether all of this is a container's, where mounts over the driver's files are usual.
    pub container: bool,
    /// The driver's libraries in this process.
    pub libraries: Libraries,
}

/// All cross-checks of one GPU. `known` are digests of driver files that somebody has listed as genuine.
pub fn cross_check(cuda: &CudaView, host: &Host, known: &[attest::Hash]) -> Vec<Finding> {
    let mut findings = match &host.nvml {
        Ok(gpus) => against_nvml(cuda, gpus),
        Err(why) => vec![Finding::failed(Check::Uuid, format!("NVML told nothing: {why:?}"))],
    };
    findings.push(kernel::driver(host));
    findings.push(kernel::gpu(cuda, &host.options));
    findings.push(kernel::pci_device(cuda, named(cuda, host).and_then(|gpu| gpu.pci_id), &host.options));
    findings.push(mounts::finding(host));
    findings.push(libraries::preload(&host.libraries));
    findings.push(libraries::places(host));
    findings.push(libraries::digests(&host.libraries, known));
    findings
}

/// Whether a host's GPUs are as many chips as it says: one that is shown twice has one UUID or one address twice.
pub fn distinct(gpus: &[CudaView]) -> Finding {
    for (number, gpu) in gpus.iter().enumerate() {
        let same = |other: &&CudaView| other.uuid == gpu.uuid || other.pci == gpu.pci;
        if let Some(other) = gpus.iter().skip(number + 1).find(same) {
            let (one, two) = (gpu.uuid(), other.uuid());
            let reason = format!("{one} at {} and {two} at {} are one chip", gpu.address(), other.address());
            return Finding::suspicious(Check::Uuid, 1000, reason);
        }
    }
    Finding::consistent(Check::Uuid, format!("{} different GPUs", gpus.len()))
}

/// NVML's GPU of this UUID.
pub fn named<'a>(cuda: &CudaView, host: &'a Host) -> Option<&'a NvmlView> {
    let uuid = cuda.uuid();
    host.nvml.as_ref().ok()?.iter().find(|gpu| gpu.uuid.as_ref() == Some(&uuid))
}

fn against_nvml(cuda: &CudaView, gpus: &[NvmlView]) -> Vec<Finding> {
    let uuid = cuda.uuid();
    let Some(gpu) = gpus.iter().find(|gpu| gpu.uuid.as_ref() == Some(&uuid)) else {
        return vec![no_such_gpu(cuda, &uuid, gpus)];
    };
    let mut findings = vec![Finding::consistent(Check::Uuid, format!("both say {uuid}"))];
    findings.push(same(Check::PciAddress, cuda.address(), gpu.pci.map(address), 1000));
    findings.push(same(Check::Name, cuda.name.clone(), gpu.name.clone(), 800));
    findings.push(memory(cuda.memory, gpu.memory));
    findings.push(multiprocessors(cuda.multiprocessors, gpu.cores));
    findings.push(same(Check::BusWidth, cuda.bus_bits, gpu.bus_bits, 800));
    findings
}

fn no_such_gpu(cuda: &CudaView, uuid: &str, gpus: &[NvmlView]) -> Finding {
    let there = gpus.iter().find(|gpu| gpu.pci == Some(cuda.pci));
    match there {
        Some(gpu) if gpu.divided => {
            let reason =
                format!("{uuid} is a part of a divided GPU, which is measured as a whole or not at all");
            Finding::unknown(Check::Uuid, reason)
        }
        Some(NvmlView { uuid: None, .. }) => {
            Finding::unknown(Check::Uuid, "NVML does not tell the UUID of the GPU at this address")
        }
        _ => {
            let others: Vec<&str> = gpus.iter().filter_map(|gpu| gpu.uuid.as_deref()).collect();
            let reason = format!("CUDA computes on {uuid}; NVML knows only [{}]", others.join(", "));
            Finding::suspicious(Check::Uuid, 1000, reason)
        }
    }
}

fn same<T: PartialEq + std::fmt::Display>(check: Check, cuda: T, nvml: Option<T>, score: u16) -> Finding {
    match nvml {
        None => Finding::unknown(check, "NVML does not tell"),
        Some(nvml) if nvml == cuda => Finding::consistent(check, format!("both say {cuda}")),
        Some(nvml) => Finding::suspicious(check, score, format!("CUDA says {cuda}, NVML {nvml}")),
    }
}

/// CUDA leaves out what the driver has reserved: a few percent at most.
fn memory(cuda: u64, nvml: Option<u64>) -> Finding {
    match nvml {
        None => Finding::unknown(Check::MemorySize, "NVML does not tell"),
        Some(nvml) if cuda <= nvml && cuda >= nvml / 100 * 90 => {
            Finding::consistent(Check::MemorySize, format!("{cuda} of {nvml} bytes"))
        }
        Some(nvml) => {
            let reason = format!("CUDA has {cuda} bytes, NVML says {nvml}");
            Finding::suspicious(Check::MemorySize, 900, reason)
        }
    }
}

/// Multiprocessors have had 32 to 192 cores since there was CUDA (its programming guide's table of throughputs); a new chip may have more.
fn multiprocessors(cuda: u32, cores: Option<u32>) -> Finding {
    let check = Check::Multiprocessors;
    match cores {
        None | Some(0) => Finding::unknown(check, "NVML does not tell"),
        Some(cores) if cuda > 0 && cores.is_multiple_of(cuda) && [64, 128].contains(&(cores / cuda)) => {
            Finding::consistent(check, format!("{cores} cores on {cuda} multiprocessors"))
        }
        Some(cores) if cuda > 0 && cores.is_multiple_of(cuda) => Finding::unknown(
            check,
            format!("{} cores on each of {cuda} multiprocessors: no chip known here", cores / cuda),
        ),
        Some(cores) => {
            let reason = format!("NVML's {cores} cores are not shared evenly by {cuda} multiprocessors");
            Finding::suspicious(check, 800, reason)
        }
    }
}

fn address((domain, bus, device): (u32, u32, u32)) -> String {
    format!("{domain:04x}:{bus:02x}:{device:02x}.0")
}

impl Host {
    /// Looks at the host's files; `driver` and `nvml` are what [`Probe::gpu_identities`](crate::Probe::gpu_identities) told.
    pub fn look(options: &Options, driver: String, nvml: Result<Vec<NvmlView>, ChipState>) -> Self {
        let libraries = Libraries::look(options);
        let all = mounts::read(options);
        let container = all.iter().any(|mount| mount.point == "/" && mount.kind == "overlay");
        let watched: Vec<PathBuf> = libraries.watched();
        let mounts = all.into_iter().filter(|mount| mounts::covers(mount, &watched)).collect();
        Self { driver, nvml, options: options.clone(), mounts, container, libraries }
    }
}

/// A file of the root that `/proc` lies in.
fn in_root(options: &Options, path: &str) -> PathBuf {
    options.proc_.with_file_name("").join(path.trim_start_matches('/'))
}

fn read(options: &Options, path: &str) -> Option<String> {
    files::read(options.proc_.join(path))
}
