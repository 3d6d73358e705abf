//! One step of training.

use super::{
    Mode, Plan, State, cross_entropy,
    network::{backward_all, forward_all},
};
use crate::terms::Optimiser;

/// Loss and gradients of a batch. Running statistics move.
pub fn gradients(plan: &Plan, state: &mut State, x: Vec<f32>, labels: &[usize]) -> (f32, Vec<Vec<f32>>) {
    let batch = labels.len();
    let (logits, caches) = forward_all(&plan.nodes, state, x, batch, Mode::Train);
    let (loss, dy) = cross_entropy(&logits, labels);
    let mut gradients: Vec<Vec<f32>> = state.parameters.iter().map(|one| vec![0.0; one.len()]).collect();
    backward_all(&plan.nodes, &state.parameters, caches, dy, &mut gradients, batch);
    (loss, gradients)
}

/// Takes one step with a batch, and gives the loss before it.
pub fn step(
    plan: &Plan,
    state: &mut State,
    optimiser: &Optimiser,
    rate: f64,
    x: Vec<f32>,
    labels: &[usize],
) -> f32 {
    step_seen(plan, state, optimiser, rate, (x, labels), &mut |_| {})
}

/// The same; `seen` is shown the gradients, one of each parameter.
pub fn step_seen(
    plan: &Plan,
    state: &mut State,
    optimiser: &Optimiser,
    rate: f64,
    (x, labels): (Vec<f32>, &[usize]),
    seen: &mut dyn FnMut(&[Vec<f32>]),
) -> f32 {
    let (loss, gradients) = gradients(plan, state, x, labels);
    seen(&gradients);
    state.step += 1;
    for ((parameter, gradient), moments) in state.parameters.iter_mut().zip(gradients).zip(&mut state.moments)
    {
        update(optimiser, rate, state.step, parameter, &gradient, moments);
    }
    loss
}

fn update(optimiser: &Optimiser, rate: f64, step: u64, p: &mut [f32], g: &[f32], moments: &mut [Vec<f32>]) {
    match (optimiser, moments) {
        (Optimiser::Sgd { momentum, weight_decay }, moments) => {
            let (momentum, decay) = (momentum.value() as f32, weight_decay.value() as f32);
            let rate = rate as f32;
            match moments {
                [velocity] => {
                    for ((p, g), v) in p.iter_mut().zip(g).zip(velocity) {
                        *v = momentum * *v + (g + decay * *p);
                        *p -= rate * *v;
                    }
                }
                _ => p.iter_mut().zip(g).for_each(|(p, g)| *p -= rate * (g + decay * *p)),
            }
        }
        (Optimiser::Adamw { beta1, beta2, epsilon, weight_decay }, [first, second]) => {
            let (b1, b2) = (beta1.value(), beta2.value());
            let power = i32::try_from(step).unwrap_or(i32::MAX);
            let size = (rate / (1.0 - b1.powi(power))) as f32;
            let root = (1.0 - b2.powi(power)).sqrt() as f32;
            let shrink = (1.0 - rate * weight_decay.value()) as f32;
            let (b1, b2, epsilon) = (b1 as f32, b2 as f32, epsilon.value() as f32);
            for (((p, g), m), v) in p.iter_mut().zip(g).zip(first).zip(second) {
                *p *= shrink;
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *p -= size * *m / (v.sqrt() / root + epsilon);
            }
        }
        _ => {}
    }
}
