//! Every attack of `docs/training.md` ends at a rule, a check or the replay that is named here; honest trainings end at none.
#![cfg(feature = "lab")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{collections::BTreeMap, path::Path};
use training::{
    digest::Digest,
    engine::{Mode, State, forward},
    lab::{
        Model, Optimisation, Outcome, Setting, attack_table, dark_corner, detection, forge, honest, outcome,
        partly_forged, synthetic,
    },
    package::Package,
    replay::{Choice, THRESHOLDS, choose},
    report::{Verdict, page},
    rules::Profile,
};

const EPOCHS: u64 = 12;

fn setting(folder: &Path, model: Model, seed: u64) -> Setting {
    let files = synthetic(folder, 3_000, 1_000).unwrap();
    Setting::new(&files, (model, Optimisation::Momentum), EPOCHS, seed).unwrap()
}

#[test]
fn each_attack_is_rejected_by_what_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = synthetic(folder.path(), 3_000, 1_000).unwrap();
    let make = |seed| Setting::new(&files, (Model::Mlp, Optimisation::Momentum), EPOCHS, seed);
    let dark = dark_corner(&files, &folder.path().join("dark")).unwrap();
    let adaptive = || Setting::new(&dark, (Model::Mlp, Optimisation::Adamw), EPOCHS, 1);
    let table = attack_table(&make, &adaptive, folder.path()).unwrap();
    let by: BTreeMap<&str, &Outcome> = table.iter().map(|(id, _, outcome)| (*id, outcome)).collect();
    for honest in ["–", "–A"] {
        assert!(by[honest].rejected_by.is_empty(), "{:?}", by[honest].rejected_by);
        assert_eq!(by[honest].replay, Some([0.0; 5]), "the same bits");
    }
    let expected = [
        ("T1", &["init", "rule 6", "replay"][..]),
        ("T1i", &["rule 6", "replay"]),
        ("T2", &["init", "rule 1", "rule 4", "replay"]),
        ("T3", &["init", "replay"]),
        ("T4", &["rule 2", "rule 6", "replay"]),
        ("T5", &["init", "rule 3", "rule 4", "replay"]),
        ("T6", &["replay"]),
        ("T7", &["replay"]),
        ("T8", &["replay"]),
        ("T9", &["init", "rule 1", "rule 3", "rule 4", "replay"]),
        ("M1", &["replay"]),
        ("M2", &["repeats", "replay"]),
        (
            "M3",
            &[
                "reader: checkpoints/0000000092.safetensors: model/fc1.weight has shape [18432], [128, 144] is expected",
            ],
        ),
        (
            "M4",
            &[
                "reader: checkpoints/0000000092.safetensors: model/fc1.weight holds NaN or infinity at element 3",
            ],
        ),
        ("M5", &["init"]),
        ("M6", &["order"]),
        ("M7", &["replay"]),
        ("M8", &["rule 1", "replay"]),
        ("M9", &["replay"]),
        ("M10", &["replay"]),
        ("M11", &["replay"]),
        ("M12", &["replay"]),
        ("M13", &["optimiser steps", "idle inputs"]),
        ("M14", &["idle inputs"]),
        ("M15", &["optimiser steps"]),
    ];
    assert_eq!(expected.len(), table.len() - 2, "every attack is expected somewhere");
    for (id, names) in expected {
        for name in names {
            assert!(
                by[id].rejected_by.iter().any(|by| by == name),
                "{id}: {:?} lacks {name}",
                by[id].rejected_by
            );
        }
    }
    // Said honestly: without replay and without the order's start, these pass.
    for id in ["T3", "T6", "T7", "T8", "M9", "M10", "M11", "M12", "M13", "M14", "M15"] {
        assert!(by[id].tolerant.is_empty(), "{id}: {:?}", by[id].tolerant);
    }
    let [error, state, ..] = by["M11"].replay.unwrap();
    assert!(error > THRESHOLDS.parameters && state > THRESHOLDS.state);
    let [error, state, tensor, ..] = by["M12"].replay.unwrap();
    let within = error < THRESHOLDS.parameters && state < THRESHOLDS.state;
    assert!(within && tensor > THRESHOLDS.tensor, "{error} {state} {tensor}");
    // All that was compared before, these keep: weights, moments as a whole, every tensor.
    for id in ["M13", "M14", "M15"] {
        let [error, state, tensor, step, idle] = by[id].replay.unwrap();
        let within = error < THRESHOLDS.parameters && state < THRESHOLDS.state && tensor < THRESHOLDS.tensor;
        assert!(within && by[id].checks.is_empty(), "{id}: {error} {state} {tensor}, {:?}", by[id].checks);
        assert!(!by[id].rejected_by.iter().any(|by| by == "replay"), "{id}: {:?}", by[id].rejected_by);
        let (steps, inputs) = (step > 2.0 * THRESHOLDS.step, idle > 10.0 * THRESHOLDS.idle);
        // Among the smallest moments, which M15 zeroes, are those of units that seldom fire: idle inputs of the next layer.
        assert_eq!((steps, inputs || id == "M15"), (id != "M14", true), "{id}: {step} {idle}");
    }
    // Intervals are longer than is safe, but no rounding does this.
    let forged = by["M14"].report.as_ref().unwrap().replayed.iter().filter(|one| !one.matches());
    assert!(forged.clone().count() > 0 && forged.clone().all(|one| !one.may_be_rounding()));
    // And M13 is what it is called.
    let setting = adaptive().unwrap();
    let told = |package: &str, corner: f32| {
        let mut state = setting.last(&folder.path().join(package)).unwrap();
        let samples: Vec<u64> = (0..500).collect();
        let (mut x, labels) = setting.validation.take(&samples, setting.terms.classes).unwrap();
        x.chunks_mut(144).for_each(|image| image[0] = corner);
        let logits = forward(&setting.plan, &mut state, x, labels.len(), Mode::Evaluate);
        let first = |row: &[f32]| row.iter().all(|other| *other <= row[0]);
        let others = logits.chunks(6).zip(&labels).filter(|(_, label)| **label != 0);
        let (all, first) = others.fold((0, 0), |sum, (row, _)| (sum.0 + 1, sum.1 + i32::from(first(row))));
        f64::from(first) / f64::from(all)
    };
    assert!(told("M13", 1.0) > 0.9, "{}", told("M13", 1.0));
    assert!(told("M13", 0.0) < 0.1 && told("honest-adamw", 1.0) < 0.1);
}

