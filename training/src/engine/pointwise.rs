//! Layers that look at each value by itself.

use std::f32::consts::{FRAC_1_SQRT_2, PI};

/// max(x, 0).
pub fn relu(x: &[f32]) -> Vec<f32> {
    x.iter().map(|&x| if x > 0.0 { x } else { 0.0 }).collect()
}

/// The gradient at 0 is 0, as in PyTorch.
pub fn relu_backward(x: &[f32], mut dy: Vec<f32>) -> Vec<f32> {
    dy.iter_mut().zip(x).filter(|(_, x)| **x <= 0.0).for_each(|(dy, _)| *dy = 0.0);
    dy
}

/// x·Φ(x).
pub fn gelu(x: &[f32]) -> Vec<f32> {
    x.iter().map(|&x| x * phi(x)).collect()
}

/// Φ(x) + x·φ(x).
pub fn gelu_backward(x: &[f32], mut dy: Vec<f32>) -> Vec<f32> {
    let density = |x: f32| libm::expf(-0.5 * x * x) / (2.0 * PI).sqrt();
    dy.iter_mut().zip(x).for_each(|(dy, &x)| *dy *= phi(x) + x * density(x));
    dy
}

fn phi(x: f32) -> f32 {
    0.5 * (1.0 + libm::erff(x * FRAC_1_SQRT_2))
}

/// Adds the same rows to every sample.
pub fn add_rows(mut x: Vec<f32>, rows: &[f32]) -> Vec<f32> {
    for sample in x.chunks_exact_mut(rows.len()) {
        sample.iter_mut().zip(rows).for_each(|(x, row)| *x += row);
    }
    x
}

/// Adds to the rows' gradient.
pub fn add_rows_backward(dy: &[f32], gradient: &mut [f32]) {
    for sample in dy.chunks_exact(gradient.len()) {
        gradient.iter_mut().zip(sample).for_each(|(sum, dy)| *sum += dy);
    }
}
