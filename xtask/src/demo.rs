//! `cargo xtask demo`: the main job, end to end, on real parts.
//!
//! Two validators, five inspectors, a software TPM with a certified endorsement key, an owner and the agent. The agent enrols, logs,
//! anchors; is killed, restarted; its TPM loses power, comes back; anchors each time. A second owner's machine joins, both do tasks of the
//! network, agree, and earn compute power, which has to rise and to be no more than the first machine's log tells. The closing table is read
//! through a light client.

use crate::{
    power::{self, Power},
    setup, sh, wasm,
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use testbed::{Neighbour, Programs, Stage};

/// What the demo leaves behind.
#[derive(clap::Args)]
pub struct Options {
    /// Write the closing table as JSON here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Leave the network running when done
    #[arg(long)]
    keep: bool,
    /// Play a recording of GPUs to the machine's agent, made-up ones where no FILE is named: for machines without. Status, log, metrics and
    /// report say that nothing of it was measured
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = SYNTHETIC)]
    replay: Option<PathBuf>,
    /// Write the machine's report here, the page that `matrixai-agent report` makes
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Both machines ask for as many tasks as they do in time: stories, which share their processors, ask for few.
const PLACES: (&str, &str) = ("MATRIXAI_DRILL_PLACES", "255");

/// The committed recording, of no device.
const SYNTHETIC: &str = "gpu-probe/replay/recordings/synthetic.json";

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
    stage.set_variable("MATRIXAI_METRICS", "127.0.0.1:0");
    stage.set_variable(PLACES.0, PLACES.1);
    if let Some(recording) = &options.replay {
        replay(&mut stage, &root.join(recording))?;
    }
    let played = play(&mut stage).and_then(|(neighbour, looks)| Ok((table(&stage, looks)?, neighbour)));
    let (table, neighbour) = match played {
        Ok(played) => played,
        Err(error) => {
            eprintln!("The logs of every process are in {}", scratch.keep().display());
            return Err(error);
        }
    };
    print_table(&table);
    power::print(&table["power"]);
    if options.replay.is_some() {
        check_replay(&stage)?;
    }
    if let Some(file) = &options.report {
        let file = root.join(file);
        print!("\n{}", stage.agent_once(&["report", "--html", &file.to_string_lossy()])?);
    }
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
        for view in ["status", "top", "report --html report.html"] {
            println!(
                "Try: {} --config {}/agent.toml {view}",
                sh::program("matrixai-agent").display(),
                dir.display()
            );
        }
        // The agents are started in their folders, and named by no path.
        println!(
            "Stop all of it: pkill -f {}; pkill -f 'matrixai-agent --config agent.toml run'",
            dir.display()
        );
        stage.start_agent()?;
        neighbour.leave();
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

/// The story; what it leaves is the second machine, and the owner's compute power before any task and after some.
fn play(stage: &mut Stage) -> Result<(Neighbour, Vec<Power>)> {
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
    let mut neighbour = waiting("a machine of another owner enrols, and its owner stakes for it", || {
        let neighbour = Neighbour::join(stage, "Grace")?;
        neighbour.stake(stage)?;
        Ok(neighbour)
    })?;
    // Tasks go to machines of two owners: there were none so far.
    let none = waiting("the owner's compute power, before any task", || Power::read(stage))?;
    neighbour.start_with(stage, &[PLACES])?;
    waiting("both are drawn for tasks, do them, commit, reveal, agree: three tasks credited", || {
        stage.until("three agreed tasks", |stage| Ok((agreed(&stage.status()?) >= 3).then_some(())))
    })?;
    let three = waiting("the owner's compute power has risen", || Power::risen(stage, none))?;
    let later = waiting("and rises on with the tasks that follow", || Power::risen(stage, three))?;
    waiting("SIGTERM: a last anchor and a clean end", || stage.agent()?.terminate())?;
    stage.agent = None;
    Ok((neighbour, vec![none, three, later]))
}

/// Puts the library that plays recordings in the place of NVML.
fn replay(stage: &mut Stage, recording: &Path) -> Result<()> {
    let library = sh::target_dir().join("debug/libnvml_replay.so");
    for file in [&library, recording] {
        if !file.is_file() {
            bail!("{} is missing", file.display());
        }
    }
    println!(
        "REPLAY: the GPUs of this demo are played from {}; nothing of them is measured",
        recording.display()
    );
    stage.set_variable("MATRIXAI_NVML", library);
    stage.set_variable("MATRIXAI_NVML_RECORDING", recording);
    Ok(())
}

/// The machine's log says of each GPU that it is none.
fn check_replay(stage: &Stage) -> Result<()> {
    let records = stage.agent_once(&["log", "list", "--from", "0", "--limit", "1000000", "--json"])?;
    let records: Vec<Value> = serde_json::from_str(&records)?;
    let chips = records.iter().filter(|record| record["kind"] == "chip" && record["body"]["kind"] == "Gpu");
    let told: BTreeSet<String> = chips
        .map(|chip| {
            let recording = chip["body"]["state"]["Replayed"].as_str();
            recording.map(|recording| format!("{} ({recording})", text(&chip["body"]["name"])))
        })
        .collect::<Option<_>>()
        .filter(|told: &BTreeSet<String>| !told.is_empty())
        .context("a GPU of the replay is not labelled in the log")?;
    println!("\nREPLAY, as the log has it: no chip of this machine, nothing measured here:");
    told.iter().for_each(|chip| println!("  {chip}"));
    Ok(())
}

/// Tasks that the chain has credited this machine with, as its agent has read it.
fn agreed(status: &Value) -> u64 {
    status["agent"]["drill"]["agreed"].as_u64().unwrap_or(0)
}

/// What the chain says, through the owner's light client, and what the offline tool says of the exports.
fn table(stage: &Stage, looks: Vec<Power>) -> Result<Value> {
    stage.export()?;
    let offline = stage.verify()?;
    let on_chain = stage.machines()?;
    let anchors = offline["anchors"].as_array().cloned().unwrap_or_default();
    let counters: BTreeSet<u64> = anchors.iter().filter_map(|anchor| anchor["counter"].as_u64()).collect();
    let anchored = on_chain[0]["anchor"]["counter"].as_u64();
    if counters.len() < 3 || anchored.is_none_or(|counter| !counters.contains(&counter)) {
        bail!("the chain's last anchor is not among at least three verified ones: {on_chain} {offline}");
    }
    // The chain first: the log has what was done by then, and maybe more.
    let ecp: Value = serde_json::from_str(&stage.owner(&["ecp", "--json"])?)?;
    let records = stage.agent_once(&["log", "list", "--from", "0", "--limit", "1000000", "--json"])?;
    let records: Vec<Value> = serde_json::from_str(&records)?;
    let drills: Vec<Value> = records.into_iter().filter(|record| record["kind"] == "drill").collect();
    let power = power::check(&looks, &Power::told(&ecp)?, &drills)?;
    Ok(json!({ "chain": on_chain, "offline": offline, "ecp": ecp, "power": power, "drills": drills }))
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
