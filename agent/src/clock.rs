//! The wall clock, watched by the monotonic one: who sets the time is found out.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Larger differences between the two clocks are a jump, smaller ones are the work of a time service.
const TOLERANCE_MS: u64 = 5_000;

/// Milliseconds since 1970. A clock before that reads 0.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The clock was set (or the host was asleep).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// What it should have read.
    pub expected_ms: u64,
    /// What it read.
    pub found_ms: u64,
}

/// The last reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall_ms: u64,
    read_at: Instant,
}

impl Clock {
    /// Reads both clocks.
    pub fn start() -> Self {
        Self { wall_ms: now_ms(), read_at: Instant::now() }
    }

    /// The wall clock's last reading.
    pub const fn wall_ms(&self) -> u64 {
        self.wall_ms
    }

    /// Reads both clocks again: how long it has been, and whether the wall clock jumped meanwhile.
    pub fn tick(&mut self) -> (Duration, Option<Jump>) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.read_at);
        self.read_at = now;
        (passed, self.advance(now_ms(), passed))
    }

    fn advance(&mut self, found_ms: u64, passed: Duration) -> Option<Jump> {
        let passed = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let expected_ms = self.wall_ms.saturating_add(passed);
        self.wall_ms = found_ms;
        (expected_ms.abs_diff(found_ms) > TOLERANCE_MS).then_some(Jump { expected_ms, found_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn clock() -> Clock {
        Clock { wall_ms: 10 * DAY_MS, read_at: Instant::now() }
    }

    #[test]
    fn a_slow_or_fast_clock_is_no_jump() {
        let mut clock = clock();
        for drift in [0, 200, 4_000] {
            let found = clock.wall_ms + 1_000 + drift;
            assert_eq!(clock.advance(found, Duration::from_secs(1)), None);
        }
    }

    #[test]
    fn a_day_forth_and_back_is_seen_once_each() {
        let mut clock = clock();
        let second = Duration::from_secs(1);
        for to in [11 * DAY_MS, 10 * DAY_MS] {
            let expected_ms = clock.wall_ms + 1_000;
            assert_eq!(clock.advance(to, second), Some(Jump { expected_ms, found_ms: to }));
            assert_eq!(clock.advance(to + 1_000, second), None);
        }
    }
}
