//! The spine under faults, on real processes: two validators, five inspectors, a software TPM, the agent with its light client.
//!
//! One story in one test, since setting the network up takes longest. Each part leaves the network running for the next.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod disk;
mod expiry;
mod upgrade;
mod weights;

use anyhow::{Context, Result, ensure};
use rand::Rng;
use serde_json::Value;
use std::{fs, process::Command, thread::sleep, time::Duration};
use testbed::{Programs, Stage};
use tpm::{Tpm, transport::AnyTransport};

/// Kills while anchoring: ten here, as many as `MATRIXAI_KILLS` says in `cargo xtask torture`.
fn kills() -> u32 {
    std::env::var("MATRIXAI_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(10)
}

/// A part of the story, and what it is called.
type Part = (&'static str, fn(&mut Stage) -> Result<()>);

const PARTS: [Part; 14] = [
    ("enrols and anchors", enrols_and_anchors),
    ("stock tpm2-tools accept the exported quote, and no other", stock_tools_accept_the_quote),
    ("two agents on one state folder: the second refuses", the_second_agent_refuses),
    ("SIGKILL at random moments of anchoring", killed_while_anchoring),
    ("power cuts of the TPM at random moments", power_cuts),
    ("a reboot with changed PCRs: a new device key, unattended", reboot_with_other_pcrs),
    ("both nodes down for a while and back", nodes_away),
    ("a node's database wiped", node_wiped),
    ("the clock jumps by a day, both ways", clock_jumps),
    ("the disk is full for a while", disk::disk_full),
    ("an anchor is owed until its block is too old", expiry::anchor_expires),
    ("an inspector leaves", an_inspector_leaves),
    ("a runtime upgrade that adds a pallet", upgrade::runtime_upgrade),
    ("every draw of a job's weights is told, through all of this", weights::every_draw_is_told),
];

#[test]
#[cfg_attr(not(feature = "node-tests"), ignore = "needs the built programs: --features node-tests")]
fn the_spine_holds() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(Programs::beside_this_one().unwrap(), dir.path()).unwrap();
    for (name, part) in PARTS.into_iter().enumerate().filter(wanted).map(|(_, part)| part) {
        println!("… {name}");
        if let Err(error) = part(&mut stage).and_then(|()| log_agrees_with_chain(&mut stage)) {
            panic!("{name}: {error:?}\nThe logs of every process are in {}", dir.keep().display());
        }
    }
    stage.agent().unwrap().terminate().unwrap();
    stage.agent = None;
    stage.export().unwrap();
    let report = stage.verify().unwrap();
    // The record of the last anchor itself comes after it.
    assert!(report["log"]["after_last_anchor"].as_u64().is_some_and(|after| after <= 2), "{report}");
    let machines = stage.machines().unwrap();
    assert_eq!((&machines[0]["standing"], &machines[0]["epoch"]), (&"active".into(), &0.into()));
}

/// While working on one part: `MATRIXAI_PARTS=upgrade` (several behind commas) runs those whose name contains it, after the first, which all need.
fn wanted((index, (name, _)): &(usize, Part)) -> bool {
    let parts = std::env::var("MATRIXAI_PARTS").unwrap_or_default();
    *index == 0 || parts.split(',').any(|part| name.contains(part))
}

/// What must hold after every fault: the chain's head is one of this log, every record is there once and in order.
fn log_agrees_with_chain(stage: &mut Stage) -> Result<()> {
    stage.agent_once(&["log", "verify"])?;
    // The chain first: whatever it has by now, the export that follows must hold, once the agent has seen it final.
    let anchor = stage.machines()?[0]["anchor"].clone();
    let counter = anchor["counter"].as_u64().context("the chain knows no anchor")?;
    let ours = stage.until("the chain's anchor among ours", |stage| {
        stage.export()?;
        let report = stage.verify()?;
        let anchors = report["anchors"].as_array().context("no anchors")?;
        Ok(anchors.iter().find(|ours| ours["counter"].as_u64() == Some(counter)).cloned())
    })?;
    ensure!(ours["root"] == anchor["root"] && ours["size"] == anchor["size"], "{ours} is not {anchor}");
    Ok(())
}

fn enrols_and_anchors(stage: &mut Stage) -> Result<()> {
    stage.enrol()?;
    let machines = stage.machines()?;
    ensure!(machines[0]["level"] == "hardware", "{machines}");
    weights::watch(stage)?;
    stage.start_agent()?;
    stage.until_anchors(2).map(drop)
}

fn stock_tools_accept_the_quote(stage: &mut Stage) -> Result<()> {
    stage.agent_once(&["evidence", "export", "--format", "tpm2-tools", "--out", "quote"])?;
    let folder = stage.dir().join("quote");
    let qualification = fs::read_to_string(folder.join("qualification.hex"))?;
    let accepted = |message: &str| -> Result<bool> {
        let mut tool = Command::new("tpm2_checkquote");
        tool.args([
            "-u",
            "ak.pem",
            "-m",
            message,
            "-s",
            "quote.sig",
            "-g",
            "sha256",
            "-q",
            qualification.trim(),
        ]);
        Ok(tool.current_dir(&folder).output().context("tpm2_checkquote")?.status.success())
    };
    ensure!(accepted("quote.msg")?, "tpm2_checkquote refuses the exported quote");
    let mut message = fs::read(folder.join("quote.msg"))?;
    let last = message.len() - 1;
    message[last] ^= 1;
    fs::write(folder.join("flipped.msg"), message)?;
    ensure!(!accepted("flipped.msg")?, "tpm2_checkquote accepts a flipped byte");
    Ok(())
}

fn the_second_agent_refuses(stage: &mut Stage) -> Result<()> {
    let mut second = stage.another_agent("second-agent")?;
    let status = second.wait(Duration::from_secs(30))?;
    ensure!(status.code() == Some(3), "{status}: {}", second.last_words());
    stage.check()
}

fn killed_while_anchoring(stage: &mut Stage) -> Result<()> {
    stage.configure(2)?;
    for _ in 0..kills() {
        stage.agent()?.kill();
        stage.start_agent()?;
        // From before the light client is ready to after an anchor is final.
        sleep(Duration::from_millis(rand::thread_rng().gen_range(0..9_000)));
    }
    stage.agent()?.kill();
    stage.configure(10)?;
    stage.start_agent()?;
    stage.until_more_anchors(1).map(drop)
}

fn power_cuts(stage: &mut Stage) -> Result<()> {
    for _ in 0..6 {
        sleep(Duration::from_millis(rand::thread_rng().gen_range(0..6_000)));
        stage.tpm.power_cut()?;
        sleep(Duration::from_millis(rand::thread_rng().gen_range(0..1_000)));
        stage.tpm.start()?;
    }
    stage.until_more_anchors(1).map(drop)
}

/// With its daemon running, which must not register it anew.
fn an_inspector_leaves(stage: &mut Stage) -> Result<()> {
    let spec = stage.chain.spec.display().to_string();
    let command = |name: &'static str| {
        [name, "--dev-account", "Ferdie", "--state", "looking", "--json", "--chain", spec.as_str()]
    };
    stage.inspector_once(&command("leave"))?;
    sleep(Duration::from_secs(10));
    let status: Value = serde_json::from_str(&stage.inspector_once(&command("status"))?)?;
    let leaves = status["registration"]["leaves"].as_u64().context("it is not leaving")?;
    ensure!(leaves > status["block"].as_u64().unwrap_or(0), "{status}");
    let early = stage.inspector_once(&command("withdraw"));
    let early = early.err().context("the bond came back at once")?.to_string();
    ensure!(early.contains("NotYet"), "{early}");
    stage.check()
}

