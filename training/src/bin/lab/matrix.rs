//! Honest trainings by the hundred: false rejections are counted.

use std::path::PathBuf;
use training::{
    lab::{LabError, Model, Optimisation, Outcome, Setting, fashion, honest, outcome, synthetic},
    replay::Choice,
};

#[derive(clap::Args)]
pub struct Options {
    /// Work here
    scratch: PathBuf,
    /// Seeds for each cell
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Fashion-MNIST; synthetic images otherwise
    #[arg(long)]
    real: bool,
    /// Passes over the data
    #[arg(long, default_value_t = 10)]
    epochs: u64,
    /// Images to train on
    #[arg(long, default_value_t = 4_000)]
    train: usize,
    /// Only this architecture; may be given again
    #[arg(long = "model", value_enum)]
    models: Vec<Model>,
    /// Only this optimiser; may be given again
    #[arg(long = "optimiser", value_enum)]
    optimisers: Vec<Optimisation>,
}

impl Options {
    fn wants(&self, (model, optimiser): &(Model, Optimisation)) -> bool {
        (self.models.is_empty() || self.models.contains(model))
            && (self.optimisers.is_empty() || self.optimisers.contains(optimiser))
    }
}

/// Every architecture with every optimiser.
pub const CELLS: [(Model, Optimisation); 6] = [
    (Model::Mlp, Optimisation::Momentum),
    (Model::Mlp, Optimisation::Adamw),
    (Model::Cnn, Optimisation::Momentum),
    (Model::Cnn, Optimisation::Adamw),
    (Model::Transformer, Optimisation::Momentum),
    (Model::Transformer, Optimisation::Adamw),
];

pub fn run(options: &Options) -> Result<(), LabError> {
    let files = if options.real {
        fashion(&options.scratch, options.train, 2_000)?
    } else {
        synthetic(&options.scratch, options.train, 1_000)?
    };
    println!(
        "| model | optimiser | runs | rejected | strict rules that failed (runs) | largest replay error | accuracy |"
    );
    println!("|---|---|---|---|---|---|---|");
    let (mut runs, mut rejected) = (0, 0);
    for cell in CELLS.into_iter().filter(|cell| options.wants(cell)) {
        let mut outcomes = Vec::new();
        for seed in 0..options.seeds {
            let setting = Setting::new(&files, cell, options.epochs, seed)?;
            let folder = options.scratch.join(format!("{cell:?}-{seed}"));
            honest(&setting, &folder)?;
            outcomes.push(outcome(&setting, &folder, Choice { drawn: 3, largest: 2 }, seed));
            std::fs::remove_dir_all(&folder)?;
        }
        runs += outcomes.len();
        rejected += outcomes.iter().filter(|one| !one.rejected_by.is_empty()).count();
        tell(cell, &outcomes);
    }
    println!("\n{rejected} honest trainings of {runs} were rejected.");
    if rejected == 0 { Ok(()) } else { Err("honest trainings were rejected".into()) }
}

fn tell((model, optimiser): (Model, Optimisation), outcomes: &[Outcome]) {
    let rejected: Vec<String> = outcomes.iter().flat_map(|one| one.rejected_by.clone()).collect();
    let strict: Vec<String> = (1..=6)
        .map(|rule| (rule, outcomes.iter().filter(|one| one.strict.contains(&rule)).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(rule, count)| format!("{rule} ({count})"))
        .collect();
    let error = outcomes.iter().filter_map(|one| one.replay).flatten().fold(0.0, f64::max);
    let accuracies = outcomes.iter().filter_map(|one| one.report.as_ref()?.accuracy.last().copied());
    let mean = accuracies.sum::<f64>() / outcomes.len() as f64;
    println!(
        "| {model:?} | {optimiser:?} | {} | {} {} | {} | {error:.1e} | {:.1} % |",
        outcomes.len(),
        outcomes.iter().filter(|one| !one.rejected_by.is_empty()).count(),
        rejected.join(" "),
        if strict.is_empty() { "none".into() } else { strict.join(", ") },
        mean * 100.0
    );
}
