//! Rule 6: the untrained model is much closer to the final one than other untrained models are.
//!
//! ‖R − CN‖² over untrained models R is a sum of independent terms with known moments, so its mean and deviation are computed instead of
//! sampled: it is what twenty fresh samples estimate. Strict: closer than mean − 3σ. In many dimensions σ is tiny, and almost anything
//! passes; tolerant: the distance is at most a share of the mean one.

use super::{Evidence, RuleReport, at_most};

/// Standard deviations below the mean.
pub const SIGMAS: f64 = 3.0;
/// The most that ‖C0 − CN‖ may be of the mean distance.
pub const RATIO: f64 = 0.97;

/// Applies the rule.
pub(super) fn judge(evidence: &Evidence<'_>) -> RuleReport {
    let distance = evidence.scan.distances().first().copied().unwrap_or(f64::NAN);
    let (square, spread) = evidence
        .scan
        .layers
        .iter()
        .fold((0.0, 0.0), |sum, layer| (sum.0 + layer.fresh.0, sum.1 + layer.fresh.1));
    let mean = square.sqrt();
    // σ of a root: σ of the square over twice the root.
    let deviation = spread.sqrt() / (2.0 * mean);
    let what = "distance from the start to the end";
    RuleReport {
        rule: 6,
        name: "other starts are further from the final model",
        strict: vec![at_most(what, distance, mean - SIGMAS * deviation, None)],
        tolerant: vec![at_most("the same, over that of other starts", distance / mean, RATIO, None)],
        blind_to: "a start that was made from the end",
        measured: evidence.scan.layers.iter().any(|layer| layer.fresh.1 > 0.0),
    }
}
