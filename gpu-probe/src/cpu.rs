//! Processor packages: load from `/proc/stat`; clocks, energy and temperature from `/sys` where it tells them.

use crate::{
    Options, files,
    window::{BusyShare, Reading, Window},
};
use attest::record::{Chip, ChipKind, ChipState, Text};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(Debug)]
pub struct Cpus {
    options: Options,
    packages: Vec<Package>,
    windows: Vec<Window>,
}

#[derive(Debug)]
struct Package {
    /// Linux's number of it.
    id: u32,
    /// Linux's numbers of its logical processors.
    cpus: Vec<u32>,
    busy: BusyShare,
    /// RAPL's counter, readable or not.
    energy: Option<PathBuf>,
    /// A file in m°C.
    temperature: Option<PathBuf>,
}

impl Cpus {
    pub fn open(options: &Options) -> Self {
        let packages = find_packages(options);
        let wraps =
            |package: &Package| files::number(package.energy.as_ref()?.with_file_name("max_energy_range_uj"));
        let window = |(index, package): (usize, &Package)| {
            Window::new(ChipKind::Cpu, index as u16).with_energy_until(wraps(package))
        };
        let windows = packages.iter().enumerate().map(window).collect();
        Self { options: options.clone(), packages, windows }
    }

    pub fn chips(&self) -> Vec<Chip> {
        let models = files::read(self.options.proc_.join("cpuinfo")).unwrap_or_default();
        let chip = |(index, package): (usize, &Package)| Chip {
            kind: ChipKind::Cpu,
            index: index as u16,
            state: ChipState::Present,
            name: model(&models, package, "model name"),
            id: Text::new(),
            driver: Text::new(),
            firmware: model(&models, package, "microcode"),
            memory_mib: None,
        };
        self.packages.iter().enumerate().map(chip).collect()
    }

    pub fn sample(&mut self) {
        let loads = files::read(self.options.proc_.join("stat")).map(|text| parse_loads(&text));
        for (package, window) in self.packages.iter_mut().zip(&mut self.windows) {
            window.add(loads.as_ref().map(|loads| package.read(loads, &self.options.sys)));
        }
    }

    pub fn windows(&mut self) -> &mut [Window] {
        &mut self.windows
    }
}

impl Package {
    fn read(&mut self, loads: &BTreeMap<u32, (u64, u64)>, sys: &Path) -> Reading {
        let mine = self.cpus.iter().filter_map(|cpu| loads.get(cpu));
        let (busy, all) = mine.fold((0u64, 0u64), |(busy, all), (b, a)| (busy + b, all + a));
        Reading {
            energy_uj: self.energy.as_ref().and_then(files::number),
            utilisation: self.busy.add(busy, all),
            clock_mhz: self.clock_mhz(sys),
            temperature: self.temperature.as_ref().and_then(files::number).and_then(celsius),
            ..Reading::default()
        }
    }

    fn clock_mhz(&self, sys: &Path) -> Option<u32> {
        let clock = |cpu| sys.join(format!("devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq"));
        let clocks: Vec<u64> =
            self.cpus.iter().filter_map(|cpu| files::number::<u32>(clock(cpu)).map(u64::from)).collect();
        let mean = clocks.iter().sum::<u64>().checked_div(clocks.len() as u64)?;
        u32::try_from(mean / 1000).ok()
    }
}

/// From m°C; sensors that are broken tell absurd values.
pub fn celsius(milli: i64) -> Option<i16> {
    let degrees = milli / 1000;
    (-100..=250).contains(&degrees).then_some(degrees as i16)
}

/// Per logical processor: time busy and all time, in ticks.
fn parse_loads(stat: &str) -> BTreeMap<u32, (u64, u64)> {
    stat.lines().filter_map(parse_load).collect()
}

fn parse_load(line: &str) -> Option<(u32, (u64, u64))> {
    let mut fields = line.split_whitespace();
    let cpu = fields.next()?.strip_prefix("cpu")?.parse().ok()?;
    // user nice system idle iowait irq softirq steal; what guests use is in user already.
    let ticks: Vec<u64> = fields.take(8).map_while(|field| field.parse().ok()).collect();
    let idle = ticks.get(3)?.saturating_add(ticks.get(4).copied().unwrap_or(0));
    let all = ticks.iter().fold(0u64, |sum, ticks| sum.saturating_add(*ticks));
    Some((cpu, (all.checked_sub(idle)?, all)))
}

fn find_packages(options: &Options) -> Vec<Package> {
    let stat = files::read(options.proc_.join("stat")).unwrap_or_default();
    let topology =
        |cpu| options.sys.join(format!("devices/system/cpu/cpu{cpu}/topology/physical_package_id"));
    let mut packages: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for cpu in parse_loads(&stat).into_keys() {
        // Some machines know of no packages (and say so with −1): then it is one.
        let package = files::number(topology(cpu)).unwrap_or(0);
        packages.entry(package).or_default().push(cpu);
    }
    let package = |(nth, (id, cpus)): (usize, (u32, Vec<u32>))| Package {
        id,
        cpus,
        busy: BusyShare::default(),
        energy: find_energy(&options.sys, id),
        temperature: find_temperature(&options.sys, nth),
    };
    packages.into_iter().enumerate().map(package).collect()
}

/// `powercap`'s zone of the package.
fn find_energy(sys: &Path, package: u32) -> Option<PathBuf> {
    let zones = files::list(sys.join("class/powercap"));
    let wanted = format!("package-{package}");
    zones
        .into_iter()
        .find(|zone| files::name(zone.join("name")) == wanted.as_str())
        .map(|zone| zone.join("energy_uj"))
}

/// The package's own sensor: its thermal zone (Intel) or its hwmon (AMD).
fn find_temperature(sys: &Path, nth: usize) -> Option<PathBuf> {
    let zones = files::list(sys.join("class/thermal")).into_iter();
    let zones =
        zones.filter(|zone| files::name(zone.join("type")) == "x86_pkg_temp").map(|zone| zone.join("temp"));
    let monitors = files::list(sys.join("class/hwmon")).into_iter();
    let monitors = monitors.filter(|monitor| {
        matches!(files::name(monitor.join("name")).as_str(), "coretemp" | "k10temp" | "zenpower")
    });
    zones.clone().nth(nth).or_else(|| monitors.map(|monitor| monitor.join("temp1_input")).nth(nth))
}

/// What `/proc/cpuinfo` says of the package's first processor.
fn model(cpuinfo: &str, package: &Package, key: &str) -> Text {
    let value = |block: &str, key: &str| {
        let line = block.lines().find(|line| line.split(':').next().map(str::trim) == Some(key))?;
        Some(files::clean(line.split_once(':')?.1))
    };
    let id = package.id.to_string();
    let mine = cpuinfo
        .split("\n\n")
        .find(|block| value(block, "physical id").is_none_or(|found| found == id.as_str()));
    mine.and_then(|block| value(block, key)).unwrap_or_default()
}
