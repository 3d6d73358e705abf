//! `cargo xtask …`: the one build tool of this repository.
//!
//! Everything a person does here goes through it: installing what is missing, building the chain's WASM, running the demo,
//! enrolling this machine, testing, benchmarking. It must not know how any of the parts work inside: it runs them.

mod no_std;
mod setup;
mod sh;
mod test;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, show and test MatrixAI", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  cargo xtask test      every check that CI runs";

#[derive(Subcommand)]
enum Command {
    /// Install what this machine lacks: Debian packages and the way to build WASM
    Setup,
    /// Format, lints, every test
    Test,
    /// Prove that attest's core builds without std for the runtime and for a Cortex-M
    CheckNoStd,
}

fn main() -> anyhow::Result<()> {
    let root = root();
    std::env::set_current_dir(&root)?;
    match Cli::parse().command {
        Command::Setup => setup::run(),
        Command::Test => test::run(),
        Command::CheckNoStd => {
            setup::run()?;
            no_std::run()
        }
    }
}

/// The repository's root: the folder above this crate's.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}
