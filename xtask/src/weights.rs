//! `cargo xtask weights`: measures what calls and hooks cost, and writes the pallets' weights.

use crate::{setup, sh, wasm};
use anyhow::Result;
use std::{path::Path, process::Command};

/// How thoroughly to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Values of each component
    #[arg(long, default_value_t = 5)]
    steps: u32,
    /// Runs with each value
    #[arg(long, default_value_t = 6)]
    repeat: u32,
    /// Only report, and only benchmarks whose `pallet::name` contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// Builds the runtime's WASM with its benchmarks, and the program that runs them; measures; writes.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    setup::run()?;
    let wasm = wasm::build_benchmarks(root)?;
    // With the node's features, so that nothing is built twice where a node was built.
    let bencher = ["build", "-p", "matrixai-node", "-p", "matrixai-bencher", "--bin", "matrixai-bencher"];
    sh::step("bencher", &mut sh::cargo(&bencher))?;
    let mut measure = Command::new(sh::program("matrixai-bencher"));
    measure.arg("--wasm").arg(wasm);
    measure.args(["--steps", &options.steps.to_string(), "--repeat", &options.repeat.to_string()]);
    match &options.only {
        Some(only) => measure.args(["--only", only]),
        None => measure.arg("--write").arg(root.join("chain/pallets")),
    };
    sh::show("weights", &mut measure)?;
    sh::step("rustfmt", &mut sh::cargo(&["fmt", "--all"]))
}
