//! The firmware example: built for a Cortex-M, booted in an emulator, its anchors verified.

use crate::{no_std, setup, sh};
use anyhow::{Context, Result};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const TARGET: &str = "thumbv7em-none-eabi";
const EMULATOR: setup::Package =
    ("qemu-system-arm", "/usr/bin/qemu-system-arm", "a microcontroller for the firmware example");

/// What to do with it.
#[derive(clap::Args)]
pub struct Options {
    /// Run its tests too: evidence that a host altered, payloads that are not its own, a broken TPM
    #[arg(long)]
    test: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// Builds it, boots it, has it anchor twice and verifies both anchors.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    let firmware = build(root)?;
    sh::step("gateway", &mut sh::cargo(&["build", "-p", "firmware-gateway"]))?;
    if options.test {
        boot(&firmware)?;
    }
    let mut gateway = Command::new(sh::program("firmware-gateway"));
    gateway.arg(&firmware).args(options.json.then_some("--json"));
    sh::show("two anchors in the emulator", &mut gateway)
}

/// Its lints and its tests.
pub fn test(root: &Path) -> Result<()> {
    let firmware = build(root)?;
    sh::step("rustfmt of the firmware", device(root)?.args(["fmt", "--check"]))?;
    // clippy comes with rustup's compiler, and needs that one's core.
    if setup::has_target(TARGET) {
        let mut clippy = device(root)?;
        clippy.args(["clippy", "--release", "--target", TARGET, "--", "-D", "warnings"]);
        sh::step("clippy of the firmware", &mut clippy)?;
    }
    boot(&firmware)
}

/// Runs the tests that boot it.
fn boot(firmware: &Path) -> Result<()> {
    let mut tests = sh::cargo(&["test", "-p", "firmware-gateway", "--test", "anchors", "--", "--ignored"]);
    sh::step("the firmware's tests in the emulator", tests.env("MATRIXAI_FIRMWARE", firmware))
}

/// Builds the firmware and says where it lies.
fn build(root: &Path) -> Result<PathBuf> {
    setup::install(&[EMULATOR])?;
    if !setup::has_target(TARGET) {
        setup::install(setup::FOR_TARGETS)?;
    }
    sh::step("firmware", device(root)?.args(["build", "--release", "--target", TARGET]))?;
    let firmware = built();
    firmware.canonicalize().with_context(|| format!("{} is not there", firmware.display()))
}

/// Where the firmware lies once it is built.
pub fn built() -> PathBuf {
    target_dir().join(TARGET).join("release/matrixai-firmware")
}

/// cargo in the firmware's own workspace.
fn device(root: &Path) -> Result<Command> {
    let mut command = no_std::cargo(TARGET, "core,alloc", "ld.lld")?;
    command.current_dir(root.join("firmware/device")).env("CARGO_TARGET_DIR", target_dir());
    Ok(command)
}

fn target_dir() -> PathBuf {
    sh::target_dir().join("firmware")
}
