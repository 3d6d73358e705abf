//! Linux's sensors: a made-up tree with everything, one with next to nothing, and the machine that the tests run on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use attest::record::{Activity, Chip, ChipKind, ChipState};
use gpu_probe::{Options, Probe};
use std::{fs, path::Path};
use tempfile::TempDir;

fn put(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn options(root: &Path) -> Options {
    Options {
        nvml: Some("/nonexistent.so".into()),
        reader: None,
        sys: root.join("sys"),
        proc_: root.join("proc"),
    }
}

/// Two packages of two processors, two disks (and much that is none), an hour after boot.
fn tree() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for cpu in 0..4 {
        let package = cpu / 2;
        put(
            root,
            &format!("sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id"),
            &format!("{package}\n"),
        );
        put(
            root,
            &format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq"),
            &format!("{}000\n", 2000 + cpu * 100),
        );
    }
    let block = |cpu, package| {
        format!(
            "processor\t: {cpu}\nmodel name\t: Maker Chip {package}\nmicrocode\t: 0xd000{package}\nphysical id\t: {package}\n"
        )
    };
    put(root, "proc/cpuinfo", &[block(0, 0), block(1, 0), block(2, 1), block(3, 1)].join("\n"));
    for package in 0..2 {
        let zone = format!("sys/class/powercap/intel-rapl:{package}");
        put(root, &format!("{zone}/name"), &format!("package-{package}\n"));
        put(root, &format!("{zone}/max_energy_range_uj"), "10000000\n");
        let zone = format!("sys/class/thermal/thermal_zone{}", package + 1);
        put(root, &format!("{zone}/type"), "x86_pkg_temp\n");
        put(root, &format!("{zone}/temp"), &format!("{}999\n", 50 + package));
    }
    put(root, "sys/class/powercap/intel-rapl/enabled", "1\n");
    put(root, "sys/class/thermal/thermal_zone0/type", "acpitz\n");
    put(root, "sys/class/thermal/thermal_zone0/temp", "20000\n");
    put(
        root,
        "proc/meminfo",
        "MemTotal:       65536000 kB\nMemFree:        1000 kB\nMemAvailable:   49152000 kB\n",
    );
    put(root, "sys/devices/system/edac/mc/mc0/ue_count", "1\n");
    put(root, "sys/devices/system/edac/mc/mc1/ue_count", "2\n");
    put(root, "sys/block/nvme0n1/size", "2097152\n");
    put(root, "sys/block/nvme0n1/device/model", "Maker Disk                \n");
    put(root, "sys/block/nvme0n1/device/serial", "S123\n");
    put(root, "sys/block/nvme0n1/device/firmware_rev", "FW7\n");
    put(root, "sys/block/nvme0n1/device/hwmon1/temp1_input", "41850\n");
    put(root, "sys/block/vda/size", "4194304\n");
    put(root, "sys/block/vda/device/vendor", "0x1af4\n");
    for (none, size) in
        [("loop0", "8"), ("zram0", "8"), ("ram0", "8"), ("dm-0", "8"), ("sr0", "8"), ("sdz", "0")]
    {
        put(root, &format!("sys/block/{none}/size"), size);
        put(root, &format!("sys/block/{none}/device/model"), "none");
    }
    put(root, "sys/block/nvme1c0n1/hidden", "1\n");
    put(root, "sys/block/nvme1c0n1/size", "8\n");
    put(root, "sys/block/nvme1c0n1/device/model", "a path to another\n");
    put(root, "proc/sys/kernel/osrelease", "6.12.1-test\n");
    put(root, "proc/sys/kernel/random/boot_id", "0b5c-boot\n");
    put(root, "etc/machine-id", "abcdef0123\n");
    at(root, 0);
    folder
}

