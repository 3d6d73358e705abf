//! `training verify`.

use super::{Failure, UNREADABLE};
use indicatif::ProgressBar;
use std::{fs, io::Read, path::PathBuf, process::ExitCode, sync::Mutex};
use training::{
    digest::Digest,
    package::Package,
    replay::Choice,
    report::{Report, page},
    rules::Profile,
    terms::{Dataset, Terms},
    verify,
};

#[derive(clap::Args)]
pub struct Options {
    /// The package: a folder, or a plain tar archive of one
    package: PathBuf,
    /// The training data; without it nothing is replayed
    #[arg(long)]
    data: Option<PathBuf>,
    /// The validation data; without it accuracy is not measured
    #[arg(long)]
    validation: Option<PathBuf>,
    /// terms.json of the order that the package must be of
    #[arg(long)]
    terms: Option<PathBuf>,
    /// Which form of the rules rejects; both are reported
    #[arg(long, value_enum, default_value = "tolerant", env = "MATRIXAI_TRAINING_PROFILE")]
    profile: Profile,
    /// Intervals to replay, drawn by the randomness
    #[arg(long, default_value_t = 3, env = "MATRIXAI_TRAINING_INTERVALS")]
    intervals: usize,
    /// Intervals to replay beside those, the ones that moved furthest
    #[arg(long, default_value_t = 2, env = "MATRIXAI_TRAINING_LARGEST")]
    largest: usize,
    /// Randomness drawn after the commitment was published (64 hexadecimal digits); this machine's own where none is given
    #[arg(long, value_parser = super::digest)]
    randomness: Option<Digest>,
    /// Write a page for people here
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(options: &Options) -> ExitCode {
    let report = match verified(options) {
        Ok(report) => report,
        Err(error) => {
            if options.json {
                println!("{}", serde_json::json!({ "verdict": "unreadable", "cause": error.to_string() }));
            }
            eprintln!("training: {error}");
            return ExitCode::from(UNREADABLE);
        }
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        tell(&report);
    }
    ExitCode::from(report.verdict.exit_code())
}

fn verified(options: &Options) -> Result<Report, Failure> {
    let open = |path: &Option<PathBuf>| path.as_deref().map(Dataset::open).transpose();
    let (data, validation) = (open(&options.data)?, open(&options.validation)?);
    let terms = match &options.terms {
        Some(path) => Some(Terms::decode(&fs::read(path)?)?),
        None => None,
    };
    let randomness = options.randomness.map_or_else(fresh, Ok)?;
    let package = Package::open(&options.package)?;
    let bar = Mutex::new((super::bar(), ""));
    let report = verify::verify(
        &package,
        &verify::Options {
            terms: terms.as_ref(),
            data: data.as_ref(),
            validation: validation.as_ref(),
            profile: options.profile,
            choice: Choice { drawn: options.intervals, largest: options.largest },
            randomness,
            progress: &|phase, done, all| progress(&bar, phase, done, all),
        },
    )?;
    if let Ok(bar) = bar.lock() {
        bar.0.finish_and_clear();
    }
    if let Some(path) = &options.report {
        fs::write(path, page(&report))?;
    }
    Ok(report)
}

fn progress(bar: &Mutex<(ProgressBar, &'static str)>, phase: &'static str, done: u64, all: u64) {
    let Ok(mut bar) = bar.lock() else { return };
    if bar.1 != phase {
        bar.1 = phase;
        bar.0.set_message(phase);
        bar.0.set_length(all.max(1));
    }
    bar.0.set_position(done);
}

/// Randomness that no prover can foresee: this machine's.
fn fresh() -> Result<Digest, std::io::Error> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(Digest(bytes))
}

fn tell(report: &Report) {
    println!("{}", report.sentence);
    for check in report.checks.iter().filter(|check| !check.holds) {
        println!(
            "  {:12} fails: not so that {} {}",
            check.name,
            check.what,
            check.at.as_deref().unwrap_or("")
        );
    }
    for rule in &report.rules {
        let word = |holds, measured| match (measured, holds) {
            (false, _) => "not measured",
            (true, true) => "holds",
            (true, false) => "fails",
        };
        println!(
            "  rule {}  strict {:12} tolerant {:12} {}",
            rule.rule,
            word(rule.holds(Profile::Strict), rule.measured),
            word(rule.holds(Profile::Tolerant), rule.measured),
            rule.name
        );
    }
    for one in &report.replayed {
        let holds = if one.matches(report.replay_threshold) { "matches" } else { "DIFFERS" };
        println!(
            "  replay  steps {}–{}: {holds}, error {:.1e}, of state {:.1e}",
            one.steps.0, one.steps.1, one.error, one.state_error
        );
    }
    if let Some(why) = report.not_replayed_because {
        println!("  replay  nothing: {why}");
    }
}
