//! Boots the firmware example, has it anchor, and verifies the anchors: on a chain where one is named.

use anyhow::Result;
use attest::verify::AnchorHead;
use clap::Parser;
use firmware_gateway::{Emulator, Gateway, Keeper, made_up};
use light_client::token;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tpm::{model::Temper, swtpm::SoftTpm};

#[derive(Parser)]
#[command(about = "Boot the firmware example in an emulator and have it anchor", after_help = EXAMPLES)]
struct Options {
    /// The firmware, an ELF file
    firmware: PathBuf,
    /// How many anchors
    #[arg(long, default_value_t = 2)]
    anchors: u64,
    /// Anchor on the chain of this raw specification; without one, to blocks that are made up
    #[arg(long, value_name = "FILE", requires = "token")]
    chain: Option<PathBuf>,
    /// The owner's join token: `matrixai token create`
    #[arg(long, value_name = "FILE", requires = "chain")]
    token: Option<PathBuf>,
    /// Give the TPM wait states, short bursts and slowness
    #[arg(long)]
    moody: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:\n  cargo xtask firmware                         build it and run this\n  \
    firmware-gateway matrixai-firmware --moody   with a TPM that takes its time\n  \
    firmware-gateway matrixai-firmware --chain chain.json --token token.key   on a chain";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let options = Options::parse();
    let dir = tempfile::tempdir()?;
    let soft = SoftTpm::create(&dir.path().join("tpm"))?;
    let mut device = Emulator::boot(&options.firmware, dir.path(), &soft, temper(options.moody))?;
    let keeper = Keeper::new(&mut device, &dir.path().join("log"))?;
    let machine = hex::encode(keeper.machine());
    let (device, anchors) = match (&options.chain, &options.token) {
        (Some(chain), Some(token)) => {
            on_chain(device, keeper, chain, token, dir.path(), options.anchors).await?
        }
        _ => made_up_blocks(device, keeper, options.anchors)?,
    };
    report(device, &machine, &anchors, &options)
}

/// Enrols the device and has it anchor.
async fn on_chain(
    device: Emulator,
    keeper: Keeper,
    chain: &Path,
    token: &Path,
    dir: &Path,
    anchors: u64,
) -> Result<(Emulator, Vec<AnchorHead>)> {
    let token = token::read(token)?;
    let state = dir.join("light");
    fs::create_dir_all(&state)?;
    let mut gateway = Gateway::open(device, keeper, chain, &state).await?;
    gateway.enrol(&token).await?;
    let mut heads = Vec::new();
    for _ in 0..anchors {
        heads.push(gateway.anchor().await?);
    }
    Ok((gateway.device, heads))
}

fn made_up_blocks(
    mut device: Emulator,
    mut keeper: Keeper,
    anchors: u64,
) -> Result<(Emulator, Vec<AnchorHead>)> {
    let heads = (1..=anchors).map(|number| keeper.anchor(&mut device, &made_up(number)));
    let heads = heads.collect::<Result<_>>()?;
    Ok((device, heads))
}

fn report(mut device: Emulator, machine: &str, anchors: &[AnchorHead], options: &Options) -> Result<()> {
    let memory = Keeper::measure(&mut device)?;
    Keeper::stop(device)?;
    let anchor = |head: &AnchorHead| json!({ "counter": head.counter, "size": head.size, "root": hex::encode(head.root) });
    let report = json!({
        "machine": machine,
        "chain": options.chain.is_some(),
        "anchors": anchors.iter().map(anchor).collect::<Vec<_>>(),
        "memory": {
            "flash": memory.flash,
            "ram": memory.ram(),
            "statics": memory.statics,
            "stack": memory.stack,
            "heap": memory.heap,
            "arena": memory.arena,
        },
    });
    let text = if options.json { format!("{report:#}\n") } else { told(&report) };
    Ok(plain_io::print(&text)?)
}

fn temper(moody: bool) -> Temper {
    if !moody {
        return Temper::default();
    }
    Temper {
        wait_states: vec![0, 1, 0, 3, 0, 0, 17],
        bursts: vec![8, 0, 1, 64, 0, 0, 3, 32],
        slowness: vec![0, 2, 5],
        faults: vec![],
    }
}

fn told(report: &Value) -> String {
    let (where_, verified) = match report["chain"].as_bool() {
        Some(true) => ("enrolled; its anchors are in finalised blocks", "on chain"),
        _ => ("blocks are made up here: no chain takes part", "verified"),
    };
    let mut lines =
        vec![format!("machine {}", report["machine"].as_str().unwrap_or_default()), where_.to_owned()];
    for anchor in report["anchors"].as_array().into_iter().flatten() {
        let root = anchor["root"].as_str().unwrap_or_default();
        let (counter, size) = (&anchor["counter"], &anchor["size"]);
        lines.push(format!("anchor {verified}: counter {counter}, {size} records, root {root}"));
    }
    let memory = &report["memory"];
    lines.push(format!(
        "memory in bytes: flash {}, RAM {} (variables {} with a heap of {}, of which {} used; stack {})",
        memory["flash"], memory["ram"], memory["statics"], memory["arena"], memory["heap"], memory["stack"]
    ));
    lines.join("\n") + "\n"
}
