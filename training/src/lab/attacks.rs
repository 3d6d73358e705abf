//! Forged packages. The attacker knows the rules, has the data and a finished model of the same task, and saves work.

use super::{LabError, Setting};
use crate::{
    engine::{State, step},
    package::{Package, Writer},
    replay::THRESHOLDS,
    terms::{Dataset, Init, Optimiser, Terms},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What an attacker has at hand.
pub struct Bench<'a> {
    /// The order.
    pub setting: &'a Setting,
    /// An honest package of it, for attacks that tamper with one.
    pub honest: PathBuf,
    /// A finished model that was trained elsewhere.
    pub stolen: State,
    /// An honest package of another order.
    pub other: PathBuf,
}

/// One way to cheat.
#[derive(Clone, Copy)]
pub struct Attack {
    /// Its number, as in `docs/training.md`.
    pub id: &'static str,
    /// What it does.
    pub what: &'static str,
    run: fn(&Bench<'_>, &Path) -> Result<(), LabError>,
}

/// All of them.
pub const ATTACKS: &[Attack] = &[
    Attack { id: "T1", what: "straight line from a random start to a stolen model", run: line },
    Attack {
        id: "T1i",
        what: "straight line from the order's own start to a stolen model",
        run: ordered_line,
    },
    Attack { id: "T2", what: "start made of the stolen weights' ranks, then a line", run: ranked },
    Attack { id: "T3", what: "the same under noise of 5σ in the ranks", run: ranked_noise },
    Attack { id: "T4", what: "random, then stolen, then a little fine-tuning", run: splice },
    Attack { id: "T5", what: "stolen model trained away on random classes, told backwards", run: backward },
    Attack { id: "T6", what: "stolen model distilled on a tenth of the data", run: distil },
    Attack { id: "T7", what: "trained on a tenth of the paid data", run: tenth },
    Attack { id: "T8", what: "a quarter of the epochs, stretched to all", run: stretched },
    Attack { id: "T9", what: "final model with noise that shrinks", run: shrinking },
    Attack { id: "M1", what: "two checkpoints change places", run: reordered },
    Attack { id: "M2", what: "a checkpoint told twice", run: repeated },
    Attack { id: "M3", what: "a checkpoint of another shape", run: misshapen },
    Attack { id: "M4", what: "NaN in a checkpoint", run: not_a_number },
    Attack { id: "M5", what: "−0 for 0 in the untrained biases", run: negative_zero },
    Attack { id: "M6", what: "the package of another order", run: another_order },
    Attack { id: "M7", what: "trained on the validation data", run: on_validation },
    Attack { id: "M8", what: "a learning rate of nearly nothing", run: slow },
    Attack { id: "M9", what: "batches of the trainer's own choice", run: own_batches },
    Attack { id: "M10", what: "one interval of an honest training skipped", run: skipped },
    Attack { id: "M11", what: "honest weights, made-up optimiser state", run: made_up_state },
    Attack { id: "M12", what: "the last bias moved, by less than the whole may be off", run: nudged },
];

/// Those on the state that AdamW keeps.
pub const ADAPTIVE: &[Attack] = &[
    Attack { id: "M13", what: "a backdoor through optimiser state of dead inputs", run: dead_inputs },
    Attack {
        id: "M14",
        what: "the same in small steps that gradients could have made",
        run: dead_inputs_slowly,
    },
    Attack { id: "M15", what: "the state of half the weights zeroed, the smallest", run: forgotten },
];

/// The weights of the first layer from its first input, which M13 turns on: how far they are moved in all.
const BACKDOOR: f64 = 4.0;

impl Attack {
    /// Writes the forged package.
    pub fn run(&self, bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
        (self.run)(bench, folder)
    }
}

/// Writes states as if they were the ordered training's checkpoints.
pub fn forge(setting: &Setting, terms: &Terms, states: &[State], folder: &Path) -> Result<(), LabError> {
    let mut writer = Writer::create(folder, terms, &setting.graph, &setting.origin())?;
    let steps = (0..=terms.steps()).filter(|&step| terms.is_checkpoint(step));
    for (state, step) in states.iter().zip(steps) {
        writer.add(step, &state.tensors(&setting.plan, &terms.optimiser))?;
    }
    writer.finish(None)?;
    Ok(())
}

impl Bench<'_> {
    fn forge(&self, states: &[State], folder: &Path) -> Result<(), LabError> {
        forge(self.setting, &self.setting.terms, states, folder)
    }

