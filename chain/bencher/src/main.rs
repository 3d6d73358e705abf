//! Measures what calls and hooks cost in the runtime's WASM, and writes the pallets' weights.
//!
//! It runs the pallets' `frame-benchmarking` benchmarks through the runtime's own interface, as polkadot-sdk's command line does, and takes
//! its regression from the same library. That command line brings 145 crates along, among them a relay chain and wasm-opt; this program
//! needs nothing that the node doesn't. It must not know what is measured.
//!
//! - `runner.rs`: benchmarks in WASM; `clock.rs`: their clock; `fit.rs`: figures from runs; `write.rs`: a pallet's `weights.rs`
//!
//! `cargo xtask weights` builds what it needs and runs it.

mod clock;
mod fit;
mod runner;
mod write;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fit::Cost;
use runner::Runner;
use std::{collections::BTreeMap, fs, path::PathBuf};

/// Measure what calls and hooks cost, and write the pallets' weights
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// The runtime's WASM, built with `runtime-benchmarks`
    #[arg(long, value_name = "FILE")]
    wasm: PathBuf,
    /// Measure only benchmarks whose `pallet::name` contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Write `<DIR>/<pallet>/src/weights.rs` for each measured pallet; without it, only report
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Values of each component
    #[arg(long, default_value_t = 5)]
    steps: u32,
    /// Runs with each value
    #[arg(long, default_value_t = 6)]
    repeat: u32,
    /// Report for programs
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:\n  matrixai-bencher --wasm FILE --only machines::anchor    measure one call\n  \
    matrixai-bencher --wasm FILE --write chain/pallets      measure all, write all";

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(options.steps >= 2 && options.repeat >= 1, "a slope needs two steps, and a step one run");
    let wasm = fs::read(&options.wasm).with_context(|| format!("no WASM in {}", options.wasm.display()))?;
    let runner = Runner::new(wasm)?;
    let mut pallets = BTreeMap::<String, Vec<Cost>>::new();
    for benchmark in runner.benchmarks()? {
        if !benchmark.to_string().contains(&options.only) {
            continue;
        }
        let runs = runner.measure(&benchmark, options.steps, options.repeat);
        let cost = Cost::fit(&benchmark, &runs.with_context(|| format!("{benchmark}"))?)?;
        if !options.json {
            println!("{benchmark}: {cost}");
        }
        pallets.entry(benchmark.pallet.clone()).or_default().push(cost);
    }
    ensure!(!pallets.is_empty(), "no benchmark is called anything like {:?}", options.only);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&pallets)?);
    }
    if let Some(dir) = &options.write {
        ensure!(options.only.is_empty(), "a pallet's weights are written whole: leave out --only");
        for (pallet, costs) in &pallets {
            write::pallet(dir, pallet, costs, &options)?;
        }
    }
    Ok(())
}
