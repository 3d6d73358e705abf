//! The agent as it runs on a machine: its size, its memory and its processor time.

use crate::{
    process::{self, Memory},
    programs::{Parts, megabytes},
    table::{Bar, Quantity, Row, Table},
};
use anyhow::{Context, Result};
use std::{
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use testbed::Stage;

const SECTION: &str = "agent";
/// After an agent's start, before it is measured.
const SETTLE: Duration = Duration::from_secs(20);
const MEASURE: Duration = Duration::from_secs(60);

/// A network whose one machine is enrolled and has anchored.
pub struct Measured {
    stage: Stage,
    _scratch: TempDir,
}

impl Measured {
    /// Sets the stage: enrols, anchors, ends the agent in order.
    pub fn enrol(parts: &Parts) -> Result<Self> {
        println!("A network: two validators, five inspectors, a software TPM; the agent enrols and anchors");
        let scratch = tempfile::Builder::new().prefix("matrixai-bench-").tempdir()?;
        let programs = parts.gather(&scratch.path().join("programs"))?;
        let mut stage = Stage::set(programs, &scratch.path().join("stage"))?;
        stage.enrol()?;
        stage.dismiss_inspectors();
        stage.start_agent()?;
        stage.until_anchors(3)?;
        stage.agent()?.terminate()?;
        stage.agent = None;
        Ok(Self { stage, _scratch: scratch })
    }

    /// Port of the first node.
    pub const fn rpc(&self) -> u16 {
        self.stage.chain.rpc
    }

    /// Runs the agent at its usual pace, one sample a second and an anchor an hour, and measures it.
    pub fn run(&mut self, parts: &Parts, table: &mut Table) -> Result<()> {
        println!("The agent: {} s", (SETTLE + MEASURE).as_secs());
        self.stage.configure(3600)?;
        self.stage.start_agent()?;
        thread::sleep(SETTLE);
        let id = self.stage.agent()?.id().context("the agent ended")?;
        let early = Memory::of(id)?;
        let (before, started) = (process::used(id)?, Instant::now());
        thread::sleep(MEASURE);
        let share =
            (process::used(id)?.saturating_sub(before)).as_secs_f64() / started.elapsed().as_secs_f64();
        self.stage.check()?;
        let memory = Memory::of(id)?;
        let node = Memory::of(self.stage.chain.node_id(0).context("the node ended")?)?;
        tell(share, memory, node, parts, table)?;
        let status = self.stage.status()?;
        let verdict = status.get("verdict").and_then(|verdict| verdict.as_str()).unwrap_or("nothing");
        table.note(format!(
            "The agent's resident memory: {:.1} MiB after {} s, {:.1} MiB {} s later.",
            early.resident,
            SETTLE.as_secs(),
            memory.resident,
            MEASURE.as_secs()
        ));
        table.note(format!(
            "The agent said of itself, when it was measured: {verdict}. Its windows were 5 s long, not 60."
        ));
        self.stage.agent()?.terminate()?;
        self.stage.agent = None;
        Ok(())
    }
}

fn tell(share: f64, memory: Memory, node: Memory, parts: &Parts, table: &mut Table) -> Result<()> {
    let resident = |memory: Memory| Quantity::less(memory.resident, "MiB");
    let row = Row::new(SECTION, "resident, light client synced", resident(memory));
    table.row(row.against(parts.node_name(), resident(node)).bar(Bar::AtMost(56.0)));
    table.row(Row::new(SECTION, "peak of resident", Quantity::less(memory.peak, "MiB")));
    let share = Quantity::less(share * 100.0, "% of a core");
    table.row(Row::new(SECTION, "processor time at 1 Hz, over 60 s", share).bar(Bar::AtMost(0.5)));
    let size = Quantity::less(megabytes(&parts.agent())?, "MB");
    table.row(Row::new(SECTION, "release binary, stripped", size).bar(Bar::AtMost(22.0)));
    Ok(())
}
