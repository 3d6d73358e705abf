//! An anchor that the agent still owes when its block's hash is too old for the chain: made anew, never lost, never twice.

use anyhow::{Context, Result, bail, ensure};
use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};
use testbed::{PATIENCE, Stage, finalized};

/// Blocks that a block's hash is good for, and some more.
const TOO_OLD: u64 = 256 + 8;

pub fn anchor_expires(stage: &mut Stage) -> Result<()> {
    let owed = owed_at_a_kill(stage)?;
    let start = finalized(stage.chain.rpc)?;
    for height in (start..start + TOO_OLD).step_by(32).chain([start + TOO_OLD]) {
        stage.chain.wait_finalized(height)?;
    }
    stage.start_agent()?;
    stage.until_more_anchors(1)?;
    ensure!(!stage.counters()?.contains(&owed), "the chain took an anchor whose block was too old");
    let last = stage.machines()?[0]["anchor"]["counter"].as_u64();
    ensure!(
        last.is_some_and(|last| last > owed),
        "the chain's last anchor is {last:?}, one of {owed} was owed"
    );
    Ok(())
}

/// Kills agent and nodes at the moment when an anchor is made, until one is owed that no block has; gives its counter.
fn owed_at_a_kill(stage: &mut Stage) -> Result<u64> {
    for _ in 0..5 {
        let before = made(stage)?;
        let deadline = Instant::now() + PATIENCE;
        let owed = loop {
            match made(stage)? {
                Some(counter) if Some(counter) != before => break counter,
                _ if Instant::now() > deadline => bail!("no anchor was made"),
                _ => sleep(Duration::from_millis(5)),
            }
        };
        // What the nodes had in their pools dies with them.
        stage.chain.cut();
        stage.agent()?.kill();
        stage.agent = None;
        stage.chain.resume()?;
        stage.until("the nodes back", |stage| Ok(finalized(stage.chain.rpc).ok()))?;
        let included = stage.machines()?[0]["anchor"]["counter"].as_u64();
        if included.is_some_and(|included| included < owed) {
            return Ok(owed);
        }
        stage.start_agent()?;
        stage.until_more_anchors(1)?;
    }
    bail!("five anchors were in a block before the kill")
}

/// Counter of the last attestation made for an anchor.
fn made(stage: &Stage) -> Result<Option<u64>> {
    let text = fs::read_to_string(stage.state().join("anchors.jsonl"))?;
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let made = whole.lines().rev().find(|line| line.contains("\"made\""));
    let made = made.map(serde_json::from_str::<serde_json::Value>).transpose()?;
    made.map(|line| line["made"]["counter"].as_u64().context("an attestation without a counter")).transpose()
}
