//! Readings of one chip, gathered into a window.

use crate::detail::DetailReading;
use attest::record::{Activity, ChipKind};
use serde::{Deserialize, Serialize};

/// One reading. What the chip did not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub power_mw: Option<u32>,
    /// A counter.
    pub energy_uj: Option<u64>,
    /// ‰, like all shares.
    pub utilisation: Option<u16>,
    pub memory_utilisation: Option<u16>,
    pub tensor: Option<u16>,
    pub clock_mhz: Option<u32>,
    pub temperature: Option<i16>,
    pub memory_used_mib: Option<u64>,
    pub read: Option<Flow>,
    pub written: Option<Flow>,
    pub throttle: Option<u64>,
    pub ecc_errors: Option<u64>,
    pub processes: Option<u16>,
    /// What GPUs tell besides.
    pub detail: Option<DetailReading>,
}

impl Reading {
    /// Whether the chip said nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Bytes that move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flow {
    /// A counter.
    Total(u64),
    /// A rate.
    PerSecond(u64),
}

/// Shares over 100 % are no measurements.
pub fn permille(part: f64, whole: f64) -> Option<u16> {
    let share = part / whole * 1000.0;
    (0.0..=1000.5).contains(&share).then(|| share.round().min(1000.0) as u16)
}

/// The mean of the values that came.
#[derive(Debug, Clone, Default)]
pub struct Mean {
    sum: u128,
    count: u64,
}

impl Mean {
    pub fn add(&mut self, value: Option<impl Into<u128>>) {
        if let Some(value) = value {
            self.sum = self.sum.saturating_add(value.into());
            self.count += 1;
        }
    }

    pub fn value(&self) -> Option<u128> {
        self.sum.checked_add(u128::from(self.count / 2))?.checked_div(self.count.into())
    }
}

/// What a counter grew by. The first value of all says nothing yet; a counter that was reset says nothing for that step.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    last: Option<u64>,
    grown: Option<u64>,
    /// The highest value before the counter begins anew, if it does.
    pub wraps_at: Option<u64>,
}

impl Growth {
    fn add(&mut self, value: Option<u64>) {
        let Some(value) = value else { return };
        if let Some(step) = self.last.and_then(|last| self.step(last, value)) {
            self.grown = Some(self.grown.unwrap_or(0).saturating_add(step));
        }
        self.last = Some(value);
    }

    fn step(&self, last: u64, value: u64) -> Option<u64> {
        match value.checked_sub(last) {
            Some(step) => Some(step),
            None => self.wraps_at?.checked_sub(last)?.checked_add(value),
        }
    }

    const fn take(&mut self) -> Option<u64> {
        self.grown.take()
    }
}

/// Bytes in one direction.
#[derive(Debug, Clone, Default)]
struct Bytes {
    total: Growth,
    per_second: Mean,
}

impl Bytes {
    fn add(&mut self, flow: Option<Flow>) {
        match flow {
            Some(Flow::Total(bytes)) => self.total.add(Some(bytes)),
            Some(Flow::PerSecond(rate)) => self.per_second.add(Some(rate)),
            None => {}
        }
    }

    /// A rate's bytes are an estimate: the mean of its samples over the window's length.
    fn take(&mut self, span_ms: u32) -> Option<u64> {
        let rate = std::mem::take(&mut self.per_second).value();
        let estimate = rate.and_then(|rate| u64::try_from(rate.saturating_mul(span_ms.into()) / 1000).ok());
        self.total.take().or(estimate)
    }
}

/// The open window of one chip.
#[derive(Debug, Clone)]
pub struct Window {
    kind: ChipKind,
    index: u16,
    gathered: Gathered,
    energy: Growth,
    read: Bytes,
    written: Bytes,
}