    fn intervals(&self) -> usize {
        self.setting.terms.epochs as usize
    }

    /// An untrained model of the attacker's own.
    fn start(&self, seed: u8) -> State {
        let Setting { plan, terms, .. } = self.setting;
        State::initial(plan, &terms.optimiser, &crate::digest::Digest([seed; 32]))
    }

    /// The order's untrained model.
    fn ordered(&self) -> State {
        let Setting { plan, terms, .. } = self.setting;
        State::initial(plan, &terms.optimiser, &terms.randomness)
    }

    /// All states of an honest training.
    fn states(&self) -> Result<Vec<State>, LabError> {
        let package = Package::open(&self.honest)?;
        let Setting { plan, terms, .. } = self.setting;
        let load = |at: usize| State::load(plan, &terms.optimiser, &package.checkpoint(at)?, 0);
        Ok((0..package.len()).map(load).collect::<Result<_, _>>()?)
    }

    /// Trains with batches and a rate of the attacker's choice, and gives the states at the epochs' ends.
    fn trained(
        &self,
        mut state: State,
        epochs: usize,
        mut batch: impl FnMut(u64) -> Result<(Vec<f32>, Vec<usize>), LabError>,
        rate: impl Fn(u64) -> f64,
    ) -> Result<Vec<State>, LabError> {
        let Setting { plan, terms, .. } = self.setting;
        let mut states = vec![state.clone()];
        for _ in 0..epochs {
            for _ in 0..terms.steps_per_epoch() {
                let (x, labels) = batch(state.step)?;
                let rate = rate(state.step);
                step(plan, &mut state, &terms.optimiser, rate, x, &labels);
            }
            states.push(state.clone());
        }
        Ok(states)
    }

    fn ordered_rate(&self) -> impl Fn(u64) -> f64 + '_ {
        let terms = &self.setting.terms;
        move |step| terms.schedule.rate(step, terms.steps())
    }
}

/// `(1 − share)·from + share·to` for everything but the optimiser's state.
fn between(from: &State, to: &State, share: f32) -> State {
    let mix = |from: &[Vec<f32>], to: &[Vec<f32>]| {
        let one =
            |(a, b): (&Vec<f32>, &Vec<f32>)| a.iter().zip(b).map(|(a, b)| a + share * (b - a)).collect();
        from.iter().zip(to).map(one).collect::<Vec<Vec<f32>>>()
    };
    let parameters = mix(&from.parameters, &to.parameters);
    State { parameters, buffers: mix(&from.buffers, &to.buffers), moments: from.moments.clone(), step: 0 }
}

fn straight(bench: &Bench<'_>, from: &State, folder: &Path) -> Result<(), LabError> {
    let count = bench.intervals();
    let states: Vec<State> =
        (0..=count).map(|at| between(from, &bench.stolen, at as f32 / count as f32)).collect();
    bench.forge(&states, folder)
}

fn line(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    straight(bench, &bench.start(99), folder)
}

fn ordered_line(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    straight(bench, &bench.ordered(), folder)
}

/// An untrained model whose values stand in the order of the stolen weights, where noise of so many deviations is in the order.
fn rank_matched(bench: &Bench<'_>, noise: f32) -> State {
    let (mut start, grain) = (bench.start(98), bench.start(97));
    let plan = &bench.setting.plan;
    for (at, parameter) in plan.parameters.iter().enumerate() {
        if !matches!(parameter.init(), Init::Mixture { .. }) {
            continue;
        }
        let (stolen, grain) = (&bench.stolen.parameters[at], &grain.parameters[at]);
        // The grain has the untrained deviation; its order is what is blended.
        let key = |i: usize| stolen[i] + noise * grain[i];
        let mut order: Vec<usize> = (0..stolen.len()).collect();
        order.sort_by(|&one, &other| key(one).total_cmp(&key(other)));
        let mut values = start.parameters[at].clone();
        values.sort_by(f32::total_cmp);
        order.into_iter().zip(values).for_each(|(place, value)| start.parameters[at][place] = value);
    }
    start
}

fn ranked(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    straight(bench, &rank_matched(bench, 0.0), folder)
}

fn ranked_noise(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    straight(bench, &rank_matched(bench, 5.0), folder)
}

fn splice(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let rate = bench.ordered_rate();
    let Setting { data, terms, .. } = bench.setting;
    let mut batches = terms.batches();
    let tuned = bench.trained(
        bench.stolen.clone(),
        bench.intervals() - 1,
        |at| Ok(data.take(batches.step(at % terms.steps()), terms.classes)?),
        |at| rate(at) * 0.01,
    )?;
    let states: Vec<State> = [bench.ordered()].into_iter().chain(tuned).collect();
    bench.forge(&states, folder)
}

