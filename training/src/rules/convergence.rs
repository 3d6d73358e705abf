//! Rule 5: the distance to the final model falls, to zero.
//!
//! Strict: from checkpoint to checkpoint, always. Tolerant: with a rank correlation, and no rise above a small share of the way.

use super::{Evidence, RuleReport, at_least, at_most};
use crate::statistics::spearman;

/// Spearman's correlation of −‖Ci − CN‖ with i.
pub const CORRELATION: f64 = 0.9;
/// The largest rise, as a share of ‖C0 − CN‖.
pub const RISE: f64 = 0.05;

/// Applies the rule.
pub(super) fn judge(evidence: &Evidence<'_>) -> RuleReport {
    let distances = evidence.scan.distances();
    let all = distances.first().copied().unwrap_or(0.0);
    let rises = distances.windows(2).enumerate().map(|(at, pair)| (at, (pair[1] - pair[0]) / all));
    let (at, rise) = rises.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((0, f64::NAN));
    let place = Some(format!("checkpoint {at} to {}", at + 1));
    let backwards: Vec<f64> = distances.iter().map(|distance| -distance).collect();
    // Below zero, if only by a rounding: distances that stay equal do not fall.
    let strict = at_most("largest rise, as a share of the way", rise, -f64::EPSILON, place.clone());
    RuleReport {
        rule: 5,
        name: "the distance to the final model falls to zero",
        strict: vec![strict],
        tolerant: vec![
            at_least("rank correlation", spearman(&backwards).unwrap_or(f64::NAN), CORRELATION, None),
            at_most("largest rise, as a share of the way", rise, RISE, place),
        ],
        blind_to: "straight lines, which approach their end better than training does",
        measured: distances.len() > 1,
    }
}
