//! All agree: the credit is the same, whatever the machine did the work with.

use crate::network::{GRACES_PLACES, Network};
use anyhow::{Context, Result, ensure};
use drilling::{Class, difficulty};
use serde_json::Value;
use std::fs;
use testbed::Stage;

pub fn credited_the_same(network: &mut Network) -> Result<()> {
    network.drill(true)?;
    let Network { stage, grace: neighbour, runtime, eyes, cast, .. } = network;
    stage.until("three tasks that both have seen agreed", |stage| {
        let other = neighbour.status(stage)?;
        Ok((agreed(&stage.status()?).min(agreed(&other)) >= 3).then_some(()))
    })?;
    let log = stage.agent_once(&["log", "list", "--from", "0", "--limit", "100000", "--json"])?;
    let log: Vec<Value> = serde_json::from_str(&log)?;
    let drills = log.iter().filter(|record| record["kind"] == "drill").count();
    ensure!(drills >= 3, "the log tells of {drills} tasks");
    let power: Value = serde_json::from_str(&stage.owner(&["ecp", "--json"])?)?;
    let total = power["drilling_total"].as_u64().map(u128::from).context("no drilling")?;
    let worth = difficulty(&Class::Tiny.mlp());
    ensure!(total >= 3 * worth && total.is_multiple_of(worth), "{power}");
    ensure!(power["effective"].as_u64().is_some_and(|effective| effective > 0), "{power}");
    // They are the only ones: each of their tasks was both of theirs.
    let [one, other] = runtime.block_on(eyes.totals(cast.honest.each_ref().map(|(machine, _)| *machine)))?;
    ensure!(one == other && one >= 3 * worth, "one machine was credited {one}, the other {other}");
    restarted_at_work(stage)?;
    // Her tasks take milliseconds, and she has seen that.
    runtime.block_on(eyes.until("as many places as Grace's agent may ask for", async || {
        let worker = eyes.worker(cast.honest[1].0).await?;
        Ok(worker.is_some_and(|worker| worker.places == GRACES_PLACES).then_some(()))
    }))
}

/// Tasks are under way whenever an agent is stopped. It anchors its end all the same, which is no crash for the next run; and nothing that the
/// next run does takes the nonce of what was handed in before.
fn restarted_at_work(stage: &mut Stage) -> Result<()> {
    let before = agreed(&stage.status()?);
    stage.agent()?.terminate()?;
    stage.start_agent()?;
    stage.until("two more tasks agreed after a restart", |stage| {
        Ok((agreed(&stage.status()?) >= before + 2).then_some(()))
    })?;
    let log = stage.agent_once(&["log", "list", "--from", "0", "--limit", "100000", "--json"])?;
    let log: Vec<Value> = serde_json::from_str(&log)?;
    let mut gaps = log.iter().filter(|record| record["kind"] == "gap").rev();
    let (start, end) = gaps.next().zip(gaps.next()).context("the log tells of no restart")?;
    ensure!(start["body"]["reason"] == "Stopped", "the restart was taken for a crash: {start}");
    let [end, start] = [end, start].map(|record| record["seq"].as_u64().unwrap_or(0));
    stage.until("the anchor over its end", |stage| {
        let status = stage.status()?;
        let anchors = status["anchors"].as_array().context("no list of anchors")?;
        let mut sizes = anchors.iter().filter_map(|anchor| anchor["size"].as_u64());
        Ok(sizes.any(|size| end < size && size <= start).then_some(()))
    })?;
    let said = fs::read_to_string(stage.dir().join("agent.log"))?;
    ensure!(!said.contains("its nonce was used up"), "a debt took another's nonce: see agent.log");
    Ok(())
}

fn agreed(status: &Value) -> u64 {
    status["agent"]["drill"]["agreed"].as_u64().unwrap_or(0)
}
