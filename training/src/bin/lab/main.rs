//! `training-lab`: experiments with honest and forged trainings. Reproduces what `docs/training.md` tells.

#![forbid(unsafe_code)]

mod curves;
mod large;
mod matrix;
mod thresholds;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use training::{
    lab::{
        LabError, Model, Optimisation, Outcome, Setting, attack_table, dark_corner, detection, fashion,
        partly_forged, synthetic,
    },
    package::Package,
};

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
            println!(
                "| | forgery | strict rules | tolerant rules | checks | replay error / of state / of one tensor / of steps / of idle inputs | rejected by |"
            );
            println!("|---|---|---|---|---|---|---|");
            let dark = dark_corner(&files, &scratch.join("dark"))?;
            let adaptive = || Setting::new(&dark, (Model::Mlp, Optimisation::Adamw), epochs, 1);
            for (id, what, outcome) in attack_table(&make, &adaptive, &scratch)? {
                println!("{}", row(id, what, &outcome));
            }
            detected(make(3)?, &scratch)
        }
        Command::Thresholds(options) => thresholds::run(&options),
        Command::Large(options) => large::run(&options),
    }
}

/// A chain of which a tenth is forged, in intervals of four steps.
fn detected(mut setting: Setting, scratch: &Path) -> Result<(), LabError> {
    setting.terms.checkpoint_every = 4;
    let folder = scratch.join("partly");
    let forged = partly_forged(&setting, 10, &folder)?;
    let (differ, rates) = detection(&setting, &folder, &[1, 2, 3, 5, 10, 20, 40], 4_000)?;
    let intervals = Package::open(&folder)?.len() - 1;
    println!("\n{} of {intervals} intervals are forged; replayed, {} differ.\n", forged.len(), differ.len());
    println!("| k | draws | found | 1 − (1 − f)^k | standard error |");
    println!("|---|---|---|---|---|");
    for one in &rates {
        println!(
            "| {} | {} | {:.4} | {:.4} | {:.4} |",
            one.k,
            one.draws,
            one.rate(),
            one.expected,
            one.error()
        );
    }
    if forged == differ { Ok(()) } else { Err("replay did not find exactly the forged intervals".into()) }
}

fn row(id: &str, what: &str, outcome: &Outcome) -> String {
    let list = |rules: &[u8]| {
        if rules.is_empty() {
            "pass".into()
        } else {
            rules.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
        }
    };
    let replay =
        outcome.replay.map_or("–".into(), |errors| errors.map(|one| format!("{one:.1e}")).join(" / "));
    let read = outcome.report.as_ref().is_some_and(|report| !report.rules.is_empty());
    format!(
        "| {id} | {what} | {} | {} | {} | {replay} | {} |",
        if read { list(&outcome.strict) } else { "–".into() },
        if read { list(&outcome.tolerant) } else { "–".into() },
        if outcome.checks.is_empty() { "–".into() } else { outcome.checks.join(" ") },
        if outcome.rejected_by.is_empty() { "nothing".into() } else { outcome.rejected_by.join(", ") },
    )
}
