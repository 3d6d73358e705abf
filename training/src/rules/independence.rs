//! Rule 4: the untrained parameters are independent of one another.
//!
//! Strict: the first principal component of a layer's rows has at most a quarter of their variance; narrow layers fail that by chance.
//! Tolerant: the largest singular value lies at most a few units of Tracy and Widom's law above the Marchenko–Pastur edge, where that of
//! a matrix of independent values lies. What has learned something stands far above it.

use super::{Evidence, RuleReport, at_most, worst};
use crate::{
    digest::Digest,
    statistics::{Bounds, Spectrum, spectrum, tracy_widom_scale},
};

/// As a third party's implementation of the white paper's source has it.
pub const STRICT: f64 = 0.25;
/// Units of Tracy–Widom above the edge: beyond 8 the law's tail is below 10⁻⁷ (e^(−⅔·8^1.5)).
pub const TRACY_WIDOM: f64 = 8.0;
/// What the certificate of the largest singular value leaves open, and a finite matrix needs, relative to the edge.
const MARGIN: f64 = 0.03;

/// Applies the rule.
pub(super) fn judge(evidence: &Evidence<'_>) -> RuleReport {
    let strict = evidence.spectra.iter().map(|layer| {
        let value = if layer.component.low > STRICT { layer.component.low } else { layer.component.high };
        at_most("share of the first principal component", value, STRICT, Some(layer.parameter.name.clone()))
    });
    let tolerant = evidence.spectra.iter().map(|layer| {
        let (rows, cols) = layer.parameter.as_matrix();
        let threshold = (1.0 + TRACY_WIDOM * tracy_widom_scale(rows, cols)).sqrt() + MARGIN;
        let at = Some(layer.parameter.name.clone());
        at_most("largest singular value over the random edge", layer.initial.high, threshold, at)
    });
    RuleReport {
        rule: 4,
        name: "the untrained parameters are independent",
        strict: worst(strict).into_iter().collect(),
        tolerant: worst(tolerant).into_iter().collect(),
        blind_to: "a stolen model under enough noise",
        measured: !evidence.spectra.is_empty(),
    }
}

/// Share of the first principal component, from what is known already where that decides.
pub(super) fn component(
    values: &[f32],
    (rows, cols): (usize, usize),
    known: &Spectrum,
    seed: &Digest,
) -> Bounds {
    // Centring takes at most a row's worth of variance, and makes no singular value larger.
    let mut means = vec![0.0f64; cols];
    for row in values.chunks_exact(cols) {
        means.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let taken = means.iter().map(|sum| sum * sum).sum::<f64>() / rows.max(1) as f64;
    let high = known.largest.high.powi(2) / (known.squares - taken).max(f64::MIN_POSITIVE);
    if high <= STRICT || rows < 2 {
        return Bounds { low: 0.0, high: high.min(1.0) };
    }
    let centred = spectrum(values, rows, cols, true, seed);
    let squares = centred.squares.max(f64::MIN_POSITIVE);
    Bounds {
        low: centred.largest.low.powi(2) / squares,
        high: (centred.largest.high.powi(2) / squares).min(1.0),
    }
}