/// The counters a number of seconds later: package 0 is busy for a quarter, package 1 for all of it; its energy counter wraps.
fn at(root: &Path, seconds: u64) {
    let ticks = seconds * 100;
    let busy = |share: u64| {
        format!("{} 0 0 {} 5 0 0 0 0 0", 1000 + ticks * share / 4, 9000 + ticks * (4 - share) / 4)
    };
    let lines = [1, 1, 4, 4].iter().enumerate().map(|(cpu, share)| format!("cpu{cpu} {}\n", busy(*share)));
    put(root, "proc/stat", &format!("cpu  1 2 3 4 5 6 7 8 9 0\n{}intr 1 2\n", lines.collect::<String>()));
    put(root, "sys/class/powercap/intel-rapl:0/energy_uj", &format!("{}\n", 1_000_000 + seconds * 60_000));
    put(
        root,
        "sys/class/powercap/intel-rapl:1/energy_uj",
        &format!("{}\n", (9_900_000 + seconds * 200_000) % 10_000_000),
    );
    let disk = |name: &str, read: u64, written: u64, busy_ms: u64| {
        format!(" 259 0 {name} 9 0 {read} 1 8 0 {written} 1 0 {busy_ms} 5 0 0 0 0 0 0\n")
    };
    let statistics =
        disk("nvme0n1", 1000 + seconds * 8, 2000 + seconds * 16, 500 * seconds) + &disk("vda", 7, 7, 7);
    put(root, "proc/diskstats", &statistics);
    put(root, "proc/uptime", &format!("{}.00 9.00\n", 3600 + seconds));
}

fn of(activities: &[Activity], kind: ChipKind, index: u16) -> &Activity {
    activities.iter().find(|activity| activity.kind == kind && activity.index == index).unwrap()
}

#[test]
fn the_inventory_of_a_whole_tree() {
    let tree = tree();
    let chips = Probe::open(&options(tree.path())).inventory();
    let told: Vec<_> =
        chips.iter().map(|chip| (chip.kind, chip.index, chip.name.as_str(), chip.id.as_str())).collect();
    assert_eq!(
        told,
        [
            (ChipKind::Gpu, 0, "NVIDIA driver", ""),
            (ChipKind::Cpu, 0, "Maker Chip 0", ""),
            (ChipKind::Cpu, 1, "Maker Chip 1", ""),
            (ChipKind::Memory, 0, "memory", ""),
            (ChipKind::Disk, 0, "vda", ""),
            (ChipKind::Disk, 1, "Maker Disk", "S123"),
        ]
    );
    assert_eq!(chips[0].state, ChipState::Absent);
    assert!(chips[1..].iter().all(|chip| chip.state == ChipState::Present));
    assert_eq!((chips[2].firmware.as_str(), chips[5].firmware.as_str()), ("0xd0001", "FW7"));
    let sizes: Vec<_> = chips.iter().map(|chip| chip.memory_mib).collect();
    assert_eq!(sizes, [None, None, None, Some(64_000), Some(2048), Some(1024)]);
}

#[test]
fn the_activity_of_a_whole_tree() {
    let tree = tree();
    let mut probe = Probe::open(&options(tree.path()));
    for second in 0..=10 {
        at(tree.path(), second);
        probe.sample();
    }
    let activities = probe.close_window(5000, 15_000);
    assert_eq!(activities.len(), 5);
    assert!(activities.iter().all(|a| (a.samples, a.failed, a.from_ms, a.span_ms) == (11, 0, 5000, 10_000)));
    let (idle, busy) = (of(&activities, ChipKind::Cpu, 0), of(&activities, ChipKind::Cpu, 1));
    assert_eq!((idle.utilisation, busy.utilisation), (Some(250), Some(1000)));
    assert_eq!((idle.energy_mj, busy.energy_mj), (Some(600), Some(2000)), "over the counter's end");
    assert_eq!((idle.power_mw, busy.power_mw, busy.power_max_mw), (Some(60), Some(200), None));
    assert_eq!((idle.clock_mhz, busy.clock_mhz), (Some(2050), Some(2250)));
    assert_eq!((idle.temperature, busy.temperature), (Some(50), Some(51)));
    let memory = of(&activities, ChipKind::Memory, 0);
    assert_eq!((memory.memory_utilisation, memory.memory_used_mib), (Some(250), Some(16_000)));
    assert_eq!((memory.ecc_errors, memory.power_mw), (Some(3), None));
    let (still, disk) = (of(&activities, ChipKind::Disk, 0), of(&activities, ChipKind::Disk, 1));
    assert_eq!((disk.read_bytes, disk.written_bytes), (Some(80 * 512), Some(160 * 512)));
    assert_eq!((disk.utilisation, disk.temperature), (Some(500), Some(41)));
    assert_eq!((still.read_bytes, still.utilisation, still.temperature), (Some(0), Some(0), None));
}

