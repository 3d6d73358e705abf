//! Self-attention: softmax(q·kᵀ / √d)·v for each head, between two dense layers, the first of them without a bias.

use super::{
    dense,
    gemm::{Mat, gemm, gemm_into},
};

/// The layer's parameters.
pub struct Weights<'a> {
    qkv: &'a [f32],
    out: (&'a [f32], &'a [f32]),
    heads: usize,
}

impl<'a> Weights<'a> {
    /// From their numbers.
    pub fn of(all: &'a [Vec<f32>], qkv: usize, out: (usize, usize), heads: usize) -> Self {
        Self { qkv: &all[qkv], out: (&all[out.0], &all[out.1]), heads }
    }
}

/// What the backward pass needs.
pub struct Cache {
    x: Vec<f32>,
    /// [batch, tokens, 3·width]: queries, keys, values.
    qkv: Vec<f32>,
    /// [batch, heads, tokens, tokens], after softmax.
    shares: Vec<f32>,
    /// [batch, tokens, width]: heads side by side.
    mixed: Vec<f32>,
}

type Gradients<'a> = (&'a mut Vec<f32>, &'a mut (Vec<f32>, Vec<f32>));

/// Runs a batch through.
pub fn forward(x: Vec<f32>, weights: &Weights<'_>, shape: &[usize], batch: usize) -> (Vec<f32>, Cache) {
    let (tokens, width, heads) = (shape[0], shape[1], weights.heads);
    let head = width / heads;
    let scale = 1.0 / (head as f32).sqrt();
    let qkv = dense::forward(&x, weights.qkv, &[], 3 * width);
    let mut shares = vec![0.0; batch * heads * tokens * tokens];
    let mut mixed = vec![0.0; x.len()];
    let samples = qkv.chunks_exact(tokens * 3 * width).zip(mixed.chunks_exact_mut(tokens * width));
    for ((qkv, mixed), shares) in samples.zip(shares.chunks_exact_mut(heads * tokens * tokens)) {
        for (h, shares) in shares.chunks_exact_mut(tokens * tokens).enumerate() {
            let [q, k, v] = [0, 1, 2].map(|part| part_of(qkv, tokens, width, part, h, head));
            gemm(q, k.t(), 0.0, shares);
            shares.iter_mut().for_each(|share| *share *= scale);
            shares.chunks_exact_mut(tokens).for_each(softmax);
            gemm_into(Mat::new(shares, tokens, tokens), v, 0.0, mixed, width, h * head);
        }
    }
    let y = dense::forward(&mixed, weights.out.0, weights.out.1, width);
    (y, Cache { x, qkv, shares, mixed })
}

/// Adds to the gradients, and gives the input's.
pub fn backward(
    cache: &Cache,
    weights: &Weights<'_>,
    dy: &[f32],
    shape: &[usize],
    (of_qkv, of_out): Gradients<'_>,
    batch: usize,
) -> Vec<f32> {
    let (tokens, width, heads) = (shape[0], shape[1], weights.heads);
    let head = width / heads;
    let scale = 1.0 / (head as f32).sqrt();
    let dmixed = dense::backward(&cache.mixed, weights.out.0, dy, &mut of_out.0, &mut of_out.1, width);
    let mut dqkv = vec![0.0; cache.qkv.len()];
    let mut dshares = vec![0.0; tokens * tokens];
    for sample in 0..batch {
        let whole = |width: usize| sample * tokens * width..(sample + 1) * tokens * width;
        let qkv = &cache.qkv[whole(3 * width)];
        let dmixed = &dmixed[whole(width)];
        let dqkv = &mut dqkv[whole(3 * width)];
        for h in 0..heads {
            let from = (sample * heads + h) * tokens * tokens;
            let shares = &cache.shares[from..from + tokens * tokens];
            let [q, k, v] = [0, 1, 2].map(|part| part_of(qkv, tokens, width, part, h, head));
            let dmixed = Mat::columns(dmixed, tokens, width, h * head, head);
            let place = |part: usize| part * width + h * head;
            gemm_into(Mat::new(shares, tokens, tokens).t(), dmixed, 0.0, dqkv, 3 * width, place(2));
            gemm(dmixed, v.t(), 0.0, &mut dshares);
            for (dshare, share) in dshares.chunks_exact_mut(tokens).zip(shares.chunks_exact(tokens)) {
                let along: f32 = dshare.iter().zip(share).map(|(d, s)| d * s).sum();
                dshare.iter_mut().zip(share).for_each(|(d, s)| *d = s * (*d - along) * scale);
            }
            let d = Mat::new(&dshares, tokens, tokens);
            gemm_into(d, k, 0.0, dqkv, 3 * width, place(0));
            gemm_into(d.t(), q, 0.0, dqkv, 3 * width, place(1));
        }
    }
    dense::backward(&cache.x, weights.qkv, &dqkv, of_qkv, &mut [], 3 * width)
}

/// Queries (0), keys (1) or values (2) of one head: [tokens, head].
fn part_of(qkv: &[f32], tokens: usize, width: usize, part: usize, h: usize, head: usize) -> Mat<'_> {
    Mat::columns(qkv, tokens, 3 * width, part * width + h * head, head)
}

fn softmax(row: &mut [f32]) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = (*value - most).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}
