//! What an optimiser's state, as a package tells it, would make of the next steps.
//!
//! The state is the trainer's. A replay goes on from it, and so reproduces whatever it does: a moment that is nothing beside all others
//! moves a weight by anything where AdamW divides it by next to nothing. So told and replayed states are compared by what they would do,
//! within each tensor, and once more where the data did nothing at all.

use crate::{
    engine::{Plan, State},
    terms::Optimiser,
};

/// What rounding may change of a value in one step, of its size, where the gradient is exactly 0.
const ROUNDING: f64 = 1e-6;

/// The most that |m| is of √v may be above what any gradients can make of it, for rounding.
const SLACK: f64 = 1.01;

/// The step of a moment that counts as none, where √v has gone under: that far below ε.
const NOTHING: f64 = 1e-6;

/// Which inputs of a tensor had a gradient in an interval: those of a dense layer whose value was 0 in every sample had none.
#[derive(Debug, Clone)]
pub struct Inputs(Vec<Vec<bool>>);

impl Inputs {
    /// None so far. A vector has no inputs.
    pub fn new(plan: &Plan) -> Self {
        let of = |shape: &[usize]| if shape.len() > 1 { shape.iter().skip(1).product() } else { 0 };
        Self(plan.parameters.iter().map(|one| vec![false; of(&one.shape)]).collect())
    }

    /// Takes note of the gradients of one step.
    pub fn see(&mut self, gradients: &[Vec<f32>]) {
        for (live, gradient) in self.0.iter_mut().zip(gradients).filter(|(live, _)| !live.is_empty()) {
            for row in gradient.chunks(live.len()) {
                live.iter_mut().zip(row).for_each(|(live, g)| *live |= *g != 0.0);
            }
        }
    }
}

/// The optimiser, as far as it makes steps of its state.
#[derive(Clone, Copy)]
enum Rule {
    /// What it keeps is the step.
    Momentum,
    /// m over √v: corrections of both, ε, and the most that |m| can be of √v.
    Adaptive { first: f64, second: f64, epsilon: f64, most: f64 },
}

impl Rule {
    /// After so many steps.
    fn new(optimiser: &Optimiser, step: u64) -> Self {
        match optimiser {
            Optimiser::Sgd { .. } => Self::Momentum,
            Optimiser::Adamw { beta1, beta2, epsilon, .. } => {
                let (b1, b2) = (beta1.value(), beta2.value());
                let power = i32::try_from(step.max(1)).unwrap_or(i32::MAX);
                // Cauchy and Schwarz over the gradients; where old ones count for more in m than in v, there is no bound.
                let ratio = b1 * b1 / b2;
                let most = if ratio < 1.0 {
                    (1.0 - b1) / ((1.0 - b2) * (1.0 - ratio)).sqrt()
                } else {
                    f64::INFINITY
                };
                let (first, second) = (1.0 - b1.powi(power), 1.0 - b2.powi(power));
                Self::Adaptive { first, second, epsilon: epsilon.value(), most }
            }
        }
    }

    /// What the learning rate is multiplied by, and what a gradient is divided by.
    fn step(self, moments: &[Vec<f32>], at: usize) -> (f64, f64) {
        let value =
            |of: usize| moments.get(of).and_then(|one| one.get(at)).map_or(0.0, |value| f64::from(*value));
        match self {
            Self::Momentum => (value(0), 1.0),
            Self::Adaptive { first, second, epsilon, .. } => {
                let by = (value(1) / second).sqrt() + epsilon;
                (value(0) / first / by, by)
            }
        }
    }

    /// Whether any gradients at all can have made this.
    fn is_possible(self, moments: &[Vec<f32>]) -> bool {
        let (Self::Adaptive { epsilon, most, .. }, [first, second]) = (self, moments) else { return true };
        let possible = |(m, v): (&f32, &f32)| {
            f64::from(m.abs()) <= SLACK * most * f64::from(*v).sqrt() + NOTHING * epsilon
        };
        first.iter().zip(second).all(possible)
    }
}

/// The three states of an interval.
#[derive(Clone, Copy)]
pub struct Ends<'a> {
    /// As told, where it begins.
    pub before: &'a State,
    /// As redone, where it ends.
    pub replayed: &'a State,
    /// As told, where it ends.
    pub told: &'a State,
}

/// How far the steps are off that the told state would make, in the tensor where they are furthest off, and which that is.
///
/// The larger of ‖told − replayed‖ / ‖replayed‖ over the steps, and the root of the mean of ((told − replayed) / (told + replayed))² over
/// what gradients are divided by. Infinite where no gradients make such a state.
pub fn step_error(plan: &Plan, optimiser: &Optimiser, ends: Ends<'_>) -> (f64, String) {
    let rule = Rule::new(optimiser, ends.told.step);
    let tensors = ends.before.moments.iter().zip(&ends.replayed.moments).zip(&ends.told.moments);
    let errors = tensors.map(|((before, replayed), told)| {
        if !rule.is_possible(before) || !rule.is_possible(told) {
            return f64::INFINITY;
        }
        let count = told.first().map_or(0, Vec::len);
        let (mut off, mut all, mut pace) = (0.0, 0.0, 0.0);
        for at in 0..count {
            let ((one, by), (other, by_other)) = (rule.step(replayed, at), rule.step(told, at));
            off += (other - one).powi(2);
            all += one.powi(2);
            pace += ((by_other - by) / (by_other + by)).powi(2);
        }
        larger(ratio(off, all), ratio(pace, count as f64))
    });
    worst(errors.zip(&plan.parameters).map(|(error, parameter)| (error, &*parameter.name)))
}

