//! The untrained model, derived from the chain's randomness to the bit.
//!
//! Weights follow the mixture of the third rule: ±μ with equal weight, μ = 2σ, σ = √(2 / (5·fan_in)), whose variance is 2 / fan_in. Two
//! elements come of one block `SHA-256("matrixai:init:v1" ‖ randomness ‖ length of the name u64 LE ‖ name ‖ pair u64 LE)`: two
//! uniforms make two normals (Box–Muller), a bit each makes their signs. Logarithm, sine and cosine are libm's (a port of musl's), which
//! are the same on every machine.

use super::{Init, Parameter};
use crate::digest::Digest;
use rayon::prelude::*;
use std::f64::consts::TAU;

const DOMAIN: &[u8] = b"matrixai:init:v1";

/// The Gaussian mixture of a layer: half at +μ, half at −μ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// Standard deviation of each half.
    pub sigma: f64,
    /// Distance of each half's centre from 0.
    pub mu: f64,
}

impl Mixture {
    /// For a layer with so many inputs.
    pub fn new(fan_in: usize) -> Self {
        let sigma = (2.0 / (5.0 * fan_in as f64)).sqrt();
        Self { sigma, mu: 2.0 * sigma }
    }

    /// Variance of the whole: 5σ² = 2 / fan_in.
    pub fn variance(&self) -> f64 {
        self.mu * self.mu + self.sigma * self.sigma
    }

    /// Fourth moment: μ⁴ + 6μ²σ² + 3σ⁴.
    pub fn fourth_moment(&self) -> f64 {
        let (mu, sigma) = (self.mu * self.mu, self.sigma * self.sigma);
        mu * mu + 6.0 * mu * sigma + 3.0 * sigma * sigma
    }

    /// The cumulative distribution.
    pub fn cdf(&self, x: f64) -> f64 {
        let normal = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
        0.5 * (normal((x - self.mu) / self.sigma) + normal((x + self.mu) / self.sigma))
    }
}

/// What a tensor starts as under this randomness.
pub fn initial(randomness: &Digest, parameter: &Parameter) -> Vec<f32> {
    let elements = parameter.elements();
    match parameter.init() {
        Init::Zero => vec![0.0; elements],
        Init::One => vec![1.0; elements],
        Init::Mixture { fan_in } => sample(randomness, &parameter.name, elements, &Mixture::new(fan_in)),
    }
}

fn sample(randomness: &Digest, name: &str, elements: usize, mixture: &Mixture) -> Vec<f32> {
    let length = (name.len() as u64).to_le_bytes();
    let pair = |(pair, values): (usize, &mut [f32])| {
        let pair = pair as u64;
        let block = Digest::of(&[DOMAIN, &randomness.0, &length, name.as_bytes(), &pair.to_le_bytes()]).0;
        let word = |at: usize| block.as_chunks::<8>().0.get(at).map_or(0, |word| u64::from_le_bytes(*word));
        // Above 0 and at most 1, in steps of 2^-53.
        let uniform = ((word(0) >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let angle = TAU * (word(1) >> 11) as f64 / (1u64 << 53) as f64;
        let radius = (-2.0 * libm::log(uniform)).sqrt();
        let normals = [radius * libm::cos(angle), radius * libm::sin(angle)];
        for ((value, normal), bit) in values.iter_mut().zip(normals).zip(0..) {
            let centre = if word(2) >> bit & 1 == 0 { mixture.mu } else { -mixture.mu };
            *value = (centre + mixture.sigma * normal) as f32;
        }
    };
    let mut values = vec![0.0; elements];
    // Each pair stands for itself, so any number of processors make the same.
    values.par_chunks_mut(2).with_min_len(1 << 12).enumerate().for_each(pair);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_mixtures_moments() {
        let parameter = Parameter::new("fc.weight", [400, 100]);
        let values = initial(&Digest([1; 32]), &parameter);
        let moment = |power| {
            values.iter().map(|&value| f64::from(value).powi(power)).sum::<f64>() / values.len() as f64
        };
        let mixture = Mixture::new(100);
        assert!((moment(1) / mixture.mu).abs() < 0.02);
        assert!((moment(2) / mixture.variance() - 1.0).abs() < 0.02);
        assert!((moment(4) / mixture.fourth_moment() - 1.0).abs() < 0.02);
        assert!((mixture.variance() - 2.0 / 100.0).abs() < 1e-12);
        assert!((mixture.cdf(0.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn names_and_seeds_make_different_values() {
        let of = |seed, name| initial(&Digest([seed; 32]), &Parameter::new(name, [2, 3]));
        assert_ne!(of(1, "a"), of(2, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
        assert_eq!(of(1, "a"), of(1, "a"));
    }
}
