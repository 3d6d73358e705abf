//! One pass over all checkpoints of each layer, a chunk at a time.

use super::{
    Bounds, Grid,
    histogram::{self, Counts},
};
use crate::{
    package::{Checkpoint, Package, PackageError},
    terms::{Init, Mixture, Parameter},
};
use rayon::prelude::*;
use std::{collections::BTreeSet, ops::Range};

/// Values read at one time: 1 MiB of each checkpoint.
const CHUNK: usize = 1 << 18;
/// Below so many values, everything is computed exactly.
const SMALL: usize = 1 << 14;
/// Bins between neighbours.
const BINS: usize = 1 << 14;
/// Bins of the untrained model, whose distribution function has to be known better.
const INITIAL_BINS: usize = 1 << 18;
/// Standard deviations of the untrained layer that a grid reaches to either side.
const REACH: f64 = 16.0;
/// All histograms of one layer, in bytes.
const HISTOGRAMS: usize = 48 << 20;

/// What one layer's values did.
#[derive(Debug, Clone)]
pub struct LayerScan {
    /// Which tensor.
    pub parameter: Parameter,
    /// Standard deviation in each checkpoint.
    pub deviation: Vec<f64>,
    /// ‖Ci − CN‖² for each checkpoint.
    pub to_last: Vec<f64>,
    /// ‖C(i+1) − Ci‖² for each step between neighbours.
    pub moved: Vec<f64>,
    /// Wasserstein-1 between neighbours.
    pub shift: Vec<Bounds>,
    /// Kolmogorov–Smirnov distance of the untrained layer from the mixture, for weights.
    pub initial_ks: Option<Bounds>,
    /// Wasserstein-1 of the same.
    pub initial_shift: Option<Bounds>,
    /// The largest deviation of the untrained layer from the constant it must be, for biases and scales.
    pub initial_off: Option<f64>,
    /// Mean and variance of ‖R − CN‖² over untrained models R.
    pub fresh: (f64, f64),
}

/// All layers.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// In the graph's order; running statistics are left out.
    pub layers: Vec<LayerScan>,
}

impl Scan {
    /// ‖Ci − CN‖ over all layers.
    pub fn distances(&self) -> Vec<f64> {
        total(self.layers.iter().map(|layer| &layer.to_last))
    }

    /// ‖C(i+1) − Ci‖ over all layers.
    pub fn moves(&self) -> Vec<f64> {
        total(self.layers.iter().map(|layer| &layer.moved))
    }
}

fn total<'a>(squares: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut sums: Vec<f64> = Vec::new();
    for one in squares {
        sums.resize(one.len(), 0.0);
        sums.iter_mut().zip(one).for_each(|(sum, square)| *sum += square);
    }
    sums.into_iter().map(f64::sqrt).collect()
}

/// Reads every parameter in every checkpoint once. `told` hears how many of how many bytes were read.
pub fn scan(
    package: &Package,
    parameters: &[Parameter],
    told: &(dyn Fn(u64) + Sync),
) -> Result<Scan, PackageError> {
    let wanted: BTreeSet<String> = parameters.iter().map(Parameter::tensor).collect();
    let open =
        |index| Ok::<_, PackageError>(package.checkpoint(index)?.keeping(|name| wanted.contains(name)));
    let checkpoints: Vec<Checkpoint> = (0..package.len()).map(open).collect::<Result<_, _>>()?;
    for (checkpoint, parameter) in checkpoints.iter().flat_map(|one| parameters.iter().map(move |p| (one, p)))
    {
        checkpoint.floats_of(&parameter.tensor(), &parameter.shape)?;
    }
    let trained: Vec<&Parameter> = parameters.iter().filter(|parameter| !parameter.is_buffer()).collect();
    let layer = |parameter: &&Parameter| scan_layer(&checkpoints, parameter, told);
    // Small layers side by side, each whole; large ones one by one, their chunks side by side.
    let layers = trained
        .chunk_by(|one, next| one.elements() < SMALL && next.elements() < SMALL)
        .flat_map(|group| group.par_iter().map(layer).collect::<Vec<_>>())
        .collect::<Result<_, _>>()?;
    Ok(Scan { layers })
}

