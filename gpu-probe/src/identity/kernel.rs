//! What the kernel's driver and the PCI bus say.

use super::{CudaView, Host, read};
use crate::{
    Options, files,
    finding::{Check, Finding},
};

/// NVIDIA's number among PCI vendors.
const NVIDIA: u32 = 0x10de;

/// `/proc/driver/nvidia/version` names the module that is loaded.
pub fn driver(host: &Host) -> Finding {
    let check = Check::KernelDriver;
    let Some(text) = read(&host.options, "driver/nvidia/version") else {
        return Finding::unknown(check, "no /proc/driver/nvidia/version, as in some sandboxes");
    };
    let line = text.lines().find(|line| line.starts_with("NVRM version:")).unwrap_or_default();
    let version = line.split_whitespace().find(|word| is_version(word));
    match version {
        None => Finding::suspicious(check, 600, "/proc/driver/nvidia/version names no version"),
        Some(version) if host.driver.is_empty() => {
            Finding::unknown(check, format!("the kernel has {version}; NVML does not tell its own"))
        }
        Some(version) if version == host.driver => {
            Finding::consistent(check, format!("kernel and NVML have {version}"))
        }
        Some(version) => {
            let reason = format!("the kernel has {version}, NVML says {}", host.driver);
            Finding::suspicious(check, 900, reason)
        }
    }
}

/// Such as 570.124.06.
pub fn is_version(word: &str) -> bool {
    word.contains('.')
        && word.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// `/proc/driver/nvidia/gpus/ADDRESS/information` has the UUID.
pub fn gpu(cuda: &CudaView, options: &Options) -> Finding {
    let check = Check::KernelGpu;
    let folder = options.proc_.join("driver/nvidia/gpus");
    let address = cuda.address();
    let gpus = files::list(&folder);
    if gpus.is_empty() {
        return Finding::unknown(check, "no GPUs in /proc/driver/nvidia/gpus, as in some sandboxes");
    }
    let Some(text) = files::read(folder.join(&address).join("information")) else {
        let there: Vec<&str> = gpus.iter().map(|gpu| files::file_name(gpu)).collect();
        let reason = format!("the kernel's driver has no GPU at {address}, only at [{}]", there.join(", "));
        return Finding::suspicious(check, 1000, reason);
    };
    let line = text.lines().find_map(|line| line.split_once(':').filter(|(key, _)| *key == "GPU UUID"));
    match line.map(|(_, value)| value.trim()) {
        Some(uuid) if uuid == cuda.uuid() => Finding::consistent(check, format!("{uuid} at {address}")),
        // The driver shows question marks until it has opened the chip.
        Some(uuid) if uuid.starts_with("GPU-") && !uuid.contains('?') => {
            let reason = format!("the kernel's driver has {uuid} at {address}, CUDA {}", cuda.uuid());
            Finding::suspicious(check, 1000, reason)
        }
        _ => Finding::unknown(check, format!("the kernel's driver tells no UUID at {address}")),
    }
}

/// `/sys/bus/pci/devices/ADDRESS` has vendor and device, which NVML tells as well.
pub fn pci_device(cuda: &CudaView, told: Option<u32>, options: &Options) -> Finding {
    let check = Check::PciDevice;
    let devices = options.sys.join("bus/pci/devices");
    if files::list(&devices).is_empty() {
        return Finding::unknown(check, "no PCI bus to be seen, as in some sandboxes");
    }
    let address = cuda.address();
    let number = |name: &str| hexadecimal(&files::read(devices.join(&address).join(name))?);
    let (Some(vendor), Some(device)) = (number("vendor"), number("device")) else {
        return Finding::suspicious(check, 900, format!("nothing at {address} on the PCI bus"));
    };
    let found = format!("{vendor:04x}:{device:04x} at {address}");
    match told {
        _ if vendor != NVIDIA => Finding::suspicious(check, 1000, format!("{found} is not NVIDIA's")),
        Some(told) if told != device << 16 | vendor => {
            let reason = format!("{found}, NVML says {:04x}:{:04x}", told & 0xffff, told >> 16);
            Finding::suspicious(check, 1000, reason)
        }
        _ => Finding::consistent(check, found),
    }
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok().filter(|number| *number <= 0xffff)
}