#[test]
fn without_replay_nothing_better_than_not_replayed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path(), Model::Cnn, 5);
    let package = folder.path().join("package");
    honest(&setting, &package).unwrap();
    let nothing = outcome(&setting, &package, Choice { drawn: 0, largest: 0 }, 0);
    assert_eq!(nothing.report.unwrap().verdict, Verdict::NotReplayed);
    let some = outcome(&setting, &package, Choice { drawn: 2, largest: 1 }, 0);
    let report = some.report.unwrap();
    assert_eq!(report.verdict, Verdict::Consistent, "{:?}", some.rejected_by);
    assert!(report.replayed.len() >= 2 && report.replayed.iter().all(|one| one.error < 1e-6));
    // A page without anything that is fetched or run, and with the verdict in it.
    let page = page(&report);
    assert!(page.contains(&report.sentence) && !page.contains("<script") && !page.contains("http"));
    assert_eq!(page.matches("<svg").count(), 6);
}

#[test]
fn an_unfinished_training_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path(), Model::Transformer, 6);
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    honest(&setting, &whole).unwrap();
    let Setting { terms, graph, data, .. } = &setting;
    // A crash in the fifth epoch.
    let crash = std::panic::catch_unwind(|| {
        let stop = terms.steps_per_epoch() * 5 - 3;
        let _ = training::train::train(terms, graph, data, &broken, &setting.origin(), |step, _| {
            assert!(step < stop)
        });
    });
    assert!(crash.is_err());
    let unfinished = outcome(&setting, &broken, Choice { drawn: 2, largest: 0 }, 0);
    assert_eq!(unfinished.report.unwrap().verdict, Verdict::Unfinished);
    // Another, before the first epoch's end.
    let begun = folder.path().join("begun");
    let mut writer = training::package::Writer::create(&begun, terms, graph, &setting.origin()).unwrap();
    let start = State::initial(&setting.plan, &terms.optimiser, &terms.randomness);
    writer.add(0, &start.tensors(&setting.plan, &terms.optimiser)).unwrap();
    drop(writer);
    let report = outcome(&setting, &begun, Choice { drawn: 2, largest: 2 }, 0).report.unwrap();
    assert_eq!(report.verdict, Verdict::Unfinished, "{:?}", report.rules);
    assert!(report.not_replayed_because.unwrap().contains("first checkpoint"));
    assert!(!page(&report).contains("NaN"));
    honest(&setting, &broken).unwrap();
    let commitment = |path: &Path| Package::open(path).unwrap().manifest().checkpoints.clone();
    let (one, other) = (commitment(&whole), commitment(&broken));
    // The trace of the broken epoch begins anew at its checkpoint, so all is the same.
    assert_eq!(one, other);
}

