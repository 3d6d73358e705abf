//! Wasserstein-1 and Kolmogorov–Smirnov distances from counts on an even grid.
//!
//! Putting a value into its bin moves it by half a bin at most, so a Wasserstein-1 distance between binned samples is off by one bin at
//! most; values beyond the grid add the distance by which they were moved. A distribution function is exact at every edge, and between
//! two edges it lies between its values there.

use super::Bounds;
use crate::terms::Mixture;

/// An even grid around 0.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    width: f64,
    bins: usize,
}

/// How many values fell into each bin, and how far those beyond the grid were moved in all.
#[derive(Debug, Clone)]
pub struct Counts {
    bins: Vec<u32>,
    moved: f64,
    count: u64,
}

impl Grid {
    /// From −reach to +reach.
    pub fn new(reach: f64, bins: usize) -> Self {
        Self { width: 2.0 * reach.max(f64::MIN_POSITIVE) / bins as f64, bins }
    }

    /// No counts yet.
    pub fn empty(&self) -> Counts {
        Counts { bins: vec![0; self.bins], moved: 0.0, count: 0 }
    }

    fn edge(&self, bin: usize) -> f64 {
        (bin as f64 - self.bins as f64 / 2.0) * self.width
    }

    /// Counts values.
    pub fn add(&self, counts: &mut Counts, values: &[f32]) {
        let (scale, half, last) = ((1.0 / self.width) as f32, self.bins as f32 / 2.0, self.bins as f32 - 1.0);
        let reach = (self.edge(self.bins)) as f32;
        for &value in values {
            let place = (value * scale + half).max(0.0).min(last);
            counts.bins[place as usize] += 1;
        }
        counts.count += values.len() as u64;
        // A second, branch-free look: hardly ever is anything beyond the grid.
        let most = values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        if most > reach {
            counts.moved += values.iter().map(|value| f64::from((value.abs() - reach).max(0.0))).sum::<f64>();
        }
    }

    /// By how much a mean over these counts can be off: half a bin, rounding of the place (2^-23 of the grid), what lies beyond.
    fn error(&self, counts: &Counts) -> f64 {
        let rounding = self.width * self.bins as f64 / 8_388_608.0;
        self.width / 2.0 + rounding + counts.moved / counts.count.max(1) as f64
    }
}

impl Counts {
    /// Adds counts of the same grid.
    pub fn merge(&mut self, other: &Self) {
        self.bins.iter_mut().zip(&other.bins).for_each(|(sum, more)| *sum += more);
        self.moved += other.moved;
        self.count += other.count;
    }
}

/// Wasserstein-1 between two samples of the same size.
pub fn wasserstein(grid: &Grid, one: &Counts, other: &Counts) -> Bounds {
    let (mut ahead, mut area) = (0i64, 0u64);
    for (a, b) in one.bins.iter().zip(&other.bins) {
        ahead += i64::from(*a) - i64::from(*b);
        area += ahead.unsigned_abs();
    }
    let value = area as f64 * grid.width / one.count.max(1) as f64;
    Bounds::around(value, grid.error(one) + grid.error(other))
}

/// The same, exactly. Both samples are sorted in place.
pub fn exact_wasserstein(one: &mut [f32], other: &mut [f32]) -> f64 {
    use rayon::slice::ParallelSliceMut;
    one.par_sort_unstable_by(f32::total_cmp);
    other.par_sort_unstable_by(f32::total_cmp);
    let sum: f64 = one.iter().zip(other.iter()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).sum();
    sum / one.len().max(1) as f64
}

/// Wasserstein-1 between a sample and a mixture: the area between their distribution functions.
pub fn wasserstein_against(grid: &Grid, counts: &Counts, mixture: &Mixture) -> Bounds {
    let (mut below, mut area, mut cdf) = (0u64, 0.0, mixture.cdf(grid.edge(0)));
    for (bin, count) in counts.bins.iter().enumerate() {
        let next = mixture.cdf(grid.edge(bin + 1));
        below += u64::from(*count);
        let share = below as f64 / counts.count.max(1) as f64;
        area += (share - (cdf + next) / 2.0).abs() * grid.width;
        cdf = next;
    }
    Bounds::around(area, grid.width + grid.error(counts))
}

/// Kolmogorov–Smirnov distance between a sample and a mixture.
pub fn ks_against(grid: &Grid, counts: &Counts, mixture: &Mixture) -> Bounds {
    let all = counts.count.max(1) as f64;
    let (mut low, mut high): (f64, f64) = (0.0, 0.0);
    let (mut share, mut cdf, mut below) = (0.0, 0.0, 0u64);
    for (bin, count) in counts.bins.iter().enumerate() {
        let last = bin + 1 == counts.bins.len();
        let next = if last { 1.0 } else { mixture.cdf(grid.edge(bin + 1)) };
        below += u64::from(*count);
        let ahead = below as f64 / all;
        low = low.max((ahead - next).abs());
        high = high.max(ahead - cdf).max(next - share);
        (share, cdf) = (ahead, next);
    }
    Bounds { low, high: high.max(low) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        digest::Digest,
        terms::{Parameter, initial},
    };

    fn sample(seed: u8) -> Vec<f32> {
        initial(&Digest([seed; 32]), &Parameter::new("w", [200, 100]))
    }

    #[test]
    fn bounds_hold_the_exact_distance_and_are_narrow() {
        let grid = Grid::new(2.0, 1 << 14);
        let mut a = sample(1);
        let mut b: Vec<f32> = sample(2).iter().map(|value| value * 1.1 + 0.01).collect();
        let (mut one, mut other) = (grid.empty(), grid.empty());
        grid.add(&mut one, &a);
        grid.add(&mut other, &b);
        let bounds = wasserstein(&grid, &one, &other);
        let exact = exact_wasserstein(&mut a, &mut b);
        assert!(bounds.low <= exact && exact <= bounds.high, "{bounds:?} {exact}");
        assert!(bounds.high - bounds.low < 0.001);
    }

    #[test]
    fn values_beyond_the_grid_widen_the_bounds() {
        let grid = Grid::new(0.1, 64);
        let (mut a, mut b) = (vec![0.05f32, 5.0], vec![-0.05f32, -3.0]);
        let (mut one, mut other) = (grid.empty(), grid.empty());
        grid.add(&mut one, &a);
        grid.add(&mut other, &b);
        let bounds = wasserstein(&grid, &one, &other);
        let exact = exact_wasserstein(&mut a, &mut b);
        assert!(bounds.low <= exact && exact <= bounds.high, "{bounds:?} {exact}");
    }

    #[test]
    fn a_mixture_is_near_itself_and_a_normal_is_not() {
        let mixture = Mixture::new(100);
        let grid = Grid::new(16.0 * mixture.variance().sqrt(), 1 << 18);
        let mut counts = grid.empty();
        let values = sample(3);
        grid.add(&mut counts, &values);
        let ks = ks_against(&grid, &counts, &mixture);
        assert!(ks.low > 0.0005 && ks.high < 0.02, "{ks:?}");
        assert!(wasserstein_against(&grid, &counts, &mixture).high < 0.003);
        let mut flat = grid.empty();
        grid.add(&mut flat, &vec![0.0; 1000]);
        assert!(ks_against(&grid, &flat, &mixture).low > 0.4);
    }
}
