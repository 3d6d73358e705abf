//! One experiment: terms, training, verification.

use super::{LabError, Model, Optimisation, data::Files, order};
use crate::{
    digest::Digest,
    engine::{Plan, State},
    order as terms_of,
    package::{Origin, Package, Writer},
    replay::Choice,
    report::{Report, Verdict},
    rules::Profile,
    terms::{Dataset, Terms},
    train,
    verify::{self, Options},
};
use std::path::Path;

/// Data, terms and all that comes of them.
pub struct Setting {
    /// To train on.
    pub data: Dataset,
    /// To measure with.
    pub validation: Dataset,
    /// The order's terms.
    pub terms: Terms,
    /// The graph.
    pub graph: Vec<u8>,
    /// The layers.
    pub plan: Plan,
}

impl Setting {
    /// An order on these data, seeded by a number.
    pub fn new(
        files: &Files,
        (model, optimisation): (Model, Optimisation),
        epochs: u64,
        seed: u64,
    ) -> Result<Self, LabError> {
        let (data, validation) = (Dataset::open(&files.0)?, Dataset::open(&files.1)?);
        let classes = if data.shape() == [1, 28, 28] { 10 } else { 6 };
        let order = order(model, optimisation, data.shape(), classes, epochs);
        let randomness = Digest::of(&[b"lab", &seed.to_le_bytes()]);
        let (terms, graph) = terms_of::make(&order, None, (&data, &validation), randomness)?;
        let plan = train::plan_of(&terms)?;
        Ok(Self { data, validation, terms, graph, plan })
    }

    /// Who trains.
    pub fn origin(&self) -> Origin {
        Origin { hardware: "training-lab".into(), machine: None }
    }

    /// The last state of a package.
    pub fn last(&self, folder: &Path) -> Result<State, LabError> {
        let package = Package::open(folder)?;
        let at = package.len() - 1;
        Ok(State::load(&self.plan, &self.terms.optimiser, &package.checkpoint(at)?, self.terms.steps())?)
    }
}

/// Trains as ordered.
pub fn honest(setting: &Setting, folder: &Path) -> Result<(), LabError> {
    let Setting { terms, graph, data, .. } = setting;
    train::train(terms, graph, data, folder, &setting.origin(), |_, _| {})?.finish(None)?;
    Ok(())
}

/// Writes the order's untrained model alone: all that rules 3 and 4 look at.
pub fn untrained(setting: &Setting, folder: &Path) -> Result<(), LabError> {
    let Setting { terms, graph, plan, .. } = setting;
    let first = State::initial(plan, &terms.optimiser, &terms.randomness);
    let mut writer = Writer::create(folder, terms, graph, &setting.origin())?;
    Ok(writer.add(0, &first.tensors(plan, &terms.optimiser))?)
}

/// What a verification came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Rules that fail in their strict form.
    pub strict: Vec<u8>,
    /// Rules that fail in their tolerant form.
    pub tolerant: Vec<u8>,
    /// Checks beside the rules that fail.
    pub checks: Vec<String>,
    /// The largest errors of a replay, of parameters, of state, of a single tensor, of the optimiser's steps and of idle inputs; none
    /// where nothing was redone.
    pub replay: Option<[f64; 5]>,
    /// What rejects, by name; empty where nothing does.
    pub rejected_by: Vec<String>,
    /// The whole report; none where the package cannot even be read.
    pub report: Option<Report>,
}

/// Verifies with the tolerant rules and a replay of `choice`.
pub fn outcome(setting: &Setting, folder: &Path, choice: Choice, draw: u64) -> Outcome {
    let verified = Package::open(folder).map_err(Into::into).and_then(|package| {
        let options = Options {
            terms: Some(&setting.terms),
            data: Some(&setting.data),
            validation: Some(&setting.validation),
            profile: Profile::Tolerant,
            choice,
            randomness: Digest::of(&[b"draw", &draw.to_le_bytes()]),
            randomness_given: false,
            progress: &|_, _, _| {},
        };
        verify::verify(&package, &options)
    });
    match verified {
        Ok(report) => told(report),
        Err(error) => {
            let by = format!("reader: {error}");
            Outcome {
                strict: vec![],
                tolerant: vec![],
                checks: vec![],
                replay: None,
                rejected_by: vec![by],
                report: None,
            }
        }
    }
}

fn told(report: Report) -> Outcome {
    let failing =
        |profile| report.rules.iter().filter(|rule| !rule.holds(profile)).map(|rule| rule.rule).collect();
    let picks: [fn(&crate::replay::Interval) -> f64; 5] = [
        |one| one.error,
        |one| one.state_error,
        |one| one.layer_error,
        |one| one.step_error,
        |one| one.idle_error,
    ];
    Outcome {
        strict: failing(Profile::Strict),
        tolerant: failing(Profile::Tolerant),
        checks: report.checks.iter().filter(|check| !check.holds).map(|check| check.name.into()).collect(),
        replay: (!report.replayed.is_empty())
            .then(|| picks.map(|pick| report.replayed.iter().map(pick).fold(0.0, f64::max))),
        rejected_by: match &report.verdict {
            Verdict::Rejected { by } => by.clone(),
            Verdict::Consistent => Vec::new(),
            other => vec![other.sentence()],
        },
        report: Some(report),
    }
}