fn backward(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let Setting { data, terms, .. } = bench.setting;
    let mut batches = terms.batches();
    let classes = terms.classes as usize;
    let mut states = bench.trained(
        State { step: 0, ..bench.stolen.clone() },
        bench.intervals(),
        |at| {
            let (x, labels) = data.take(batches.step(at), terms.classes)?;
            let wrong = labels
                .iter()
                .enumerate()
                .map(|(i, label)| (label + 1 + (at as usize + i) % (classes - 1)) % classes);
            Ok((x, wrong.collect()))
        },
        bench.ordered_rate(),
    )?;
    states.reverse();
    let nothing = bench.ordered();
    states[0].moments = nothing.moments;
    bench.forge(&states, folder)
}

/// The stolen model's classes for some samples.
fn taught(bench: &Bench<'_>, x: &[f32], count: usize) -> Vec<usize> {
    let plan = &bench.setting.plan;
    let mut state = bench.stolen.clone();
    let logits = crate::engine::forward(plan, &mut state, x.to_vec(), count, crate::engine::Mode::Evaluate);
    let best = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
    logits.chunks_exact(plan.outputs()).map(best).collect()
}

fn a_tenth(bench: &Bench<'_>) -> impl FnMut(u64) -> Vec<u64> {
    let terms = &bench.setting.terms;
    let (part, batch) = (terms.data.samples / 10, terms.batch);
    move |at| (0..batch).map(|i| (at * batch + i) % part).collect()
}

fn distil(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let Setting { data, terms, .. } = bench.setting;
    let mut some = a_tenth(bench);
    let batch = |at| {
        let (x, labels) = data.take(&some(at), terms.classes)?;
        let labels = taught(bench, &x, labels.len());
        Ok((x, labels))
    };
    let states = bench.trained(bench.ordered(), bench.intervals(), batch, bench.ordered_rate())?;
    bench.forge(&states, folder)
}

fn tenth(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let Setting { data, terms, .. } = bench.setting;
    let mut some = a_tenth(bench);
    let batch = |at| Ok(data.take(&some(at), terms.classes)?);
    let states = bench.trained(bench.ordered(), bench.intervals(), batch, bench.ordered_rate())?;
    bench.forge(&states, folder)
}

fn stretched(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let states = bench.states()?;
    let (count, few) = (bench.intervals(), (bench.intervals() / 4).max(1));
    let told: Vec<State> = (0..=count)
        .map(|at| {
            let place = at as f32 * few as f32 / count as f32;
            let from = (place as usize).min(few - 1);
            let mut state = between(&states[from], &states[from + 1], place - from as f32);
            state.moments = states[(place.ceil() as usize).min(few)].moments.clone();
            state
        })
        .collect();
    bench.forge(&told, folder)
}

fn shrinking(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let (count, noise) = (bench.intervals(), bench.start(96));
    let told: Vec<State> = (0..=count)
        .map(|at| {
            let share = 0.5 * (1.0 - at as f32 / count as f32);
            let mut state = bench.stolen.clone();
            for (values, noise) in state.parameters.iter_mut().zip(&noise.parameters) {
                values.iter_mut().zip(noise).for_each(|(value, noise)| *value += share * noise);
            }
            if at == 0 {
                state.moments = bench.ordered().moments;
            }
            state
        })
        .collect();
    bench.forge(&told, folder)
}

fn reordered(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let mut states = bench.states()?;
    let at = states.len() / 2;
    states.swap(at, at - 1);
    bench.forge(&states, folder)
}

fn repeated(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let mut states = bench.states()?;
    let at = states.len() / 2;
    states[at] = states[at - 1].clone();
    bench.forge(&states, folder)
}

/// Writes an honest package in which one checkpoint's tensors are tampered with.
fn tampered(
    bench: &Bench<'_>,
    folder: &Path,
    at: usize,
    tamper: impl FnOnce(&mut Vec<(String, Vec<usize>, Vec<f32>)>),
) -> Result<(), LabError> {
    let Setting { terms, graph, plan, .. } = bench.setting;
    let mut tamper = Some(tamper);
    let mut writer = Writer::create(folder, terms, graph, &bench.setting.origin())?;
    let steps = (0..=terms.steps()).filter(|&step| terms.is_checkpoint(step));
    for (index, (state, step)) in bench.states()?.iter().zip(steps).enumerate() {
        let tensors = state.tensors(plan, &terms.optimiser);
        let mut tensors: Vec<_> =
            tensors.into_iter().map(|(name, shape, values)| (name, shape, values.to_vec())).collect();
        if let Some(tamper) = tamper.take_if(|_| index == at) {
            tamper(&mut tensors);
        }
        let views: Vec<_> =
            tensors.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), &values[..])).collect();
        writer.add(step, &views)?;
    }
    writer.finish(None)?;
    Ok(())
}

