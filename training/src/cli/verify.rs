//! `training verify`.

use super::{Failure, UNREADABLE};
use indicatif::ProgressBar;
use rustix::fs::OFlags;
use std::{
    fs::{self, Permissions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
};
use tempfile::NamedTempFile;
use training::{
    digest::Digest,
    package::{Package, is_name},
    replay::Choice,
    report::{LONG_INTERVAL, Report, page, printable, printable_json},
    rules::Profile,
    terms::Dataset,
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
    /// terms.json of the order that the package must be of; without it the package is held to its own terms alone
    #[arg(long)]
    terms: Option<PathBuf>,
    /// Which form of the rules rejects; both are reported
    #[arg(long, value_enum, default_value = "tolerant", env = "MATRIXAI_TRAINING_PROFILE")]
    profile: Profile,
    /// Intervals to replay, drawn by the randomness
    #[arg(long, default_value_t = 3, env = "MATRIXAI_TRAINING_INTERVALS")]
    intervals: usize,
    /// Intervals to replay beside those: so many that moved furthest, as many that moved furthest beyond their neighbours, and (above 0) the last
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
    let failed = |error: &dyn std::fmt::Display| {
        super::complain(error);
        ExitCode::from(UNREADABLE)
    };
    // A verification can take long: that its report can be written is known before.
    let place = match options.report.as_deref().map(|path| Place::of(path, options)).transpose() {
        Ok(place) => place,
        Err(error) => return failed(&error),
    };
    let report = match verified(options) {
        Ok(report) => report,
        Err(error) => {
            if options.json {
                let told = serde_json::json!({ "verdict": "unreadable", "cause": error.to_string() });
                let _ = super::say(&printable_json(&told.to_string()));
            }
            return failed(&error);
        }
    };
    let json = || printable_json(&serde_json::to_string_pretty(&report).unwrap_or_default());
    let text = if options.json { json() } else { told(&report) };
    let said = super::say(&text).map_err(|error| error.to_string());
    match said.and_then(|()| place.map_or(Ok(()), |place| place.write(&page(&report)))) {
        Ok(()) => ExitCode::from(report.verdict.exit_code()),
        Err(error) => failed(&error),
    }
}

/// Where the report goes: a file, which is there as a whole or not at all, or something else that can be written to (`/dev/stdout`).
enum Place {
    File(NamedTempFile, PathBuf),
    Other(PathBuf),
}

impl Place {
    fn of(path: &Path, options: &Options) -> Result<Self, String> {
        // Without the name of the file beside, which nobody asked for.
        let told = |error: io::Error| match error.kind() {
            ErrorKind::NotFound => format!("{}: the folder for it is not there", path.display()),
            kind => format!("{}: {}", path.display(), io::Error::from(kind)),
        };
        let path = match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(format!("{} is a folder: the report is a file", path.display()));
            }
            Ok(found) if !found.is_file() => return Ok(Self::Other(path.into())),
            Ok(_) => fs::canonicalize(path).map_err(told)?,
            Err(_) => path.into(),
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        refuse_read(&path, folder, options)?;
        let readable = Permissions::from_mode(0o644);
        let beside = tempfile::Builder::new().permissions(readable).tempfile_in(folder).map_err(told)?;
        Ok(Self::File(beside, path))
    }

    fn write(self, page: &str) -> Result<(), String> {
        let written = match &self {
            Self::File(file, _) => file.as_file().write_all(page.as_bytes()),
            Self::Other(path) => write_through(path, page),
        };
        let (Self::File(_, path) | Self::Other(path)) = &self;
        written.map_err(|error| format!("{}: {error}", path.display()))?;
        match self {
            Self::File(file, path) => {
                file.persist(&path).map(drop).map_err(|error| format!("{}: {}", path.display(), error.error))
            }
            Self::Other(_) => Ok(()),
        }
    }
}

/// Writes to what is no file. A pipe without a reader is an error: nobody knows when one comes.
fn write_through(path: &Path, page: &str) -> io::Result<()> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let _reader_is_there = fs::OpenOptions::new().write(true).custom_flags(nonblocking).open(path)?;
    fs::write(path, page)
}

