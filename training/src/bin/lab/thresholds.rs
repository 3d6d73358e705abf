//! Where each threshold lies between what honest trainings and what forgeries show, and what another one would do.

use super::{
    curves::{Forged, Honest, Population, tell},
    matrix::CELLS,
};
use rayon::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};
use training::{
    lab::{
        Files, LabError, Model, Optimisation, Row, Setting, Trainer, attack_table, dark_corner, fashion,
        margins, outcome, synthetic, untrained,
    },
    package,
    replay::{Choice, SAFE_STEPS},
    rules::Profile,
};

#[derive(clap::Args)]
pub struct Options {
    /// Work here; what was found stays, and is not done again
    scratch: PathBuf,
    /// Seeds for each cell, on synthetic images
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Seeds for each cell, on Fashion-MNIST
    #[arg(long, default_value_t = 0)]
    real_seeds: u64,
    /// Seeds for each cell, on synthetic images, trained by PyTorch
    #[arg(long, default_value_t = 0)]
    torch_seeds: u64,
    /// The Python module
    #[arg(long, default_value = "training/python")]
    module: PathBuf,
    /// Untrained models of each architecture, for what only looks at these
    #[arg(long, default_value_t = 500)]
    untrained: u64,
    /// Steps between checkpoints, beside those at the epochs' ends; 0 for none
    #[arg(long, default_value_t = SAFE_STEPS)]
    every: u64,
    /// Passes over the data
    #[arg(long, default_value_t = 10)]
    epochs: u64,
}

/// Every interval is redone: what is drawn is no matter here.
const ALL: Choice = Choice { drawn: usize::MAX, largest: 0 };

/// What an untrained model shows already.
const UNTRAINED: [&str; 3] = [
    "accuracy of the untrained model",
    "Kolmogorov–Smirnov distance from the mixture",
    "largest singular value over the random edge",
];

pub fn run(options: &Options) -> Result<(), LabError> {
    let begun = Instant::now();
    let Options { scratch, seeds, real_seeds, torch_seeds, .. } = options;
    let images = synthetic(&scratch.join("synthetic"), 3_000, 1_000)?;
    let mut populations = Vec::new();
    if *seeds > 0 {
        let honest = trained(options, "synthetic", &images, *seeds, &Trainer::Reversed)?;
        let forged = once(&scratch.join("forged-synthetic"), || forgeries(options, &images))?;
        populations.push(Population { forged, ..honest });
    }
    if *real_seeds > 0 {
        let images = fashion(&scratch.join("fashion"), 4_000, 2_000)?;
        let honest = trained(options, "Fashion-MNIST", &images, *real_seeds, &Trainer::Reversed)?;
        let forged = once(&scratch.join("forged-fashion"), || forgeries(options, &images))?;
        populations.push(Population { forged, ..honest });
    }
    if *torch_seeds > 0 {
        let trainer = Trainer::PyTorch(fs::canonicalize(&options.module)?);
        populations.push(trained(options, "synthetic, by PyTorch", &images, *torch_seeds, &trainer)?);
    }
    if options.untrained > 0 {
        populations.push(beginnings(options)?);
    }
    tell(&populations);
    eprintln!("{:.0} s", begun.elapsed().as_secs_f64());
    let rejected = populations.iter().flat_map(|one| &one.honest).filter(|one| one.rejected).count();
    if rejected == 0 { Ok(()) } else { Err(format!("{rejected} honest packages were rejected").into()) }
}

/// Honest trainings of every cell.
fn trained(
    options: &Options,
    name: &'static str,
    images: &Files,
    seeds: u64,
    trainer: &Trainer,
) -> Result<Population, LabError> {
    let jobs: Vec<_> = (0..seeds).flat_map(|seed| CELLS.map(|cell| (cell, seed))).collect();
    let honest = side_by_side(name, &jobs, |&(cell, seed)| {
        let folder = options.scratch.join(format!("{name}-{:?}-{:?}-{seed}", cell.0, cell.1));
        once(&folder, || {
            let mut setting = Setting::new(images, cell, options.epochs, seed)?;
            setting.terms.checkpoint_every = options.every;
            trainer.train(&setting, images, &folder)?;
            verified(format!("{:?} {:?}", cell.0, cell.1), &setting, &folder, ALL)
        })
    })?;
    Ok(Population { name, honest, forged: Vec::new() })
}

