//! The largest singular value of a layer, against what random matrices have.
//!
//! Lanczos on A·Aᵀ (or Aᵀ·A, whichever is smaller) from a drawn start, fully re-orthogonalised. Its largest value θ never exceeds λ, and
//! by Kuczyński and Woźniakowski (1992, theorem 4.1) λ(1 − ε) ≤ θ fails with probability at most 1.648·√n·e^(−√ε·(2k−1)): ε is taken
//! where that is 10⁻⁹. With as many steps as the matrix is wide the value is exact.

use super::Bounds;
use crate::digest::Digest;
use rayon::prelude::*;

const STEPS: usize = 96;
const FAILURE: f64 = 1e-9;

/// What Lanczos found.
#[derive(Debug, Clone)]
pub struct Spectrum {
    /// The largest singular value.
    pub largest: Bounds,
    /// Singular values that Lanczos saw, largest first: approximate but for the outermost.
    pub seen: Vec<f64>,
    /// Σ of all squared singular values.
    pub squares: f64,
}

/// Of `rows` by `cols` values. Where `centred`, each column's mean is taken off first.
pub fn spectrum(values: &[f32], rows: usize, cols: usize, centred: bool, seed: &Digest) -> Spectrum {
    let means = if centred { column_means(values, rows, cols) } else { vec![0.0; cols] };
    let tall = rows >= cols;
    let size = rows.min(cols);
    let apply = |v: &[f64]| {
        if tall {
            times_transposed(values, cols, &means, &times(values, cols, &means, v))
        } else {
            times(values, cols, &means, &times_transposed(values, cols, &means, v))
        }
    };
    let (ritz, steps) = lanczos(apply, size, seed);
    let squares: f64 = values
        .par_chunks(cols)
        .map(|row| row.iter().zip(&means).map(|(x, mean)| (f64::from(*x) - mean).powi(2)).sum::<f64>())
        .sum();
    let theta = ritz.first().copied().unwrap_or(0.0).max(0.0);
    // f32 values in f64 sums: rounding is far below this.
    let rounding = 1e-9;
    let slack = if steps >= size { rounding } else { certificate(size, steps) };
    let largest = Bounds { low: (theta * (1.0 - rounding)).sqrt(), high: (theta / (1.0 - slack)).sqrt() };
    Spectrum { largest, seen: ritz.iter().map(|value| value.max(0.0).sqrt()).collect(), squares }
}

/// ε of the bound above; 1 where too few steps certify anything.
fn certificate(size: usize, steps: usize) -> f64 {
    let root = (1.648 * (size as f64).sqrt() / FAILURE).ln() / (2.0 * steps as f64 - 1.0);
    (root * root).min(0.999)
}

/// The Marchenko–Pastur edge: where the largest singular value of a large random matrix lies, √rows + √cols standard deviations.
pub fn edge(rows: usize, cols: usize) -> f64 {
    (rows as f64).sqrt() + (cols as f64).sqrt()
}

/// One unit of Tracy and Widom's law, relative to the edge's square: (√m + √n)·(1/√m + 1/√n)^⅓ / (√m + √n)².
pub fn tracy_widom_scale(rows: usize, cols: usize) -> f64 {
    let (m, n) = ((rows as f64).sqrt(), (cols as f64).sqrt());
    (1.0 / m + 1.0 / n).cbrt() / (m + n)
}

