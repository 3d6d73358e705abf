//! Redoing drawn stretches of a training: what the six rules cannot do.
//!
//! Which intervals are redone comes of randomness that was drawn after the package was committed to, and of the package itself
//! ([`choose`]). An interval is redone from its first checkpoint, optimiser state included, with the
//! order's batches and learning rates, and must end where the package says. Errors are relative to how far the interval moved; honest
//! ones are rounding.

mod choice;

pub use choice::{Choice, Why, choose};

use crate::{
    engine::{Plan, State},
    package::{Package, PackageError},
    steps::{self, Ends, Inputs},
    terms::{DataError, Dataset},
    train,
};
use rayon::prelude::*;
use serde::Serialize;

/// The largest relative errors of an honest replay: far above rounding, far below anything forged (`docs/training.md`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Thresholds {
    /// Of all parameters together.
    pub parameters: f64,
    /// Of running statistics and the optimiser's state. Where rounding parts two trainings at a ReLU's corner, they show it first.
    pub state: f64,
    /// Of a single tensor. Small ones are noisier, and what is within the threshold of the whole could be all of what a classifier's
    /// bias moves by.
    pub tensor: f64,
    /// Of the steps that the told state of the optimiser would make, within a single tensor.
    pub step: f64,
    /// Of all that belongs to inputs without a gradient: nothing happens to them, so hardly anything may be off.
    pub idle: f64,
}

/// Those that decide.
pub const THRESHOLDS: Thresholds =
    Thresholds { parameters: 0.05, state: 0.15, tensor: 0.25, step: 0.25, idle: 1e-3 };

/// Steps of an interval over which two honest trainers on different arithmetic stay well within [`THRESHOLDS`] (measured: `docs/training.md`). Over
/// longer ones their roundings grow apart, and a difference may be no more than that.
pub const SAFE_STEPS: u64 = 20;

/// What rounding may move a tensor by in one step, of its length: some units of f32's precision.
const ROUNDING: f64 = 1e-6;

/// What a replay found in one interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interval {
    /// The checkpoint that it begins with.
    pub index: usize,
    /// Steps from where to where.
    pub steps: (u64, u64),
    /// Why it was chosen.
    pub chosen: Why,
    /// ‖replayed − told‖ / ‖told − before‖ over parameters.
    pub error: f64,
    /// The same over running statistics and the optimiser's state.
    pub state_error: f64,
    /// The same within one tensor, of the one that is furthest off: small tensors count for nothing in the whole.
    pub layer_error: f64,
    /// That tensor.
    pub layer: String,
    /// How far the steps are off that the told optimiser's state would make, in the tensor where they are furthest off.
    pub step_error: f64,
    /// That tensor.
    pub step_layer: String,
    /// How far that is off which belongs to inputs without a gradient, in the tensor where it is furthest off.
    pub idle_error: f64,
    /// That tensor.
    pub idle_layer: String,
    /// The first step after which the trace and the replay differ, where the interval fails and has a trace.
    pub first_difference: Option<u64>,
}

impl Interval {
    /// Whether it was redone within [`THRESHOLDS`]. What is not a number is not.
    pub fn matches(&self) -> bool {
        self.failing().is_empty()
    }

    /// What is not, by name: `replay` where the interval ends elsewhere than told, `optimiser steps` where the told state would go on
    /// otherwise, `idle inputs` where something happened to weights whose inputs had no gradient.
    pub fn failing(&self) -> Vec<&'static str> {
        let ends = self.error <= THRESHOLDS.parameters
            && self.state_error <= THRESHOLDS.state
            && self.layer_error <= THRESHOLDS.tensor;
        let (steps, idle) = (self.step_error <= THRESHOLDS.step, self.idle_error <= THRESHOLDS.idle);
        let all = [(ends, "replay"), (steps, "optimiser steps"), (idle, "idle inputs")];
        all.into_iter().filter(|(holds, _)| !holds).map(|(_, name)| name).collect()
    }

    /// Whether it differs over so many steps that honest training on other arithmetic may, too. Idle inputs never do, and no arithmetic makes
    /// a state that is impossible.
    pub fn may_be_rounding(&self) -> bool {
        let could = self.idle_error <= THRESHOLDS.idle && self.step_error.is_finite();
        could && !self.matches() && self.steps.1.saturating_sub(self.steps.0) > SAFE_STEPS
    }
}

/// Why intervals could not be redone.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Redoes the chosen intervals, one on each processor. `told` hears of every step.
pub fn replay(
    plan: &Plan,
    package: &Package,
    data: &Dataset,
    chosen: &[(usize, Why)],
    told: &(dyn Fn() + Sync),
) -> Result<Vec<Interval>, ReplayError> {
    chosen.par_iter().map(|&(index, why)| interval(plan, package, data, index, why, told)).collect()
}

