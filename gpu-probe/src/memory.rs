//! The host's memory.

use crate::{
    Options, files,
    window::{Reading, Window, permille},
};
use attest::record::{Chip, ChipKind, ChipState, Text, text};
use std::path::PathBuf;

#[derive(Debug)]
pub struct Memory {
    meminfo: PathBuf,
    /// Uncorrected errors, a file per memory controller.
    errors: Vec<PathBuf>,
    window: Window,
}

impl Memory {
    pub fn open(options: &Options) -> Self {
        let controllers = files::list(options.sys.join("devices/system/edac/mc"));
        Self {
            meminfo: options.proc_.join("meminfo"),
            errors: controllers.iter().map(|controller| controller.join("ue_count")).collect(),
            window: Window::new(ChipKind::Memory, 0),
        }
    }

    pub fn chip(&self) -> Chip {
        let memory_mib = self.sizes().map(|(total, _)| total / 1024);
        let broken = || ChipState::Broken(text("/proc/meminfo cannot be read"));
        Chip {
            kind: ChipKind::Memory,
            index: 0,
            state: memory_mib.map_or_else(broken, |_| ChipState::Present),
            name: text("memory"),
            id: Text::new(),
            driver: Text::new(),
            firmware: Text::new(),
            memory_mib,
        }
    }

    pub fn sample(&mut self) {
        let reading = self.read();
        self.window.add(reading);
    }

    pub const fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    /// Total and used, KiB.
    fn sizes(&self) -> Option<(u64, u64)> {
        let text = files::read(&self.meminfo)?;
        let total = files::field(&text, "MemTotal")?;
        Some((total, total.saturating_sub(files::field(&text, "MemAvailable")?)))
    }

    fn read(&self) -> Option<Reading> {
        let (total, used) = self.sizes()?;
        let errors = self.errors.iter().filter_map(files::number::<u64>);
        Some(Reading {
            memory_utilisation: permille(used as f64, total as f64),
            memory_used_mib: Some(used / 1024),
            ecc_errors: errors.reduce(u64::saturating_add),
            ..Reading::default()
        })
    }
}
