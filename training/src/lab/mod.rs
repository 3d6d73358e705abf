//! Experiments: honest trainings and forged ones, by the hundred. Tests, thresholds and benches come of them; no verifier needs them.

mod attacks;
mod data;
mod detection;
mod orders;
mod run;
mod table;

pub use attacks::{ADAPTIVE, ATTACKS, Attack, Bench, forge};
pub use data::{dark_corner, fashion, synthetic};
pub use detection::{Detection, detection, partly_forged};
pub use orders::{Model, Optimisation, order};
pub use run::{Outcome, Setting, honest, outcome};
pub use table::attack_table;

/// Whatever goes wrong in an experiment.
pub type LabError = Box<dyn std::error::Error + Send + Sync>;
