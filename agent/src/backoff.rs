//! Trying again, ever less often.

use std::time::{Duration, Instant};

/// When to try next.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next_pause: Duration,
    due: Instant,
}

impl Backoff {
    /// Due at once; after failures, a pause that doubles from `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next_pause: first, due: Instant::now() }
    }

    /// For things that a second try usually mends.
    pub fn brisk() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(60))
    }

    /// Whether to try now.
    pub fn is_due(&self) -> bool {
        self.due <= Instant::now()
    }

    /// It failed: the pause until the next try.
    pub fn failed(&mut self) -> Duration {
        let pause = self.next_pause.min(self.longest);
        self.due = Instant::now() + pause;
        self.next_pause = pause.saturating_mul(2).min(self.longest);
        pause
    }

    /// It worked.
    pub fn worked(&mut self) {
        self.next_pause = self.first;
        self.due = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_limit_and_start_over() {
        let mut backoff = Backoff::brisk();
        assert!(backoff.is_due());
        let pauses: Vec<u64> = (0..8).map(|_| backoff.failed().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(!backoff.is_due());
        backoff.worked();
        assert!(backoff.is_due());
        assert_eq!(backoff.failed().as_secs(), 1);
    }
}
