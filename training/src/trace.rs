//! A trace of every step, small enough to keep: where two trainings first part can be told without all their states.
//!
//! After each step eight sums are kept: element `i` of all parameters, counted through, adds to sum `i mod 8` its change since the
//! interval began, with a sign that is the highest bit of `i · 0x9E3779B97F4A7C15`. The squares of the differences of two such sketches
//! add up, on average, to the square of the distance between the two states. A checkpoint's tensor `trace` has a row for each step since
//! the one before: the eight sums. It is a help for finding a difference, never a proof that there is none.

use crate::package::{Checkpoint, PackageError};

/// Sums in a sketch.
pub const WIDTH: usize = 8;
/// The tensor's name.
pub const TENSOR: &str = "trace";

/// One state's sums.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sketch {
    /// The sums.
    pub sums: [f32; WIDTH],
    /// ‖state − beginning‖, which is not in the trace.
    pub way: f64,
}

impl Sketch {
    /// Of the change since the beginning.
    pub fn of(before: &[Vec<f32>], now: &[Vec<f32>]) -> Self {
        let (mut sums, mut way, mut at) = ([0.0f64; WIDTH], 0.0, 0u64);
        for (before, now) in before.iter().zip(now) {
            for (old, new) in before.iter().zip(now) {
                let change = f64::from(*new) - f64::from(*old);
                let signed = if at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63 == 0 { change } else { -change };
                sums[(at % WIDTH as u64) as usize] += signed;
                way += change * change;
                at += 1;
            }
        }
        Self { sums: sums.map(|sum| sum as f32), way: way.sqrt() }
    }
}

/// The first of the replay's states that the trace does not agree with; none where the checkpoint has no trace of that length.
pub fn first_difference(
    checkpoint: &Checkpoint,
    replayed: &[Sketch],
    threshold: f64,
) -> Result<Option<usize>, PackageError> {
    if checkpoint.floats_of(TENSOR, &[replayed.len(), WIDTH]).is_err() {
        return Ok(None);
    }
    let told = checkpoint.read_tensor(TENSOR)?;
    let differs = |(told, replayed): (&[f32], &Sketch)| {
        let off: f64 =
            told.iter().zip(&replayed.sums).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        off.sqrt() > threshold * replayed.way
    };
    Ok(told.chunks_exact(WIDTH).zip(replayed).position(differs))
}