fn scan_layer(
    checkpoints: &[Checkpoint],
    parameter: &Parameter,
    told: &(dyn Fn(u64) + Sync),
) -> Result<LayerScan, PackageError> {
    let elements = parameter.elements();
    let mixture = match parameter.init() {
        Init::Mixture { fan_in } => Some(Mixture::new(fan_in)),
        _ => None,
    };
    let (sums, grids) = if elements < SMALL {
        (read(checkpoints, parameter, 0..elements, None, told)?, None)
    } else {
        let scale = mixture.map_or(1.0, |mixture| mixture.variance().sqrt());
        let threads = rayon::current_num_threads();
        let room = HISTOGRAMS / 4 / (checkpoints.len().max(1) * (threads + 1));
        let bins = BINS.min((room + 1).next_power_of_two() / 2).max(1 << 8);
        let grids =
            Grids { all: Grid::new(REACH * scale, bins), initial: Grid::new(REACH * scale, INITIAL_BINS) };
        (in_parallel(checkpoints, parameter, &grids, threads, told)?, Some(grids))
    };
    let mut scan = LayerScan {
        parameter: parameter.clone(),
        deviation: sums.each.iter().map(|one| one.deviation(elements)).collect(),
        to_last: sums.each.iter().map(|one| one.to_last).collect(),
        moved: sums.each.iter().skip(1).map(|one| one.moved).collect(),
        shift: Vec::new(),
        initial_ks: None,
        initial_shift: None,
        initial_off: None,
        fresh: fresh(parameter, &sums, elements),
    };
    match grids {
        Some(grids) => grids.distances(&sums, mixture.as_ref(), &mut scan),
        None => exact_distances(checkpoints, parameter, mixture.as_ref(), &mut scan)?,
    }
    Ok(scan)
}

struct Grids {
    all: Grid,
    initial: Grid,
}

impl Grids {
    fn distances(&self, sums: &Sums, mixture: Option<&Mixture>, scan: &mut LayerScan) {
        let counts: Vec<&Counts> = sums.each.iter().filter_map(|one| one.counts.as_ref()).collect();
        let pairs = counts.windows(2).map(|pair| histogram::wasserstein(&self.all, pair[0], pair[1]));
        scan.shift = pairs.collect();
        if let (Some(mixture), Some(counts)) = (mixture, &sums.initial) {
            scan.initial_ks = Some(histogram::ks_against(&self.initial, counts, mixture));
            scan.initial_shift = Some(histogram::wasserstein_against(&self.initial, counts, mixture));
        } else {
            scan.initial_off = Some(sums.each.first().map_or(f64::NAN, |one| one.off));
        }
    }
}

/// Of a layer that is small: all values, sorted.
fn exact_distances(
    checkpoints: &[Checkpoint],
    parameter: &Parameter,
    mixture: Option<&Mixture>,
    scan: &mut LayerScan,
) -> Result<(), PackageError> {
    let read = |checkpoint: &Checkpoint| {
        let mut values = checkpoint.read_tensor(&parameter.tensor())?;
        values.sort_unstable_by(f32::total_cmp);
        Ok::<_, PackageError>(values)
    };
    let Some(first) = checkpoints.first() else { return Ok(()) };
    let mut before = read(first)?;
    match mixture {
        Some(mixture) => {
            scan.initial_ks = Some(Bounds::exact(exact_ks(&before, mixture)));
            let grid = Grid::new(REACH * mixture.variance().sqrt(), BINS);
            let mut counts = grid.empty();
            grid.add(&mut counts, &before);
            scan.initial_shift = Some(histogram::wasserstein_against(&grid, &counts, mixture));
        }
        None => {
            let must = constant(parameter);
            let off = before.iter().map(|&value| f64::from((value - must).abs())).fold(0.0, f64::max);
            scan.initial_off = Some(off);
        }
    }
    for checkpoint in &checkpoints[1..] {
        let values = read(checkpoint)?;
        let sum: f64 = before.iter().zip(&values).map(|(a, b)| f64::from((a - b).abs())).sum();
        scan.shift.push(Bounds::exact(sum / values.len().max(1) as f64));
        before = values;
    }
    Ok(())
}

fn exact_ks(sorted: &[f32], mixture: &Mixture) -> f64 {
    let all = sorted.len().max(1) as f64;
    let distance = |(at, &value): (usize, &f32)| {
        let cdf = mixture.cdf(f64::from(value));
        (cdf - at as f64 / all).abs().max(((at + 1) as f64 / all - cdf).abs())
    };
    sorted.iter().enumerate().map(distance).fold(0.0, f64::max)
}

fn constant(parameter: &Parameter) -> f32 {
    if parameter.init() == Init::One { 1.0 } else { 0.0 }
}

/// Mean and variance of ‖R − c‖² where R's elements are independent, symmetric, of known moments:
/// the mean is Σ(c² + v), the variance Σ(m₄ − v² + 4c²v).
fn fresh(parameter: &Parameter, sums: &Sums, elements: usize) -> (f64, f64) {
    let squares = sums.each.last().map_or(0.0, |last| last.squares);
    match parameter.init() {
        Init::Mixture { fan_in } => {
            let mixture = Mixture::new(fan_in);
            let (v, count) = (mixture.variance(), elements as f64);
            let spread = count * (mixture.fourth_moment() - v * v) + 4.0 * squares * v;
            (squares + count * v, spread)
        }
        Init::Zero => (squares, 0.0),
        Init::One => {
            let sum = sums.each.last().map_or(0.0, |last| last.sum);
            (squares - 2.0 * sum + elements as f64, 0.0)
        }
    }
}

