//! The light client in a process of its own: how soon it knows a finalised block, and what it holds in memory.

use crate::{
    clock,
    process::Memory,
    programs::{Parts, megabytes, sibling},
    rpc::Node,
    table::{Bar, Quantity, Row, Table},
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};
use testbed::{Chain, PATIENCE};

const SECTION: &str = "light client";
const STARTS: usize = 5;
/// How long a client goes on before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(20);
/// Blocks that the chain is ahead of the specification's checkpoint.
const BEHIND: u64 = 10;

/// Starts a chain and, in turn, our client and npm's.
pub fn run(parts: &Parts, table: &mut Table) -> Result<()> {
    println!("The light client: {STARTS} starts each, on a chain of two validators");
    let npm = install(&parts.npm)
        .inspect_err(|error| table.note(format!("Not held against npm's smoldot: {error}.")))
        .ok();
    let scratch = tempfile::Builder::new().prefix("matrixai-bench-").tempdir()?;
    let chain = Chain::start(parts.gather(&scratch.path().join("programs"))?, scratch.path())?;
    let program = sibling("bench-light-client")?;
    let (mut ours, mut peers) = (Starts::default(), Starts::default());
    let full = Node::on(chain.rpc);
    // The specification's checkpoint is to be well behind, so that knowing it is not being up to date.
    chain.wait_finalized(full.finalized()? + BEHIND)?;
    for start in 0..STARTS {
        let state = scratch.path().join(format!("light-{start}"));
        ours.add(&full, Command::new(&program).arg(&chain.spec).arg(state))?;
        if let Some(npm) = &npm {
            let mut command = Command::new("node");
            peers.add(&full, command.arg("first-finalised.mjs").arg(&chain.spec).current_dir(npm))?;
        }
    }
    let node = Memory::of(chain.node_id(0).context("the node ended")?)?;
    tell(&ours, &peers, (parts.node_name(), node), table);
    table.row(Row::new(SECTION, "release binary, stripped", Quantity::less(megabytes(&program)?, "MB")));
    Ok(())
}

fn tell(ours: &Starts, peers: &Starts, (node_name, node): (&str, Memory), table: &mut Table) {
    let rows = [
        ("first finalised head", seconds(&ours.heads), seconds(&peers.heads), Some(Bar::AtMost(0.5))),
        ("first proven read of the runtime", seconds(&ours.reads), seconds(&peers.reads), None),
    ];
    for (what, time, peer, bar) in rows {
        let row = time.map(|time| Row::new(SECTION, format!("start to {what}, median of {STARTS}"), time));
        let row = row.map(|row| if let Some(bar) = bar { row.bar(bar) } else { row });
        row.map(|row| against_npm(row, peer)).into_iter().for_each(|row| table.row(row));
    }
    let resident = |memory: Memory| Quantity::less(memory.resident, "MiB");
    let peak = |memory: Memory| Quantity::less(memory.peak, "MiB");
    if let Some(memory) = ours.memory {
        let row = || Row::new(SECTION, "resident, synced, one read made", resident(memory));
        table.row(row().against(node_name, resident(node)));
        table.row(against_npm(row(), peers.memory.map(resident)));
        let row = Row::new(SECTION, "peak of resident", peak(memory));
        table.row(against_npm(row, peers.memory.map(peak)));
    }
    table.note(format!(
        "A start is from the process's creation until it knows a block that was final by then; the specification's checkpoint is \
         {BEHIND} blocks behind, and nothing is kept from start to start. Ours: {}; npm's: {} s.",
        list(&ours.heads),
        list(&peers.heads)
    ));
}

fn against_npm(row: Row, peer: Option<Quantity>) -> Row {
    match peer {
        Some(peer) => row.against("npm smoldot in Node", peer),
        None => row,
    }
}

/// What several starts of one program took.
#[derive(Default)]
struct Starts {
    heads: Vec<f64>,
    reads: Vec<f64>,
    memory: Option<Memory>,
}

impl Starts {
    fn add(&mut self, full: &Node, command: &mut Command) -> Result<()> {
        let head = full.finalized()?;
        let started = Instant::now();
        let client = Client::start(command)?;
        let (mut head_at, mut read_at) = (None, None);
        while head_at.is_none() || read_at.is_none() {
            let (at, line) = client.says()?;
            let at = at.duration_since(started).as_secs_f64();
            match line.strip_prefix("finalised ") {
                // It is up to date once it knows what was final when it started.
                Some(hash) if head_at.is_none() && full.number(hash)? >= head => head_at = Some(at),
                None if line == "read" => read_at = Some(at),
                _ => {}
            }
        }
        self.heads.extend(head_at);
        self.reads.extend(read_at);
        if self.heads.len() == STARTS {
            thread::sleep(SETTLE);
            self.memory = Some(Memory::of(client.child.id())?);
        }
        Ok(())
    }
}

/// The median.
fn seconds(values: &[f64]) -> Option<Quantity> {
    clock::median(values.to_vec()).map(|value| Quantity::less(value, "s"))
}

fn list(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.2}")).collect::<Vec<_>>().join(" ")
}

/// A light client's process; ends with this value.
struct Client {
    child: Child,
    said: Receiver<(Instant, String)>,
}

impl Client {
    fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let (sender, said) = mpsc::channel();
        // Ends with the process.
        thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| sender.send((Instant::now(), line)))
        });
        Ok(Self { child, said })
    }

    /// Waits for the next line, which comes with the time it was said.
    fn says(&self) -> Result<(Instant, String)> {
        self.said.recv_timeout(PATIENCE).context("a light client says nothing any more")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// npm's smoldot in a folder of its own, with the script that runs it.
fn install(folder: &Path) -> Result<PathBuf> {
    const FILES: [(&str, &str); 2] = [
        ("package.json", include_str!("../npm/package.json")),
        ("first-finalised.mjs", include_str!("../npm/first-finalised.mjs")),
    ];
    fs::create_dir_all(folder)?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(folder).stdin(Stdio::null());
    let status = npm.status().context("npm is not installed")?;
    ensure!(status.success(), "npm could not install smoldot ({status})");
    Ok(folder.canonicalize()?)
}