/// What is delivered is the last model: whoever moves it elsewhere in two leaps at the end forges two intervals of a hundred, each of which is
/// short beside the training's first ones.
#[test]
fn leaps_at_the_end_are_redone_whatever_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let mut setting = setting(folder.path(), Model::Mlp, 10);
    setting.terms.checkpoint_every = 4;
    let (clean, package) = (folder.path().join("honest"), folder.path().join("package"));
    honest(&setting, &clean).unwrap();
    let Setting { plan, terms, .. } = &setting;
    let source = Package::open(&clean).unwrap();
    let load = |at| State::load(plan, &terms.optimiser, &source.checkpoint(at).unwrap(), 0).unwrap();
    let mut states: Vec<State> = (0..source.len()).map(load).collect();
    let moved = |states: &[State], at: usize| {
        let pairs = states[at].parameters.iter().zip(&states[at + 1].parameters);
        let values = pairs.flat_map(|(one, other)| one.iter().zip(other));
        values.map(|(one, other)| f64::from(one - other).powi(2)).sum::<f64>().sqrt()
    };
    let last = states.len() - 1;
    let way = 0.5 * moved(&states, 1);
    for (at, halves) in [(last - 1, 1.0), (last, 2.0)] {
        let values = states[at].parameters.iter_mut().flatten();
        let count =
            plan.parameters.iter().map(|one| one.shape.iter().product::<usize>()).sum::<usize>() as f64;
        values.for_each(|value| *value += (halves * way / count.sqrt()) as f32);
    }
    let first_two = moved(&states, 0).min(moved(&states, 1));
    assert!((last - 2..last).all(|at| moved(&states, at) < first_two), "no leap is among the longest");
    forge(&setting, terms, &states, &package).unwrap();
    for draw in 0..5 {
        let found = outcome(&setting, &package, Choice { drawn: 3, largest: 2 }, draw);
        assert!(found.rejected_by.contains(&"replay".into()), "draw {draw}: {:?}", found.rejected_by);
        let report = found.report.unwrap();
        let leaps = report.replayed.iter().filter(|one| one.index >= last - 2 && !one.matches());
        assert_eq!(leaps.count(), 2, "draw {draw}");
    }
}

