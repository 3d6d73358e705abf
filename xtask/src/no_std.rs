//! attest must run in the runtime's WASM and on a microcontroller: this builds it there.

use crate::{setup, sh};
use anyhow::Result;
use std::process::Command;

/// Target, and the crates of std it may use.
const TARGETS: &[(&str, &str)] = &[("wasm32v1-none", "core,alloc"), ("thumbv7em-none-eabihf", "core")];

/// Checks attest's core, with the signature check the runtime uses, for every target.
pub fn run() -> Result<()> {
    for (target, std_parts) in TARGETS {
        sh::step(&format!("attest without std for {target}"), &mut check(target, std_parts))?;
    }
    Ok(())
}

fn check(target: &str, std_parts: &str) -> Command {
    let arguments = ["check", "-p", "attest", "--features", "p256", "--target", target];
    let dir = sh::target_dir().join("no-std");
    if target == "wasm32v1-none" && setup::has_wasm_target() {
        let mut command = sh::cargo(&arguments);
        command.env("CARGO_TARGET_DIR", dir);
        return command;
    }
    let mut command = Command::new("/usr/bin/cargo");
    command.args(arguments).arg(format!("-Zbuild-std={std_parts}"));
    command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", dir);
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC_WRAPPER");
    command
}