/// Refuses to write over what is verified, or is verified with, and over any package's files.
fn refuse_read(path: &Path, folder: &Path, options: &Options) -> Result<(), String> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let refused = |why: &str| Err(format!("{} {why}: write the report elsewhere", path.display()));
    let (file, folder) = (real(path), real(folder));
    let package = real(&options.package);
    if package.is_some_and(|package| folder.as_ref().is_some_and(|folder| folder.starts_with(package))) {
        return refused("lies in the package");
    }
    let terms = options.terms.iter().flat_map(|terms| [terms.clone(), terms.join("terms.json")]);
    let others = [Some(&options.package), options.data.as_ref(), options.validation.as_ref()];
    let mut read = others.into_iter().flatten().cloned().chain(terms).filter_map(|path| real(&path));
    if file.as_ref().is_some_and(|file| read.any(|read| read == *file)) {
        return refused("is what is verified, or verified with");
    }
    if file.as_deref().is_some_and(is_of_a_package) {
        return refused("is a file of a package");
    }
    Ok(())
}

/// Whether a file has a name of the format, in a folder that has a manifest.
fn is_of_a_package(file: &Path) -> bool {
    let mut above = file.ancestors().skip(1).take(2);
    let root = above.find(|folder| folder.join("manifest.json").exists());
    let name = root.and_then(|root| file.strip_prefix(root).ok()).and_then(Path::to_str);
    name.is_some_and(is_name)
}

fn verified(options: &Options) -> Result<Report, Failure> {
    let open = |path: &Option<PathBuf>| path.as_deref().map(Dataset::open).transpose();
    let (data, validation) = (open(&options.data)?, open(&options.validation)?);
    let terms = options.terms.as_deref().map(super::read_terms).transpose()?;
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
            randomness_given: options.randomness.is_some(),
            progress: &|phase, done, all| progress(&bar, phase, done, all),
        },
    );
    if let Ok(bar) = bar.lock() {
        bar.0.finish_and_clear();
    }
    Ok(report?)
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

fn told(report: &Report) -> String {
    let mut lines = vec![report.sentence.clone()];
    let given = if report.randomness_given { ", as given" } else { "" };
    lines
        .push(format!("  draw    randomness {}{given}; commitment {}", report.randomness, report.commitment));
    for check in report.checks.iter().filter(|check| !check.holds) {
        let at = check.at.as_deref().unwrap_or("");
        lines.push(format!("  {:12} fails: not so that {} {}", check.name, check.what, printable(at)));
    }
    for rule in &report.rules {
        let word = |profile| match (rule.measured, rule.holds(profile)) {
            (false, _) => "not measured",
            (true, true) => "holds",
            (true, false) => "fails",
        };
        let (strict, tolerant) = (word(Profile::Strict), word(Profile::Tolerant));
        lines.push(format!("  rule {}  strict {strict:12} tolerant {tolerant:12} {}", rule.rule, rule.name));
        // Of the form that decides, where and by how much.
        let decides = if report.profile == Profile::Strict { &rule.strict } else { &rule.tolerant };
        for failing in decides.iter().filter(|finding| rule.measured && !finding.holds) {
            let at = failing.at.as_deref().map(|at| format!(" ({})", printable(at))).unwrap_or_default();
            let (value, threshold) = (failing.value, failing.threshold);
            lines.push(format!("          {}: {value:.3}, threshold {threshold:.3}{at}", failing.what));
        }
    }
    for one in &report.replayed {
        let holds = if one.matches() { "matches" } else { "DIFFERS" };
        lines.push(format!(
            "  replay  steps {}–{} ({}): {holds}, error {:.1e}, of state {:.1e}, of {} {:.1e}",
            one.steps.0,
            one.steps.1,
            one.chosen.word(),
            one.error,
            one.state_error,
            printable(&one.layer),
            one.layer_error
        ));
        lines.push(format!(
            "          optimiser steps off by {:.1e} ({}), idle inputs by {:.1e} ({})",
            one.step_error,
            printable(&one.step_layer),
            one.idle_error,
            printable(&one.idle_layer)
        ));
        if let Some(step) = one.first_difference {
            lines.push(format!("          the trace differs first after step {step}"));
        }
        if one.may_be_rounding() {
            lines.push(format!("          {LONG_INTERVAL}"));
        }
    }
    if let Some(why) = report.not_replayed_because {
        lines.push(format!("  replay  nothing: {why}"));
    }
    lines.join("\n")
}
