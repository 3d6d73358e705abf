//! Everything that a verifier does with a package, in order: integrity, the order's terms, the six rules, replay.

use crate::{
    digest::Digest,
    engine::Plan,
    graph::{self, Evaluator, GraphError},
    package::{Layout, Package, PackageError},
    replay::{self, Choice, Interval, ReplayError, Why},
    report::{Check, Report, Verdict},
    rules::{self, Evidence, Profile},
    statistics::{Scan, scan},
    terms::{DataError, Dataset, Parameter, Terms, initial},
};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// What to verify with.
pub struct Options<'a> {
    /// The order's terms, if the package must be of one order.
    pub terms: Option<&'a Terms>,
    /// The data that was to be trained on; without it nothing is replayed.
    pub data: Option<&'a Dataset>,
    /// The data that accuracy is measured on; without it rule 1 is not measured.
    pub validation: Option<&'a Dataset>,
    /// Which form of the rules rejects.
    pub profile: Profile,
    /// How many intervals are redone.
    pub choice: Choice,
    /// Drawn after the package's commitment was published.
    pub randomness: Digest,
    /// Whether that is the caller's word: the program did not draw it itself.
    pub randomness_given: bool,
    /// Hears what is being done: a phase, how far, of how much.
    pub progress: &'a (dyn Fn(&'static str, u64, u64) + Sync),
}

/// Why a package could not be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The randomness is the order's.
    #[error(
        "this is the order's own randomness, which the trainer knew before the training: what it draws can be foreseen. Give randomness that was \
         drawn after the commitment was published, or none"
    )]
    Foreseen,
    /// The package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl From<ReplayError> for VerifyError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Package(error) => Self::Package(error),
            ReplayError::Data(error) => Self::Data(error),
        }
    }
}

/// Verifies a package.
pub fn verify(package: &Package, options: &Options<'_>) -> Result<Report, VerifyError> {
    if options.randomness == package.terms().randomness {
        return Err(VerifyError::Foreseen);
    }
    let mut checks = Vec::new();
    if let Some(why) = refused(package, options, &mut checks)? {
        return Ok(unread(package, options, checks, why)?);
    }
    let terms = package.terms();
    let told = package.graph()?;
    let plan = terms.architecture.as_ref().and_then(|layers| Plan::new(&terms.input, layers).ok());
    let graph = order_graph(package, plan.as_ref(), &told)?;
    let parameters = graph::parameters(&graph)?;
    // Names, shapes and sizes first: from here on, what a graph claims is no larger than what lies on the disk, and no file is larger
    // than what the graph needs.
    check_layout(package, &Layout::new(&parameters, &terms.optimiser))?;
    check_files(package, options)?;
    if let Some(data) = options.data {
        data.check(&terms.data)?;
    }
    if let Some(validation) = options.validation {
        validation.check(&terms.validation)?;
    }
    checks.extend(order_checks(package, plan.as_ref(), (&told, &graph))?);
    checks.push(init_check(package, &parameters)?);
    checks.extend(state_check(package)?);

    let bytes = package.manifest().checkpoints.iter().map(|entry| entry.file.bytes).sum();
    let read = std::sync::atomic::AtomicU64::new(0);
    let told = |more| {
        let all = read.fetch_add(more, std::sync::atomic::Ordering::Relaxed) + more;
        (options.progress)("statistics", all, bytes);
    };
    let scan = scan(package, &parameters, &told)?;
    (options.progress)("spectra", 0, 1);
    let spectra = rules::spectra(package, &parameters, &options.randomness)?;
    let accuracy = match options.validation {
        Some(validation) => accuracies(package, &graph, validation, options)?,
        None => Vec::new(),
    };
    let evidence = Evidence {
        package,
        scan: &scan,
        accuracy: &accuracy,
        samples: terms.validation.samples,
        classes: terms.classes,
        spectra: &spectra,
    };
    let rules = rules::apply(&evidence)?;
    let (intervals, why_not) = replayed(package, plan.as_ref(), &scan.moves(), options)?;
    package.check_unchanged()?;
    let verdict = decide(package, options, &checks, &rules, &intervals, !accuracy.is_empty());
    Ok(Report::new(
        package,
        options,
        verdict,
        checks,
        rules,
        (intervals, why_not),
        (&scan, &spectra, accuracy),
    )?)
}

