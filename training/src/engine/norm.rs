//! BatchNorm and LayerNorm. Means and variances are summed in f64.

use super::network::{Cache, Mode};

const EPSILON: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

/// Channel by channel: the positions of a channel's values in [batch, channels, spatial].
fn of_channel(
    len: usize,
    channels: usize,
    spatial: usize,
    channel: usize,
) -> impl Iterator<Item = usize> + Clone {
    let stride = channels * spatial;
    (0..len / stride).flat_map(move |sample| {
        let from = sample * stride + channel * spatial;
        from..from + spatial
    })
}

/// Normalises, and moves the running statistics in training.
pub fn batch_forward(
    mut x: Vec<f32>,
    (weight, bias): (&[f32], &[f32]),
    running: &mut (Vec<f32>, Vec<f32>),
    spatial: usize,
    mode: Mode,
) -> (Vec<f32>, Cache) {
    let channels = weight.len();
    let (mut y, mut scales) = (vec![0.0; x.len()], Vec::with_capacity(channels));
    for channel in 0..channels {
        let at = of_channel(x.len(), channels, spatial, channel);
        let (mean, variance) = match mode {
            Mode::Train => {
                let (mean, variance, count) = moments(at.clone().map(|i| x[i]));
                let unbiased = variance * count / (count - 1.0).max(1.0);
                let slide = |old: f32, new: f64| (f64::from(old) * (1.0 - MOMENTUM) + MOMENTUM * new) as f32;
                running.0[channel] = slide(running.0[channel], mean);
                running.1[channel] = slide(running.1[channel], unbiased);
                (mean, variance)
            }
            Mode::Evaluate => (f64::from(running.0[channel]), f64::from(running.1[channel])),
        };
        let scale = (1.0 / (variance + EPSILON).sqrt()) as f32;
        for i in at {
            x[i] = (x[i] - mean as f32) * scale;
            y[i] = x[i] * weight[channel] + bias[channel];
        }
        scales.push(scale);
    }
    (y, Cache::Norm(x, scales))
}

/// Adds to the gradients, and gives the input's.
pub fn batch_backward(
    mut dy: Vec<f32>,
    normal: &[f32],
    scales: &[f32],
    weight: &[f32],
    (dw, db): (&mut [f32], &mut [f32]),
    spatial: usize,
) -> Vec<f32> {
    let channels = weight.len();
    for channel in 0..channels {
        let at = of_channel(dy.len(), channels, spatial, channel);
        let (mut sum, mut along, mut count) = (0.0, 0.0, 0.0);
        for i in at.clone() {
            sum += f64::from(dy[i]);
            along += f64::from(dy[i]) * f64::from(normal[i]);
            count += 1.0;
        }
        dw[channel] += along as f32;
        db[channel] += sum as f32;
        let (mean, along) = ((sum / count) as f32, (along / count) as f32);
        for i in at {
            dy[i] = weight[channel] * scales[channel] * (dy[i] - mean - normal[i] * along);
        }
    }
    dy
}

/// Normalises each row.
pub fn layer_forward(mut x: Vec<f32>, weight: &[f32], bias: &[f32]) -> (Vec<f32>, Cache) {
    let width = weight.len();
    let (mut y, mut scales) = (Vec::with_capacity(x.len()), Vec::with_capacity(x.len() / width));
    for row in x.chunks_exact_mut(width) {
        let (mean, variance, _) = moments(row.iter().copied());
        let scale = (1.0 / (variance + EPSILON).sqrt()) as f32;
        row.iter_mut().for_each(|value| *value = (*value - mean as f32) * scale);
        y.extend(row.iter().zip(weight).zip(bias).map(|((value, weight), bias)| value * weight + bias));
        scales.push(scale);
    }
    (y, Cache::Norm(x, scales))
}

/// Adds to the gradients, and gives the input's.
pub fn layer_backward(
    mut dy: Vec<f32>,
    normal: &[f32],
    scales: &[f32],
    weight: &[f32],
    (dw, db): (&mut [f32], &mut [f32]),
) -> Vec<f32> {
    let width = weight.len();
    for ((dy, normal), scale) in dy.chunks_exact_mut(width).zip(normal.chunks_exact(width)).zip(scales) {
        let (mut sum, mut along) = (0.0, 0.0);
        for i in 0..width {
            dw[i] += dy[i] * normal[i];
            db[i] += dy[i];
            dy[i] *= weight[i];
            sum += f64::from(dy[i]);
            along += f64::from(dy[i]) * f64::from(normal[i]);
        }
        let (mean, along) = ((sum / width as f64) as f32, (along / width as f64) as f32);
        dy.iter_mut().zip(normal).for_each(|(dy, normal)| *dy = scale * (*dy - mean - normal * along));
    }
    dy
}

/// Mean, biased variance, count.
fn moments(values: impl Iterator<Item = f32> + Clone) -> (f64, f64, f64) {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values.clone() {
        sum += f64::from(value);
        count += 1.0;
    }
    let mean = sum / count;
    let squares: f64 = values.map(|value| (f64::from(value) - mean).powi(2)).sum();
    (mean, squares / count, count)
}
