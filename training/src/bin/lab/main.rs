//! `training-lab`: experiments with honest and forged trainings. Reproduces what `docs/training.md` tells.

#![forbid(unsafe_code)]

mod large;
mod matrix;
mod thresholds;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use training::lab::{LabError, Model, Optimisation, Outcome, Setting, attack_table, fashion, synthetic};

#[derive(Parser)]
#[command(name = "training-lab", about = "Experiments with honest and forged trainings")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write Fashion-MNIST's first images as data sets
    Data {
        /// The folder
        out: PathBuf,
        /// Images to train on
        #[arg(long, default_value_t = 20_000)]
        train: usize,
        /// Images to measure with
        #[arg(long, default_value_t = 5_000)]
        validation: usize,
    },
    /// Honest trainings of every architecture and optimiser: is any rejected?
    Matrix(matrix::Options),
    /// Every forgery against rules, checks and replay
    Attacks {
        /// Work here
        scratch: PathBuf,
        /// Real images: Fashion-MNIST; synthetic ones otherwise
        #[arg(long)]
        real: bool,
        /// The model
        #[arg(long, value_enum, default_value = "mlp")]
        model: Model,
        /// Passes over the data
        #[arg(long, default_value_t = 12)]
        epochs: u64,
    },
    /// Values of every rule's statistic over honest trainings and forgeries: where thresholds can lie
    Thresholds(thresholds::Options),
    /// Write a package of large random layers, for benches
    Large(large::Options),
}

fn main() -> Result<(), LabError> {
    match Cli::parse().command {
        Command::Data { out, train, validation } => {
            fashion(&out, train, validation)?;
            println!("{}", out.display());
            Ok(())
        }
        Command::Matrix(options) => matrix::run(&options),
        Command::Attacks { scratch, real, model, epochs } => {
            let files =
                if real { fashion(&scratch, 6_000, 2_000)? } else { synthetic(&scratch, 3_000, 1_000)? };
            let make = |seed| Setting::new(&files, (model, Optimisation::Momentum), epochs, seed);
            for (id, what, outcome) in attack_table(&make, &scratch)? {
                println!("{}", row(id, what, &outcome));
            }
            Ok(())
        }
        Command::Thresholds(options) => thresholds::run(&options),
        Command::Large(options) => large::run(&options),
    }
}

fn row(id: &str, what: &str, outcome: &Outcome) -> String {
    let list = |rules: &[u8]| {
        if rules.is_empty() {
            "pass".into()
        } else {
            rules.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
        }
    };
    let replay = outcome.replay.map_or("–".into(), |(error, state)| format!("{error:.1e} / {state:.1e}"));
    let read = outcome.report.is_some();
    format!(
        "| {id} | {what} | {} | {} | {} | {replay} | {} |",
        if read { list(&outcome.strict) } else { "–".into() },
        if read { list(&outcome.tolerant) } else { "–".into() },
        if outcome.checks.is_empty() { "–".into() } else { outcome.checks.join(" ") },
        if outcome.rejected_by.is_empty() { "nothing".into() } else { outcome.rejected_by.join(", ") },
    )
}
