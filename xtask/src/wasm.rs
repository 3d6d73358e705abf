//! Builds the runtime's WASM by whichever way the machine allows.
//!
//! Where rustup has the target `wasm32v1-none`, its compiler builds. Where it cannot be had, Debian's compiler does: its packages
//! bring the sources of `core` and `alloc`, which are then built along.

use crate::{no_std, sh};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What a runtime is built for.
pub const TARGET: &str = "wasm32v1-none";
const FILE: &str = "matrixai_runtime.wasm";

/// What a node expects to find exported, and the cfg by which sp-io knows that it runs inside one.
const FLAGS: &str =
    "-C link-arg=--export-table -C link-arg=--export=__heap_base --cfg substrate_runtime -C panic=abort";

/// Builds it and says where it lies: `<target folder>/wasm/matrixai_runtime.wasm`, where the runtime's build script looks.
pub fn build(root: &Path) -> Result<PathBuf> {
    make(root, "wasm", FILE, &[])
}

/// Builds a later version with one pallet more: what tests upgrade a running chain to. Lies where no build script looks.
pub fn build_next(root: &Path) -> Result<PathBuf> {
    make(root, "wasm of the next version", "../matrixai_runtime_next.wasm", &["--features", "next"])
}

/// Builds it with its benchmarks in it: for measuring, no node takes it.
pub fn build_benchmarks(root: &Path) -> Result<PathBuf> {
    let features = ["--features", "runtime-benchmarks"];
    make(root, "wasm with benchmarks", "../matrixai_runtime_benchmarks.wasm", &features)
}

fn make(root: &Path, what: &str, file: &str, features: &[&str]) -> Result<PathBuf> {
    let target_dir = sh::target_dir();
    let dir = target_dir.join("wasm-build");
    sh::step(what, command(root, &dir)?.args(features).current_dir(root))?;
    let built = dir.join(TARGET).join("release").join(FILE);
    let wasm = target_dir.join("wasm").join(file);
    publish(&built, &wasm)?;
    Ok(wasm)
}

fn command(root: &Path, dir: &Path) -> Result<Command> {
    let arguments = [
        "rustc",
        "-p",
        "matrixai-runtime",
        "--lib",
        "--crate-type",
        "cdylib",
        "--target",
        TARGET,
        "--no-default-features",
        "--release",
    ];
    let mut command = no_std::cargo(TARGET, "core,alloc", "wasm-ld")?;
    command.args(arguments);
    command.arg("--manifest-path").arg(root.join("Cargo.toml"));
    command.env("CARGO_TARGET_DIR", dir).env("CARGO_TARGET_WASM32V1_NONE_RUSTFLAGS", FLAGS);
    // The sections that tell a node the runtime's version and interfaces must stay.
    command.env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    Ok(command)
}

/// Copies only what changed: a newer file would rebuild the runtime and the node.
fn publish(built: &Path, wasm: &Path) -> Result<()> {
    let code = fs::read(built).with_context(|| format!("the build left no {}", built.display()))?;
    if fs::read(wasm).is_ok_and(|there| there == code) {
        return Ok(());
    }
    if let Some(dir) = wasm.parent() {
        fs::create_dir_all(dir)?;
    }
    let part = wasm.with_extension("part");
    fs::write(&part, code)?;
    fs::rename(part, wasm)?;
    Ok(())
}
