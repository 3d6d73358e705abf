//! Installs what is missing: Debian packages, and nothing else. Says so first.

use crate::{sh, wasm};
use anyhow::{Result, bail};
use std::process::Command;

/// A package, the program or file that shows it is there, and what for.
pub type Package = (&'static str, &'static str, &'static str);

const NEEDED: &[Package] = &[
    ("protobuf-compiler", "/usr/bin/protoc", "the node's network messages"),
    ("swtpm", "/usr/bin/swtpm", "a software TPM 2.0 for the demo and the tests"),
    ("swtpm-tools", "/usr/bin/swtpm_setup", "gives that TPM an endorsement key certificate"),
    ("tpm2-tools", "/usr/bin/tpm2_checkquote", "a second opinion on exported quotes"),
    ("mold", "/usr/bin/mold", "links the node in seconds"),
    ("lld", "/usr/bin/wasm-ld", "links the runtime's WASM"),
    ("clang", "/usr/bin/clang", "C parts of the node's dependencies"),
    ("pkg-config", "/usr/bin/pkg-config", "finds C libraries"),
    ("faketime", "/usr/bin/faketime", "sets the clock of a tested agent"),
    ("python3", "/usr/bin/python3", "runs the second implementations: of log checker and drilling"),
    (
        "python3-numpy",
        "/usr/lib/python3/dist-packages/numpy",
        "drilling's second implementation multiplies with it",
    ),
];

/// Debian's own compiler brings the sources of std: needed where rustup has no std for WASM or a Cortex-M.
pub const FOR_TARGETS: &[Package] = &[
    ("rustc-web", "/usr/bin/rustc", "builds the runtime's WASM"),
    ("cargo-web", "/usr/bin/cargo", "builds the runtime's WASM"),
    ("rust-web-src", "/usr/share/doc/rust-web-src", "core and alloc for the runtime's WASM"),
];

/// Installs every package that is missing, or says the one command that would.
pub fn run() -> Result<()> {
    if has_target(wasm::TARGET) { install(NEEDED) } else { install(&[NEEDED, FOR_TARGETS].concat()) }
}

/// Installs those of these packages that are missing.
pub fn install(packages: &[Package]) -> Result<()> {
    let missing: Vec<_> = packages.iter().filter(|(_, path, _)| !exists(path)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Installing with apt-get:");
    for (package, _, why) in &missing {
        println!("  {package:18} {why}");
    }
    let packages: Vec<&str> = missing.iter().map(|(package, _, _)| *package).collect();
    let sudo = !nix::unistd::geteuid().is_root();
    if sudo && !sh::installed("sudo") {
        bail!("not root and no sudo; run this once as root:\n  apt-get install -y {}", packages.join(" "));
    }
    update()?;
    sh::step("apt-get install", apt(sudo).args(["install", "-y", "--no-install-recommends"]).args(&packages))
}

/// Has apt-get learn what packages there are.
pub fn update() -> Result<()> {
    sh::step("apt-get update", apt(!nix::unistd::geteuid().is_root()).arg("update"))
}

fn apt(sudo: bool) -> Command {
    let mut command = Command::new(if sudo { "sudo" } else { "apt-get" });
    if sudo {
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    } else {
        command.env("DEBIAN_FRONTEND", "noninteractive");
    }
    command
}

fn exists(path: &str) -> bool {
    std::path::Path::new(path).exists()
}

/// Whether rustup's toolchain has what std there is for a target.
pub fn has_target(target: &str) -> bool {
    let libdir = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    libdir.is_ok_and(|out| out.status.success() && exists(String::from_utf8_lossy(&out.stdout).trim()))
}
