//! attest must run in the runtime's WASM and on a microcontroller, the TPM over SPI on the latter, drilling's specification in the
//! former: this builds them there.

use crate::{setup, sh};
use anyhow::{Result, bail};
use std::{path::Path, process::Command};

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
        // Nothing is linked: it is only checked.
        let mut command = cargo(target, std_parts, "ld.lld")?;
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

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// What rustup's cargo has put around this program.
const OF_RUSTUP: [&str; 6] =
    ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC_WRAPPER", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTDOC"];

/// cargo for a target: rustup's where it has the target, else Debian's, whose stable compiler may build these parts of std from their
/// source, and which brings no linker.
pub fn cargo(target: &str, std_parts: &str, linker: &str) -> Result<Command> {
    if setup::has_target(target) {
        return Ok(sh::cargo(&[]));
    }
    for program in [DEBIAN_RUSTC, DEBIAN_CARGO] {
        if !Path::new(program).exists() {
            bail!(
                "nothing here can build for {target}: either `rustup target add {target}`, \
                 or `apt-get install rustc-web cargo-web rust-web-src lld` ({program} is missing)"
            );
        }
    }
    let mut command = Command::new(DEBIAN_CARGO);
    command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_BUILD_STD", std_parts);
    let target = target.to_uppercase().replace('-', "_");
    command.env(format!("CARGO_TARGET_{target}_LINKER"), linker);
    for variable in OF_RUSTUP {
        command.env_remove(variable);
    }
    Ok(command)
}
