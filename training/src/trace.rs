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
pub type Sketch = [f32; WIDTH];

/// Of the change since the beginning.
pub fn sketch(before: &[Vec<f32>], now: &[Vec<f32>]) -> Sketch {
    let (mut sums, mut at) = ([0.0f64; WIDTH], 0u64);
    for (before, now) in before.iter().zip(now) {
        for (old, new) in before.iter().zip(now) {
            let change = f64::from(*new) - f64::from(*old);
            let signed = if at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63 == 0 { change } else { -change };
            sums[(at % WIDTH as u64) as usize] += signed;
            at += 1;
        }
    }
    sums.map(|sum| sum as f32)
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
    let told = told.as_chunks::<WIDTH>().0;
    // What each step adds: differences of earlier steps, and how far they led, are no matter.
    let added = |sketches: &[Sketch], at: usize| -> [f64; WIDTH] {
        let before = at.checked_sub(1).map_or([0.0; WIDTH], |before| sketches[before]);
        std::array::from_fn(|sum| f64::from(sketches[at][sum]) - f64::from(before[sum]))
    };
    let differs = |&at: &usize| {
        let (told, replayed) = (added(told, at), added(replayed, at));
        let off: f64 = told.iter().zip(&replayed).map(|(a, b)| (a - b).powi(2)).sum();
        let way: f64 = replayed.iter().map(|sum| sum.powi(2)).sum();
        off.sqrt() > threshold * way.sqrt()
    };
    Ok((0..replayed.len()).find(differs))
}
