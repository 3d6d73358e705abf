//! What a verifier does with graphs that are not the order's, with graphs of the buyer's own, and with a package that changes under it.
#![cfg(feature = "lab")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};
use training::{
    digest::Digest,
    engine::State,
    graph::GraphError,
    lab::{Model, Optimisation, Setting, honest, order, synthetic},
    order as terms_of,
    package::{Package, PackageError, Writer, checkpoint_name},
    replay::Choice,
    report::{Report, Verdict},
    rules::Profile,
    terms::Terms,
    train::{TrainError, train},
    verify::{Options, VerifyError, verify},
};

fn setting(folder: &Path) -> Setting {
    let files = synthetic(folder, 640, 300).unwrap();
    Setting::new(&files, (Model::Mlp, Optimisation::Momentum), 4, 1).unwrap()
}

fn verified(
    setting: &Setting,
    terms: Option<&Terms>,
    package: &Path,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<Report, VerifyError> {
    let options = Options {
        terms,
        data: Some(&setting.data),
        validation: Some(&setting.validation),
        profile: Profile::Tolerant,
        choice: Choice { drawn: 2, largest: 0 },
        randomness: Digest([3; 32]),
        progress,
    };
    verify(&Package::open(package)?, &options)
}

const QUIET: &(dyn Fn(&'static str, u64, u64) + Sync) = &|_, _, _| {};

#[test]
fn a_package_that_changes_while_it_is_verified_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let package = folder.path().join("package");
    honest(&setting, &package).unwrap();
    let victim = package.join(checkpoint_name(setting.terms.steps_per_epoch()));
    let (forged, bytes) = (AtomicBool::new(false), fs::read(&victim).unwrap());
    // Hashed already, and read again for the spectra, for accuracy, for replay.
    let change = |phase: &'static str, _, _| {
        if phase == "spectra" && !forged.swap(true, Ordering::Relaxed) {
            fs::write(&victim, &bytes).unwrap();
        }
    };
    let refused = verified(&setting, Some(&setting.terms), &package, &change);
    let error = refused.expect_err("must be refused");
    assert!(matches!(&error, VerifyError::Package(PackageError::Changed(_))), "{error:?}");
    assert!(verified(&setting, Some(&setting.terms), &package, QUIET).is_ok());
}

#[test]
fn a_graph_that_is_not_the_orders_is_told_and_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let (honest_one, package) = (folder.path().join("honest"), folder.path().join("package"));
    honest(&setting, &honest_one).unwrap();
    let mut writer = Writer::create(&package, &setting.terms, b"no graph at all", &setting.origin()).unwrap();
    for at in 0..=4 {
        let step = at * setting.terms.steps_per_epoch();
        let from = Package::open(&honest_one).unwrap().checkpoint(at as usize).unwrap();
        let state = State::load(&setting.plan, &setting.terms.optimiser, &from, step).unwrap();
        writer.add(step, &state.tensors(&setting.plan, &setting.terms.optimiser)).unwrap();
    }
    writer.finish(None).unwrap();
    let report = verified(&setting, Some(&setting.terms), &package, QUIET).unwrap();
    assert_eq!(report.verdict, Verdict::Rejected { by: vec!["graph".into()] });
}

/// Terms with a graph of the buyer's own instead of layers.
fn foreign(setting: &Setting) -> Terms {
    let mut order = order(Model::Mlp, Optimisation::Momentum, setting.data.shape(), 6, 4);
    order.layers = None;
    let sets = (&setting.data, &setting.validation);
    terms_of::make(&order, Some(setting.graph.clone()), sets, setting.terms.randomness).unwrap().0
}

#[test]
fn a_graph_of_the_buyers_own_gets_the_rules_and_no_replay() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let terms = foreign(&setting);
    // tract counts a few pointwise operations beside the products of matrices.
    let flop = |terms: &Terms| terms.flop.parse::<f64>().unwrap();
    assert!(
        (1.0..1.02).contains(&(flop(&terms) / flop(&setting.terms))),
        "{} {}",
        terms.flop,
        setting.terms.flop
    );
    let package = folder.path().join("package");
    let tried = train(&terms, &setting.graph, &setting.data, &package, &setting.origin(), |_, _| {});
    assert!(matches!(tried, Err(TrainError::NotReplayable)));
    // Another framework trains it; here the engine does, whose layers happen to be the graph's.
    let known = folder.path().join("known");
    honest(&setting, &known).unwrap();
    let mut writer = Writer::create(&package, &terms, &setting.graph, &setting.origin()).unwrap();
    for at in 0..=4 {
        let step = at * terms.steps_per_epoch();
        let from = Package::open(&known).unwrap().checkpoint(at as usize).unwrap();
        let state = State::load(&setting.plan, &terms.optimiser, &from, step).unwrap();
        writer.add(step, &state.tensors(&setting.plan, &terms.optimiser)).unwrap();
    }
    writer.finish(None).unwrap();
    let report = verified(&setting, Some(&terms), &package, QUIET).unwrap();
    assert_eq!(report.verdict, Verdict::NotReplayed, "{:?}", report.verdict);
    assert!(report.accuracy.len() == 5 && report.not_replayed_because.is_some());
    // Of other terms than those given, its graph is nobody's but the trainer's.
    let refused = verified(&setting, Some(&setting.terms), &package, QUIET);
    assert!(matches!(refused, Err(VerifyError::ForeignGraph)), "{refused:?}");
    fs::remove_dir_all(&package).unwrap();
    Writer::create(&package, &terms, b"another", &setting.origin()).unwrap().finish(None).unwrap();
    let refused = verified(&setting, Some(&terms), &package, QUIET);
    assert!(matches!(refused, Err(VerifyError::Graph(GraphError::Form(_)))), "{refused:?}");
}

#[test]
fn without_the_orders_terms_nothing_is_said_of_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let package = folder.path().join("package");
    honest(&setting, &package).unwrap();
    let report = verified(&setting, None, &package, QUIET).unwrap();
    assert_eq!(report.verdict, Verdict::OwnTerms);
    assert!(report.sentence.contains("NOT COMPARED"));
    let report = verified(&setting, Some(&setting.terms), &package, QUIET).unwrap();
    assert_eq!(report.verdict, Verdict::Consistent);
}
