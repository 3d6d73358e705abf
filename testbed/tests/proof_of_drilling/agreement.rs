//! All agree: the credit is the same, whatever the machine did the work with, and it is weight in the block lottery.

use crate::network::{GRACES_PLACES, Network};
use anyhow::{Context, Result, ensure};
use drilling::{Class, cpu::Backend, difficulty};
use serde_json::Value;
use std::{fs, path::Path};
use testbed::{Neighbour, Stage};

/// Prints all of an agent's log.
const LIST: [&str; 7] = ["log", "list", "--from", "0", "--limit", "100000", "--json"];

pub fn credited_the_same(network: &mut Network) -> Result<()> {
    network.drill(true)?;
    let Network { stage, grace: neighbour, runtime, eyes, cast, .. } = network;
    stage.until("three tasks that both have seen agreed", |stage| {
        let other = neighbour.status(stage)?;
        Ok((agreed(&stage.status()?).min(agreed(&other)) >= 3).then_some(()))
    })?;
    let log = stage.agent_once(&LIST)?;
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
    unlike(stage, neighbour)?;
    // Alice had the least weight when the story began, as Bob had: he does no tasks, and his is still that.
    let alice = cast.honest[0].1.account();
    runtime.block_on(eyes.until("weight that Alice earned by drilling", async || {
        let weight = eyes.weight(alice).await?;
        ensure!(weight.others == 1, "Bob has a weight without work: {weight:?}");
        Ok((weight.own > 1 << 40).then_some(()))
    }))?;
    restarted_at_work(stage)?;
    // Her tasks take milliseconds, and she has seen that.
    runtime.block_on(eyes.until("as many places as Grace's agent may ask for", async || {
        let worker = eyes.worker(cast.honest[1].0).await?;
        Ok(worker.is_some_and(|worker| worker.places == GRACES_PLACES).then_some(()))
    }))
}

/// They did their work as they were told, each in its own way: else their agreement would show nothing.
fn unlike(stage: &Stage, grace: &Neighbour) -> Result<()> {
    let best = format!("{} on 1 threads", Backend::fastest().name());
    done_with(stage.dir(), &stage.agent_once(&LIST)?, &best, 1)?;
    done_with(grace.dir(), &grace.agent_once(stage, &LIST)?, "scalar on 2 threads", 2)
}

/// Every task's record has so many threads, and the agent says of each what did it.
fn done_with(dir: &Path, log: &str, what: &str, threads: u64) -> Result<()> {
    let log: Vec<Value> = serde_json::from_str(log)?;
    let mut drills = log.iter().filter(|record| record["kind"] == "drill");
    let other = drills.find(|record| record["body"]["threads"] != threads);
    ensure!(other.is_none(), "a task was not done by {threads} threads: {other:?}");
    let said = fs::read_to_string(dir.join("agent.log"))?;
    let done: Vec<&str> = said.lines().filter(|line| line.contains("a task is done")).collect();
    let other = done.iter().find(|line| !line.contains(what));
    ensure!(done.len() >= 3 && other.is_none(), "{} tasks done, not all by {what}: {other:?}", done.len());
    Ok(())
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
    let log = stage.agent_once(&LIST)?;
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
