//! Fully connected layers.

use super::gemm::{Mat, gemm};

/// `x·Wᵀ + b` for every row of x; an empty bias is none.
pub fn forward(x: &[f32], weight: &[f32], bias: &[f32], outputs: usize) -> Vec<f32> {
    let inputs = weight.len() / outputs;
    let rows = x.len() / inputs;
    let mut y = if bias.is_empty() { vec![0.0; rows * outputs] } else { bias.repeat(rows) };
    gemm(Mat::new(x, rows, inputs), Mat::new(weight, outputs, inputs).t(), 1.0, &mut y);
    y
}

/// Adds to the gradients, and gives the input's.
pub fn backward(
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    dw: &mut [f32],
    db: &mut [f32],
    outputs: usize,
) -> Vec<f32> {
    let inputs = weight.len() / outputs;
    let rows = x.len() / inputs;
    for row in dy.chunks_exact(outputs) {
        db.iter_mut().zip(row).for_each(|(sum, dy)| *sum += dy);
    }
    gemm(Mat::new(dy, rows, outputs).t(), Mat::new(x, rows, inputs), 1.0, dw);
    let mut dx = vec![0.0; x.len()];
    gemm(Mat::new(dy, rows, outputs), Mat::new(weight, outputs, inputs), 0.0, &mut dx);
    dx
}