/// Untrained models alone.
fn beginnings(options: &Options) -> Result<Population, LabError> {
    let (name, folder) = ("untrained, synthetic", options.scratch.join("untrained"));
    let files = synthetic(&folder, 64, 1_000)?;
    let models = [Model::Mlp, Model::Cnn, Model::Transformer];
    let jobs: Vec<_> = (0..options.untrained).flat_map(|seed| models.map(|model| (model, seed))).collect();
    let mut honest = side_by_side(name, &jobs, |&(model, seed)| {
        let folder = folder.join(format!("{model:?}-{seed}"));
        once(&folder, || {
            let setting = Setting::new(&files, (model, Optimisation::Momentum), 1, 1_000_000 + seed)?;
            untrained(&setting, &folder)?;
            verified(format!("{model:?}"), &setting, &folder, Choice { drawn: 0, largest: 0 })
        })
    })?;
    for one in &mut honest {
        one.tolerant.retain(|margin| UNTRAINED.contains(&&*margin.what));
        one.strict.clear();
        one.rejected = one.tolerant.iter().any(|margin| margin.used > 1.0);
    }
    Ok(Population { name, honest, forged: Vec::new() })
}

/// Does what was not done before in this folder: an interrupted experiment goes on.
fn once<T: Serialize + DeserializeOwned>(
    folder: &Path,
    work: impl FnOnce() -> Result<T, LabError>,
) -> Result<T, LabError> {
    let found = folder.with_extension("found");
    if let Ok(bytes) = fs::read(&found) {
        return Ok(serde_json::from_slice(&bytes)?);
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let told = work()?;
    package::write(&found, &serde_json::to_vec(&told)?)?;
    Ok(told)
}

/// Does every job, one on each processor, and says how far it is.
fn side_by_side<J: Sync>(
    name: &str,
    jobs: &[J],
    work: impl Fn(&J) -> Result<Honest, LabError> + Sync,
) -> Result<Vec<Honest>, LabError> {
    let (done, begun, every) = (AtomicUsize::new(0), Instant::now(), (jobs.len() / 50).max(1));
    let one = |job: &J| -> Result<Honest, LabError> {
        let found = work(job)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(every) || done == jobs.len() {
            eprintln!("{name}: {done} of {}, {:.0} s", jobs.len(), begun.elapsed().as_secs_f64());
        }
        Ok(found)
    };
    // One after the other and not by halves: what an interrupted experiment has found is of the first seeds.
    let each = jobs.iter().enumerate().par_bridge().map(|(at, job)| Ok((at, one(job)?)));
    let mut found: Vec<(usize, Honest)> = each.collect::<Result<_, LabError>>()?;
    found.sort_by_key(|(at, _)| *at);
    Ok(found.into_iter().map(|(_, honest)| honest).collect())
}

fn verified(cell: String, setting: &Setting, folder: &Path, choice: Choice) -> Result<Honest, LabError> {
    let found = outcome(setting, folder, choice, 0);
    fs::remove_dir_all(folder)?;
    let chance = 1.0 / setting.terms.classes as f64;
    let report = found.report.as_ref().ok_or_else(|| found.rejected_by.join(", "))?;
    if !found.rejected_by.is_empty() && choice == ALL {
        eprintln!("{} is rejected by {}", folder.display(), found.rejected_by.join(", "));
    }
    Ok(Honest {
        cell,
        tolerant: margins(&found, Profile::Tolerant, chance),
        strict: margins(&found, Profile::Strict, chance),
        intervals: report.replayed.len(),
        rejected: !found.rejected_by.is_empty(),
    })
}

/// Every forgery, with a checkpoint at each epoch's end.
fn forgeries(options: &Options, images: &Files) -> Result<Vec<Forged>, LabError> {
    eprintln!("forgeries");
    let scratch = options.scratch.join("forgeries");
    let dark = dark_corner(images, &scratch.join("dark"))?;
    let make = |seed| Setting::new(images, CELLS[0], options.epochs, seed);
    let adaptive = || Setting::new(&dark, CELLS[1], options.epochs, 1);
    let chance = 1.0 / make(1)?.terms.classes as f64;
    let rows = attack_table(&make, &adaptive, &scratch)?;
    fs::remove_dir_all(&scratch)?;
    let forged = rows.into_iter().filter(|(id, _, _)| !id.starts_with('–'));
    let of = |(id, _, found): Row| Forged {
        id: id.into(),
        margins: margins(&found, Profile::Tolerant, chance),
        refused: !found.checks.is_empty() || found.report.is_none(),
    };
    Ok(forged.map(of).collect())
}