#[test]
fn facts_of_the_host() {
    let tree = tree();
    let host = Probe::open(&options(tree.path())).host();
    assert_eq!((host.kernel.as_str(), host.cpus, host.memory_mib), ("6.12.1-test", 4, 64_000));
    assert_eq!(host.machine_id_digest, attest::sha256(&[b"abcdef0123"]));
    assert_eq!(host.boot_id, attest::sha256(&[b"0b5c-boot"]));
}

#[test]
fn an_empty_tree_is_no_reason_to_fail() {
    let folder = tempfile::tempdir().unwrap();
    let mut probe = Probe::open(&options(folder.path()));
    let chips = probe.inventory();
    let kinds: Vec<_> = chips.iter().map(|chip| chip.kind).collect();
    assert_eq!(kinds, [ChipKind::Gpu, ChipKind::Memory]);
    assert!(matches!(chips[1].state, ChipState::Broken(_)));
    probe.sample();
    let activities = probe.close_window(0, 1000);
    assert!(activities.iter().all(|activity| (activity.samples, activity.failed) == (1, 1)));
    assert_eq!(probe.host().cpus, 0);
}

#[test]
fn nonsense_in_every_file_is_no_reason_to_fail() {
    for nonsense in [
        "",
        "\0\0\0",
        "-1",
        "99999999999999999999999999",
        "cpu0 x y z\ncpu1 1 2 3\ncpu2 1 1 1 18446744073709551615 9\n",
    ] {
        let tree = tree();
        let mut files = vec![tree.path().to_path_buf()];
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                fs::write(path, nonsense).unwrap();
            }
        }
        let mut probe = Probe::open(&options(tree.path()));
        probe.inventory();
        probe.sample();
        probe.sample();
        for activity in probe.close_window(0, 1000) {
            assert!(activity.utilisation.is_none_or(|share| share <= 1000));
            assert_eq!((activity.power_mw, activity.temperature), (None, None));
        }
        probe.host();
    }
}

#[test]
fn a_disk_that_is_pulled_keeps_its_number_and_one_that_is_added_gets_the_next() {
    let tree = tree();
    let mut probe = Probe::open(&options(tree.path()));
    fs::remove_dir_all(tree.path().join("sys/block/vda")).unwrap();
    put(tree.path(), "sys/block/sda/size", "2048\n");
    put(tree.path(), "sys/block/sda/device/model", "Added\n");
    let chips = probe.inventory();
    let disks: Vec<&Chip> = chips.iter().filter(|chip| chip.kind == ChipKind::Disk).collect();
    assert_eq!(disks.iter().map(|chip| chip.index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!((&disks[0].state, disks[2].name.as_str()), (&ChipState::Absent, "Added"));
}

#[test]
fn this_machine() {
    let mut probe = Probe::open(&Options { nvml: Some("/nonexistent.so".into()), ..Options::default() });
    let chips = probe.inventory();
    let cpu = chips.iter().find(|chip| chip.kind == ChipKind::Cpu).expect("a machine has a processor");
    assert_eq!(cpu.state, ChipState::Present);
    let memory = chips.iter().find(|chip| chip.kind == ChipKind::Memory).unwrap();
    assert!(memory.memory_mib.is_some_and(|mib| mib > 100));
    probe.sample();
    // Some work, so that the ticks move, however slow the clock.
    let mut hash = [0; 32];
    (0..2_000_000).for_each(|_| hash = attest::sha256(&[&hash]));
    probe.sample();
    let activities = probe.close_window(0, 1000);
    assert!(of(&activities, ChipKind::Cpu, 0).utilisation.is_some_and(|share| share <= 1000));
    assert!(of(&activities, ChipKind::Memory, 0).memory_used_mib.is_some());
    let host = probe.host();
    assert!(host.cpus > 0 && host.memory_mib > 100 && !host.kernel.is_empty());
    assert_ne!(host.boot_id, attest::sha256(&[]));
    for (seq, activity) in activities.into_iter().enumerate() {
        let body = attest::Body::Activity(activity);
        attest::Record { seq: seq as u64, time_ms: 1, boot: 1, body }.encode().expect("fits a record");
    }
}
