//! The task done plainly: slow, single-threaded, and obviously what the document says.

use crate::{
    element::{Tensor, element, noisy},
    hash::Hash,
    published::Published,
    requantise::requantise,
    result::layer_number,
    spec::Task,
    work::{Outcome, WorkError, layer_root, task_data},
};

/// Does the task. `observe` sees each layer's accumulators, row after row.
pub fn run(
    task: &Task,
    published: Option<&Published>,
    mut observe: impl FnMut(u8, &[i32]),
) -> Result<Outcome, WorkError> {
    let published = task_data(task, published)?;
    let id = task.id();
    let mut activations = inputs(task, &id, published);
    let mut width = task.spec.inputs as usize;
    let mut roots = Vec::new();
    for (number, layer) in task.spec.layers.iter().enumerate() {
        let number = layer_number(number);
        let outputs = layer.outputs as usize;
        let weights = weights(&id, number, outputs, width, published);
        let accumulators = product(&activations, &weights, width);
        observe(number, &accumulators);
        roots.push(layer_root(task, &id, number, &accumulators)?);
        activations = accumulators.iter().map(|sum| requantise(*sum, layer)).collect();
        width = outputs;
    }
    Ok(Outcome::new(&id, roots))
}

/// The first layer's inputs, row after row.
pub fn inputs(task: &Task, id: &Hash, published: Option<&Published>) -> Vec<i8> {
    let width = task.spec.inputs;
    let mut inputs = Vec::new();
    for row in 0..task.spec.rows {
        let item = published.and_then(|published| published.shard.item(row % published.shard.items));
        for k in 0..width {
            let generated = element(id, Tensor::Inputs, row, k);
            inputs.push(match item.and_then(|item| item.get(k as usize)) {
                Some(byte) => noisy(*byte as i8, generated),
                None => generated,
            });
        }
    }
    inputs
}

/// A layer's weights: one row for each output.
pub fn weights(id: &Hash, layer: u8, outputs: usize, width: usize, published: Option<&Published>) -> Vec<i8> {
    if let Some(published) = published {
        let weights = published.network.weights.get(usize::from(layer)).map(Vec::as_slice);
        return weights.unwrap_or_default().iter().map(|byte| *byte as i8).collect();
    }
    let rows = 0..outputs as u32;
    rows.flat_map(|output| (0..width as u32).map(move |k| element(id, Tensor::Weights(layer), output, k)))
        .collect()
}

/// Every row of inputs times every row of weights.
pub fn product(inputs: &[i8], weights: &[i8], width: usize) -> Vec<i32> {
    let mut accumulators = Vec::new();
    for input in inputs.chunks_exact(width) {
        for weight in weights.chunks_exact(width) {
            let mut sum = 0;
            for (a, w) in input.iter().zip(weight) {
                sum += i32::from(*a) * i32::from(*w);
            }
            accumulators.push(sum);
        }
    }
    accumulators
}