fn column_means(values: &[f32], rows: usize, cols: usize) -> Vec<f64> {
    let mut means = vec![0.0; cols];
    for row in values.chunks_exact(cols) {
        means.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    means.iter_mut().for_each(|sum| *sum /= rows.max(1) as f64);
    means
}

/// Rows that one piece of work takes: the pieces are the same on every machine, so sums are too.
const PIECE: usize = 64;

fn times(values: &[f32], cols: usize, means: &[f64], v: &[f64]) -> Vec<f64> {
    let shift: f64 = means.iter().zip(v).map(|(mean, v)| mean * v).sum();
    let narrow: Vec<f32> = v.iter().map(|&v| v as f32).collect();
    values.par_chunks(cols).with_min_len(PIECE).map(|row| dot(row, &narrow) - shift).collect()
}

fn dot(one: &[f32], other: &[f32]) -> f64 {
    // Blocks of 256 in f32 lanes, then f64: as quick as f32, nearly as exact as f64.
    let blocks = one.chunks(256).zip(other.chunks(256)).map(|(a, b)| {
        let (a, b) = (a.as_chunks::<16>(), b.as_chunks::<16>());
        let mut lanes = [0.0f32; 16];
        for (a, b) in a.0.iter().zip(b.0) {
            for lane in 0..16 {
                lanes[lane] += a[lane] * b[lane];
            }
        }
        let rest: f32 = a.1.iter().zip(b.1).map(|(a, b)| a * b).sum();
        f64::from(lanes.iter().sum::<f32>() + rest)
    });
    blocks.sum()
}

fn times_transposed(values: &[f32], cols: usize, means: &[f64], v: &[f64]) -> Vec<f64> {
    let pieces: Vec<Vec<f32>> = values
        .par_chunks(cols * PIECE)
        .zip(v.par_chunks(PIECE))
        .map(|(rows, v)| {
            let mut sums = vec![0.0f32; cols];
            for (row, &v) in rows.chunks_exact(cols).zip(v) {
                let v = v as f32;
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * v);
            }
            sums
        })
        .collect();
    let shift: f64 = v.iter().sum();
    let mut sums: Vec<f64> = means.iter().map(|mean| -mean * shift).collect();
    for piece in &pieces {
        sums.iter_mut().zip(piece).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sums
}

/// Ritz values, largest first, and how many steps there were.
fn lanczos(apply: impl Fn(&[f64]) -> Vec<f64>, size: usize, seed: &Digest) -> (Vec<f64>, usize) {
    let mut basis: Vec<Vec<f64>> = vec![start(size, seed)];
    let (mut diagonal, mut beside): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let steps = STEPS.min(size);
    for step in 0..steps {
        let mut next = apply(&basis[step]);
        diagonal.push(inner(&next, &basis[step]));
        // Twice is enough (Kahan and Parlett).
        for _ in 0..2 {
            for known in &basis {
                let along = inner(&next, known);
                next.iter_mut().zip(known).for_each(|(x, known)| *x -= along * known);
            }
        }
        let length = inner(&next, &next).sqrt();
        let scale = diagonal.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        if step + 1 == steps || length <= 1e-12 * scale {
            // An invariant subspace: a random start meets every direction, so nothing is left.
            let exact = length <= 1e-12 * scale;
            return (tridiagonal(&diagonal, &beside), if exact { size } else { steps });
        }
        next.iter_mut().for_each(|x| *x /= length);
        beside.push(length);
        basis.push(next);
    }
    (tridiagonal(&diagonal, &beside), steps)
}

fn inner(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// A direction drawn evenly from the sphere.
fn start(size: usize, seed: &Digest) -> Vec<f64> {
    let normal = |at: usize| {
        let bytes = Digest::of(&[b"matrixai:lanczos:v1", &seed.0, &(at as u64).to_le_bytes()]).0;
        let word = |at: usize| bytes.as_chunks::<8>().0.get(at).map_or(0, |word| u64::from_le_bytes(*word));
        let uniform = ((word(0) >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let angle = std::f64::consts::TAU * (word(1) >> 11) as f64 / (1u64 << 53) as f64;
        (-2.0 * libm::log(uniform)).sqrt() * libm::cos(angle)
    };
    let mut values: Vec<f64> = (0..size).map(normal).collect();
    let length = inner(&values, &values).sqrt();
    values.iter_mut().for_each(|value| *value /= length);
    values
}

/// Eigenvalues of a symmetric tridiagonal matrix, largest first: each by bisection on Sturm's count.
fn tridiagonal(diagonal: &[f64], beside: &[f64]) -> Vec<f64> {
    let radius = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| beside.get(at)).map_or(0.0, |value| value.abs());
        before + beside.get(at).map_or(0.0, |value| value.abs())
    };
    let bound = diagonal.iter().enumerate().map(|(at, value)| value.abs() + radius(at)).fold(0.0, f64::max);
    let above = |x: f64| {
        let (mut count, mut pivot) = (0, 1.0f64);
        for (at, value) in diagonal.iter().enumerate() {
            let square = at.checked_sub(1).and_then(|at| beside.get(at)).map_or(0.0, |value| value * value);
            pivot = value - x - square / pivot;
            if pivot == 0.0 {
                pivot = -f64::MIN_POSITIVE.sqrt();
            }
            count += usize::from(pivot > 0.0);
        }
        count
    };
    let find = |rank: usize| {
        let (mut low, mut high) = (-bound, bound);
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if above(middle) > rank { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    (0..diagonal.len()).map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::{Mixture, Parameter, initial};

    #[test]
    fn a_random_layer_ends_at_the_edge_and_a_spike_shows() {
        let (rows, cols) = (256, 784);
        let mut values = initial(&Digest([5; 32]), &Parameter::new("w", [rows, cols]));
        let unit = edge(rows, cols) * Mixture::new(cols).variance().sqrt();
        let honest = spectrum(&values, rows, cols, false, &Digest([6; 32])).largest;
        assert!(honest.low / unit > 0.9 && honest.high / unit < 1.04, "{:?}", honest.over(unit));
        for (at, value) in values.iter_mut().enumerate() {
            *value += if (at / cols + at % cols) % 2 == 0 { 0.01 } else { -0.01 };
        }
        let spiked = spectrum(&values, rows, cols, false, &Digest([6; 32])).largest;
        assert!(spiked.low / unit > 1.3, "{:?}", spiked.over(unit));
    }

    #[test]
    fn of_a_known_matrix() {
        // Singular values 3 and 2.
        let found = spectrum(&[3.0, 0.0, 0.0, 0.0, -2.0, 0.0], 2, 3, false, &Digest([1; 32]));
        assert!(
            (found.largest.low - 3.0).abs() < 1e-6 && (found.largest.high - 3.0).abs() < 1e-6,
            "{found:?}"
        );
        assert!((found.seen[1] - 2.0).abs() < 1e-6);
        assert_eq!(found.squares, 13.0);
    }

    #[test]
    fn centring_takes_a_shared_row_away() {
        let values: Vec<f32> = (0..40).flat_map(|at| [5.0, -5.0, (at % 2) as f32]).collect();
        let found = spectrum(&values, 40, 3, true, &Digest([1; 32]));
        assert!((found.squares - 10.0).abs() < 1e-6, "{found:?}");
    }
}