#[derive(Debug, Clone, Default)]
struct Gathered {
    samples: u32,
    failed: u32,
    power: Mean,
    utilisation: Mean,
    memory_utilisation: Mean,
    tensor: Mean,
    clock: Mean,
    power_max_mw: Option<u32>,
    temperature: Option<i16>,
    throttle: Option<u64>,
    memory_used_mib: Option<u64>,
    ecc_errors: Option<u64>,
    processes: Option<u16>,
}

impl Window {
    pub fn new(kind: ChipKind, index: u16) -> Self {
        let (read, written) = (Bytes::default(), Bytes::default());
        Self { kind, index, gathered: Gathered::default(), energy: Growth::default(), read, written }
    }

    pub const fn index(&self) -> u16 {
        self.index
    }

    /// With an energy counter that begins anew after this value, µJ.
    pub const fn with_energy_until(mut self, wraps_at: Option<u64>) -> Self {
        self.energy.wraps_at = wraps_at;
        self
    }

    /// Adds a sample: a reading, or the fact that there was none.
    pub fn add(&mut self, reading: Option<Reading>) {
        self.gathered.samples = self.gathered.samples.saturating_add(1);
        let Some(reading) = reading.filter(|reading| !reading.is_empty()) else {
            self.gathered.failed = self.gathered.failed.saturating_add(1);
            return;
        };
        self.energy.add(reading.energy_uj);
        self.read.add(reading.read);
        self.written.add(reading.written);
        self.gathered.add(&reading);
    }

    /// Ends the window and begins the next. Counters go on, so that nothing between two windows is lost.
    pub fn close(&mut self, from_ms: u64, to_ms: u64) -> Activity {
        let gathered = std::mem::take(&mut self.gathered);
        let span_ms = u32::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(u32::MAX);
        let energy_uj = self.energy.take();
        // What has no power sensor may still count its energy: µJ/ms is mW.
        let from_energy = || energy_uj?.checked_div(span_ms.into()).and_then(narrow);
        Activity {
            kind: self.kind,
            index: self.index,
            from_ms,
            span_ms,
            samples: gathered.samples,
            failed: gathered.failed,
            power_mw: gathered.power.value().and_then(narrow).or_else(from_energy),
            power_max_mw: gathered.power_max_mw,
            energy_mj: energy_uj.map(|energy| energy / 1000),
            utilisation: gathered.utilisation.value().and_then(narrow),
            memory_utilisation: gathered.memory_utilisation.value().and_then(narrow),
            tensor: gathered.tensor.value().and_then(narrow),
            clock_mhz: gathered.clock.value().and_then(narrow),
            temperature: gathered.temperature,
            memory_used_mib: gathered.memory_used_mib,
            read_bytes: self.read.take(span_ms),
            written_bytes: self.written.take(span_ms),
            throttle: gathered.throttle,
            ecc_errors: gathered.ecc_errors,
            processes: gathered.processes,
        }
    }
}

pub fn narrow<From, To: TryFrom<From>>(value: From) -> Option<To> {
    To::try_from(value).ok()
}

impl Gathered {
    fn add(&mut self, reading: &Reading) {
        self.power.add(reading.power_mw);
        self.utilisation.add(reading.utilisation);
        self.memory_utilisation.add(reading.memory_utilisation);
        self.tensor.add(reading.tensor);
        self.clock.add(reading.clock_mhz);
        self.power_max_mw = self.power_max_mw.max(reading.power_mw);
        self.temperature = self.temperature.max(reading.temperature);
        self.memory_used_mib = reading.memory_used_mib.or(self.memory_used_mib);
        self.ecc_errors = reading.ecc_errors.or(self.ecc_errors);
        self.processes = reading.processes.or(self.processes);
        if let Some(reasons) = reading.throttle {
            self.throttle = Some(self.throttle.unwrap_or(0) | reasons);
        }
    }
}

/// A share that two counters tell between two readings: time busy, of all time.
#[derive(Debug, Clone, Default)]
pub struct BusyShare {
    last: Option<(u64, u64)>,
}

