//! `cargo xtask poh`: blocks are won in proportion to compute power, counted on a real chain.
//!
//! Four validators whose owners have clearly different compute power, and a light client that follows them. Halfway one owner's power
//! grows eightfold. *Finalised* blocks are counted by producer and held against the exact expectation, epoch by epoch with the weights
//! that the chain itself announced, which have to be in proportion to what `pallet-ecp` says of the owners. With `--simulate` the lottery
//! alone is drawn, for many more owners and slots than a chain has time for.

mod blocks;
mod chance;
mod judge;

use crate::{demo, setup, sh, wasm};
use anyhow::{Context, Result, bail};
use blocks::Block;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use testbed::{Chain, Guarded};

/// Name, sr25519 and ed25519 account of each, and its recent drilling at genesis in ut per day.
const OWNERS: [(&str, &str, &str, u64); 4] = [
    (
        "Alice",
        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu",
        40_000,
    ),
    (
        "Bob",
        "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
        "5GoNkf6WdbxCFnPdAnYYQyCjAKPJgLNxXwPjwTh6DGg6gN3E",
        30_000,
    ),
    (
        "Charlie",
        "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
        "5DbKjhNLpqX3zqZdNBc9BGb4fHU1cRBaDhJUskrvkwfraDi6",
        20_000,
    ),
    (
        "Dave",
        "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy",
        "5ECTwv6cZ5nJQPk6tWfaTrEk8YH2L7X1VT4EL5Tx2ikfFwb7",
        10_000,
    ),
];
/// What each has at stake.
const STAKE: u64 = 20_000_000_000_000_000;
/// By how much the last one's power grows halfway.
const GROWTH: u32 = 8;
/// Fewer have no room for both halves: an epoch has some nine blocks here, and the growth counts from the second epoch after it on.
const LEAST_BLOCKS: u64 = 80;
/// Below this chance the count is taken as wrong.
const LEAST_P: f64 = 1e-4;
/// Longest wait for one more finalised block.
const STALLED: Duration = Duration::from_secs(120);

/// How many blocks, and what to write.
#[derive(clap::Args)]
pub struct Options {
    /// Finalised blocks to count, at least 80
    #[arg(long, value_name = "NUMBER", default_value_t = 150)]
    blocks: u64,
    /// Draw the lottery for a million slots and ten thousand owners instead, without a chain
    #[arg(long)]
    simulate: bool,
    /// Take what is built already
    #[arg(long)]
    built: bool,
    /// Write the result as JSON here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Builds, runs, counts, compares.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    if !options.simulate && options.blocks < LEAST_BLOCKS {
        bail!(
            "--blocks {} is too few to see blocks before and after the growth: take at least {LEAST_BLOCKS}",
            options.blocks
        );
    }
    setup::run()?;
    if options.simulate {
        return simulate(options);
    }
    if !options.built {
        wasm::build(root)?;
        sh::step("node", &mut sh::cargo(&["build", "-p", "matrixai-node"]))?;
        sh::step("light client", &mut sh::cargo(&["build", "--example", "follow"]))?;
    }
    let scratch = tempfile::Builder::new().prefix("matrixai-poh-").tempdir()?;
    let result = count(scratch.path(), options.blocks);
    let result = result.inspect_err(|_| eprintln!("The nodes' logs are in {}", scratch.path().display()));
    let Ok(result) = result else {
        let _ = scratch.keep();
        return result.map(drop);
    };
    if let Some(file) = &options.json {
        fs::write(file, serde_json::to_vec_pretty(&result)?)?;
    }
    let p = result["p"].as_f64().unwrap_or(0.0);
    if p <= LEAST_P {
        bail!("blocks are not won in proportion: p = {p:.2e}");
    }
    Ok(())
}

fn simulate(options: &Options) -> Result<()> {
    let mut command = sh::cargo(&["run", "-p", "matrixai-node", "--example", "lottery", "--"]);
    if let Some(file) = &options.json {
        command.arg("--json").arg(file);
    }
    sh::show("the lottery alone", &mut command)
}

fn count(dir: &Path, wanted: u64) -> Result<Value> {
    let started = Instant::now();
    let genesis = specification(dir)?;
    let mut chain = Chain::start_on(demo::programs(), dir, &genesis.to_string_lossy(), OWNERS.len())?;
    println!("Four validators run; counting {wanted} finalised blocks");
    let mut follow = Command::new(sh::target_dir().join("debug/examples/follow"));
    follow.arg(&chain.spec).arg(dir.join("light"));
    follow.arg(format!("{}:{}={GROWTH}", wanted / 2, OWNERS[3].0));
    let mut light = Guarded::start("follow", dir, &mut follow)?;
    let blocks = collect(&mut chain, &mut light, wanted)?;
    let followed = compare(&dir.join("follow.log"), &blocks)?;
    let rules = Rules::read(&genesis)?;
    let epochs = blocks::epochs(&blocks, rules.epoch_slots)?;
    let mut result = judge::judge(&epochs, rules.c)?;
    result["light_client"] = followed;
    result["seconds"] = json!(started.elapsed().as_secs());
    print(&result);
    Ok(result)
}

