//! What chips a host has and what they do: NVIDIA GPUs through NVML; processors, memory and disks through Linux's files.
//!
//! A chip that cannot be read is told as such, and a signal that is missing is `None`, never zero. Opening never fails: a driver
//! that is absent, broken or hung is a state of its chip. This crate must not know what becomes of its readings, nor when to take
//! them: it reads no clock and writes nothing.
//!
//! ```
//! use gpu_probe::{Options, Probe};
//!
//! let mut probe = Probe::open(&Options::default());
//! for chip in probe.inventory() {
//!     println!("{:?} {}: {} {:?}", chip.kind, chip.index, chip.name, chip.state);
//! }
//! probe.sample();
//! probe.sample();
//! let activities = probe.close_window(1_700_000_000_000, 1_700_000_060_000);
//! assert!(activities.iter().all(|activity| activity.samples == 2));
//! ```
//!
//! NVML calls run on a thread of their own, since a driver may never answer: past a deadline the GPUs are [`Hung`](attest::record::ChipState::Hung) and
//! are not asked again. Where [`Options::reader`] names a program, they run in a process of its own, since a library that claims to
//! be NVML is code that may crash; without it, only numbers and text are distrusted.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cpu;
mod detail;
mod disk;
mod files;
pub mod finding;
mod gpu;
mod host;
pub mod identity;
mod memory;
mod nvml;
mod question;
pub mod reader;
mod report;
mod window;

pub use gpu::Deadlines;
pub use host::HostFacts;
pub use report::{GpuReport, MAX_CERTIFICATES, MAX_REPORT};

use attest::record::{Activity, Chip, ChipState, GpuDetail, Text};
use std::path::PathBuf;

/// Where to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// NVML's library; the system's where none is named.
    pub nvml: Option<PathBuf>,
    /// A program that calls [`reader::serve`] when its first argument is [`reader::ARGUMENT`]: NVML's library is loaded there. Where
    /// none is named it is loaded into this process.
    pub reader: Option<PathBuf>,
    /// `/sys`.
    pub sys: PathBuf,
    /// `/proc`; the operating system's `etc` lies beside it.
    pub proc_: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self { nvml: None, reader: None, sys: "/sys".into(), proc_: "/proc".into() }
    }
}

/// The host's chips.
#[derive(Debug)]
pub struct Probe {
    gpus: gpu::Gpus,
    cpus: cpu::Cpus,
    memory: memory::Memory,
    disks: disk::Disks,
    options: Options,
    replay: Option<Text>,
}

impl Probe {
    /// Looks for chips. NVML is loaded meanwhile; the first call that needs it waits.
    pub fn open(options: &Options) -> Self {
        Self::open_within(options, Deadlines::default())
    }

    /// As [`open`](Self::open), with other deadlines for NVML.
    pub fn open_within(options: &Options, deadlines: Deadlines) -> Self {
        Self {
            gpus: gpu::Gpus::open(options, deadlines),
            cpus: cpu::Cpus::open(options),
            memory: memory::Memory::open(options),
            disks: disk::Disks::open(options),
            options: options.clone(),
            replay: None,
        }
    }

    /// Says that the library in NVML's place plays a recording: its GPUs are told as [`ChipState::Replayed`] from now on, with what
    /// the recording says of itself.
    #[must_use]
    pub fn replaying(mut self, recording: &str) -> Self {
        self.replay = Some(files::clean(recording));
        self
    }

    /// The chips as they are now: GPUs (or one entry that says why there are none), processors, memory, disks.
    pub fn inventory(&mut self) -> Vec<Chip> {
        let mut chips = self.gpus.chips();
        if let Some(recording) = &self.replay {
            let answer = chips.iter_mut().filter(|chip| chip.state == ChipState::Present);
            answer.for_each(|chip| chip.state = ChipState::Replayed(recording.clone()));
        }
        chips.extend(self.cpus.chips());
        chips.push(self.memory.chip());
        chips.extend(self.disks.chips());
        chips
    }

    /// Takes one reading of every chip into the open window.
    pub fn sample(&mut self) {
        self.gpus.sample();
        self.cpus.sample();
        self.memory.sample();
        self.disks.sample();
    }

    /// Ends the open window, which the caller's clock saw from `from_ms` to `to_ms`, and begins the next. Chips of which no sample
    /// was taken are left out.
    pub fn close_window(&mut self, from_ms: u64, to_ms: u64) -> Vec<Activity> {
        let windows = self.gpus.windows().chain(self.cpus.windows());
        let windows = windows.chain([self.memory.window()]).chain(self.disks.windows());
        windows.map(|window| window.close(from_ms, to_ms)).filter(|activity| activity.samples > 0).collect()
    }

    /// Ends the window of what GPUs tell besides, likewise. GPUs that told none of it are left out.
    pub fn close_details(&mut self, from_ms: u64, to_ms: u64) -> Vec<GpuDetail> {
        let span_ms = u32::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(u32::MAX);
        self.gpus.close_details(from_ms, span_ms)
    }

    /// Each GPU's attestation report over a nonce, in order; none where it has none to give, or the driver does not answer. Waits as
    /// long as for the driver's start.
    pub fn gpu_reports(&mut self, nonce: [u8; 32]) -> Vec<Option<GpuReport>> {
        self.gpus.reports(nonce)
    }

    /// Who NVML says its GPUs are, its driver's version, and how much energy they have used; or why it says nothing.
    pub fn gpu_identities(&mut self) -> Result<(String, Vec<identity::NvmlView>), ChipState> {
        self.gpus.identities()
    }

    /// The host itself.
    pub fn host(&self) -> HostFacts {
        HostFacts::read(&self.options)
    }
}
