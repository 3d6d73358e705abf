//! A number known to lie between two bounds.

use serde::Serialize;

/// Both bounds are certain; they are equal where the number is exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Bounds {
    /// The number is at least this.
    pub low: f64,
    /// The number is at most this.
    pub high: f64,
}

impl Bounds {
    /// A number that is known exactly.
    pub const fn exact(value: f64) -> Self {
        Self { low: value, high: value }
    }

    /// Around a value, not below 0.
    pub fn around(value: f64, error: f64) -> Self {
        Self { low: (value - error).max(0.0), high: value + error }
    }

    /// Whether the number is at most the threshold; none where the bounds do not say.
    pub fn at_most(&self, threshold: f64) -> Option<bool> {
        match (self.high <= threshold, self.low > threshold) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    /// Divided by a positive number.
    pub fn over(&self, by: f64) -> Self {
        Self { low: self.low / by, high: self.high / by }
    }
}
