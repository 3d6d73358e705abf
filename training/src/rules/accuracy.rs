//! Rule 1: validation accuracy does not fall.
//!
//! Strict: never, from one epoch to the next. Honest runs do fall, by fractions of a point. Tolerant: never further below the best so
//! far than the measurement's own error allows, and the untrained model knows nothing: its accuracy is near chance. The verifier
//! measures accuracy itself.

use super::{Evidence, Finding, RuleReport, at_least, at_most, worst};

/// Standard errors of the binomial that an accuracy may lie below the best before it.
pub const DROP_DEVIATIONS: f64 = 4.0;
/// And so much more, for what optimisation does: the learning rate is not small yet.
pub const DROP_SLACK: f64 = 0.10;
/// How far above chance the untrained model may be, as a share of what is left above chance.
pub const CHANCE_MARGIN: f64 = 0.30;

/// Applies the rule.
pub(super) fn judge(evidence: &Evidence<'_>) -> RuleReport {
    let report = |strict, tolerant| RuleReport {
        rule: 1,
        name: "validation accuracy does not fall",
        strict,
        tolerant,
        blind_to: "weights moved straight from a random start to a model trained elsewhere: accuracy rises all the way",
        measured: !evidence.accuracy.is_empty(),
    };
    let (Some(first), Some(last)) = (evidence.accuracy.first(), evidence.accuracy.last()) else {
        return report(vec![], vec![]);
    };
    let epoch = |at: usize| Some(format!("epoch {at}"));
    let pairs = evidence.accuracy.windows(2).enumerate();
    let falls =
        pairs.map(|(at, pair)| at_most("largest fall between epochs", pair[0] - pair[1], 0.0, epoch(at + 1)));
    let strict = falls.max_by(|one, other| one.value.total_cmp(&other.value));
    let chance = 1.0 / evidence.classes as f64;
    let knows_nothing = chance + CHANCE_MARGIN * (1.0 - chance);
    let tolerant = [
        worst(below_best(evidence)),
        Some(at_most("accuracy of the untrained model", *first, knows_nothing, epoch(0))),
        Some(at_least("accuracy gained", last - first, 0.0, None)),
    ];
    report(strict.into_iter().collect(), tolerant.into_iter().flatten().collect())
}

fn below_best<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = Finding> + 'a {
    let mut best: f64 = 0.0;
    evidence.accuracy.iter().enumerate().map(move |(at, &accuracy)| {
        best = best.max(accuracy);
        let error = (best * (1.0 - best) / evidence.samples.max(1) as f64).sqrt();
        let allowed = DROP_DEVIATIONS * error + DROP_SLACK;
        at_most("accuracy below the best before", best - accuracy, allowed, Some(format!("epoch {at}")))
    })
}
