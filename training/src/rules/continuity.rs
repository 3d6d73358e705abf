//! Rule 2: neighbouring checkpoints have nearly the same distributions, in every layer.
//!
//! Strict: Wasserstein-1 between a layer's values at most δ = 0.02. That depends on the layer's scale, so tolerant: at most a share of
//! the layer's standard deviation, and no single interval moves the weights by most of the whole way in one leap.

use super::{Evidence, Finding, RuleReport, at_most, bounded, worst};
use crate::{
    package::PackageError,
    statistics::{LayerScan, exact_wasserstein},
    terms::Init,
};

/// δ, as a third party's implementation of the white paper's source has it.
pub const STRICT: f64 = 0.02;
/// The most that a weight's distribution may shift between neighbours, in its standard deviations.
pub const RELATIVE: f64 = 0.5;
/// The most that one interval may move the weights, as a share of the whole path's length, where there are at least four.
pub const SHARE: f64 = 0.75;

/// Applies the rule.
pub(super) fn judge(evidence: &Evidence<'_>) -> Result<RuleReport, PackageError> {
    let (mut strict, mut tolerant) = (Vec::new(), Vec::new());
    for layer in &evidence.scan.layers {
        let is_weight = matches!(layer.parameter.init(), Init::Mixture { .. });
        for (at, shift) in layer.shift.iter().enumerate() {
            let exact = || exactly(evidence, layer, at);
            let name = format!("{}, checkpoint {} to {}", layer.parameter.name, at, at + 1);
            strict.push(bounded("Wasserstein-1 between neighbours", *shift, STRICT, &name, exact)?);
            // A bias begins at 0 and has no scale of its own to be measured by.
            let scale = layer.deviation[at].max(layer.deviation[at + 1]);
            if is_weight && scale > 0.0 {
                let exact = || Ok(exactly(evidence, layer, at)? / scale);
                let what = "the same, in standard deviations";
                tolerant.push(bounded(what, shift.over(scale), RELATIVE, &name, exact)?);
            }
        }
    }
    let tolerant = worst(tolerant).into_iter().chain(leap(evidence)).collect();
    Ok(RuleReport {
        rule: 2,
        name: "distributions change little from checkpoint to checkpoint",
        strict: worst(strict).into_iter().collect(),
        tolerant,
        blind_to: "any path cut into small enough pieces",
        measured: !evidence.scan.layers.is_empty(),
    })
}

fn leap(evidence: &Evidence<'_>) -> Option<Finding> {
    let moves = evidence.scan.moves();
    let (at, most) = moves.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1))?;
    let all: f64 = moves.iter().sum();
    let place = Some(format!("checkpoint {at} to {}", at + 1));
    let found = at_most("largest interval's share of the path", most / all, SHARE, place);
    // Of very few intervals, the first is most of the way in honest trainings too.
    (moves.len() >= 4).then_some(found)
}

fn exactly(evidence: &Evidence<'_>, layer: &LayerScan, at: usize) -> Result<f64, PackageError> {
    let read = |at| evidence.package.checkpoint(at)?.read_tensor(&layer.parameter.tensor());
    let (mut one, mut other) = (read(at)?, read(at + 1)?);
    Ok(exact_wasserstein(&mut one, &mut other))
}
