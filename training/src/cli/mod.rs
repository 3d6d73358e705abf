//! The command line.

mod terms;
mod train;
mod verify;

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{self, IsTerminal},
    path::Path,
    process::ExitCode,
};
use training::{
    digest::Digest,
    package::{self, Package, PackageError},
    report::{printable, printable_json},
    terms::Terms,
};

/// The exit code of what cannot be read.
pub const UNREADABLE: u8 = 4;

#[derive(Parser)]
#[command(name = "training", version, about = "Proof of Training: terms, packages, verification", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  training terms order.toml --data train.safetensors --validation val.safetensors --randomness 07…07 --out terms/
  training train terms/ --data train.safetensors --out package/
  training verify package/ --data train.safetensors --validation val.safetensors --terms terms/terms.json --report out.html
  training show package/

Exit codes of verify: 0 consistent with the order, 1 rejected, 2 wrong command line, 3 rules hold but nothing was replayed,
4 the package or the data cannot be read, 5 unfinished, 6 consistent with the package's own terms alone (no --terms).
The other commands: 0 done, 2 wrong command line, 4 failed. Where standard output is full, 4; one that is closed, or whose reader has
gone, changes nothing, and neither does a standard error that is closed or full.";

#[derive(Subcommand)]
enum Command {
    /// Fix an order's terms before training: graph, first model, commitment to the data, work
    Terms(terms::Options),
    /// Train as the terms say, into a package; goes on where it was interrupted
    Train(train::Options),
    /// Verify a package: integrity, terms, the six rules, replay
    Verify(verify::Options),
    /// Tell what a package holds, without verifying it
    Show {
        /// The package
        package: std::path::PathBuf,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Prove that one chunk (1 MiB) of a package's file is under the file's Merkle root, as JSON
    Chunk {
        /// The package
        package: std::path::PathBuf,
        /// The file's name in the package
        file: String,
        /// Which chunk, from 0
        index: u64,
    },
}

/// Parses, runs, tells errors.
pub fn run() -> ExitCode {
    // A graph's evaluator may panic, which is caught; its words can be the graph's.
    std::panic::set_hook(Box::new(|panic| complain(panic)));
    let result = match Cli::parse().command {
        Command::Terms(options) => terms::run(&options),
        Command::Train(options) => train::run(&options),
        Command::Verify(options) => return verify::run(&options),
        Command::Show { package, json } => show(&package, json),
        Command::Chunk { package, file, index } => chunk(&package, &file, index),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(UNREADABLE)
        }
    }
}

/// Tells an error, whose words may be a package's.
fn complain(error: &dyn std::fmt::Display) {
    plain_io::tell!("training: {}", printable(&error.to_string()));
}

type Failure = Box<dyn std::error::Error>;

fn show(path: &Path, json: bool) -> Result<(), Failure> {
    let package = Package::open(path)?;
    let manifest = package.manifest();
    if json {
        say(&printable_json(&serde_json::to_string_pretty(manifest)?))?;
        return Ok(());
    }
    let terms = package.terms();
    let steps = manifest.checkpoints.last().map_or(0, |entry| entry.step);
    let state = if manifest.finished { "finished" } else { "unfinished: it ends at that step" };
    let lines = [
        format!("order        {}", printable(&terms.order)),
        format!("commitment   {}", package.commitment()?),
        format!("training     {steps} of {} steps, {} epochs", terms.steps(), terms.epochs),
        format!("state        {state}"),
        format!("checkpoints  {}", package.len()),
        format!("work         {} FLOP", terms.flop),
        format!("hardware     {} (as told)", printable(&manifest.hardware)),
    ];
    Ok(say(&lines.join("\n"))?)
}

fn chunk(path: &Path, file: &str, index: u64) -> Result<(), Failure> {
    use training::package::{CHUNK, ChunkTree};
    let package = Package::open(path)?;
    let part = package.part(file)?;
    let tree = ChunkTree::of(&part)?;
    let proof = tree.prove(index).map_err(|_| PackageError::NoChunk(file.into(), index))?;
    let proof: Vec<Digest> = proof.iter().map(|hash| Digest(*hash)).collect();
    let told = serde_json::json!({
        "file": file, "bytes": part.len(), "root": tree.root()?, "chunk": index, "offset": index * CHUNK, "proof": proof,
    });
    Ok(say(&printable_json(&told.to_string()))?)
}

/// Prints lines.
fn say(text: &str) -> io::Result<()> {
    plain_io::print(&format!("{text}\n"))
}

/// An order's terms, from the file or from the folder that `training terms` wrote.
fn read_terms(path: &Path) -> Result<Terms, Failure> {
    let path = if path.is_dir() { path.join("terms.json") } else { path.into() };
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = package::read_plain(&path, package::MAX_TERMS)?;
    Ok(Terms::decode(&bytes).map_err(|error| told(&error))?)
}

/// 32 bytes in hexadecimal.
fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "64 lower-case hexadecimal digits, please".into())
}

/// A bar where a person looks on.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{msg:12} {wide_bar} {percent:>3} % {elapsed}") {
        bar.set_style(style);
    }
    bar
}
