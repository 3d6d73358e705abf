//! One cheat after the other against an honest host's made-up files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use attest::record::ChipState;
use common::{alone, library};
use gpu_probe::{
    Options, Probe,
    finding::{Check, Finding, Verdict},
    identity::{CudaView, Host, NvmlView, cross_check, distinct},
};
use std::{fs, path::Path};

const DRIVER: &str = "570.124.06";
const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu";

/// What CUDA says of the recording's first GPU, a part that NVML has no word of reserved.
fn cuda() -> CudaView {
    let mut uuid = [0xaa; 16];
    uuid[..10].copy_from_slice(&[0, 0, 0, 0, 0x5e, 0x1f, 0x4a, 0x77, 0x9d, 0x10]);
    CudaView {
        name: "NVIDIA H100 80GB HBM3".into(),
        uuid,
        pci: (0, 0x17, 0),
        multiprocessors: 132,
        bus_bits: 5120,
        memory: 84_935_573_504,
    }
}

fn nvml() -> NvmlView {
    NvmlView {
        uuid: Some(cuda().uuid()),
        name: Some(cuda().name),
        pci: Some((0, 0x17, 0)),
        pci_id: Some(0x2330_10de),
        memory: Some(85_520_809_984),
        cores: Some(16_896),
        bus_bits: Some(5120),
        divided: false,
        energy_mj: Some(1),
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// An honest host's files.
struct Tree(tempfile::TempDir);

impl Tree {
    fn honest() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        let uuid = cuda().uuid();
        for (path, text) in [
            (
                "proc/driver/nvidia/version",
                format!(
                    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {DRIVER}  Release Build\nGCC version: 12\n"
                ),
            ),
            (
                "proc/driver/nvidia/gpus/0000:17:00.0/information",
                format!("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 16\nGPU UUID: \t {uuid}\n"),
            ),
            ("sys/bus/pci/devices/0000:17:00.0/vendor", "0x10de\n".into()),
            ("sys/bus/pci/devices/0000:17:00.0/device", "0x2330\n".into()),
            (
                "proc/self/mountinfo",
                "22 27 0:21 / /proc rw - proc proc rw\n27 1 8:1 / / rw - ext4 /dev/sda1 rw\n".into(),
            ),
            ("proc/self/environ", "HOME=/root\0PATH=/bin\0".into()),
            (
                "proc/self/maps",
                format!(
                    "7f00-7f10 r-xp 0 08:01 5 {LIBRARIES}/libcuda.so.{DRIVER}\n\
                    7f20-7f30 r--p 0 08:01 5 {LIBRARIES}/libcuda.so.{DRIVER}\n\
                    7f40-7f50 r-xp 0 08:01 6 {LIBRARIES}/libnvidia-ml.so.{DRIVER}\n7f60-7f70 rw-p 0 00:00 0\n"
                ),
            ),
            ("proc/sys/kernel/osrelease", "6.8.0-45-generic\n".into()),
            ("lib/modules/6.8.0-45-generic/updates/dkms/nvidia.ko", "module".into()),
        ] {
            tree.write(path, &text);
        }
        tree.write(&format!("{LIBRARIES}/libcuda.so.{DRIVER}"), "cuda");
        tree.write(&format!("{LIBRARIES}/libnvidia-ml.so.{DRIVER}"), "nvml");
        tree
    }

    fn write(&self, path: &str, text: &str) {
        write(self.0.path(), path, text);
    }

    fn add(&self, path: &str, text: &str) {
        let old = fs::read_to_string(self.0.path().join(path)).unwrap();
        self.write(path, &(old + text));
    }

    fn options(&self) -> Options {
        Options {
            nvml: None,
            reader: None,
            sys: self.0.path().join("sys"),
            proc_: self.0.path().join("proc"),
        }
    }

    fn host(&self) -> Host {
        Host::look(&self.options(), DRIVER.into(), Ok(vec![nvml()]))
    }
}

fn of(findings: &[Finding], check: Check) -> &Finding {
    findings.iter().find(|finding| finding.check == check).unwrap()
}

/// The only suspicion is this one, and its reason says why.
fn only(findings: &[Finding], check: Check, why: &str) {
    let suspicious: Vec<_> = findings.iter().filter(|found| found.verdict == Verdict::Suspicious).collect();
    let [finding] = &suspicious[..] else { panic!("{findings:#?}") };
    assert!(finding.check == check && finding.reason.contains(why) && finding.score > 0, "{finding}");
}

fn check(tree: &Tree, cuda: &CudaView) -> Vec<Finding> {
    cross_check(cuda, &tree.host(), &[])
}

#[test]
fn an_honest_host_is_consistent_but_for_what_nobody_has_listed() {
    let tree = Tree::honest();
    let host = tree.host();
    let findings = cross_check(&cuda(), &host, &[]);
    for finding in &findings {
        let expected = if finding.check == Check::Digests { Verdict::Unknown } else { Verdict::Consistent };
        assert_eq!((finding.verdict, finding.score), (expected, 0), "{finding}");
    }
    assert_eq!(host.libraries.digests.len(), 3, "two libraries and the module");
    let known: Vec<_> = host.libraries.digests.iter().map(|digest| digest.sha256).collect();
    assert_eq!(of(&cross_check(&cuda(), &host, &known), Check::Digests).verdict, Verdict::Consistent);
    let one_is_new = cross_check(&cuda(), &host, &known[1..]);
    assert_eq!(of(&one_is_new, Check::Digests).verdict, Verdict::Unknown, "an update is no cheat");
}

#[test]
fn a_sandbox_without_these_files_is_unknown() {
    let tree = Tree(tempfile::tempdir().unwrap());
    for finding in check(&tree, &cuda()) {
        assert_ne!(finding.verdict, Verdict::Suspicious, "{finding}");
        assert_eq!(finding.score, 0, "{finding}");
    }
    let host = Host::look(&tree.options(), String::new(), Err(ChipState::Absent));
    let findings = cross_check(&cuda(), &host, &[]);
    assert_eq!(of(&findings, Check::Uuid).verdict, Verdict::Failed);
}

#[test]
fn a_faked_nvml_contradicts_cuda() {
    alone("a_faked_nvml_contradicts_cuda", None, || {
        let tree = Tree::honest();
        let options = Options { nvml: Some(library()), ..tree.options() };
        let (driver, gpus) = Probe::open(&options).gpu_identities().unwrap();
        let host = Host::look(&tree.options(), driver, Ok(gpus));
        let honest = cross_check(&cuda(), &host, &[]);
        assert!(honest.iter().all(|finding| finding.verdict != Verdict::Suspicious), "{honest:#?}");
        // What computes is an L4 of another UUID, while NVML and all files tell of an H100.
        let l4 = CudaView {
            name: "NVIDIA L4".into(),
            uuid: [7; 16],
            multiprocessors: 58,
            bus_bits: 192,
            memory: 23_000_000_000,
            ..cuda()
        };
        let findings = cross_check(&l4, &host, &[]);
        assert_eq!(of(&findings, Check::Uuid).score, 1000);
        assert_eq!(of(&findings, Check::KernelGpu).score, 1000);
        // It even took the H100's UUID over: the rest gives it away.
        let findings = cross_check(&CudaView { uuid: cuda().uuid, ..l4 }, &host, &[]);
        for check in [Check::Name, Check::MemorySize, Check::Multiprocessors, Check::BusWidth] {
            assert_eq!(of(&findings, check).verdict, Verdict::Suspicious, "{check:?}");
        }
    });
}

#[test]
fn garbage_from_nvml_is_no_view() {
    alone("garbage_from_nvml_is_no_view", Some("garbage"), || {
        let tree = Tree::honest();
        let options = Options { nvml: Some(library()), ..tree.options() };
        let (_, gpus) = Probe::open(&options).gpu_identities().unwrap();
        assert!(
            gpus.iter().all(|gpu| gpu.cores.is_none() && gpu.bus_bits.is_none() && gpu.energy_mj.is_none())
        );
    });
}

#[test]
fn another_uuid_at_the_address_is_found_by_the_kernels_driver() {
    let tree = Tree::honest();
    tree.write(
        "proc/driver/nvidia/gpus/0000:17:00.0/information",
        "GPU UUID: \t GPU-11111111-5e1f-4a77-9d10-aaaaaaaaaaaa\n",
    );
    only(&check(&tree, &cuda()), Check::KernelGpu, "GPU-11111111");
    tree.write("proc/driver/nvidia/gpus/0000:17:00.0/information", "GPU UUID: \t GPU-????????-????\n");
    assert_eq!(of(&check(&tree, &cuda()), Check::KernelGpu).verdict, Verdict::Unknown);
}

#[test]
fn a_gpu_that_the_kernel_does_not_have_is_found() {
    let tree = Tree::honest();
    let elsewhere = CudaView { pci: (0, 0x99, 0), ..cuda() };
    let findings = check(&tree, &elsewhere);
    assert_eq!(of(&findings, Check::PciAddress).score, 1000);
    assert!(of(&findings, Check::KernelGpu).reason.contains("only at [0000:17:00.0]"));
    assert!(of(&findings, Check::PciDevice).reason.contains("nothing at 0000:99:00.0"));
}

#[test]
fn another_maker_or_device_on_the_bus_is_found() {
    let tree = Tree::honest();
    tree.write("sys/bus/pci/devices/0000:17:00.0/device", "0x27b8\n");
    only(&check(&tree, &cuda()), Check::PciDevice, "NVML says 10de:2330");
    tree.write("sys/bus/pci/devices/0000:17:00.0/vendor", "0x1af4\n");
    only(&check(&tree, &cuda()), Check::PciDevice, "not NVIDIA's");
}

#[test]
fn another_driver_in_the_kernel_than_nvml_tells_is_found() {
    let tree = Tree::honest();
    tree.write(
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun\n",
    );
    only(&check(&tree, &cuda()), Check::KernelDriver, "535.183.01");
}

#[test]
fn mounts_over_the_driver_are_found_and_a_containers_are_usual() {
    let overlay = format!("40 27 0:40 / {LIBRARIES}/libnvidia-ml.so.{DRIVER} rw - overlay fake rw\n");
    let tree = Tree::honest();
    tree.add("proc/self/mountinfo", &overlay);
    only(&check(&tree, &cuda()), Check::Mounts, "overlay fake/");
    let tree = Tree::honest();
    tree.add("proc/self/mountinfo", "40 27 0:40 / /proc/driver/nvidia rw - tmpfs tmpfs rw\n");
    only(&check(&tree, &cuda()), Check::Mounts, "on /proc/driver/nvidia");
    let tree = Tree::honest();
    tree.add("proc/self/mountinfo", &format!("40 27 0:40 / {LIBRARIES} rw - overlay fake rw\n"));
    only(&check(&tree, &cuda()), Check::Mounts, "overlay fake/");
    let tree = Tree::honest();
    let folder = "/usr/lib/modules/6.8.0-45-generic/updates";
    tree.add("proc/self/mountinfo", &format!("40 27 0:40 / {folder} rw - tmpfs none rw\n"));
    only(&check(&tree, &cuda()), Check::Mounts, folder);
    let tree = Tree::honest();
    tree.add("proc/self/mountinfo", "40 27 0:40 / /usr/lib/modules rw - overlay none rw\n");
    assert_eq!(of(&check(&tree, &cuda()), Check::Mounts).verdict, Verdict::Consistent, "a layout's choice");
    let tree = Tree::honest();
    tree.write("proc/self/mountinfo", &format!("27 1 0:9 / / rw - overlay overlay rw\n{overlay}"));
    assert_eq!(of(&check(&tree, &cuda()), Check::Mounts).verdict, Verdict::Unknown);
}

#[test]
fn preloaded_libraries_are_told() {
    let tree = Tree::honest();
    tree.write("proc/self/environ", "LD_PRELOAD=/usr/lib/libjemalloc.so.2\0HOME=/root\0");
    let findings = check(&tree, &cuda());
    assert_eq!(of(&findings, Check::Preload).verdict, Verdict::Unknown, "an allocator is no cheat");
    tree.write("etc/ld.so.preload", "/opt/libfakenvml.so\n");
    only(&check(&tree, &cuda()), Check::Preload, "libfakenvml");
}

#[test]
fn libraries_from_elsewhere_or_of_another_version_are_found() {
    let tree = Tree::honest();
    tree.write("proc/self/maps", &format!("7f40-7f50 r-xp 0 08:01 6 /tmp/x/libnvidia-ml.so.{DRIVER}\n"));
    only(&check(&tree, &cuda()), Check::Libraries, "none of the system's");
    tree.write("proc/self/maps", &format!("7f40-7f50 r-xp 0 08:01 6 {LIBRARIES}/libnvidia-ml.so.535.1.2\n"));
    only(&check(&tree, &cuda()), Check::Libraries, "not of driver 570");
    tree.write(
        "proc/self/maps",
        &format!(
            "7f40-7f50 r-xp 0 08:01 6 {LIBRARIES}/libnvidia-ml.so.1\n7f50-7f60 r-xp 0 08:01 6 /usr/lib64/libnvidia-ml.so.1\n"
        ),
    );
    only(&check(&tree, &cuda()), Check::Libraries, "several files");
    let compat = "/usr/local/cuda-12.4/compat/libcuda.so.550.54.15";
    tree.write("proc/self/maps", &format!("7f40-7f50 r-xp 0 08:01 6 {compat}\n"));
    assert_eq!(of(&check(&tree, &cuda()), Check::Libraries).verdict, Verdict::Unknown);
}

#[test]
fn a_divided_gpu_is_unknown_and_one_that_nvml_does_not_have_is_not() {
    let tree = Tree::honest();
    let views = |view: NvmlView| Host { nvml: Ok(vec![view]), ..tree.host() };
    let part = NvmlView { uuid: Some("GPU-other".into()), divided: true, ..nvml() };
    assert_eq!(of(&cross_check(&cuda(), &views(part.clone()), &[]), Check::Uuid).verdict, Verdict::Unknown);
    let other = NvmlView { divided: false, ..part };
    only(&cross_check(&cuda(), &views(other), &[]), Check::Uuid, "GPU-other");
    // A chip with 192 cores a multiprocessor is new, not faked.
    let new = NvmlView { cores: Some(132 * 192), ..nvml() };
    let findings = cross_check(&cuda(), &views(new), &[]);
    assert_eq!(of(&findings, Check::Multiprocessors).verdict, Verdict::Unknown);
}

#[test]
fn one_chip_that_is_shown_twice_is_found() {
    let second = CudaView { uuid: [9; 16], pci: (0, 0x3d, 0), ..cuda() };
    assert_eq!(distinct(&[cuda(), second.clone()]).verdict, Verdict::Consistent);
    assert_eq!(distinct(&[cuda(), CudaView { pci: cuda().pci, ..second.clone() }]).score, 1000);
    assert_eq!(distinct(&[cuda(), CudaView { uuid: cuda().uuid, ..second }]).score, 1000);
}
