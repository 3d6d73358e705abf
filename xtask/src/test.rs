//! `cargo xtask test`: every check that CI runs, in the order that fails soonest.

use crate::{firmware, fuzz, metadata, no_std, pot, prometheus, ptx, setup, sh, stories, wasm};
use anyhow::Result;
use std::{path::Path, time::Instant};

/// What to leave out while working on one thing. CI leaves out nothing.
#[derive(clap::Args)]
pub struct Options {
    /// Leave the chain out: no WASM, no node, no tests that need one
    #[arg(long)]
    without_chain: bool,
}

const PALLETS: [&str; 14] = [
    "-p",
    "pallet-authorities",
    "-p",
    "pallet-draw",
    "-p",
    "pallet-drilling",
    "-p",
    "pallet-ecp",
    "-p",
    "pallet-inspectors",
    "-p",
    "pallet-machines",
    "-p",
    "pallet-rewards",
];
/// Always built together: what is built alone has other features, and would be built once more.
const CHAIN: [&str; 6] = ["-p", "matrixai-runtime", "-p", "matrixai-node", "-p", "matrixai-bencher"];

/// Runs everything; the first failure ends it.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    let started = Instant::now();
    setup::run()?;
    prometheus::fetch()?;
    sh::step("rustfmt", &mut sh::cargo(&["fmt", "--all", "--check"]))?;
    no_std::run()?;
    deny()?;
    sh::step(
        "clippy",
        &mut sh::cargo(&["clippy", "--all-targets", "--all-features", "--", "-D", "warnings"]),
    )?;
    if !options.without_chain {
        let clippy = ["clippy", "--all-targets"];
        let mut clippy = sh::cargo(&clippy);
        sh::step("clippy of the chain", clippy.args(CHAIN).args(PALLETS).args(["--", "-D", "warnings"]))?;
    }
    fuzz::check(root)?;
    sh::step("build", &mut sh::cargo(&["build", "--all-targets"]))?;
    ptx::run(root, &ptx::Options { check: true })?;
    firmware::test(root)?;
    if !options.without_chain {
        chain(root)?;
    }
    let features: &[&str] = if options.without_chain { &[] } else { &["--all-features"] };
    let mut tests = sh::cargo(&["test"]);
    // Debian's python, which has what `setup` installed for it.
    tests.args(features).env("PYTHON", "/usr/bin/python3").arg("--").args(stories::left_out());
    sh::show("tests", &mut tests)?;
    pot::test(root)?;
    if !options.without_chain {
        stories::run()?;
    }
    println!("everything passed in {:.0} s", started.elapsed().as_secs_f32());
    Ok(())
}

fn chain(root: &Path) -> Result<()> {
    // The next version first: the folder then holds the runtime's own build last, which is the one people go on with.
    wasm::build_next(root)?;
    wasm::build(root)?;
    sh::step("node", &mut sh::cargo(&["build", "-p", "matrixai-node"]))?;
    metadata::run(root, &metadata::Options { check: true })?;
    sh::show("chain's tests", sh::cargo(&["test"]).args(CHAIN).args(PALLETS))
}

/// Licences, sources and bans.
fn deny() -> Result<()> {
    if !sh::installed("cargo-deny") {
        let install = ["install", "--locked", "cargo-deny"];
        sh::step("cargo install cargo-deny: some minutes, once", &mut sh::cargo(&install))?;
    }
    sh::step("cargo deny", &mut sh::cargo(&["deny", "check", "licenses", "bans", "sources"]))
}

/// `cargo xtask torture`: kills of an anchoring agent, many more than CI has time for.
pub fn torture(root: &Path, kills: u32) -> Result<()> {
    crate::demo::build(root)?;
    stories::torture(kills)
}

/// `cargo xtask bits`: random tasks by every back end of this processor, many more than CI has time for.
pub fn bits(tasks: u32) -> Result<()> {
    let mut tests = sh::cargo(&["test", "-p", "drilling", "--all-features", "--test", "bits"]);
    tests.args(["--", "random_tasks_have_one_digest", "--exact", "--nocapture"]);
    sh::show("random tasks against the reference", tests.env("DRILLING_TASKS", tasks.to_string()))
}
