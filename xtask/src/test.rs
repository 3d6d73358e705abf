//! `cargo xtask test`: every check that CI runs, in the order that fails soonest.

use crate::{no_std, setup, sh, wasm};
use anyhow::Result;
use std::{path::Path, time::Instant};

/// What to leave out while working on one thing. CI leaves out nothing.
#[derive(clap::Args)]
pub struct Options {
    /// Leave the chain out: no WASM, no node, no tests that need one
    #[arg(long)]
    without_chain: bool,
}

/// Runs everything; the first failure ends it.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    let started = Instant::now();
    setup::run()?;
    sh::step("rustfmt", &mut sh::cargo(&["fmt", "--all", "--check"]))?;
    no_std::run()?;
    sh::step(
        "clippy",
        &mut sh::cargo(&["clippy", "--all-targets", "--all-features", "--", "-D", "warnings"]),
    )?;
    sh::step("build", &mut sh::cargo(&["build", "--all-targets"]))?;
    if !options.without_chain {
        wasm::build(root)?;
        sh::step("node", &mut sh::cargo(&["build", "-p", "matrixai-node"]))?;
        sh::show(
            "pallets",
            &mut sh::cargo(&[
                "test",
                "-p",
                "pallet-draw",
                "-p",
                "pallet-inspectors",
                "-p",
                "pallet-machines",
            ]),
        )?;
    }
    sh::show("tests", &mut sh::cargo(&["test", "--all-features"]))?;
    println!("everything passed in {:.0} s", started.elapsed().as_secs_f32());
    Ok(())
}
