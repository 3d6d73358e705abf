//! When drilling holds still: the operator's hours, and the operator's word.

use super::energy::EnergyMeter;
use crate::{clock::now_ms, config::Config, state_dir::StateDir};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Instant};

/// Hours of the day, UTC, in which the host is not to drill. They may go past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours {
    /// Minute of the day at which they begin.
    from: u16,
    /// Minute at which they end.
    to: u16,
}

/// Not hours of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("quiet hours are written HH:MM-HH:MM, as in 22:00-06:30, in UTC")]
pub struct NoHours;

impl FromStr for QuietHours {
    type Err = NoHours;

    fn from_str(text: &str) -> Result<Self, NoHours> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-').ok_or(NoHours)?;
        Ok(Self { from: minute(from).ok_or(NoHours)?, to: minute(to).ok_or(NoHours)? })
    }
}

impl TryFrom<String> for QuietHours {
    type Error = NoHours;

    fn try_from(text: String) -> Result<Self, NoHours> {
        text.parse()
    }
}

impl From<QuietHours> for String {
    fn from(hours: QuietHours) -> Self {
        hours.to_string()
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(out, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl QuietHours {
    /// Whether this moment, ms since 1970, lies in them.
    pub fn contain(&self, ms: u64) -> bool {
        let minute = (ms / 60_000 % 1_440) as u16;
        if self.from <= self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// Drilling holds still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Why.
    pub why: &'static str,
    /// Whether for long enough that the chain should give the machine no tasks meanwhile.
    pub lasts: bool,
}

/// Looks at everything that may hold drilling.
#[derive(Debug)]
pub struct Limits {
    meter: EnergyMeter,
    /// The energy counters at an earlier look.
    before: Option<(Instant, u64)>,
}

impl Limits {
    /// With the counters that tell the processors' power.
    pub const fn new(meter: EnergyMeter) -> Self {
        Self { meter, before: None }
    }

    /// Whether drilling holds still now.
    pub fn held(&mut self, config: &Config, state: &StateDir) -> Option<Held> {
        if state.drill_pause().exists() {
            return Some(Held { why: "paused (matrixai-agent drill resume)", lasts: true });
        }
        if config.drill_quiet.is_some_and(|hours| hours.contain(now_ms())) {
            return Some(Held { why: "quiet hours", lasts: true });
        }
        let cap = u64::from(config.drill_power_watts?);
        let over = self.watts().is_some_and(|watts| watts > cap);
        over.then_some(Held { why: "over the power cap", lasts: false })
    }

    /// What the processors drew since the last look.
    fn watts(&mut self) -> Option<u64> {
        let now = (Instant::now(), self.meter.microjoules()?);
        let (at, energy) = self.before.replace(now)?;
        let micros = u64::try_from((now.0 - at).as_micros()).ok()?;
        now.1.checked_sub(energy)?.checked_div(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_pause_and_quiet_hours_hold() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let mut limits = Limits::new(EnergyMeter::none());
        let mut config = Config { drill_power_watts: Some(1), ..Config::default() };
        assert_eq!(limits.held(&config, &state), None);
        config.drill_quiet = Some(QuietHours { from: 0, to: 1_440 });
        assert_eq!(limits.held(&config, &state), Some(Held { why: "quiet hours", lasts: true }));
        std::fs::write(state.drill_pause(), "").unwrap();
        assert!(limits.held(&config, &state).is_some_and(|held| held.why.starts_with("paused")));
    }

    #[test]
    fn hours_may_go_past_midnight() {
        let night: QuietHours = "22:00-06:30".parse().unwrap();
        assert!(night.contain(23 * HOUR) && night.contain(0) && night.contain(6 * HOUR));
        assert!(!night.contain(7 * HOUR) && !night.contain(21 * HOUR));
        let noon: QuietHours = "11:00-13:00".parse().unwrap();
        assert!(noon.contain(48 * HOUR + 12 * HOUR) && !noon.contain(13 * HOUR));
        assert_eq!(night.to_string(), "22:00-06:30");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "22-6", "24:00-06:00", "22:60-06:00", "22:00", "a:b-c:d"] {
            assert_eq!(text.parse::<QuietHours>(), Err(NoHours), "{text}");
        }
    }
}