fn device(stage: &Stage) -> Result<Value> {
    Ok(stage.status()?["device"].clone())
}

fn reboot_with_other_pcrs(stage: &mut Stage) -> Result<()> {
    let before = device(stage)?;
    stage.agent()?.terminate()?;
    stage.tpm.power_cut()?;
    stage.tpm.start()?;
    let transport = AnyTransport::open(&stage.tpm.url())?;
    Tpm::new(transport).extend_pcr(4, &[0xB0; 32])?;
    stage.start_agent()?;
    stage.until_more_anchors(1)?;
    let after = device(stage)?;
    ensure!(after.is_string() && before != after, "the device key is still {before}");
    Ok(())
}

fn nodes_away(stage: &mut Stage) -> Result<()> {
    stage.chain.cut();
    sleep(Duration::from_secs(15));
    stage.chain.resume()?;
    stage.until_more_anchors(1).map(drop)
}

fn node_wiped(stage: &mut Stage) -> Result<()> {
    stage.chain.wipe(1)?;
    stage.until_more_anchors(1).map(drop)
}

/// Libfaketime reads the offset from a file at every call.
fn clock_jumps(stage: &mut Stage) -> Result<()> {
    stage.agent()?.terminate()?;
    let offset = stage.dir().join("clock");
    fs::write(&offset, "+0")?;
    stage.start_agent_with_clock(&offset)?;
    stage.until_more_anchors(1)?;
    for jump in ["+1d", "-1d", "+0"] {
        fs::write(&offset, jump)?;
        stage.until_more_anchors(1)?;
    }
    stage.agent()?.terminate()?;
    let gaps = stage.agent_once(&["log", "list", "--from", "0", "--limit", "100000", "--json"])?;
    let gaps = gaps.matches("ClockJump").count();
    stage.start_agent()?;
    ensure!(gaps >= 3, "three jumps left {gaps} records of a clock that was set");
    stage.until_more_anchors(1).map(drop)
}
