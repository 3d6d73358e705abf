//! The white paper's six rules, each in its strict form and in one that is statistically sound.
//!
//! All six are cheap and none needs training to be satisfied (`docs/training.md` shows how each is got round): they filter, and replay
//! decides. Both forms are always reported; a profile says which one rejects.

mod accuracy;
mod closeness;
mod continuity;
mod convergence;
mod independence;
mod initial;

use crate::{
    digest::Digest,
    package::{Package, PackageError},
    statistics::{Bounds, Scan, Spectrum, edge, spectrum},
    terms::{Init, Mixture, Parameter},
};
use serde::Serialize;

pub use accuracy::{CHANCE_MARGIN, DROP_DEVIATIONS, DROP_SLACK};
pub use closeness::{RATIO as CLOSENESS_RATIO, SIGMAS};
pub use continuity::{RELATIVE as CONTINUITY_RELATIVE, SHARE, STRICT as CONTINUITY_STRICT};
pub use convergence::{CORRELATION, RISE};
pub use independence::{STRICT as INDEPENDENCE_STRICT, TRACY_WIDOM};
pub use initial::{FALSE_REJECTION, STRICT as INITIAL_STRICT};

/// Which form of the rules rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The white paper's words. It rejects some honest trainings: accuracy is not monotone.
    Strict,
    /// Statistically sound: false rejections are rare and their rate is known.
    Tolerant,
}

/// One comparison of a value with a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What was compared.
    pub what: &'static str,
    /// The value; where only bounds are known, the bound that decided.
    pub value: f64,
    /// The threshold.
    pub threshold: f64,
    /// Whether it is kept.
    pub holds: bool,
    /// The layer or checkpoint with the worst value.
    pub at: Option<String>,
}

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleReport {
    /// 1 to 6.
    pub rule: u8,
    /// In a few words.
    pub name: &'static str,
    /// The white paper's form.
    pub strict: Vec<Finding>,
    /// The sound form.
    pub tolerant: Vec<Finding>,
    /// What it cannot catch.
    pub blind_to: &'static str,
    /// Whether it could be measured at all.
    pub measured: bool,
}

impl RuleReport {
    /// Whether every comparison of a form is kept. What was not measured does not fail.
    pub fn holds(&self, profile: Profile) -> bool {
        let findings = if profile == Profile::Strict { &self.strict } else { &self.tolerant };
        !self.measured || findings.iter().all(|finding| finding.holds)
    }
}

/// Singular values of one layer.
#[derive(Debug, Clone)]
pub struct LayerSpectrum {
    /// Which.
    pub parameter: Parameter,
    /// Largest singular value over that of a random matrix, untrained.
    pub initial: Bounds,
    /// The same, trained: told, never judged.
    pub trained: Bounds,
    /// Share of the first principal component in the variance of the untrained layer's rows.
    pub component: Bounds,
    /// Values that were seen, over the edge: untrained and trained.
    pub seen: (Vec<f64>, Vec<f64>),
}

/// All that the rules look at.
pub struct Evidence<'a> {
    /// The package, for what must be computed exactly.
    pub package: &'a Package,
    /// The pass over it.
    pub scan: &'a Scan,
    /// Accuracy after each epoch, that of the untrained model first; empty where no validation data was given.
    pub accuracy: &'a [f64],
    /// Samples that it was measured on.
    pub samples: u64,
    /// Classes.
    pub classes: u64,
    /// Singular values of each weight.
    pub spectra: &'a [LayerSpectrum],
}

/// Applies all six.
pub fn apply(evidence: &Evidence<'_>) -> Result<Vec<RuleReport>, PackageError> {
    Ok(vec![
        accuracy::judge(evidence),
        continuity::judge(evidence)?,
        initial::judge(evidence)?,
        independence::judge(evidence),
        convergence::judge(evidence),
        closeness::judge(evidence),
    ])
}

/// Singular values of every weight in the first and the last checkpoint; one layer in memory at a time.
pub fn spectra(
    package: &Package,
    parameters: &[Parameter],
    seed: &Digest,
) -> Result<Vec<LayerSpectrum>, PackageError> {
    let weights = parameters.iter().filter(|parameter| matches!(parameter.init(), Init::Mixture { .. }));
    let (first, last) = (package.checkpoint(0)?, package.checkpoint(package.len() - 1)?);
    weights
        .map(|parameter| {
            let (rows, cols) = parameter.as_matrix();
            let unit = edge(rows, cols) * Mixture::new(cols).variance().sqrt();
            let values = first.read_tensor(&parameter.tensor())?;
            let untrained = spectrum(&values, rows, cols, false, seed);
            let component = independence::component(&values, (rows, cols), &untrained, seed);
            drop(values);
            let trained = spectrum(&last.read_tensor(&parameter.tensor())?, rows, cols, false, seed);
            let over = |spectrum: &Spectrum| spectrum.seen.iter().map(|value| value / unit).collect();
            Ok(LayerSpectrum {
                parameter: parameter.clone(),
                initial: untrained.largest.over(unit),
                trained: trained.largest.over(unit),
                component,
                seen: (over(&untrained), over(&trained)),
            })
        })
        .collect()
}

/// The finding with the worst value relative to its own threshold.
fn worst(findings: impl IntoIterator<Item = Finding>) -> Option<Finding> {
    findings.into_iter().max_by(|one, other| {
        let order = |finding: &Finding| (!finding.holds, share(finding));
        let ((one_fails, one), (other_fails, other)) = (order(one), order(other));
        one_fails.cmp(&other_fails).then(one.total_cmp(&other))
    })
}

/// How much of its threshold a finding takes. Where it holds and both are 0, none of it.
fn share(finding: &Finding) -> f64 {
    let share = finding.value / finding.threshold;
    if finding.holds && share.is_nan() { f64::NEG_INFINITY } else { share }
}

/// A value that must be at most the threshold. NaN is not.
fn at_most(what: &'static str, value: f64, threshold: f64, at: Option<String>) -> Finding {
    Finding { what, value, threshold, holds: value <= threshold, at }
}

/// A value that must be at least the threshold. NaN is not.
fn at_least(what: &'static str, value: f64, threshold: f64, at: Option<String>) -> Finding {
    Finding { what, value, threshold, holds: value >= threshold, at }
}

/// Bounds that must decide; where they do not, the exact value does.
fn bounded(
    what: &'static str,
    bounds: Bounds,
    threshold: f64,
    at: &str,
    exact: impl FnOnce() -> Result<f64, PackageError>,
) -> Result<Finding, PackageError> {
    let at = Some(at.to_string());
    Ok(match bounds.at_most(threshold) {
        Some(true) => at_most(what, bounds.high, threshold, at),
        Some(false) => at_most(what, bounds.low, threshold, at),
        None => at_most(what, exact()?, threshold, at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_most_of_its_threshold_is_worst_and_nothing_of_nothing_is_best() {
        let constant = at_most("constant", 0.0, 0.0, None);
        let near = at_most("near", 0.9, 1.0, None);
        let over = at_most("over", 0.1, 0.0, None);
        let named = |findings: [&Finding; 2]| worst(findings.map(Clone::clone)).unwrap().what;
        assert_eq!([named([&constant, &near]), named([&near, &constant])], ["near"; 2]);
        assert_eq!([named([&over, &near]), named([&near, &over])], ["over"; 2]);
        let broken = at_most("broken", f64::NAN, 1.0, None);
        assert_eq!([named([&broken, &near]), named([&near, &broken])], ["broken"; 2]);
    }
}