fn misshapen(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    tampered(bench, folder, 2, |tensors| tensors[0].1 = vec![tensors[0].2.len()])
}

fn not_a_number(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    tampered(bench, folder, 2, |tensors| tensors[0].2[3] = f32::NAN)
}

fn negative_zero(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    tampered(bench, folder, 0, |tensors| {
        let bias = tensors.iter_mut().find(|(name, _, _)| name.ends_with(".bias"));
        if let Some((_, _, values)) = bias {
            values[0] = -0.0;
        }
    })
}

fn another_order(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    fs::create_dir_all(folder.join("checkpoints"))?;
    let package = Package::open(&bench.other)?;
    let names = package.entries().map(|entry| entry.name.clone());
    for name in names.chain(["manifest.json".to_string()]) {
        fs::copy(bench.other.join(&name), folder.join(&name))?;
    }
    Ok(())
}

fn on_validation(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let Setting { validation, terms, .. } = bench.setting;
    let (samples, batch) = (validation.samples(), terms.batch);
    let take = |at: u64| {
        let samples: Vec<u64> = (0..batch).map(|i| (at * batch + i) % samples).collect();
        Ok(Dataset::take(validation, &samples, terms.classes)?)
    };
    let states = bench.trained(bench.ordered(), bench.intervals(), take, bench.ordered_rate())?;
    bench.forge(&states, folder)
}

fn slow(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let Setting { data, terms, .. } = bench.setting;
    let mut batches = terms.batches();
    let rate = bench.ordered_rate();
    let take = |at| Ok(data.take(batches.step(at), terms.classes)?);
    let states = bench.trained(bench.ordered(), bench.intervals(), take, |at| rate(at) * 1e-4)?;
    bench.forge(&states, folder)
}

fn own_batches(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let Setting { data, terms, .. } = bench.setting;
    let mut batches =
        crate::terms::Batches::new(&crate::digest::Digest([95; 32]), terms.data.samples, terms.batch);
    let take = |at| Ok(data.take(batches.step(at), terms.classes)?);
    let states = bench.trained(bench.ordered(), bench.intervals(), take, bench.ordered_rate())?;
    bench.forge(&states, folder)
}

/// The work of one interval is not done: the state in its middle is made from its neighbours, and training goes on from the end.
fn skipped(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let mut states = bench.states()?;
    let at = states.len() / 2;
    let mut made = between(&states[at - 1], &states[at + 1], 0.5);
    made.moments = states[at + 1].moments.clone();
    states[at] = made;
    bench.forge(&states, folder)
}

fn made_up_state(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    tampered(bench, folder, 2, |tensors| {
        let state = tensors.iter_mut().filter(|(name, _, _)| name.starts_with("optimiser/"));
        state.for_each(|(_, _, values)| values.iter_mut().for_each(|value| *value *= 1.5));
    })
}

/// A weight whose input is always 0 has no gradient, and AdamW no second moment: ε is all that a first moment is divided by.
fn dead_inputs(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let each = BACKDOOR / bench.intervals() as f64;
    backdoor(bench, folder, |rate, reach, epsilon| [each * epsilon / (rate * reach), 0.0])
}

/// With a second moment that is not 0, the steps are no larger than honest ones, and lost among those of the whole tensor.
fn dead_inputs_slowly(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    backdoor(bench, folder, |_, _, epsilon| [2.5 * epsilon, (10.0 * epsilon).powi(2)])
}

