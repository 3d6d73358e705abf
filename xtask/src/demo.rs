//! `cargo xtask demo`: the main job, end to end, on real parts.
//!
//! Two validators, five inspectors, a software TPM with a certified endorsement key, an owner and the agent. The agent enrols, logs,
//! anchors; is killed, restarted; its TPM loses power, comes back; anchors each time. The closing table is read through a light client.

use crate::{setup, sh, wasm};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use testbed::{Programs, Stage};

/// What the demo leaves behind.
#[derive(clap::Args)]
pub struct Options {
    /// Write the closing table as JSON here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Leave the network running when done
    #[arg(long)]
    keep: bool,
}

/// Builds everything and runs the story.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    setup::run()?;
    build(root)?;
    let started = Instant::now();
    let scratch = tempfile::Builder::new().prefix("matrixai-demo-").tempdir()?;
    let mut stage =
        waiting("two validators, five inspectors, a software TPM certified by a local authority", || {
            Stage::set(programs(), scratch.path())
        })?;
    let table = play(&mut stage).and_then(|()| table(&stage));
    let table = match table {
        Ok(table) => table,
        Err(error) => {
            eprintln!("The logs of every process are in {}", scratch.keep().display());
            return Err(error);
        }
    };
    print_table(&table);
    println!("\nThe story took {:.0} s.", started.elapsed().as_secs_f32());
    if let Some(file) = &options.json {
        fs::write(file, serde_json::to_vec_pretty(&table)?)?;
    }
    if options.keep {
        let dir = scratch.keep();
        println!(
            "Left running; RPC of the first node on port {}; everything is in {}",
            stage.chain.rpc,
            dir.display()
        );
        println!(
            "Try: {} --config {}/agent.toml status",
            sh::program("matrixai-agent").display(),
            dir.display()
        );
        stage.start_agent()?;
        stage.leave();
    }
    Ok(())
}

/// Builds the chain's WASM, the node and the programs.
pub fn build(root: &Path) -> Result<()> {
    println!("Building (the first time takes some twenty minutes, most of it the chain)");
    wasm::build(root)?;
    sh::step("node", &mut sh::cargo(&["build", "-p", "matrixai-node"]))?;
    // All that is built by default, not the three alone: they would have other features, and be built twice.
    sh::step("agent, inspector, owner's tool", &mut sh::cargo(&["build"]))
}

/// Where a dev build leaves our programs.
pub fn programs() -> Programs {
    Programs::in_folder(&sh::target_dir().join("debug"))
}

fn play(stage: &mut Stage) -> Result<()> {
    waiting("the owner makes a join token", || stage.token())?;
    waiting("the agent enrols: request, draw, three credentials, activation, quorum", || {
        stage.agent_once(&["enroll", "--token", "token.key"])
    })?;
    stage.start_agent()?;
    waiting("three anchors, each finalised", || stage.until_anchors(3))?;
    stage.agent()?.kill();
    stage.start_agent()?;
    waiting("SIGKILL to the agent, a restart, an anchor", || stage.until_more_anchors(1))?;
    stage.tpm.power_cut()?;
    std::thread::sleep(Duration::from_secs(2));
    stage.tpm.start()?;
    waiting("a power cut of the TPM, its return, an anchor", || stage.until_more_anchors(1))?;
    waiting("SIGTERM: a last anchor and a clean end", || stage.agent()?.terminate())?;
    stage.agent = None;
    Ok(())
}

/// What the chain says, through the owner's light client, and what the offline tool says of the exports.
fn table(stage: &Stage) -> Result<Value> {
    stage.export()?;
    let offline = stage.verify()?;
    let on_chain = stage.machines()?;
    let anchors = offline["anchors"].as_array().cloned().unwrap_or_default();
    let counters: BTreeSet<u64> = anchors.iter().filter_map(|anchor| anchor["counter"].as_u64()).collect();
    let anchored = on_chain[0]["anchor"]["counter"].as_u64();
    if counters.len() < 3 || anchored.is_none_or(|counter| !counters.contains(&counter)) {
        bail!("the chain's last anchor is not among at least three verified ones: {on_chain} {offline}");
    }
    Ok(json!({ "chain": on_chain, "offline": offline }))
}

/// Runs one step of the story with a spinner, and says when it is done.
fn waiting<T>(what: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
    let (bar, started) = (sh::spinner(what), Instant::now());
    let result = step();
    bar.finish_and_clear();
    if result.is_ok() {
        println!("  ok  {what} ({:.0} s)", started.elapsed().as_secs_f32());
    }
    result
}

fn print_table(table: &Value) {
    let machine = &table["chain"][0];
    println!("\nOn chain, read through a light client:");
    for key in ["id", "owner", "level", "standing", "epoch"] {
        println!("  {key:10} {}", text(&machine[key]));
    }
    println!("\nAnchors, verified offline against the exported log:");
    println!("  {:>8}  {:>8}  {:>6}  {:>6}  root", "block", "counter", "size", "resets");
    for anchor in table["offline"]["anchors"].as_array().into_iter().flatten() {
        let cell = |key: &str| text(&anchor[key]);
        println!(
            "  {:>8}  {:>8}  {:>6}  {:>6}  {:.16}…",
            cell("claimed_block"),
            cell("counter"),
            cell("size"),
            cell("resets"),
            cell("root")
        );
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
