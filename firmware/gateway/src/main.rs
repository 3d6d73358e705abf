//! Boots the firmware example, has it anchor, and verifies the anchors.

use anyhow::Result;
use clap::Parser;
use firmware_gateway::{Emulator, Keeper, made_up};
use serde_json::{Value, json};
use std::path::PathBuf;
use tpm::{model::Temper, swtpm::SoftTpm};

#[derive(Parser)]
#[command(about = "Boot the firmware example in an emulator and verify its anchors", after_help = EXAMPLES)]
struct Options {
    /// The firmware, an ELF file
    firmware: PathBuf,
    /// How many anchors
    #[arg(long, default_value_t = 2)]
    anchors: u64,
    /// Give the TPM wait states, short bursts and slowness
    #[arg(long)]
    moody: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:\n  cargo xtask firmware                         build it and run this\n  \
    firmware-gateway matrixai-firmware --moody   with a TPM that takes its time";

fn main() -> Result<()> {
    let options = Options::parse();
    let dir = tempfile::tempdir()?;
    let soft = SoftTpm::create(&dir.path().join("tpm"))?;
    let mut device = Emulator::boot(&options.firmware, dir.path(), &soft, temper(options.moody))?;
    let mut keeper = Keeper::new(&mut device, &dir.path().join("log"))?;
    let mut anchors = Vec::new();
    for number in 1..=options.anchors {
        let head = keeper.anchor(&mut device, &made_up(number))?;
        anchors.push(json!({ "counter": head.counter, "size": head.size, "root": hex::encode(head.root) }));
    }
    let memory = Keeper::measure(&mut device)?;
    Keeper::stop(device)?;
    let report = json!({
        "machine": hex::encode(keeper.machine()),
        "anchors": anchors,
        "memory": {
            "flash": memory.flash,
            "ram": memory.ram(),
            "statics": memory.statics,
            "stack": memory.stack,
            "heap": memory.heap,
            "arena": memory.arena,
        },
    });
    if options.json {
        println!("{report:#}");
    } else {
        tell(&report);
    }
    Ok(())
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

fn tell(report: &Value) {
    println!("machine {}", report["machine"].as_str().unwrap_or_default());
    println!("blocks are made up here: no chain takes part");
    for anchor in report["anchors"].as_array().into_iter().flatten() {
        let root = anchor["root"].as_str().unwrap_or_default();
        println!("anchor verified: counter {}, {} records, root {root}", anchor["counter"], anchor["size"]);
    }
    let memory = &report["memory"];
    println!(
        "memory in bytes: flash {}, RAM {} (variables {} with a heap of {}, of which {} used; stack {})",
        memory["flash"], memory["ram"], memory["statics"], memory["arena"], memory["heap"], memory["stack"]
    );
}
