//! Figures from runs: a constant and a slope for each component, by least squares over the middle half of each value's runs.

use crate::runner::{Benchmark, Runs};
use anyhow::Result;
use frame_benchmarking::{Analysis, BenchmarkResult, BenchmarkSelector};
use serde::Serialize;
use std::fmt;

/// A measured time counts as so many percent of itself: this machine is one of many, and runs were few.
pub const SAFETY_PERCENT: u128 = 150;

/// What one benchmark costs.
#[derive(Serialize)]
pub struct Cost {
    /// The benchmark.
    pub name: String,
    /// Shortest and longest run, in nanoseconds.
    pub shortest: u128,
    /// See `shortest`.
    pub longest: u128,
    /// Picoseconds as measured.
    pub time: Line,
    /// Keys read.
    pub reads: Line,
    /// Keys written.
    pub writes: Line,
}

/// `base + Σ slope · component`.
#[derive(Serialize)]
pub struct Line {
    /// With every component at zero.
    pub base: u128,
    /// More for each unit of a component.
    pub slopes: Vec<Slope>,
}

/// How a cost grows with a component.
#[derive(Serialize)]
pub struct Slope {
    /// The component.
    pub name: String,
    /// Its range.
    pub range: (u32, u32),
    /// Per unit.
    pub each: u128,
}

impl Cost {
    /// Fits all runs of a benchmark.
    pub fn fit(benchmark: &Benchmark, runs: &Runs) -> Result<Self> {
        let times = || runs.times.iter().map(|run| run.extrinsic_time);
        Ok(Self {
            name: benchmark.name.clone(),
            shortest: times().min().unwrap_or_default(),
            longest: times().max().unwrap_or_default(),
            time: Line::fit(benchmark, &runs.times, BenchmarkSelector::ExtrinsicTime)?,
            reads: Line::fit(benchmark, &runs.counts, BenchmarkSelector::Reads)?,
            writes: Line::fit(benchmark, &runs.counts, BenchmarkSelector::Writes)?,
        })
    }

    /// Names and ranges of its components.
    pub fn components(&self) -> impl Iterator<Item = (&str, (u32, u32))> {
        self.time.slopes.iter().map(|slope| (slope.name.as_str(), slope.range))
    }
}

impl Line {
    fn fit(benchmark: &Benchmark, runs: &Vec<BenchmarkResult>, selector: BenchmarkSelector) -> Result<Self> {
        let Analysis { base, slopes, .. } = Analysis::min_squares_iqr(runs, selector)?;
        let named = slopes.into_iter().zip(&benchmark.components);
        let slopes = named.map(|(each, (name, low, high))| Slope {
            name: format!("{name:?}"),
            range: (*low, *high),
            each,
        });
        Ok(Self { base, slopes: slopes.collect() })
    }

    /// With the safety factor, and the constant rounded up to whole microseconds.
    pub fn safe(&self) -> (u64, Vec<u64>) {
        let safe = |picos: u128| u64::try_from(picos.saturating_mul(SAFETY_PERCENT).div_ceil(100));
        let base = safe(self.base).unwrap_or(u64::MAX).div_ceil(1_000_000).saturating_mul(1_000_000);
        (base, self.slopes.iter().map(|slope| safe(slope.each).unwrap_or(u64::MAX)).collect())
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |picos: u128| picos as f64 / 1e6;
        write!(f, "{:.1} µs", micros(self.time.base))?;
        for Slope { name, range: (low, high), each } in &self.time.slopes {
            write!(f, " + {:.3} µs · {name} ({low} to {high})", micros(*each))?;
        }
        for (what, line) in [("reads", &self.reads), ("writes", &self.writes)] {
            write!(f, ", {what} {}", line.base)?;
            for Slope { name, each, .. } in line.slopes.iter().filter(|slope| slope.each > 0) {
                write!(f, " + {each} · {name}")?;
            }
        }
        Ok(())
    }
}