/// Sums over one checkpoint's values.
#[derive(Debug, Clone, Default)]
struct Sum {
    sum: f64,
    squares: f64,
    to_last: f64,
    moved: f64,
    off: f64,
    counts: Option<Counts>,
}

impl Sum {
    fn deviation(&self, elements: usize) -> f64 {
        let mean = self.sum / elements.max(1) as f64;
        (self.squares / elements.max(1) as f64 - mean * mean).max(0.0).sqrt()
    }
}

#[derive(Debug, Clone)]
struct Sums {
    each: Vec<Sum>,
    initial: Option<Counts>,
}

impl Sums {
    fn new(checkpoints: usize, grids: Option<&Grids>) -> Self {
        let one = Sum { counts: grids.map(|grids| grids.all.empty()), ..Sum::default() };
        Self { each: vec![one; checkpoints], initial: grids.map(|grids| grids.initial.empty()) }
    }

    fn merge(mut self, other: &Self) -> Self {
        for (one, more) in self.each.iter_mut().zip(&other.each) {
            one.sum += more.sum;
            one.squares += more.squares;
            one.to_last += more.to_last;
            one.moved += more.moved;
            one.off = one.off.max(more.off);
            if let (Some(counts), Some(more)) = (&mut one.counts, &more.counts) {
                counts.merge(more);
            }
        }
        if let (Some(counts), Some(more)) = (&mut self.initial, &other.initial) {
            counts.merge(more);
        }
        self
    }
}

fn in_parallel(
    checkpoints: &[Checkpoint],
    parameter: &Parameter,
    grids: &Grids,
    threads: usize,
    told: &(dyn Fn(u64) + Sync),
) -> Result<Sums, PackageError> {
    let elements = parameter.elements();
    let share = elements.div_ceil(threads).next_multiple_of(CHUNK);
    let ranges: Vec<Range<usize>> =
        (0..elements).step_by(share).map(|from| from..elements.min(from + share)).collect();
    let parts: Vec<Sums> = ranges
        .into_par_iter()
        .map(|range| read(checkpoints, parameter, range, Some(grids), told))
        .collect::<Result<_, _>>()?;
    Ok(parts.iter().skip(1).fold(parts[0].clone(), |sums, part| sums.merge(part)))
}

/// A stretch of a layer, through all checkpoints.
fn read(
    checkpoints: &[Checkpoint],
    parameter: &Parameter,
    range: Range<usize>,
    grids: Option<&Grids>,
    told: &(dyn Fn(u64) + Sync),
) -> Result<Sums, PackageError> {
    let mut sums = Sums::new(checkpoints.len(), grids);
    let Some(last) = checkpoints.last() else { return Ok(sums) };
    let (tensor, must) = (parameter.tensor(), constant(parameter));
    let [mut end, mut before, mut values] = [(); 3].map(|()| vec![0.0f32; CHUNK.min(range.len())]);
    for from in range.clone().step_by(CHUNK) {
        let count = CHUNK.min(range.end - from);
        last.read_floats(&tensor, from as u64, &mut end[..count])?;
        for (index, (checkpoint, sum)) in checkpoints.iter().zip(&mut sums.each).enumerate() {
            let now = &mut values[..count];
            if index + 1 == checkpoints.len() {
                now.copy_from_slice(&end[..count]);
            } else {
                checkpoint.read_floats(&tensor, from as u64, now)?;
            }
            (sum.sum, sum.squares) =
                (sum.sum + lanes(now, now, |x, _| x), sum.squares + lanes(now, now, |x, _| x * x));
            sum.to_last += lanes(now, &end[..count], |x, y| (x - y) * (x - y));
            if index > 0 {
                sum.moved += lanes(now, &before[..count], |x, y| (x - y) * (x - y));
            }
            if let (Some(grids), Some(counts)) = (grids, &mut sum.counts) {
                grids.all.add(counts, now);
            }
            if index == 0 {
                sum.off = now.iter().fold(sum.off, |off, value| off.max(f64::from((value - must).abs())));
                if let (Some(grids), Some(counts)) = (grids, &mut sums.initial) {
                    grids.initial.add(counts, now);
                }
            }
            std::mem::swap(&mut before, &mut values);
        }
        told((count * 4 * checkpoints.len()) as u64);
    }
    Ok(sums)
}

/// Sums a function of two slices in eight lanes of f64: the order is fixed, and processors can do lanes at once.
fn lanes(one: &[f32], other: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0f64; 8];
    let (ones, others) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    for (a, b) in ones.0.iter().zip(others.0) {
        for lane in 0..8 {
            sums[lane] += term(f64::from(a[lane]), f64::from(b[lane]));
        }
    }
    let rest: f64 = ones.1.iter().zip(others.1).map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum();
    sums.iter().sum::<f64>() + rest
}