/// What the manifest and the terms alone say. Why there is no need to look at anything else, where there is none: by its own terms, a
/// package of another order can ask for any amount of memory, and checkpoints that nobody asked for can be any number of steps apart.
fn refused(
    package: &Package,
    options: &Options<'_>,
    checks: &mut Vec<Check>,
) -> Result<Option<&'static str>, PackageError> {
    if let Some(order) = options.terms {
        let same = order == package.terms();
        checks.push(Check::new("order", same, "the package is of the order whose terms were given"));
        if !same {
            return Ok(Some("the package is of another order, so nothing of it was read or run"));
        }
    }
    if package.is_empty() {
        return Err(PackageError::Order("there are none".into()));
    }
    let complete = is_complete(package);
    checks.push(Check::new(
        "checkpoints",
        complete,
        "there is a checkpoint at every step that the terms ask for, and at no other",
    ));
    Ok((!complete).then_some("its checkpoints are not at the steps of the terms, so none was read"))
}

fn is_complete(package: &Package) -> bool {
    let (terms, manifest) = (package.terms(), package.manifest());
    let steps = manifest.checkpoints.iter().map(|entry| entry.step);
    let reached = steps.clone().next_back().unwrap_or(0);
    let expected = (0..=reached.min(terms.steps())).filter(|&step| terms.is_checkpoint(step));
    steps.eq(expected) && (!manifest.finished || reached == terms.steps())
}

/// The report of what was rejected before it was read.
fn unread(
    package: &Package,
    options: &Options<'_>,
    checks: Vec<Check>,
    why: &'static str,
) -> Result<Report, PackageError> {
    let verdict = decide(package, options, &checks, &[], &[], false);
    let nothing = (&Scan::default(), &[][..], Vec::new());
    Report::new(package, options, verdict, checks, Vec::new(), (Vec::new(), Some(why)), nothing)
}

/// Whether every checkpoint has the tensors of the order and no others. Sizes go by the manifest, which files were held to when the package
/// was opened, and names by headers: no tensor but the trace is read.
fn check_layout(package: &Package, layout: &Layout) -> Result<(), PackageError> {
    let entries = &package.manifest().checkpoints;
    let steps = |at: usize| {
        let before = at.checked_sub(1).map_or(0, |before| entries[before].step);
        entries[at].step.saturating_sub(before)
    };
    entries.iter().enumerate().try_for_each(|(at, entry)| layout.check_size(&entry.file, steps(at)))?;
    (0..entries.len()).into_par_iter().try_for_each(|at| layout.check(&package.checkpoint(at)?, steps(at)))
}

fn check_files(package: &Package, options: &Options<'_>) -> Result<(), PackageError> {
    let entries: Vec<_> = package.entries().collect();
    let done = std::sync::atomic::AtomicU64::new(0);
    let all = entries.iter().map(|entry| entry.bytes).sum();
    entries.par_iter().try_for_each(|entry| {
        package.check_file(entry)?;
        let now = done.fetch_add(entry.bytes, std::sync::atomic::Ordering::Relaxed) + entry.bytes;
        (options.progress)("integrity", now, all);
        Ok(())
    })
}

/// The graph that is run: made from the order's layers, or the one that the terms name. Never one that a package made up.
fn order_graph(package: &Package, plan: Option<&Plan>, told: &[u8]) -> Result<Vec<u8>, VerifyError> {
    match plan {
        Some(plan) => Ok(graph::export(plan)?),
        None if Digest::of(&[told]) != package.terms().graph => {
            Err(GraphError::Form("is not the one that the terms name".into()).into())
        }
        None => Ok(told.into()),
    }
}

fn order_checks(
    package: &Package,
    plan: Option<&Plan>,
    (told, graph): (&[u8], &[u8]),
) -> Result<Vec<Check>, VerifyError> {
    let terms = package.terms();
    let mut checks = Vec::new();
    let same = told == graph && Digest::of(&[told]) == terms.graph;
    checks.push(Check::new("graph", same, "the graph is the order's"));
    let flop =
        graph::training_flop(graph::forward_flop(plan, graph, &terms.input)?, terms.batch, terms.steps());
    checks.push(Check::new(
        "work",
        flop.to_string() == terms.flop,
        "the FLOP in the terms are those of the graph",
    ));
    let entries = &package.manifest().checkpoints;
    let different: BTreeSet<Digest> = entries.iter().map(|entry| entry.file.root).collect();
    checks.push(Check::new("repeats", different.len() == entries.len(), "no checkpoint is there twice"));
    Ok(checks)
}

