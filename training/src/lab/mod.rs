//! Experiments: honest trainings and forged ones, by the hundred. Tests, thresholds and benches come of them; no verifier needs them.

mod attacks;
mod data;
mod detection;
mod margin;
mod orders;
mod run;
mod table;
mod trainer;

pub use attacks::{ADAPTIVE, ATTACKS, Attack, Bench, forge};
pub use data::{Files, dark_corner, fashion, synthetic};
pub use detection::{Detection, detection, partly_forged};
pub use margin::{BEYOND, Margin, REPLAY, margins, rejected, upper_bound};
pub use orders::{Model, Optimisation, order};
pub use run::{Outcome, Setting, honest, outcome, untrained};
pub use table::{Row, attack_table};
pub use trainer::Trainer;

/// Whatever goes wrong in an experiment.
pub type LabError = Box<dyn std::error::Error + Send + Sync>;
