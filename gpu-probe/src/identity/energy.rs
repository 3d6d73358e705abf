//! Energy used against operations done: a card that did not work did not get warm.

use crate::finding::{Check, Finding};

/// What a stretch of measured work took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// Multiplications and additions of int8, done and checked.
    pub operations: f64,
    /// By NVML's counter, mJ, before and after; what it does not tell is `None`.
    pub energy_mj: (Option<u64>, Option<u64>),
    /// How long it was, s.
    pub seconds: f64,
}

/// The least energy that an int8 operation can take on any known chip, J. The most frugal datasheet is 72 W for 485 TOPS (NVIDIA L4, sparse,
/// twice what dense work reaches): 0.15 pJ. A third of that is beyond every chip.
const FLOOR: f64 = 0.05e-12;
/// What any card that is on draws, W: an idle L4 has 10.
const IDLE: f64 = 2.0;
/// Counters advance every 20 to 100 ms: less than this says nothing.
const SHORTEST: f64 = 1.0;

/// Whether the counter's energy can have paid for the work.
pub fn energy(spent: &Spent) -> Finding {
    let check = Check::Energy;
    let (Some(before), Some(after)) = spent.energy_mj else {
        return Finding::unknown(check, "NVML does not tell this GPU's energy");
    };
    if spent.seconds < SHORTEST {
        return Finding::unknown(check, format!("{:.2} s are too short for the counter", spent.seconds));
    }
    let Some(used) = after.checked_sub(before) else {
        return Finding::suspicious(check, 700, format!("the counter went back from {before} to {after} mJ"));
    };
    let joules = used as f64 / 1000.0;
    let least = (spent.operations * FLOOR).max(spent.seconds * IDLE);
    let reason = format!("{joules:.1} J in {:.1} s for {:.3e} operations", spent.seconds, spent.operations);
    match joules < least {
        true => {
            Finding::suspicious(check, 900, format!("{reason}: less than the {least:.1} J of any known chip"))
        }
        false => Finding::consistent(check, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    fn verdict(operations: f64, energy_mj: (Option<u64>, Option<u64>), seconds: f64) -> Verdict {
        energy(&Spent { operations, energy_mj, seconds }).verdict
    }

    #[test]
    fn work_without_energy_is_suspicious_and_silence_is_not() {
        // An H200 at 1,400 TOPS and 600 W for two seconds.
        assert_eq!(verdict(2.8e15, (Some(5), Some(1_200_005)), 2.0), Verdict::Consistent);
        // The same work on a counter of a card that idles elsewhere.
        assert_eq!(verdict(2.8e15, (Some(5), Some(70_005)), 2.0), Verdict::Suspicious);
        // A counter that stands still, while the card is at least on.
        assert_eq!(verdict(1e9, (Some(5), Some(5)), 2.0), Verdict::Suspicious);
        assert_eq!(verdict(2.8e15, (Some(5), Some(4)), 2.0), Verdict::Suspicious);
        assert_eq!(verdict(2.8e15, (None, Some(4)), 2.0), Verdict::Unknown);
        assert_eq!(verdict(2.8e15, (Some(1), Some(4)), 0.5), Verdict::Unknown);
    }
}