/// Whether the untrained model is the one that the order's randomness makes, to the bit.
fn init_check(package: &Package, parameters: &[Parameter]) -> Result<Check, PackageError> {
    let first = package.checkpoint(0)?;
    let equal = |parameter: &Parameter| -> Result<bool, PackageError> {
        first.floats_of(&parameter.tensor(), &parameter.shape)?;
        let told = first.read_tensor(&parameter.tensor())?;
        let made = initial(&package.terms().randomness, parameter);
        Ok(told.iter().zip(&made).all(|(told, made)| told.to_bits() == made.to_bits()))
    };
    // One layer after the other: two of them are in memory.
    let mut off = None;
    for parameter in parameters {
        if !equal(parameter)? {
            off = off.or(Some(parameter.name.clone()));
        }
    }
    let mut check =
        Check::new("init", off.is_none(), "the untrained model is the one that the chain's randomness makes");
    check.at = off;
    Ok(check)
}

/// Whether the optimiser began with nothing.
fn state_check(package: &Package) -> Result<Option<Check>, PackageError> {
    let first = package.checkpoint(0)?;
    let names: Vec<String> = first
        .tensors()
        .filter(|(name, _)| name.starts_with("optimiser/"))
        .map(|(name, _)| name.to_string())
        .collect();
    let mut off = None;
    for name in &names {
        if first.read_tensor(name)?.iter().any(|value| value.to_bits() != 0) {
            off = off.or(Some(name.clone()));
        }
    }
    let mut check = Check::new("optimiser", off.is_none(), "the optimiser begins with nothing");
    check.at = off;
    Ok((!names.is_empty()).then_some(check))
}

fn accuracies(
    package: &Package,
    graph: &[u8],
    validation: &Dataset,
    options: &Options<'_>,
) -> Result<Vec<f64>, VerifyError> {
    let terms = package.terms();
    let evaluator = Evaluator::new(graph, &terms.input)?;
    let entries = &package.manifest().checkpoints;
    let epochs: Vec<usize> =
        (0..entries.len()).filter(|&at| entries[at].step.is_multiple_of(terms.steps_per_epoch())).collect();
    let mut accuracies = Vec::new();
    for (done, &at) in epochs.iter().enumerate() {
        accuracies.push(evaluator.accuracy(&package.checkpoint(at)?, validation, terms.classes)?);
        (options.progress)("accuracy", done as u64 + 1, epochs.len() as u64);
    }
    Ok(accuracies)
}

type Replayed = (Vec<Interval>, Option<&'static str>);

fn replayed(
    package: &Package,
    plan: Option<&Plan>,
    moves: &[f64],
    options: &Options<'_>,
) -> Result<Replayed, VerifyError> {
    let Some(plan) = plan else {
        return Ok((
            Vec::new(),
            Some("the graph has layers that are not on the list of what can be replayed"),
        ));
    };
    let Some(data) = options.data else { return Ok((Vec::new(), Some("the training data was not given"))) };
    let entries = &package.manifest().checkpoints;
    let steps: Vec<u64> = entries.windows(2).map(|pair| pair[1].step - pair[0].step).collect();
    let per_step: Vec<f64> =
        moves.iter().zip(&steps).map(|(way, &steps)| way / (steps as f64).sqrt()).collect();
    let chosen = replay::choose(options.choice, &package.commitment()?, &options.randomness, &per_step);
    if moves.is_empty() {
        return Ok((Vec::new(), Some("the package ends with its first checkpoint")));
    }
    if chosen.is_empty() {
        return Ok((Vec::new(), Some("no interval was asked for")));
    }
    let all = chosen.iter().filter_map(|(at, _)| steps.get(*at)).sum();
    let done = std::sync::atomic::AtomicU64::new(0);
    let told = || {
        let now = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        (options.progress)("replay", now, all);
    };
    Ok((replay::replay(plan, package, data, &chosen, &told)?, None))
}

fn decide(
    package: &Package,
    options: &Options<'_>,
    checks: &[Check],
    rules: &[rules::RuleReport],
    intervals: &[Interval],
    measured: bool,
) -> Verdict {
    let mut by: Vec<String> =
        checks.iter().filter(|check| !check.holds).map(|check| check.name.to_string()).collect();
    by.extend(
        rules.iter().filter(|rule| !rule.holds(options.profile)).map(|rule| format!("rule {}", rule.rule)),
    );
    for failing in intervals.iter().flat_map(Interval::failing) {
        if by.iter().all(|known| known != failing) {
            by.push(failing.into());
        }
    }
    if !by.is_empty() {
        return Verdict::Rejected { by };
    }
    if !package.manifest().finished {
        return Verdict::Unfinished;
    }
    match options.terms {
        // Those that are not drawn are known to whoever made the package, and may be the only honest ones.
        _ if !intervals.iter().any(|interval| interval.chosen == Why::Drawn) || !measured => {
            Verdict::NotReplayed
        }
        Some(_) => Verdict::Consistent,
        None => Verdict::OwnTerms,
    }
}
