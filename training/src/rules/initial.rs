//! Rule 3: the untrained model follows the Gaussian mixture.
//!
//! Strict: Wasserstein-1 from the mixture at most 0.03. Tolerant: Kolmogorov–Smirnov with the bound of Dvoretzky, Kiefer, Wolfowitz and
//! Massart, D ≤ √(ln(2/α)/2n), α shared among layers. Biases are 0, scales 1. Where the order's randomness fixes the values themselves,
//! equality to the bit is checked beside this.

use super::{Evidence, RuleReport, at_most, bounded, worst};
use crate::{
    package::PackageError,
    statistics::LayerScan,
    terms::{Init, Mixture},
};

/// As a third party's implementation of the white paper's source has it.
pub const STRICT: f64 = 0.03;
/// The chance that an honest model is rejected by this rule.
pub const FALSE_REJECTION: f64 = 1e-6;

/// Applies the rule.
pub(super) fn judge(evidence: &Evidence<'_>) -> Result<RuleReport, PackageError> {
    let layers = &evidence.scan.layers;
    let weights = layers.iter().filter(|layer| layer.initial_ks.is_some()).count().max(1) as f64;
    let (mut strict, mut tolerant) = (Vec::new(), Vec::new());
    for layer in layers {
        let name = &layer.parameter.name;
        if let (Some(shift), Some(ks)) = (layer.initial_shift, layer.initial_ks) {
            // The bound is a few thousandths of the layer's deviation: what it does not decide is refused.
            let high = || Ok(shift.high);
            strict.push(bounded("Wasserstein-1 from the mixture", shift, STRICT, name, high)?);
            let count = layer.parameter.elements() as f64;
            let threshold = ((2.0 * weights / FALSE_REJECTION).ln() / (2.0 * count)).sqrt();
            let exact = || exactly(evidence, layer);
            tolerant.push(bounded(
                "Kolmogorov–Smirnov distance from the mixture",
                ks,
                threshold,
                name,
                exact,
            )?);
        } else if let Some(off) = layer.initial_off {
            tolerant.push(at_most("bias or scale off its constant", off, 0.0, Some(name.clone())));
        }
    }
    // Constants have no distance of their own kind: a failed one is worse than any kept distance.
    Ok(RuleReport {
        rule: 3,
        name: "the untrained model follows the Gaussian mixture",
        strict: worst(strict).into_iter().collect(),
        tolerant: worst(tolerant).into_iter().collect(),
        blind_to: "a stolen model whose weights were given the mixture's values in the order of their ranks",
        measured: !layers.is_empty(),
    })
}

fn exactly(evidence: &Evidence<'_>, layer: &LayerScan) -> Result<f64, PackageError> {
    use rayon::slice::ParallelSliceMut;
    let Init::Mixture { fan_in } = layer.parameter.init() else { return Ok(f64::NAN) };
    let mixture = Mixture::new(fan_in);
    let mut values = evidence.package.checkpoint(0)?.read_tensor(&layer.parameter.tensor())?;
    values.par_sort_unstable_by(f32::total_cmp);
    let all = values.len() as f64;
    let distance = |(at, &value): (usize, &f32)| {
        let cdf = mixture.cdf(f64::from(value));
        (cdf - at as f64 / all).abs().max(((at + 1) as f64 / all - cdf).abs())
    };
    use rayon::prelude::*;
    Ok(values.par_iter().enumerate().map(distance).reduce(|| 0.0, f64::max))
}
