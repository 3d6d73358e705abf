//! BOINC's recent average, in fixed point.
//!
//! Work done since the last time is taken as spread evenly over that time, so that one credit for a day and a hundred for its parts give
//! the same. Two things differ from BOINC. The average starts from zero when the first work is *given out*, where BOINC extrapolates
//! the first credit over all times before it. And credits of one moment count as one, whatever their order: BOINC would take the second
//! of them as instantaneous.

use crate::decay::{DAY, HALF_LIFE, decayed, lost, times};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Fraction bits of a stored average.
const FRACTION: u32 = 32;
/// `ln 2 / 7`, times 2^64: what a unit of instantaneous work adds to the average per day.
const INSTANT: u64 = 1_826_615_520_743_236_522;
/// Below this part lost to decay, times 2^64, time counts as none: BOINC's 1e-6.
const NO_TIME: u128 = 18_446_744_073_709;

/// The average of one machine and kind, in micro-ut per day.
#[derive(
    Encode, Decode, DecodeWithMemTracking, Clone, Copy, PartialEq, Eq, Debug, Default, TypeInfo, MaxEncodedLen,
)]
pub struct Average {
    /// Its value at `at`, times 2^32.
    raw: u128,
    /// When it was last updated, in milliseconds; zero before the clock's first tick, at genesis.
    at: u64,
    /// What a unit of work adds at this very moment, times 2^64.
    gain: u64,
}

impl Average {
    /// An average that has a value from the start.
    pub fn seeded(value: u128) -> Self {
        Self { raw: raised(value), at: 0, gain: INSTANT }
    }

    /// From now on work counts: what is credited next was done since now.
    pub fn begin(&mut self, now: u64) {
        if self.at == 0 {
            *self = Self { raw: self.raw, at: now, gain: INSTANT };
        }
    }

    /// Work was done since the last time. Returns by how much the average is higher than it would be without; times 2^32.
    pub fn earn(&mut self, now: u64, work: u128) -> u128 {
        self.begin(now);
        let since = now.saturating_sub(self.at);
        if since > 0 {
            let before = self.raw;
            self.raw = decayed(before, since);
            self.gain = gain(since);
            self.at = now;
        }
        let added = times(raised(work), self.gain);
        self.raw = self.raw.saturating_add(added);
        added
    }

    /// The value now, times 2^32.
    pub fn raw(&self, now: u64) -> u128 {
        if self.at == 0 { self.raw } else { decayed(self.raw, now.saturating_sub(self.at)) }
    }

    /// The value now, in micro-ut per day.
    pub fn value(&self, now: u64) -> u128 {
        self.raw(now) >> FRACTION
    }
}

/// A sum of averages, which only ever decays and is added to or taken from.
#[derive(
    Encode, Decode, DecodeWithMemTracking, Clone, Copy, PartialEq, Eq, Debug, Default, TypeInfo, MaxEncodedLen,
)]
pub struct Sum {
    raw: u128,
    at: u64,
}

impl Sum {
    /// Adds what one of the averages gained or brings along, times 2^32.
    pub fn add(&mut self, now: u64, raw: u128) {
        *self = Self { raw: self.raw(now).saturating_add(raw), at: now };
    }

    /// Takes away what one of the averages stands for, times 2^32.
    pub fn take(&mut self, now: u64, raw: u128) {
        *self = Self { raw: self.raw(now).saturating_sub(raw), at: now };
    }

    fn raw(&self, now: u64) -> u128 {
        if self.at == 0 { self.raw } else { decayed(self.raw, now.saturating_sub(self.at)) }
    }

    /// The value now, in micro-ut per day.
    pub fn value(&self, now: u64) -> u128 {
        self.raw(now) >> FRACTION
    }
}

fn raised(amount: u128) -> u128 {
    amount.min(u128::MAX >> FRACTION) << FRACTION
}

/// `(1 − 2^(−t/H)) / t`, per day: the weight of work that was spread evenly over the time.
fn gain(since: u64) -> u64 {
    let lost = lost(since);
    if lost <= NO_TIME {
        return INSTANT;
    }
    // Below ln 2 / 7 for every time: 2^64 · DAY < 2^91, and the quotient fits.
    u64::try_from(lost * u128::from(DAY) / u128::from(since)).unwrap_or(INSTANT).min(INSTANT)
}

const _: () = assert!(HALF_LIFE / DAY == 7, "INSTANT is for a week");