/// The same where an input had no gradient at all through the interval, so that nothing but decay changes what is told of it: weights, as a
/// share of the tensor's way; steps, as a share of the tensor's steps; and what gradients are divided by.
pub fn idle_error(plan: &Plan, optimiser: &Optimiser, inputs: &Inputs, ends: Ends<'_>) -> (f64, String) {
    let rule = Rule::new(optimiser, ends.told.step);
    let rounding = ROUNDING * ends.told.step.saturating_sub(ends.before.step) as f64;
    // Beyond rounding; NaN stays.
    let beyond = |told: f64, replayed: f64| match (told - replayed).abs() {
        off if off <= rounding * replayed.abs() => 0.0,
        off => off,
    };
    let of = |at: usize, live: &[bool]| {
        if live.iter().all(|live| *live) {
            return 0.0;
        }
        let values =
            |state: &'_ State, i: usize| state.parameters[at].get(i).map_or(0.0, |value| f64::from(*value));
        let (mut weights, mut way, mut steps, mut all, mut pace, mut idle) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for i in 0..ends.told.parameters[at].len() {
            let [before, replayed, told] =
                [ends.before, ends.replayed, ends.told].map(|state| values(state, i));
            let (one, by) = rule.step(&ends.replayed.moments[at], i);
            way += (told - before).powi(2).max((replayed - before).powi(2)) + (rounding * told).powi(2);
            all += one.powi(2);
            if !live[i % live.len()] {
                let (other, by_other) = rule.step(&ends.told.moments[at], i);
                weights += beyond(told, replayed).powi(2);
                steps += beyond(other, one).powi(2);
                pace += (beyond(by_other, by) / (by_other + by)).powi(2);
                idle += 1.0;
            }
        }
        [ratio(weights, way), ratio(steps, all), ratio(pace, idle)].into_iter().fold(0.0, larger)
    };
    let errors = inputs.0.iter().enumerate().map(|(at, live)| of(at, live));
    worst(errors.zip(&plan.parameters).map(|(error, parameter)| (error, &*parameter.name)))
}

/// What is not a number is the largest.
fn larger(one: f64, other: f64) -> f64 {
    if other > one || other.is_nan() { other } else { one }
}

fn worst<'a>(errors: impl Iterator<Item = (f64, &'a str)>) -> (f64, String) {
    let (error, name) = errors.fold((0.0, ""), |found, (error, name)| {
        if found.1.is_empty() || error > found.0 || error.is_nan() { (error, name) } else { found }
    });
    (error, name.to_string())
}

/// Anything at all is infinitely much of nothing.
fn ratio(off: f64, way: f64) -> f64 {
    if off == 0.0 { 0.0 } else { (off / way).sqrt() }
}

#[cfg(all(test, feature = "lab"))]
mod tests {
    use super::*;
    use crate::terms::Decimal;

    fn adamw() -> Optimiser {
        Optimiser::Adamw {
            beta1: Decimal::fixed("0.9"),
            beta2: Decimal::fixed("0.999"),
            epsilon: Decimal::fixed("0.00000001"),
            weight_decay: Decimal::fixed("0.01"),
        }
    }

    /// The moments after gradients, the last of which is the first given.
    fn moments(gradients: impl DoubleEndedIterator<Item = f32>) -> Vec<Vec<f32>> {
        let (b1, b2) = (0.9f32, 0.999f32);
        let step = |(m, v): (f32, f32), g: f32| (b1 * m + (1.0 - b1) * g, b2 * v + (1.0 - b2) * g * g);
        let (m, v) = gradients.rev().fold((0.0, 0.0), step);
        vec![vec![m], vec![v]]
    }

    #[test]
    fn no_gradients_make_a_state_that_is_called_impossible() {
        let rule = Rule::new(&adamw(), 400);
        // The worst there can be: each gradient as much smaller than the next as the moments forget.
        let worst = moments((0..400).map(|back| (0.9f32 / 0.999).powi(back)));
        assert!(rule.is_possible(&worst));
        assert!(!rule.is_possible(&[vec![worst[0][0] * 1.02], worst[1].clone()]), "the bound is the least");
        for tiny in [1e-3, 1e-12, 1e-19, 1e-25, 1e-38] {
            assert!(rule.is_possible(&moments((0..30).map(|back| if back % 7 == 0 {
                tiny
            } else {
                -tiny / 3.0
            }))));
            assert!(rule.is_possible(&moments([0.0, 0.0, tiny].into_iter())), "{tiny}");
        }
        assert!(rule.is_possible(&moments([0.0; 5].into_iter())));
        assert!(!rule.is_possible(&[vec![1.5e-7], vec![0.0]]), "what M13 does");
        assert!(!rule.is_possible(&[vec![0.0], vec![-1.0]]));
    }
}