/// Redoes one interval.
pub fn interval(
    plan: &Plan,
    package: &Package,
    data: &Dataset,
    index: usize,
    chosen: Why,
    told: &(dyn Fn() + Sync),
) -> Result<Interval, ReplayError> {
    let terms = package.terms();
    let entries = &package.manifest().checkpoints;
    let outside = || PackageError::Order(format!("there is no interval {index}"));
    let (Some(from), Some(to)) = (entries.get(index), entries.get(index + 1)) else {
        return Err(outside().into());
    };
    let end = package.checkpoint(index + 1)?;
    let before = State::load(plan, &terms.optimiser, &package.checkpoint(index)?, from.step)?;
    let after = State::load(plan, &terms.optimiser, &end, to.step)?;
    let (mut state, mut batches) = (before.clone(), terms.batches());
    let (mut sketches, mut inputs) = (Vec::new(), Inputs::new(plan));
    while state.step < to.step {
        let mut see = |gradients: &[Vec<f32>]| inputs.see(gradients);
        train::next_step_seen(plan, terms, &mut state, &mut batches, data, &mut see)?;
        sketches.push(crate::trace::sketch(&before.parameters, &state.parameters));
        told();
    }
    let (layer_error, layer) = furthest(plan, &before, &state, &after);
    let ends = Ends { before: &before, replayed: &state, told: &after };
    let (step_error, step_layer) = steps::step_error(plan, &terms.optimiser, ends);
    let (idle_error, idle_layer) = steps::idle_error(plan, &terms.optimiser, &inputs, ends);
    let mut found = Interval {
        index,
        steps: (from.step, to.step),
        chosen,
        error: compare(&before, &state, &after),
        state_error: state_error(plan, &before, &state, &after),
        layer_error,
        layer,
        step_error,
        step_layer,
        idle_error,
        idle_layer,
        first_difference: None,
    };
    if !found.matches() {
        let at = crate::trace::first_difference(&end, &sketches, THRESHOLDS.parameters)?;
        found.first_difference = at.map(|at| from.step + at as u64 + 1);
    }
    Ok(found)
}

/// ‖replayed − told‖ / ‖told − before‖ over all parameters.
fn compare(before: &State, replayed: &State, told: &State) -> f64 {
    let layers = before.parameters.iter().zip(&replayed.parameters).zip(&told.parameters);
    let sums = layers.fold((0.0, 0.0), |sums, ((before, replayed), told)| {
        (sums.0 + square(replayed, told), sums.1 + square(told, before))
    });
    ratio(sums.0, sums.1)
}

/// The same of the tensor that is furthest off. What rounding can move a tensor by counts as moved: some hardly move.
fn furthest(plan: &Plan, before: &State, replayed: &State, told: &State) -> (f64, String) {
    let steps = told.step.saturating_sub(before.step) as f64;
    let tensors = before.parameters.iter().zip(&replayed.parameters).zip(&told.parameters);
    let errors = tensors.map(|((before, replayed), told)| {
        let size: f64 = told.iter().map(|value| f64::from(*value).powi(2)).sum();
        let way = square(told, before).max(square(replayed, before));
        ratio(square(replayed, told), way + ROUNDING.powi(2) * steps * size)
    });
    let worst = errors.zip(&plan.parameters).max_by(|(one, _), (other, _)| one.total_cmp(other));
    worst.map_or((0.0, String::new()), |(error, parameter)| (error, parameter.name.clone()))
}

/// The worst of the kinds of state: running means, running variances, each moment. Tensors of one kind are taken together, because one
/// whose gradient is nothing but rounding (a bias before BatchNorm) has moments that are nothing but rounding.
fn state_error(plan: &Plan, before: &State, replayed: &State, told: &State) -> f64 {
    let buffers = |of: &'static str| {
        let kind = plan.buffers.iter().enumerate().filter(move |(_, buffer)| buffer.name.ends_with(of));
        let off = |(at, _): (usize, _)| (&before.buffers[at], &replayed.buffers[at], &told.buffers[at]);
        together(kind.map(off))
    };
    let moments = before.moments.iter().map(Vec::len).max().unwrap_or(0);
    let moment = |at: usize| {
        let all = before.moments.iter().zip(&replayed.moments).zip(&told.moments);
        together(all.filter_map(|((b, r), t)| Some((b.get(at)?, r.get(at)?, t.get(at)?))))
    };
    let kinds = [buffers("running_mean"), buffers("running_var")].into_iter().chain((0..moments).map(moment));
    kinds.fold(0.0, |worst, error| if error > worst || error.is_nan() { error } else { worst })
}

fn together<'a>(tensors: impl Iterator<Item = (&'a Vec<f32>, &'a Vec<f32>, &'a Vec<f32>)>) -> f64 {
    let sums = tensors.fold((0.0, 0.0), |sums, (before, replayed, told)| {
        (sums.0 + square(replayed, told), sums.1 + square(told, before).max(square(replayed, before)))
    });
    ratio(sums.0, sums.1)
}

fn ratio(off: f64, way: f64) -> f64 {
    if off == 0.0 { 0.0 } else { (off / way).sqrt() }
}

fn square(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}
