//! When anchors are due.

use crate::{backoff::Backoff, clock::now_ms, desk::Lost};
use std::time::{Duration, Instant};

/// The next anchor, and how long to wait after one that was refused.
pub struct Anchors {
    /// From one to the next.
    pub period: Duration,
    /// When the next one is due.
    pub due: Instant,
    /// How long to wait after a refusal.
    pub refused: Backoff,
}

impl Anchors {
    /// The first is due at once.
    pub fn new(period: Duration) -> Self {
        let refused = Backoff::new(Duration::from_secs(5).min(period), period);
        Self { period, due: Instant::now(), refused }
    }

    /// Whether one is due now.
    pub fn is_due(&self) -> bool {
        self.due <= Instant::now()
    }

    /// Whether two more would have been due since.
    pub fn are_overdue(&self) -> bool {
        self.due.elapsed() > self.period.saturating_mul(2)
    }

    /// When the next one is due, or was, ms since 1970.
    pub fn due_ms(&self) -> u64 {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let until = ms(self.due.saturating_duration_since(Instant::now()));
        now_ms().saturating_add(until).saturating_sub(ms(self.due.elapsed()))
    }

    /// The chain did not take one. What came too late is made again at once; what was refused probably would be again, and each try
    /// wears the TPM.
    pub fn lost(&mut self, lost: &Lost) {
        let pause = if lost.expired { Duration::ZERO } else { self.refused.failed() };
        self.due = Instant::now() + pause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_overdue_after_two_more_periods_and_keeps_when_it_was_due() {
        let period = Duration::from_secs(60);
        let mut anchors = Anchors::new(period);
        let ago = |span: Duration| Instant::now().checked_sub(span).unwrap();
        anchors.due = ago(period);
        assert!(anchors.is_due() && !anchors.are_overdue());
        anchors.due = ago(period * 3);
        assert!(anchors.are_overdue());
        assert!(now_ms() - anchors.due_ms() >= 180_000);
        anchors.due = Instant::now() + period * 3;
        assert!(!anchors.is_due() && anchors.due_ms() > now_ms() + 100_000);
    }
}
