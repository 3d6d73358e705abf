//! How near a package comes to each threshold, and what another threshold would do.
//!
//! Thresholds are of many kinds, so each value is told as the share that it uses of the room between the best there can be and the
//! threshold: 0 is the best, 1 lies on the threshold, more is rejected. A threshold moved by a factor leaves that much of the room.

use super::Outcome;
use crate::{
    replay::THRESHOLDS,
    rules::{Finding, Profile},
};
use serde::{Deserialize, Serialize};

/// In place of a rule's number.
pub const REPLAY: u8 = 7;

/// The constants that biases and scales begin with: a package whose constants hold is not told of them.
const CONSTANTS: &str = "bias or scale off its constant";

/// What is used where a value is not a number, or where nothing but the best is allowed: more than any room. JSON has no infinity.
pub const BEYOND: f64 = f64::MAX;

/// One value beside its threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// 1 to 6, or [`REPLAY`].
    pub rule: u8,
    /// What is compared.
    pub what: String,
    /// With what.
    pub threshold: f64,
    /// The share of the room that the value uses.
    pub used: f64,
}

/// All that decides about a package in one form of the rules, where the untrained model's accuracy is `chance` at best. The replay's errors
/// are in the tolerant form.
pub fn margins(outcome: &Outcome, profile: Profile, chance: f64) -> Vec<Margin> {
    let Some(report) = &outcome.report else { return Vec::new() };
    let of = |rule: u8, findings: &[Finding]| -> Vec<Margin> {
        findings.iter().map(|finding| margin(rule, finding, chance)).collect()
    };
    let mut all: Vec<Margin> = report
        .rules
        .iter()
        .flat_map(|one| of(one.rule, if profile == Profile::Strict { &one.strict } else { &one.tolerant }))
        .collect();
    if profile == Profile::Strict {
        return all;
    }
    if !report.rules.is_empty() && all.iter().all(|margin| margin.what != CONSTANTS) {
        all.push(Margin { rule: 3, what: CONSTANTS.into(), threshold: 0.0, used: 0.0 });
    }
    let thresholds = [
        ("parameters", THRESHOLDS.parameters),
        ("state", THRESHOLDS.state),
        ("one tensor", THRESHOLDS.tensor),
        ("optimiser steps", THRESHOLDS.step),
        ("idle inputs", THRESHOLDS.idle),
    ];
    let errors = thresholds.into_iter().zip(outcome.replay.into_iter().flatten());
    all.extend(errors.map(|((what, threshold), error)| Margin {
        rule: REPLAY,
        what: what.into(),
        threshold,
        used: used(error, 0.0, threshold, error <= threshold),
    }));
    all
}

fn margin(rule: u8, finding: &Finding, chance: f64) -> Margin {
    let best = match finding.what {
        "accuracy of the untrained model" => chance,
        "accuracy gained" | "rank correlation" | "largest singular value over the random edge" => 1.0,
        _ => 0.0,
    };
    let Finding { what, value, threshold, holds, .. } = *finding;
    Margin { rule, what: what.into(), threshold, used: used(value, best, threshold, holds) }
}

/// Where nothing but the best is allowed, there is no room.
fn used(value: f64, best: f64, threshold: f64, holds: bool) -> f64 {
    let share = (value - best) / (threshold - best);
    match holds {
        true if share.is_finite() && share <= 1.0 => share,
        true => 0.0,
        false if share > 1.0 => share.min(BEYOND),
        false => BEYOND,
    }
}

/// How many of these are rejected by a threshold that leaves `factor` of the room.
pub fn rejected(used: &[f64], factor: f64) -> usize {
    used.iter().filter(|&&used| used > factor).count()
}

/// The largest share of all packages that may be rejected, with 95 % confidence, where `rejected` of `of` drawn ones were (Clopper and Pearson's
/// upper bound; for none, 1 − 0.05^(1/of)).
pub fn upper_bound(rejected: usize, of: usize) -> f64 {
    if rejected >= of {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if at_most(rejected, of, middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

/// The chance of at most `count` of `of` where each has the chance `p`.
fn at_most(count: usize, of: usize, p: f64) -> f64 {
    let odds = (p / (1.0 - p)).ln();
    let (mut term, mut sum) = (of as f64 * (1.0 - p).ln(), 0.0);
    for at in 0..=count {
        sum += term.exp();
        term += odds + ((of - at) as f64 / (at + 1) as f64).ln();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(what: &'static str, value: f64, threshold: f64, holds: bool) -> Finding {
        Finding { what, value, threshold, holds, at: None }
    }

    #[test]
    fn the_room_is_used_from_the_best_to_the_threshold() {
        let share =
            |what, value, threshold, holds| margin(1, &finding(what, value, threshold, holds), 0.1).used;
        assert_eq!(share("anything", 0.25, 0.5, true), 0.5);
        assert_eq!(share("anything", 0.75, 0.5, false), 1.5);
        assert!((share("accuracy of the untrained model", 0.2, 0.3, true) - 0.5).abs() < 1e-12);
        assert!((share("rank correlation", 0.8, 0.9, false) - 2.0).abs() < 1e-12, "less is worse here");
        assert!(share("largest singular value over the random edge", 0.98, 1.2, true) < 0.0);
        assert_eq!(share("exact", 0.0, 0.0, true), 0.0);
        assert_eq!(share("exact", -0.1, 0.0, true), 0.0, "JSON has no infinity");
        assert_eq!(share("exact", 0.1, 0.0, false), BEYOND);
        assert_eq!(share("anything", f64::NAN, 0.5, false), BEYOND);
        assert_eq!(share("rises", -0.1, -f64::EPSILON, true), 0.0, "no threshold at all below the best");
    }

    #[test]
    fn what_lies_on_a_threshold_is_kept() {
        assert_eq!(rejected(&[0.5, 1.0, 1.5, f64::INFINITY], 1.0), 2);
        assert_eq!(rejected(&[0.5, 1.0, 1.5], 0.5), 2);
    }

    #[test]
    fn the_bound_is_that_of_clopper_and_pearson() {
        let known = [
            (0, 1, 0.95),
            (0, 144, 0.02059),
            (0, 3, 0.63160),
            (1, 10, 0.39416),
            (5, 100, 0.10225),
            (3, 3, 1.0),
        ];
        for (rejected, of, bound) in known {
            let found = upper_bound(rejected, of);
            assert!((found - bound).abs() < 5e-5, "{rejected} of {of}: {found}");
        }
        let many = upper_bound(0, 100_000);
        assert!((many * 100_000.0 - 2.9957).abs() < 1e-3, "the rule of three");
    }
}
