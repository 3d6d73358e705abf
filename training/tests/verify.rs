//! What a verifier does with graphs that are not the order's, with graphs of the buyer's own, and with a package that changes under it.
#![cfg(feature = "lab")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};
use training::{
    digest::Digest,
    engine::State,
    graph::GraphError,
    lab::{Model, Optimisation, Setting, honest, order, synthetic},
    order as terms_of,
    package::{Manifest, Package, PackageError, Writer, checkpoint_name},
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
    redone(setting, terms, package, Choice { drawn: 2, largest: 0 }, progress)
}

fn redone(
    setting: &Setting,
    terms: Option<&Terms>,
    package: &Path,
    choice: Choice,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<Report, VerifyError> {
    verify(&Package::open(package)?, &Options { choice, ..options(setting, terms, progress) })
}

fn options<'a>(
    setting: &'a Setting,
    terms: Option<&'a Terms>,
    progress: &'a (dyn Fn(&'static str, u64, u64) + Sync),
) -> Options<'a> {
    Options {
        terms,
        data: Some(&setting.data),
        validation: Some(&setting.validation),
        profile: Profile::Tolerant,
        choice: Choice { drawn: 2, largest: 0 },
        randomness: Digest([3; 32]),
        randomness_given: false,
        progress,
    }
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
    let report = verified(&setting, Some(&setting.terms), &package, QUIET).unwrap();
    assert_eq!(report.verdict, Verdict::Rejected { by: vec!["order".into()] });
    fs::remove_dir_all(&package).unwrap();
    let mut writer = Writer::create(&package, &terms, b"another", &setting.origin()).unwrap();
    (0..=4).for_each(|at| writer.add(at * terms.steps_per_epoch(), &[]).unwrap());
    writer.finish(None).unwrap();
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

/// Hears of anything that takes time, which there must be none of.
const IDLE: &(dyn Fn(&'static str, u64, u64) + Sync) = &|phase, _, _| panic!("{phase} was begun");

type Owned = (String, Vec<usize>, Vec<f32>);

/// The honest package once more, with other tensors at some checkpoint.
fn changed(setting: &Setting, folder: &Path, name: &str, change: &dyn Fn(u64, &mut Vec<Owned>)) -> PathBuf {
    let (known, package) = (folder.join("known"), folder.join(name));
    if !known.exists() {
        honest(setting, &known).unwrap();
    }
    let mut writer = Writer::create(&package, &setting.terms, &setting.graph, &setting.origin()).unwrap();
    for at in 0..=4 {
        let step = at * setting.terms.steps_per_epoch();
        let from = Package::open(&known).unwrap().checkpoint(at as usize).unwrap();
        let state = State::load(&setting.plan, &setting.terms.optimiser, &from, step).unwrap();
        let tensors = state.tensors(&setting.plan, &setting.terms.optimiser);
        let mut tensors: Vec<Owned> =
            tensors.into_iter().map(|(name, shape, values)| (name, shape, values.to_vec())).collect();
        change(at, &mut tensors);
        let views: Vec<_> =
            tensors.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), &values[..])).collect();
        writer.add(step, &views).unwrap();
    }
    writer.finish(None).unwrap();
    package
}

/// Writes the manifest anew.
fn told(package: &Path, change: impl FnOnce(&mut Manifest)) {
    let path = package.join("manifest.json");
    let mut manifest = Manifest::decode(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(&path, manifest.encode().unwrap()).unwrap();
}

fn is_unread(report: &Report, by: &str) {
    assert_eq!(report.verdict, Verdict::Rejected { by: vec![by.into()] });
    assert!(report.rules.is_empty() && report.replayed.is_empty() && report.not_replayed_because.is_some());
    let page = training::report::page(report);
    assert!(page.contains(report.not_replayed_because.unwrap()) && !page.contains("<svg"));
}

#[test]
fn a_package_of_another_order_is_rejected_before_anything_of_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let package = folder.path().join("package");
    // By its own terms it would be trained ten million steps in one interval, on a graph that is none.
    let other = Terms { epochs: 1_000_000, order: "other".into(), ..setting.terms.clone() };
    let mut writer = Writer::create(&package, &other, b"no graph", &setting.origin()).unwrap();
    writer.add(0, &[]).unwrap();
    writer.finish(None).unwrap();
    is_unread(&verified(&setting, Some(&setting.terms), &package, IDLE).unwrap(), "order");
}

#[test]
fn checkpoints_that_the_terms_do_not_ask_for_are_rejected_before_any_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let package = changed(&setting, folder.path(), "package", &|_, _| {});
    let far = 9_999_999_999;
    let last = checkpoint_name(4 * setting.terms.steps_per_epoch());
    fs::rename(package.join(last), package.join(checkpoint_name(far))).unwrap();
    told(&package, |manifest| {
        let last = manifest.checkpoints.last_mut().unwrap();
        (last.step, last.file.name) = (far, checkpoint_name(far));
    });
    is_unread(&verified(&setting, Some(&setting.terms), &package, IDLE).unwrap(), "checkpoints");
    is_unread(&verified(&setting, None, &package, IDLE).unwrap(), "checkpoints");
}

