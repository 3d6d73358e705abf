//! `cargo xtask …`: the one build tool of this repository.
//!
//! Everything a person does here goes through it: installing what is missing, building the chain's WASM, running the demo,
//! enrolling this machine, testing, benchmarking. It must not know how any of the parts work inside: it runs them.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod attest;
mod bench;
mod demo;
mod firmware;
mod fuzz;
mod metadata;
mod no_std;
mod pip;
mod poh;
mod pot;
mod power;
mod prometheus;
mod ptx;
mod setup;
mod sh;
mod stories;
mod test;
mod wasm;
mod weights;

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
    cargo xtask demo --replay        the same with GPUs played from a recording, and labelled so\n  \
    cargo xtask test                 every check that CI runs";

#[derive(Subcommand)]
enum Command {
    /// Install what this machine lacks: Debian packages and the way to build WASM
    Setup,
    /// Two validators, five inspectors, a software TPM and the agent: enrol, log, anchor, survive
    Demo(demo::Options),
    /// Enrol this machine, with a chain you name or a throwaway local one
    Attest(attest::Options),
    /// Four validators of unlike compute power: blocks won against the exact expectation
    Poh(poh::Options),
    /// Proof of Training: train on real images, write a package, verify it with replay
    Pot(pot::Options),
    /// Make the GPU kernels' PTX from their sources, and assemble it for every kind of chip; needs no GPU
    Ptx(ptx::Options),
    /// Write the runtime's metadata beside the light client
    Metadata(metadata::Options),
    /// Format, lints, the chain's WASM, every test
    Test(test::Options),
    /// The fault tests on real processes, with as many kills while anchoring as you like
    Torture {
        /// Kills
        #[arg(long, default_value_t = 200)]
        kills: u32,
    },
    /// Random drilling tasks by every back end and several thread counts, against the reference: one digest each
    Bits {
        /// Tasks
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
        tasks: u32,
    },
    /// Search every parser of foreign bytes for an input that breaks it
    Fuzz(fuzz::Options),
    /// Hold ours against its peers, release builds in one run: log, anchors, chain, light client, agent
    Bench(bench::Options),
    /// Build the runtime's WASM, by whichever way this machine allows
    Wasm,
    /// Measure what the chain's calls and hooks cost, in WASM, and write the pallets' weights
    Weights(weights::Options),
    /// Prove that what the runtime and the firmware share builds without std
    CheckNoStd,
    /// Boot the firmware example in an emulator: a Cortex-M with a TPM on its SPI bus, two anchors, verified
    Firmware(firmware::Options),
}

fn main() -> anyhow::Result<()> {
    let root = root();
    std::env::set_current_dir(&root)?;
    match Cli::parse().command {
        Command::Setup => setup::run(),
        Command::Demo(options) => demo::run(&root, &options),
        Command::Attest(options) => attest::run(&root, &options),
        Command::Poh(options) => poh::run(&root, &options),
        Command::Pot(options) => pot::run(&root, &options),
        Command::Ptx(options) => ptx::run(&root, &options),
        Command::Metadata(options) => {
            demo::build(&root)?;
            metadata::run(&root, &options)
        }
        Command::Test(options) => test::run(&root, &options),
        Command::Torture { kills } => {
            setup::run()?;
            test::torture(&root, kills)
        }
        Command::Bits { tasks } => test::bits(tasks),
        Command::Fuzz(options) => fuzz::run(&root, &options),
        Command::Bench(options) => bench::run(&root, &options),
        Command::Wasm => {
            setup::run()?;
            let path = wasm::build(&root)?;
            println!("{}", path.display());
            Ok(())
        }
        Command::Weights(options) => weights::run(&root, &options),
        Command::CheckNoStd => {
            setup::run()?;
            no_std::run()
        }
        Command::Firmware(options) => {
            setup::run()?;
            firmware::run(&root, &options)
        }
    }
}

/// The repository's root: the folder above this crate's. As cargo tells it now, since clones that share a target folder may share this program.
fn root() -> PathBuf {
    let told = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = told.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map(PathBuf::from).unwrap_or(here)
}