/// The local chain with four authorities, and compute power that nobody worked for.
fn specification(dir: &Path) -> Result<PathBuf> {
    let node = sh::program("matrixai-node");
    let output = Command::new(&node).args(["export-chain-spec", "--chain", "local"]).output()?;
    let mut spec: Value =
        serde_json::from_slice(&output.stdout).context("the node exports no specification")?;
    let patch =
        spec.pointer_mut("/genesis/runtimeGenesis/patch").context("a specification without a patch")?;
    patch["babe"]["authorities"] = OWNERS.map(|(_, account, ..)| json!([account, 1])).into();
    patch["grandpa"]["authorities"] = OWNERS.map(|(_, _, voter, _)| json!([voter, 1])).into();
    patch["authorities"]["authorities"] =
        OWNERS.map(|(_, account, voter, _)| json!([account, account, voter, STAKE])).into();
    patch["ecp"] = json!({ "seeds": OWNERS.map(|(_, account, _, ut)| json!([account, ut])) });
    let file = dir.join("genesis.json");
    fs::write(&file, serde_json::to_vec(&spec)?)?;
    Ok(file)
}

/// What the lottery goes by.
struct Rules {
    c: f64,
    epoch_slots: u64,
}

impl Rules {
    fn read(genesis: &Path) -> Result<Self> {
        let spec: Value = serde_json::from_slice(&fs::read(genesis)?)?;
        let patch =
            spec.pointer("/genesis/runtimeGenesis/patch").context("a specification without a patch")?;
        let c = &patch["babe"]["epochConfig"]["c"];
        let (part, whole) = c[0].as_f64().zip(c[1].as_f64()).context("no c")?;
        let epoch_slots = patch["pace"]["epochSlots"].as_u64().context("no length of an epoch")?;
        Ok(Self { c: part / whole, epoch_slots })
    }
}

fn collect(chain: &mut Chain, light: &mut Guarded, wanted: u64) -> Result<Vec<Block>> {
    let bar = sh::spinner("blocks");
    let (mut blocks, mut last) = (Vec::new(), Instant::now());
    while (blocks.len() as u64) < wanted {
        chain.check()?;
        light.check()?;
        let finalized = testbed::finalized(chain.rpc).unwrap_or(0).min(wanted);
        for number in blocks.len() as u64 + 1..=finalized {
            blocks.push(Block::read(chain.rpc, number)?);
            last = Instant::now();
        }
        if last.elapsed() > STALLED {
            bail!("no finalised block for {} s after block {}", STALLED.as_secs(), blocks.len());
        }
        bar.set_message(format!("{} of {wanted}", blocks.len()));
        std::thread::sleep(Duration::from_millis(250));
    }
    bar.finish_and_clear();
    Ok(blocks)
}

/// Every block that the light client took as final must be the nodes', and it must have got to the end.
fn compare(log: &Path, blocks: &[Block]) -> Result<Value> {
    let deadline = Instant::now() + STALLED;
    loop {
        let text = fs::read_to_string(log)?;
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let seen: Vec<(u64, &str)> = lines
            .iter()
            .filter_map(|line| Some((line["number"].as_u64()?, line["hash"].as_str()?)))
            .collect();
        for (number, hash) in &seen {
            let block = usize::try_from(*number)?.checked_sub(1).and_then(|at| blocks.get(at));
            if let Some(block) = block.filter(|block| block.hash != *hash) {
                bail!("the light client took {hash} as block {number}, the nodes have {}", block.hash);
            }
        }
        let changed = lines.iter().any(|line| line.get("changed").is_some());
        let last = seen.last().map_or(0, |(number, _)| *number);
        if last >= blocks.len() as u64 && changed {
            return Ok(
                json!({ "heads": seen.len(), "first": seen.first().map(|(number, _)| number), "last": last }),
            );
        }
        if Instant::now() > deadline {
            bail!("the light client got to block {last} only, change made: {changed}; see {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn print(result: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    for part in result["parts"].as_array().into_iter().flatten() {
        println!("\n{} epochs, {}:", part["epochs"], part["weights"].as_str().unwrap_or(""));
        println!(
            "  {:10} {:>12} {:>9} {:>9} {:>10} {:>10} {:>8}",
            "owner", "ECP, ut/day", "of all", "weight", "win a slot", "expected", "blocks"
        );
        for row in part["owners"].as_array().into_iter().flatten() {
            println!(
                "  {:10} {:>12.0} {:>7.2} % {:>7.2} % {:>8.2} % {:>10.1} {:>8}",
                row["owner"].as_str().unwrap_or(""),
                number(&row["ecp"]),
                100.0 * number(&row["power"]),
                100.0 * number(&row["weight"]),
                100.0 * number(&row["win"]),
                number(&row["expected"]),
                number(&row["counted"]),
            );
        }
    }
    let light = &result["light_client"];
    println!(
        "\nchi-square {:.2} with {} degrees of freedom, p = {:.4}",
        number(&result["chi_square"]),
        result["freedom"],
        number(&result["p"])
    );
    println!(
        "The light client followed: {} heads, from block {} to {}.",
        light["heads"], light["first"], light["last"]
    );
    println!("It took {} s.", result["seconds"]);
}
