//! What the rules look at, in one pass over the package.
//!
//! Distances between distributions come from histograms on a fixed grid, with a certified bound on their error; the exact values are
//! computed only where a bound does not decide. Memory is bounded by the largest layer and never grows with the package.

mod bounds;
mod histogram;
mod rank;
mod scan;
mod spectrum;

pub use bounds::Bounds;
pub use histogram::{Grid, exact_wasserstein, ks_against, wasserstein, wasserstein_against};
pub use rank::spearman;
pub use scan::{LayerScan, Scan, scan};
pub use spectrum::{Spectrum, edge, spectrum, tracy_widom_scale};
