//! Forward and backward through all layers.

use super::{Kind, Node, Plan, State, attention, conv, dense, norm, pointwise, pool};

/// Whether norms take the batch's statistics or the running ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The batch's, and the running ones move.
    Train,
    /// The running ones.
    Evaluate,
}

/// What a layer keeps of its forward pass for the backward one.
pub enum Cache {
    Nothing,
    /// What went in.
    Input(Vec<f32>),
    /// Normalised values, and 1/σ of each group.
    Norm(Vec<f32>, Vec<f32>),
    Attention(attention::Cache),
    /// Where each largest value was.
    Places(Vec<u32>),
    Inner(Vec<Cache>),
}

/// Runs `batch` samples through the network: the logits.
pub fn forward(plan: &Plan, state: &mut State, x: Vec<f32>, batch: usize, mode: Mode) -> Vec<f32> {
    forward_all(&plan.nodes, state, x, batch, mode).0
}

pub(super) fn forward_all(
    nodes: &[Node],
    state: &mut State,
    mut x: Vec<f32>,
    batch: usize,
    mode: Mode,
) -> (Vec<f32>, Vec<Cache>) {
    let mut caches = Vec::with_capacity(nodes.len());
    for node in nodes {
        let (y, cache) = forward_one(node, state, x, batch, mode);
        caches.push(cache);
        x = y;
    }
    (x, caches)
}

fn forward_one(node: &Node, state: &mut State, x: Vec<f32>, batch: usize, mode: Mode) -> (Vec<f32>, Cache) {
    let State { parameters, buffers, .. } = state;
    match &node.kind {
        Kind::Dense { weight, bias } => {
            let outputs = node.output.last().copied().unwrap_or(1);
            let y = dense::forward(&x, &parameters[*weight], or_none(parameters, *bias), outputs);
            (y, Cache::Input(x))
        }
        Kind::Conv { weight, bias, .. } => {
            let y = conv::forward(node, &x, &parameters[*weight], or_none(parameters, *bias), batch);
            (y, Cache::Input(x))
        }
        Kind::BatchNorm { weight, bias, mean, variance } => {
            let affine = (&parameters[*weight][..], &parameters[*bias][..]);
            let spatial = node.input.iter().skip(1).product();
            let mut running = (std::mem::take(&mut buffers[*mean]), std::mem::take(&mut buffers[*variance]));
            let (y, cache) = norm::batch_forward(x, affine, &mut running, spatial, mode);
            (buffers[*mean], buffers[*variance]) = running;
            (y, cache)
        }
        Kind::LayerNorm { weight, bias } => norm::layer_forward(x, &parameters[*weight], &parameters[*bias]),
        Kind::Attention { qkv, out, heads } => {
            let weights = attention::Weights::of(parameters, *qkv, *out, *heads);
            let (y, cache) = attention::forward(x, &weights, &node.input, batch);
            (y, Cache::Attention(cache))
        }
        Kind::Relu => (pointwise::relu(&x), Cache::Input(x)),
        Kind::Gelu => (pointwise::gelu(&x), Cache::Input(x)),
        Kind::Flatten => (x, Cache::Nothing),
        Kind::MaxPool { size } => {
            let (y, places) = pool::max(&x, &node.input, *size, batch);
            (y, Cache::Places(places))
        }
        Kind::GlobalAverage => (pool::average(&x, node.input[1] * node.input[2]), Cache::Nothing),
        Kind::Tokens => (pool::transpose(&x, node.output[1], node.output[0], batch), Cache::Nothing),
        Kind::Positions { weight } => (pointwise::add_rows(x, &parameters[*weight]), Cache::Nothing),
        Kind::MeanTokens => (pool::mean_tokens(&x, node.input[0], node.input[1], batch), Cache::Nothing),
        Kind::Residual { nodes } => {
            let (mut y, caches) = forward_all(nodes, state, x.clone(), batch, mode);
            y.iter_mut().zip(&x).for_each(|(y, x)| *y += x);
            (y, Cache::Inner(caches))
        }
    }
}

pub(super) fn backward_all(
    nodes: &[Node],
    parameters: &[Vec<f32>],
    caches: Vec<Cache>,
    mut dy: Vec<f32>,
    gradients: &mut [Vec<f32>],
    batch: usize,
) -> Vec<f32> {
    for (node, cache) in nodes.iter().zip(caches).rev() {
        dy = backward_one(node, parameters, cache, dy, gradients, batch);
    }
    dy
}