#[test]
fn tensors_that_are_not_the_orders_are_refused_before_anything_is_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let with = |name: &str, at: u64, tensor: &str, shape: &[usize], value: f32| {
        let values = vec![value; shape.iter().product()];
        let package = changed(&setting, folder.path(), name, &|now, tensors| {
            if now == at {
                tensors.push((tensor.into(), shape.to_vec(), values.clone()));
            }
        });
        verified(&setting, Some(&setting.terms), &package, IDLE).expect_err("must be refused")
    };
    for (name, at, tensor) in [
        ("a", 0, "optimiser/zzz/momentum"),
        ("b", 2, "model/extra"),
        ("c", 1, "rng/\u{1b}[31m"),
        ("d", 3, "x"),
    ] {
        let error = with(name, at, tensor, &[1], 0.0);
        assert!(
            matches!(&error, VerifyError::Package(PackageError::UnknownTensor { tensor: found, .. }) if found == tensor),
            "{error:?}"
        );
        assert!(!error.to_string().contains('\u{1b}'));
    }
    let steps = setting.terms.steps_per_epoch() as usize;
    let error = with("e", 2, "trace", &[steps, 8], f32::NAN);
    assert!(matches!(&error, VerifyError::Package(PackageError::NotFinite { .. })), "{error:?}");
    let error = with("f", 2, "trace", &[steps + 1, 8], 0.0);
    assert!(matches!(&error, VerifyError::Package(PackageError::WrongShape { .. })), "{error:?}");
}

#[test]
fn a_file_larger_than_what_it_must_hold_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let package = changed(&setting, folder.path(), "package", &|_, _| {});
    let large = |name: &str| fs::File::options().write(true).open(package.join(name))?.set_len(1 << 40);
    let victim = checkpoint_name(setting.terms.steps_per_epoch());
    large(&victim).unwrap();
    told(&package, |manifest| manifest.checkpoints[1].file.bytes = 1 << 40);
    let refused = verified(&setting, Some(&setting.terms), &package, IDLE);
    let error = refused.expect_err("must be refused");
    assert!(
        matches!(&error, VerifyError::Package(PackageError::TooLarge { name, .. }) if *name == victim),
        "{error:?}"
    );
    large("model.onnx").unwrap();
    told(&package, |manifest| manifest.graph.bytes = 1 << 40);
    let error = Package::open(&package).expect_err("must be refused");
    assert!(matches!(&error, PackageError::TooLarge { .. }), "{error:?}");
}

#[test]
fn a_checkpoint_that_becomes_a_pipe_is_told_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    for (name, link) in [("pipe", false), ("link", true)] {
        let package = changed(&setting, folder.path(), name, &|_, _| {});
        let victim = package.join(checkpoint_name(setting.terms.steps_per_epoch()));
        let done = AtomicBool::new(false);
        let change = |phase: &'static str, _, _| {
            if phase == "spectra" && !done.swap(true, Ordering::Relaxed) {
                fs::remove_file(&victim).unwrap();
                if link {
                    std::os::unix::fs::symlink("/dev/zero", &victim).unwrap();
                } else {
                    pipe(&victim);
                }
            }
        };
        let error = verified(&setting, Some(&setting.terms), &package, &change).expect_err("must be refused");
        assert!(matches!(&error, VerifyError::Package(PackageError::Changed(_))), "{error:?}");
    }
}

fn pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn intervals_that_a_trainer_can_foresee_are_no_replay() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path());
    let package = folder.path().join("package");
    honest(&setting, &package).unwrap();
    let largest = Choice { drawn: 0, largest: 2 };
    let report = redone(&setting, Some(&setting.terms), &package, largest, QUIET).unwrap();
    assert_eq!(report.verdict, Verdict::NotReplayed);
    assert_eq!(report.replayed.len(), 4, "the last, the two largest, and what is left");
    assert!(report.sentence.starts_with("NOT DRAWN"), "{}", report.sentence);
    let page = training::report::page(&report);
    assert!(!page.contains("nobody could foresee"));
    // Nor is what the order's own randomness draws.
    let options = Options { randomness: setting.terms.randomness, ..options(&setting, None, QUIET) };
    let refused = verify(&Package::open(&package).unwrap(), &options);
    assert!(matches!(refused, Err(VerifyError::Foreseen)));
    let drawn = Choice { drawn: 1, largest: 2 };
    let report = redone(&setting, Some(&setting.terms), &package, drawn, QUIET).unwrap();
    assert_eq!(report.verdict, Verdict::Consistent);
}
