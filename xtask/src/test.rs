//! `cargo xtask test`: every check that CI runs, in the order that fails soonest.

use crate::{no_std, setup, sh};
use anyhow::Result;
use std::time::Instant;

/// Runs everything; the first failure ends it.
pub fn run() -> Result<()> {
    let started = Instant::now();
    setup::run()?;
    sh::step("rustfmt", &mut sh::cargo(&["fmt", "--all", "--check"]))?;
    no_std::run()?;
    sh::step(
        "clippy",
        &mut sh::cargo(&["clippy", "--all-targets", "--all-features", "--", "-D", "warnings"]),
    )?;
    sh::show("tests", &mut sh::cargo(&["test", "--all-features"]))?;
    println!("everything passed in {:.0} s", started.elapsed().as_secs_f32());
    Ok(())
}
