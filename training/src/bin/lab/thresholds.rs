//! Where each tolerant threshold lies between what honest trainings and what forgeries show.

use super::matrix::CELLS;
use std::{collections::BTreeMap, path::PathBuf};
use training::{
    lab::{LabError, Outcome, Setting, attack_table, dark_corner, fashion, honest, outcome, synthetic},
    replay::{Choice, THRESHOLDS},
};

#[derive(clap::Args)]
pub struct Options {
    /// Work here
    scratch: PathBuf,
    /// Seeds for each cell
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Fashion-MNIST; synthetic images otherwise
    #[arg(long)]
    real: bool,
    /// Passes over the data
    #[arg(long, default_value_t = 10)]
    epochs: u64,
}

/// Values of one statistic over its threshold: the worst honest one, and each forgery's.
#[derive(Default)]
struct Line {
    threshold: f64,
    honest: Vec<f64>,
    forged: Vec<(String, f64, bool)>,
}

pub fn run(options: &Options) -> Result<(), LabError> {
    let files = if options.real {
        fashion(&options.scratch, 4_000, 2_000)?
    } else {
        synthetic(&options.scratch, 3_000, 1_000)?
    };
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for cell in CELLS {
        for seed in 0..options.seeds {
            let setting = Setting::new(&files, cell, options.epochs, seed)?;
            let folder = options.scratch.join("honest-run");
            honest(&setting, &folder)?;
            let found = outcome(&setting, &folder, Choice { drawn: 3, largest: 2 }, seed);
            each(&found, |name, value, threshold, _| {
                let line = lines.entry(name).or_default();
                line.threshold = threshold;
                line.honest.push(value);
            });
            std::fs::remove_dir_all(&folder)?;
        }
    }
    let dark = dark_corner(&files, &options.scratch.join("dark"))?;
    let make = |seed| Setting::new(&files, CELLS[0], options.epochs, seed);
    let adaptive = || Setting::new(&dark, CELLS[1], options.epochs, 1);
    let table = attack_table(&make, &adaptive, &options.scratch.join("attacks"))?;
    for (id, _, found) in table.into_iter().filter(|(id, _, _)| !id.starts_with('–')) {
        each(&found, |name, value, _, holds| {
            lines.entry(name).or_default().forged.push((id.to_string(), value, holds));
        });
    }
    println!("| statistic | threshold (last) | honest: least, median, most | forgeries that it rejects |");
    println!("|---|---|---|---|");
    for (name, mut line) in lines {
        line.honest.sort_by(f64::total_cmp);
        let at = |share: f64| {
            line.honest
                .get((line.honest.len().saturating_sub(1) as f64 * share) as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        let rejected: Vec<String> = line
            .forged
            .iter()
            .filter(|one| !one.2)
            .map(|(id, value, _)| format!("{id} {value:.3}"))
            .collect();
        println!(
            "| {name} | {:.3} | {:.2e}, {:.2e}, {:.2e} | {} |",
            line.threshold,
            at(0.0),
            at(0.5),
            at(1.0),
            rejected.join(", ")
        );
    }
    Ok(())
}

fn each(outcome: &Outcome, mut take: impl FnMut(String, f64, f64, bool)) {
    let Some(report) = &outcome.report else { return };
    for rule in &report.rules {
        for finding in &rule.tolerant {
            take(format!("{}: {}", rule.rule, finding.what), finding.value, finding.threshold, finding.holds);
        }
    }
    if let Some(errors) = outcome.replay {
        let kinds = [
            ("parameters", THRESHOLDS.parameters),
            ("state", THRESHOLDS.state),
            ("one tensor", THRESHOLDS.tensor),
            ("optimiser steps", THRESHOLDS.step),
            ("idle inputs", THRESHOLDS.idle),
        ];
        for ((of, threshold), error) in kinds.into_iter().zip(errors) {
            take(format!("replay: {of}"), error, threshold, error <= threshold);
        }
    }
}