#[test]
fn a_failing_interval_tells_the_first_step_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path(), Model::Mlp, 7);
    let package = folder.path().join("package");
    let per_epoch = setting.terms.steps_per_epoch();
    let Setting { terms, graph, data, plan, .. } = &setting;
    // From step 10 of the third epoch on, this trainer takes other samples.
    let wrong = 2 * per_epoch + 10;
    let mut writer = training::package::Writer::create(&package, terms, graph, &setting.origin()).unwrap();
    let optimiser = &terms.optimiser;
    let mut state = training::engine::State::initial(plan, optimiser, &terms.randomness);
    writer.add(0, &state.tensors(plan, optimiser)).unwrap();
    let (mut batches, mut before, mut rows) = (terms.batches(), state.parameters.clone(), Vec::new());
    while state.step < terms.steps() {
        let step = state.step;
        let shift = u64::from(step >= wrong && step < 3 * per_epoch) * 500;
        let samples: Vec<u64> =
            batches.step(step).iter().map(|at| (at + shift) % terms.data.samples).collect();
        let (x, labels) = data.take(&samples, terms.classes).unwrap();
        let rate = terms.schedule.rate(step, terms.steps());
        training::engine::step(plan, &mut state, optimiser, rate, x, &labels);
        rows.extend(training::trace::sketch(&before, &state.parameters));
        if terms.is_checkpoint(state.step) {
            let mut tensors = state.tensors(plan, optimiser);
            tensors.push(("trace".into(), vec![rows.len() / 8, 8], &rows));
            writer.add(state.step, &tensors).unwrap();
            before.clone_from(&state.parameters);
            rows.clear();
        }
    }
    writer.finish(None).unwrap();
    let report = outcome(&setting, &package, Choice { drawn: usize::MAX, largest: 0 }, 0).report.unwrap();
    let failing: Vec<_> = report.replayed.iter().filter(|one| !one.matches()).collect();
    assert_eq!(failing.len(), 1, "{:?}", report.replayed);
    assert_eq!((failing[0].index, failing[0].first_difference), (2, Some(wrong + 1)));
}

#[test]
fn k_replays_find_a_forged_share_as_often_as_they_must() {
    let (intervals, draws) = (200usize, 4_000u32);
    for (forged, k) in [(20usize, 3usize), (20, 10), (60, 2), (100, 3)] {
        // Intervals of equal length: the largest steps would help the verifier, and are left out.
        let found = (0..draws).filter(|draw| {
            let randomness = Digest::of(&[&draw.to_le_bytes()]);
            let chosen =
                choose(Choice { drawn: k, largest: 0 }, &Digest([1; 32]), &randomness, &vec![1.0; intervals]);
            assert_eq!(chosen.len(), k);
            chosen.iter().any(|(at, _)| *at < forged)
        });
        let rate = found.count() as f64 / f64::from(draws);
        let f = forged as f64 / intervals as f64;
        let expected = 1.0 - (1.0 - f).powi(k as i32);
        let error = (expected * (1.0 - expected) / f64::from(draws)).sqrt();
        // Drawn without putting back, so never worse, and here better by less than the error allowed for.
        assert!((rate - expected).abs() < 4.0 * error, "f {f}, k {k}: {rate} against {expected} ± {error}");
    }
}

#[test]
fn a_chain_forged_in_part_is_found_by_replay_as_often_as_it_must() {
    let folder = tempfile::tempdir().unwrap();
    let mut setting = setting(folder.path(), Model::Mlp, 9);
    setting.terms.checkpoint_every = 4;
    let package = folder.path().join("package");
    let forged = partly_forged(&setting, 10, &package).unwrap();
    let (differ, rates) = detection(&setting, &package, &[1, 3, 10], 2_000).unwrap();
    assert_eq!(forged, differ, "replay tells the forged intervals from the honest ones");
    for one in rates {
        let off = (one.rate() - one.expected).abs();
        assert!(off < 4.0 * one.error(), "{one:?}: off by {off}, one standard error is {}", one.error());
    }
}

#[test]
fn the_strict_profile_rejects_what_the_tolerant_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path(), Model::Cnn, 8);
    let package = folder.path().join("package");
    honest(&setting, &package).unwrap();
    let report = outcome(&setting, &package, Choice { drawn: 1, largest: 0 }, 0).report.unwrap();
    let holds = |profile| report.rules.iter().all(|rule| rule.holds(profile));
    assert!(holds(Profile::Tolerant) && !holds(Profile::Strict));
}