fn backward_one(
    node: &Node,
    parameters: &[Vec<f32>],
    cache: Cache,
    dy: Vec<f32>,
    gradients: &mut [Vec<f32>],
    batch: usize,
) -> Vec<f32> {
    match (&node.kind, cache) {
        (Kind::Dense { weight, bias }, Cache::Input(x)) => {
            let (mut dw, mut db) = take(gradients, (*weight, *bias));
            let dx = dense::backward(
                &x,
                &parameters[*weight],
                &dy,
                &mut dw,
                &mut db,
                node.output.last().copied().unwrap_or(1),
            );
            give(gradients, (*weight, *bias), (dw, db));
            dx
        }
        (Kind::Conv { weight, bias, .. }, Cache::Input(x)) => {
            let (mut dw, mut db) = take(gradients, (*weight, *bias));
            let dx = conv::backward(node, &x, &parameters[*weight], &dy, (&mut dw, &mut db), batch);
            give(gradients, (*weight, *bias), (dw, db));
            dx
        }
        (Kind::BatchNorm { weight, bias, .. }, Cache::Norm(normal, scale)) => {
            let (mut dw, mut db) = take(gradients, (*weight, Some(*bias)));
            let spatial = node.input.iter().skip(1).product();
            let dx =
                norm::batch_backward(dy, &normal, &scale, &parameters[*weight], (&mut dw, &mut db), spatial);
            give(gradients, (*weight, Some(*bias)), (dw, db));
            dx
        }
        (Kind::LayerNorm { weight, bias }, Cache::Norm(normal, scale)) => {
            let (mut dw, mut db) = take(gradients, (*weight, Some(*bias)));
            let dx = norm::layer_backward(dy, &normal, &scale, &parameters[*weight], (&mut dw, &mut db));
            give(gradients, (*weight, Some(*bias)), (dw, db));
            dx
        }
        (Kind::Attention { qkv, out, heads }, Cache::Attention(cache)) => {
            let weights = attention::Weights::of(parameters, *qkv, *out, *heads);
            let mut of_qkv = std::mem::take(&mut gradients[*qkv]);
            let out = (out.0, Some(out.1));
            let mut of_out = take(gradients, out);
            let dx =
                attention::backward(&cache, &weights, &dy, &node.input, (&mut of_qkv, &mut of_out), batch);
            gradients[*qkv] = of_qkv;
            give(gradients, out, of_out);
            dx
        }
        (Kind::Relu, Cache::Input(x)) => pointwise::relu_backward(&x, dy),
        (Kind::Gelu, Cache::Input(x)) => pointwise::gelu_backward(&x, dy),
        (Kind::MaxPool { .. }, Cache::Places(places)) => {
            pool::max_backward(&dy, &places, batch * node.input.iter().product::<usize>())
        }
        (Kind::GlobalAverage, _) => pool::average_backward(&dy, node.input[1] * node.input[2]),
        (Kind::Tokens, _) => pool::transpose(&dy, node.output[0], node.output[1], batch),
        (Kind::Positions { weight }, _) => {
            pointwise::add_rows_backward(&dy, &mut gradients[*weight]);
            dy
        }
        (Kind::MeanTokens, _) => pool::mean_tokens_backward(&dy, node.input[0], node.input[1], batch),
        (Kind::Residual { nodes }, Cache::Inner(caches)) => {
            let mut dx = backward_all(nodes, parameters, caches, dy.clone(), gradients, batch);
            dx.iter_mut().zip(&dy).for_each(|(dx, dy)| *dx += dy);
            dx
        }
        _ => dy,
    }
}

type Pair = (Vec<f32>, Vec<f32>);

/// A bias, or nothing where there is none.
fn or_none(parameters: &[Vec<f32>], bias: Option<usize>) -> &[f32] {
    bias.map_or(&[], |at| &parameters[at])
}

fn take(gradients: &mut [Vec<f32>], (weight, bias): (usize, Option<usize>)) -> Pair {
    let dw = std::mem::take(&mut gradients[weight]);
    (dw, bias.map_or_else(Vec::new, |at| std::mem::take(&mut gradients[at])))
}

fn give(gradients: &mut [Vec<f32>], (weight, bias): (usize, Option<usize>), (dw, db): Pair) {
    gradients[weight] = dw;
    if let Some(at) = bias {
        gradients[at] = db;
    }
}
