//! Ours against a peer, in the same run: what `cargo xtask bench` builds and starts.
//!
//! - `log.rs`, `anchor.rs`: what one core does, against the bare primitives
//! - `onchain.rs`: the runtime's WASM, as a node runs it
//! - `pot.rs`: a large package of checkpoints, against numpy
//! - `light.rs`, `agent.rs`: processes, their time, memory and size
//! - `clock.rs`, `process.rs`, `programs.rs`, `rpc.rs`, `table.rs`: measuring, and telling what was measured
//!
//! It knows the programs by their command lines and the libraries by their public functions: it looks into nothing.

#![forbid(unsafe_code)]

mod agent;
mod anchor;
mod clock;
mod light;
mod log;
mod onchain;
mod pot;
mod process;
mod programs;
mod rpc;
mod table;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use programs::Parts;
use std::{collections::BTreeSet, fs, path::PathBuf};
use table::Table;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Section {
    /// Appending to the log and verifying it, against bare hashing and signatures
    Log,
    /// Verifying an anchor, against the bare P-256 check and against tpm2_checkquote
    Anchor,
    /// The same on chain, in WASM
    Wasm,
    /// The light client, against npm's smoldot and a full node
    Light,
    /// The agent: size, memory, processor time
    Agent,
    /// Verifying a package of checkpoints, against numpy and against reading and hashing
    Pot,
}

#[derive(Parser)]
#[command(name = "bench", about = "Measures this repository's parts against their peers")]
struct Arguments {
    /// What to measure; everything where nothing is named
    sections: Vec<Section>,
    /// Records of the measured log
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    records: u64,
    /// Write the table as JSON here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The numpy reference of the section `pot`
    #[arg(long, value_name = "FILE", default_value = "bench/pot/reference.py")]
    reference: PathBuf,
    #[command(flatten)]
    parts: Parts,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut table = Table::default();
    let wanted: BTreeSet<Section> = arguments.sections.iter().copied().collect();
    let wants = |section| wanted.is_empty() || wanted.contains(&section);
    if wants(Section::Log) {
        log::run(arguments.records, &mut table)?;
    }
    if wants(Section::Anchor) {
        anchor::run(&mut table)?;
    }
    if wants(Section::Light) {
        light::run(&arguments.parts, &mut table)?;
    }
    if wants(Section::Agent) || wants(Section::Wasm) {
        let mut stage = agent::Measured::enrol(&arguments.parts)?;
        if wants(Section::Wasm) {
            onchain::run(stage.rpc(), &mut table)?;
        }
        if wants(Section::Agent) {
            stage.run(&arguments.parts, &mut table)?;
        }
    }
    if wants(Section::Pot) {
        pot::run(&arguments.parts, &arguments.reference, &mut table)?;
    }
    plain_io::print(&format!("\n{table}\n"))?;
    match &arguments.json {
        Some(file) => Ok(fs::write(file, serde_json::to_vec_pretty(&table.value())?)?),
        None => Ok(()),
    }
}
