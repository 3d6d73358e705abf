//! Drilling on real processes: two owners' machines do the same tasks, agree, and are credited the same; a liar loses its bond.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod liar;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::{Neighbour, Programs, Stage};

#[test]
#[cfg_attr(not(feature = "node-tests"), ignore = "needs the built programs: --features node-tests")]
fn agreement_is_credited_and_a_lie_is_punished() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(Programs::beside_this_one().unwrap(), dir.path()).unwrap();
    if let Err(error) = story(&mut stage) {
        panic!("{error:?}\nThe logs of every process are in {}", dir.keep().display());
    }
}

fn story(stage: &mut Stage) -> Result<()> {
    stage.enrol()?;
    stage.start_agent()?;
    let mut neighbour = Neighbour::join(stage, "Grace")?;
    neighbour.stake(stage)?;
    println!("… two machines of two owners agree");
    neighbour.start(stage)?;
    agree(stage, &neighbour)?;
    println!(
        "… a liar: all forfeit, an inspector finds it, its bond is slashed, the honest one is compensated"
    );
    liar::convicted(stage, &mut neighbour)
}

fn agreed(status: &Value) -> u64 {
    status["agent"]["drill"]["agreed"].as_u64().unwrap_or(0)
}

/// Both have agreed tasks; the credit is the same, the log tells of them, and the record is what the chain credited.
fn agree(stage: &mut Stage, neighbour: &Neighbour) -> Result<()> {
    stage.until("three tasks that both have seen agreed", |stage| {
        let other: Value = serde_json::from_str(&neighbour.agent_once(stage, &["status", "--json"])?)?;
        Ok((agreed(&stage.status()?).min(agreed(&other)) >= 3).then_some(()))
    })?;
    let log = stage.agent_once(&["log", "list", "--from", "0", "--limit", "100000", "--json"])?;
    let log: Vec<Value> = serde_json::from_str(&log)?;
    let drills = log.iter().filter(|record| record["kind"] == "drill").count();
    ensure!(drills >= 3, "the log tells of {drills} tasks");
    let power: Value = serde_json::from_str(&stage.owner(&["ecp", "--json"])?)?;
    let total = power["drilling_total"].as_u64().context("no drilling")?;
    ensure!(total >= 3 * 622 && total % 622 == 0, "{power}");
    ensure!(power["effective"].as_u64().is_some_and(|effective| effective > 0), "{power}");
    Ok(())
}
