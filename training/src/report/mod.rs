//! What a verification found: for programs as JSON, for people as one page of HTML.

mod html;
mod plain;
mod plot;

pub use html::page;
pub use plain::{printable, printable_json};

use crate::{
    digest::Digest,
    package::{Package, PackageError},
    replay::{Choice, Interval, THRESHOLDS, Thresholds, Why},
    rules::{LayerSpectrum, Profile, RuleReport},
    statistics::{Bounds, Scan},
    verify::Options,
};
use serde::Serialize;

/// The outcome. None of the words says more than was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Drawn intervals were redone and match, every rule and check holds.
    Consistent,
    /// The same, by terms that the package brings itself: whose order they are was not asked, and a trainer may have chosen them.
    OwnTerms,
    /// Every rule and check that could be applied holds, but no drawn interval was redone, or accuracy was not measured: that shows little.
    NotReplayed,
    /// What there is holds, but the training did not come to its end.
    Unfinished,
    /// Something does not hold.
    Rejected {
        /// Checks, rules and replay, by name.
        by: Vec<String>,
    },
}

impl Verdict {
    /// In a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Consistent => "Consistent with the order: the intervals that were drawn have been redone and match, and all rules hold".into(),
            Self::OwnTerms => "Consistent with the terms that the package brings itself; NOT COMPARED with an order's terms, so the trainer may have chosen them".into(),
            Self::NotReplayed => "NOT REPLAYED: the rules hold, which does not show that the training took place".into(),
            Self::Unfinished => "Unfinished: what there is holds, but the training did not come to its end".into(),
            Self::Rejected { by } => format!("REJECTED by {}", by.join(", ")),
        }
    }

    /// The same, and what of it is missing where something is.
    fn sentence_of(&self, replayed: &[Interval]) -> String {
        let drawn = replayed.iter().any(|one| one.chosen == Why::Drawn);
        match self {
            Self::NotReplayed if drawn => "NOT MEASURED: drawn intervals have been redone and match, but accuracy was not measured: give the validation data".into(),
            Self::NotReplayed if !replayed.is_empty() => "NOT DRAWN: only the last interval and those that moved furthest have been redone, and a trainer knows those beforehand: have some drawn (--intervals)".into(),
            _ => self.sentence(),
        }
    }

    /// The process's exit code: 0 consistent, 1 rejected, 3 not replayed, 5 unfinished, 6 not compared with an order. (2 is a wrong
    /// command line, 4 a package that cannot be read.)
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Consistent => 0,
            Self::Rejected { .. } => 1,
            Self::NotReplayed => 3,
            Self::Unfinished => 5,
            Self::OwnTerms => 6,
        }
    }
}

/// Said of an interval that differs and is longer than [`crate::replay::SAFE_STEPS`].
pub const LONG_INTERVAL: &str = "over so many steps honest training on another processor or framework may differ as much: an order has to ask for shorter intervals";

/// A check beside the six rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// In a word.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// What holds if it does.
    pub what: &'static str,
    /// Where it does not.
    pub at: Option<String>,
}

impl Check {
    /// A check.
    pub fn new(name: &'static str, holds: bool, what: &'static str) -> Self {
        Self { name, holds, what, at: None }
    }
}

/// One layer's numbers, for the plots.
#[derive(Debug, Clone, Serialize)]
pub struct LayerReport {
    /// The tensor.
    pub name: String,
    /// Wasserstein-1 between neighbours, over the layer's standard deviation where it has one.
    pub shift: Vec<f64>,
    /// Largest singular value over the random edge, untrained and trained; for weights.
    pub edge: Option<(Bounds, Bounds)>,
    /// Singular values over the edge, untrained and trained, as far as they were looked at.
    pub spectrum: Option<(Vec<f64>, Vec<f64>)>,
}

/// All that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The outcome.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The same in words.
    pub sentence: String,
    /// The order.
    pub order: String,
    /// SHA-256 of the manifest.
    pub commitment: Digest,
    /// SHA-256 of the terms.
    pub terms: Digest,
    /// FLOP of the training, counted from the graph.
    pub flop: String,
    /// Steps done, and steps ordered.
    pub steps: (u64, u64),
    /// Epochs ordered.
    pub epochs: u64,
    /// What the trainer says it trained on. Not checked.
    pub hardware_told: String,
    /// Which form of the rules rejects.
    pub profile: Profile,
    /// What the draw of intervals came of.
    pub randomness: Digest,
    /// Whether that is the word of whoever verified, rather than drawn by this program.
    pub randomness_given: bool,
    /// How many intervals were asked for.
    pub choice: Choice,
    /// How many intervals there are.
    pub intervals: usize,
    /// Checks beside the rules.
    pub checks: Vec<Check>,
    /// The six rules; none where the package was rejected before it was read.
    pub rules: Vec<RuleReport>,
    /// The intervals that were redone.
    pub replayed: Vec<Interval>,
    /// The largest errors that a replay may have.
    pub replay_thresholds: Thresholds,
    /// Why nothing was redone, where nothing was.
    pub not_replayed_because: Option<&'static str>,
    /// Accuracy after each epoch, as measured by this verifier.
    pub accuracy: Vec<f64>,
    /// ‖Ci − CN‖.
    pub distances: Vec<f64>,
    /// ‖C(i+1) − Ci‖.
    pub moves: Vec<f64>,
    /// Layers.
    pub layers: Vec<LayerReport>,
}

impl Report {
    pub(crate) fn new(
        package: &Package,
        options: &Options<'_>,
        verdict: Verdict,
        checks: Vec<Check>,
        rules: Vec<RuleReport>,
        (replayed, not_replayed_because): (Vec<Interval>, Option<&'static str>),
        (scan, spectra, accuracy): (&Scan, &[LayerSpectrum], Vec<f64>),
    ) -> Result<Self, PackageError> {
        let terms = package.terms();
        Ok(Self {
            sentence: verdict.sentence_of(&replayed),
            verdict,
            order: terms.order.clone(),
            commitment: package.commitment()?,
            terms: terms.digest()?,
            flop: terms.flop.clone(),
            steps: (package.manifest().checkpoints.last().map_or(0, |entry| entry.step), terms.steps()),
            epochs: terms.epochs,
            hardware_told: package.manifest().hardware.clone(),
            profile: options.profile,
            randomness: options.randomness,
            randomness_given: options.randomness_given,
            choice: options.choice,
            intervals: package.len().saturating_sub(1),
            checks,
            rules,
            replayed,
            replay_thresholds: THRESHOLDS,
            not_replayed_because,
            accuracy,
            distances: scan.distances(),
            moves: scan.moves(),
            layers: layers(scan, spectra),
        })
    }
}

fn layers(scan: &Scan, spectra: &[LayerSpectrum]) -> Vec<LayerReport> {
    let layer = |layer: &crate::statistics::LayerScan| {
        let spectrum = spectra.iter().find(|one| one.parameter == layer.parameter);
        let scales = layer.deviation.windows(2).map(|pair| pair[0].max(pair[1]));
        let shift = layer.shift.iter().zip(scales);
        LayerReport {
            name: layer.parameter.name.clone(),
            shift: shift.map(|(shift, scale)| if scale > 0.0 { shift.high / scale } else { 0.0 }).collect(),
            edge: spectrum.map(|one| (one.initial, one.trained)),
            spectrum: spectrum.map(|one| one.seen.clone()),
        }
    };
    scan.layers.iter().map(layer).collect()
}
