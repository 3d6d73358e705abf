//! Disks: those that have a device behind them, less what is stacked on others or lives in memory.

use crate::{
    Options, cpu, files,
    window::{BusyShare, Flow, Reading, Window},
};
use attest::record::{Chip, ChipKind, ChipState, Text};
use std::path::{Path, PathBuf};

/// `/sys/block/*/size` and `/proc/diskstats` count these, whatever the disk's own are.
const SECTOR: u64 = 512;

#[derive(Debug)]
pub struct Disks {
    options: Options,
    /// Found so far; one that is pulled keeps its number.
    disks: Vec<Disk>,
    windows: Vec<Window>,
}

#[derive(Debug)]
struct Disk {
    folder: PathBuf,
    busy: BusyShare,
}

impl Disks {
    pub fn open(options: &Options) -> Self {
        let mut disks = Self { options: options.clone(), disks: Vec::new(), windows: Vec::new() };
        disks.find();
        disks
    }

    fn find(&mut self) {
        for folder in files::list(self.options.sys.join("block")) {
            if is_disk(&folder) && self.disks.iter().all(|disk| disk.folder != folder) {
                let index = u16::try_from(self.disks.len()).unwrap_or(u16::MAX);
                self.windows.push(Window::new(ChipKind::Disk, index));
                self.disks.push(Disk { folder, busy: BusyShare::default() });
            }
        }
    }

    pub fn chips(&mut self) -> Vec<Chip> {
        self.find();
        (0..).zip(&self.disks).map(|(index, disk)| disk.chip(index)).collect()
    }

    pub fn sample(&mut self) {
        let statistics = files::read(self.options.proc_.join("diskstats")).unwrap_or_default();
        let uptime_ms = uptime_ms(&self.options.proc_);
        for (disk, window) in self.disks.iter_mut().zip(&mut self.windows) {
            window.add(disk.read(&statistics, uptime_ms));
        }
    }

    pub fn windows(&mut self) -> &mut [Window] {
        &mut self.windows
    }
}

impl Disk {
    fn chip(&self, index: u16) -> Chip {
        let first = |names: &[&str]| {
            let texts = names.iter().map(|name| files::name(self.folder.join(name)));
            texts.into_iter().find(|text| !text.is_empty())
        };
        let present = self.folder.exists();
        Chip {
            kind: ChipKind::Disk,
            index,
            state: if present { ChipState::Present } else { ChipState::Absent },
            // A virtual disk has a number (`device/device`) and no name: `vda` says more.
            name: first(&["device/model", "device/name"])
                .unwrap_or_else(|| files::clean(files::file_name(&self.folder))),
            id: first(&["device/serial", "serial", "wwid"]).unwrap_or_default(),
            driver: Text::new(),
            firmware: first(&["device/firmware_rev", "device/rev", "device/fwrev"]).unwrap_or_default(),
            memory_mib: sectors(&self.folder).map(|sectors| sectors / ((1 << 20) / SECTOR)),
        }
    }

    fn read(&mut self, statistics: &str, uptime_ms: Option<u64>) -> Option<Reading> {
        let name = files::file_name(&self.folder);
        let line = statistics.lines().find(|line| line.split_whitespace().nth(2) == Some(name))?;
        let fields: Vec<u64> =
            line.split_whitespace().skip(3).map_while(|field| field.parse().ok()).collect();
        let bytes = |field: usize| fields.get(field)?.checked_mul(SECTOR).map(Flow::Total);
        let busy_ms = fields.get(9).copied();
        Some(Reading {
            read: bytes(2),
            written: bytes(6),
            utilisation: busy_ms.zip(uptime_ms).and_then(|(busy, all)| self.busy.add(busy, all)),
            temperature: temperature(&self.folder),
            ..Reading::default()
        })
    }
}

/// NVMe disks, and others by drivetemp, tell it through hwmon.
fn temperature(folder: &Path) -> Option<i16> {
    let device = folder.join("device");
    let nested = files::list(device.join("hwmon"));
    let beside = files::list(&device).into_iter().filter(|path| files::file_name(path).starts_with("hwmon"));
    let mut monitors = nested.into_iter().chain(beside);
    monitors.find_map(|monitor| files::number(monitor.join("temp1_input"))).and_then(cpu::celsius)
}

fn is_disk(folder: &Path) -> bool {
    let skipped = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"];
    let name = files::file_name(folder);
    let hidden = files::number(folder.join("hidden")) == Some(1);
    let real = folder.join("device").exists() && sectors(folder).is_some_and(|sectors| sectors > 0);
    real && !hidden && !skipped.iter().any(|prefix| name.starts_with(prefix))
}

fn sectors(folder: &Path) -> Option<u64> {
    files::number(folder.join("size"))
}

/// The kernel's own clock, which nobody sets.
fn uptime_ms(proc_: &Path) -> Option<u64> {
    let seconds: f64 = files::read(proc_.join("uptime"))?.split_whitespace().next()?.parse().ok()?;
    Some((seconds * 1000.0) as u64)
}
