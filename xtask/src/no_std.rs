//! attest must run in the runtime's WASM and on a microcontroller, drilling's specification in the former: this builds them there.

use crate::{setup, sh};
use anyhow::Result;
use std::process::Command;

/// Crate, the features that the runtime uses, target, and the crates of std it may use.
const CHECKS: &[(&str, &str, &str, &str)] = &[
    ("attest", "p256", "wasm32v1-none", "core,alloc"),
    ("attest", "p256", "thumbv7em-none-eabihf", "core"),
    ("drilling", "codec", "wasm32v1-none", "core,alloc"),
];

/// Checks each crate for each of its targets.
pub fn run() -> Result<()> {
    for (name, features, target, std_parts) in CHECKS {
        let what = format!("{name} without std for {target}");
        sh::step(
            &what,
            &mut check(["check", "-p", name, "--features", features, "--target", target], std_parts),
        )?;
    }
    Ok(())
}

fn check(arguments: [&str; 7], std_parts: &str) -> Command {
    let target = arguments[6];
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