impl BusyShare {
    pub fn add(&mut self, busy: u64, all: u64) -> Option<u16> {
        let (busy_before, all_before) = self.last.replace((busy, all))?;
        let (busy, all) = (busy.checked_sub(busy_before)?, all.checked_sub(all_before)?);
        // The two may be read a moment apart.
        permille(busy.min(all) as f64, all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window::new(ChipKind::Gpu, 3)
    }

    #[test]
    fn what_nobody_told_is_none() {
        let mut window = window();
        window.add(None);
        window.add(Some(Reading::default()));
        let activity = window.close(1000, 61_000);
        assert_eq!((activity.samples, activity.failed, activity.span_ms), (2, 2, 60_000));
        assert_eq!((activity.power_mw, activity.energy_mj, activity.utilisation), (None, None, None));
        assert_eq!((activity.read_bytes, activity.throttle, activity.processes), (None, None, None));
    }

    #[test]
    fn means_maxima_and_last_values() {
        let mut window = window();
        for (power, used) in [(100, Some(5)), (200, Some(9)), (301, None)] {
            let (power_mw, temperature) = (Some(power), Some(power as i16 / 10 - 15));
            let throttle = Some(u64::from(power) & 5);
            let memory_used_mib = used;
            window.add(Some(Reading {
                power_mw,
                temperature,
                memory_used_mib,
                throttle,
                ..Reading::default()
            }));
        }
        let activity = window.close(0, 3000);
        assert_eq!((activity.power_mw, activity.power_max_mw), (Some(200), Some(301)));
        assert_eq!((activity.temperature, activity.memory_used_mib), (Some(15), Some(9)));
        assert_eq!((activity.throttle, activity.samples, activity.failed), (Some(5), 3, 0));
        assert_eq!(window.close(3000, 6000).power_mw, None, "the next window is empty");
    }

    #[test]
    fn counters_go_on_over_windows() {
        let mut window = window().with_energy_until(Some(10_000));
        let energy = |value| Some(Reading { energy_uj: Some(value), ..Reading::default() });
        window.add(energy(1000));
        assert_eq!(window.close(0, 1).energy_mj, None, "one value says nothing");
        window.add(energy(4000));
        assert_eq!(window.close(0, 1).energy_mj, Some(3));
        window.add(energy(9000));
        window.add(energy(1000));
        let activity = window.close(0, 7);
        assert_eq!((activity.energy_mj, activity.power_mw), (Some(7), Some(1000)));
    }

    #[test]
    fn a_reset_counter_says_nothing_for_that_step() {
        let mut window = window();
        for value in [5000, 9000, 100, 2100] {
            window.add(Some(Reading { read: Some(Flow::Total(value)), ..Reading::default() }));
        }
        assert_eq!(window.close(0, 1).read_bytes, Some(6000));
    }

    #[test]
    fn a_rate_becomes_bytes_over_the_window() {
        let mut window = window();
        for rate in [1000, 3000] {
            window.add(Some(Reading { written: Some(Flow::PerSecond(rate)), ..Reading::default() }));
        }
        assert_eq!(window.close(0, 10_000).written_bytes, Some(20_000));
    }

    #[test]
    fn a_clock_that_goes_backwards_does_no_harm() {
        let mut window = window();
        window.add(Some(Reading { energy_uj: Some(1), ..Reading::default() }));
        window.add(Some(Reading { energy_uj: Some(2), ..Reading::default() }));
        let activity = window.close(10, 5);
        assert_eq!((activity.span_ms, activity.power_mw, activity.energy_mj), (0, None, Some(0)));
    }

    #[test]
    fn shares() {
        assert_eq!(permille(1.0, 2.0), Some(500));
        assert_eq!(permille(101.0, 100.0), None);
        assert_eq!(permille(f64::NAN, 100.0), None);
        assert_eq!(permille(0.0, 0.0), None);
        let mut share = BusyShare::default();
        assert_eq!(share.add(10, 100), None);
        assert_eq!(share.add(35, 200), Some(250));
        assert_eq!(share.add(1, 2), None, "reset");
    }
}
