//! `cargo xtask …`: the one build tool of this repository.
//!
//! Everything a person does here goes through it: installing what is missing, building the chain's WASM, running the demo,
//! enrolling this machine, testing, benchmarking. It must not know how any of the parts work inside: it runs them.

mod demo;
mod net;
mod no_std;
mod setup;
mod sh;
mod test;
mod wasm;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, show and test MatrixAI", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:\n  cargo xtask demo                 the main job, on real parts, from nothing\n  \
    cargo xtask demo --keep          leave the network running to look around\n  \
    cargo xtask test                 every check that CI runs";

#[derive(Subcommand)]
enum Command {
    /// Install what this machine lacks: Debian packages and the way to build WASM
    Setup,
    /// Two validators, five inspectors, a software TPM and the agent: enrol, log, anchor, survive
    Demo(demo::Options),
    /// Format, lints, the chain's WASM, every test
    Test(test::Options),
    /// Build the runtime's WASM, by whichever way this machine allows
    Wasm,
    /// Prove that attest's core builds without std for the runtime and for a Cortex-M
    CheckNoStd,
}

fn main() -> anyhow::Result<()> {
    let root = root();
    std::env::set_current_dir(&root)?;
    match Cli::parse().command {
        Command::Setup => setup::run(),
        Command::Demo(options) => demo::run(&root, &options),
        Command::Test(options) => test::run(&root, &options),
        Command::Wasm => {
            setup::run()?;
            let path = wasm::build(&root)?;
            println!("{}", path.display());
            Ok(())
        }
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
