//! attest must run in the runtime's WASM and on a microcontroller, the TPM over SPI on the latter, drilling's specification in the
//! former: this builds them there.

use crate::{setup, sh};
use anyhow::Result;
use std::process::Command;

/// Crate, the features in use there, target, and the crates of std it may use.
const CHECKS: &[(&str, &str, &str, &str)] = &[
    ("attest", "p256", "wasm32v1-none", "core,alloc"),
    ("attest", "p256", "thumbv7em-none-eabihf", "core"),
    ("tpm", "spi", "thumbv7em-none-eabihf", "core,alloc"),
    ("drilling", "codec", "wasm32v1-none", "core,alloc"),
];

/// Checks each crate for each of its targets.
pub fn run() -> Result<()> {
    for (name, features, target, std_parts) in CHECKS {
        let what = format!("{name} without std for {target}");
        let mut command = cargo(target, std_parts);
        command.args([
            "check",
            "-p",
            name,
            "--no-default-features",
            "--features",
            features,
            "--target",
            target,
        ]);
        sh::step(&what, command.env("CARGO_TARGET_DIR", sh::target_dir().join("no-std")))?;
    }
    Ok(())
}

/// cargo for a target: rustup's where it has the target, else Debian's, which builds these parts of std from their source.
pub fn cargo(target: &str, std_parts: &str) -> Command {
    if setup::has_target(target) {
        return sh::cargo(&[]);
    }
    let mut command = Command::new("/usr/bin/cargo");
    command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_UNSTABLE_BUILD_STD", std_parts);
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC_WRAPPER");
    command
}