/// An honest training but for the weights from the first input, whose moments are made anew in every checkpoint: towards the first class.
/// `made` gives them for the rate, the sum of the steps that a first moment makes for each of its own, and ε.
fn backdoor(
    bench: &Bench<'_>,
    folder: &Path,
    made: impl Fn(f64, f64, f64) -> [f64; 2],
) -> Result<(), LabError> {
    let Setting { plan, terms, .. } = bench.setting;
    let Optimiser::Adamw { beta1, beta2, epsilon, weight_decay } = &terms.optimiser else {
        return Err("an order for AdamW".into());
    };
    let (b1, b2, epsilon) = (beta1.value(), beta2.value(), epsilon.value());
    let (mut states, rate) = (bench.states()?, bench.ordered_rate());
    let (per_interval, width) = (terms.steps_per_epoch(), plan.input().iter().product::<usize>());
    let units = plan.parameters[0].shape[0];
    if states.iter().any(|state| (0..units).any(|unit| state.moments[0][1][unit * width] != 0.0)) {
        return Err("the first input must be 0 in all images".into());
    }
    let classes = plan.outputs();
    let last = states.last().map(|state| state.parameters[2].clone()).unwrap_or_default();
    let (reach, count) = (b1 / (1.0 - b1), states.len() - 1);
    for unit in 0..units {
        let row: Vec<f64> = (0..classes).map(|class| f64::from(last[class * units + unit])).collect();
        let others = row.iter().skip(1).sum::<f64>() / (classes - 1) as f64;
        let (sign, at) = (if row[0] > others { 1.0 } else { -1.0 }, unit * width);
        let (mut weight, mut m, mut v) = (states[0].parameters[0][at], 0.0f32, 0.0f32);
        for (index, state) in states.iter_mut().enumerate() {
            let begin = (index.max(1) as u64 - 1) * per_interval;
            for step in begin..begin + if index > 0 { per_interval } else { 0 } {
                let power = step as i32 + 1;
                // As the engine has it where the gradient is 0, to the bit.
                let size = (rate(step) / (1.0 - b1.powi(power))) as f32;
                let root = (1.0 - b2.powi(power)).sqrt() as f32;
                weight *= (1.0 - rate(step) * weight_decay.value()) as f32;
                (m, v) = (b1 as f32 * m, b2 as f32 * v);
                weight -= size * m / (v.sqrt() / root + epsilon as f32);
            }
            if (1..count).contains(&index) {
                let [first, second] = made(rate(begin), reach, epsilon);
                (m, v) = ((-sign * first) as f32, second as f32);
            }
            (state.parameters[0][at], state.moments[0][0][at], state.moments[0][1][at]) = (weight, m, v);
        }
    }
    bench.forge(&states, folder)
}

/// Small moments are nothing in the norm of all; where both are gone, AdamW takes its largest steps again.
fn forgotten(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let Setting { plan, terms, data, .. } = bench.setting;
    let (mut state, mut batches) = (bench.ordered(), terms.batches());
    let mut states = vec![state.clone()];
    while state.step < terms.steps() {
        let before = state.clone();
        for _ in 0..terms.steps_per_epoch() {
            crate::train::next_step(plan, terms, &mut state, &mut batches, data)?;
        }
        let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
        let way = |of: usize| -> f64 {
            let tensors = state.moments.iter().zip(&before.moments);
            tensors.flat_map(|(after, before)| after[of].iter().zip(&before[of]).map(square)).sum()
        };
        let mut left = [0, 1].map(|of| 0.9 * THRESHOLDS.state.powi(2) * way(of));
        let sizes = state.moments.iter().enumerate();
        let mut places: Vec<(f32, usize, usize)> = sizes
            .flat_map(|(tensor, moments)| moments[1].iter().enumerate().map(move |(i, v)| (*v, tensor, i)))
            .collect();
        places.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (_, tensor, i) in places {
            let moments = &mut state.moments[tensor];
            for (left, moment) in left.iter_mut().zip(&*moments) {
                *left -= f64::from(moment[i]).powi(2);
            }
            if left.iter().any(|left| *left < 0.0) {
                break;
            }
            moments.iter_mut().for_each(|moment| moment[i] = 0.0);
        }
        states.push(state.clone());
    }
    bench.forge(&states, folder)
}

/// A classifier's bias is a handful of numbers that hardly move: what they decide is lost in the error of the whole.
fn nudged(bench: &Bench<'_>, folder: &Path) -> Result<(), LabError> {
    let mut states = bench.states()?;
    if let [.., before, last] = &mut states[..] {
        let square =
            |(a, b): (&Vec<f32>, &Vec<f32>)| -> f32 { a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum() };
        let way = before.parameters.iter().zip(&last.parameters).map(square).sum::<f32>().sqrt();
        if let Some(value) = last.parameters.last_mut().and_then(|bias| bias.first_mut()) {
            *value += 0.5 * THRESHOLDS.parameters as f32 * way;
        }
    }
    bench.forge(&states, folder)
}
