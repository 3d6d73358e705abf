//! BOINC's formula in floating point, as its server has it, but for the two differences that `average.rs` names.

use crate::decay::{DAY, HALF_LIFE};

/// BOINC's recent average.
pub struct Boinc {
    pub average: f64,
    at: u64,
}

impl Boinc {
    pub fn begin(now: u64) -> Self {
        Self { average: 0.0, at: now }
    }

    /// All work of one moment at once.
    pub fn update(&mut self, now: u64, work: f64) {
        let (half_life, day) = (HALF_LIFE as f64 / 1_000.0, DAY as f64 / 1_000.0);
        let since = now.saturating_sub(self.at) as f64 / 1_000.0;
        let weight = (-since * core::f64::consts::LN_2 / half_life).exp();
        self.average *= weight;
        if (1.0 - weight) > 1e-6 {
            // The same difference without cancellation, which this test must not mistake for an error of ours.
            let lost = -(-since * core::f64::consts::LN_2 / half_life).exp_m1();
            self.average += lost * (work / (since / day));
        } else {
            self.average += core::f64::consts::LN_2 * work * day / half_life;
        }
        self.at = now;
    }
}
