//! `cargo xtask fuzz`: every parser of foreign bytes under libFuzzer, for so many seconds each. It must not know what they parse.

use crate::{setup, sh};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::{fs, path::Path, process::Command};
use testbed::tail;

/// What a person may choose.
#[derive(Args)]
pub struct Options {
    /// Targets of `fuzz/fuzz_targets`; all of them if none is named
    targets: Vec<String>,
    /// Seconds for each
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// List the targets
    #[arg(long)]
    list: bool,
}

/// Builds the targets with the address sanitizer and runs them, one a core; inputs that were found are kept from run to run.
///
/// # Errors
///
/// If a target does not exist, does not build, or an input makes it fail: the input's path is in the message.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    let known = known(root)?;
    if options.list {
        known.iter().for_each(|target| println!("{target}"));
        return Ok(());
    }
    let chosen = if options.targets.is_empty() { &known } else { &options.targets };
    if let Some(stranger) = chosen.iter().find(|target| !known.contains(target)) {
        bail!("there is no fuzz target {stranger}; there are {}", known.join(", "));
    }
    setup::run()?;
    lock(root)?;
    if !sh::installed("cargo-fuzz") {
        let install = ["install", "--locked", "cargo-fuzz"];
        sh::step("cargo install cargo-fuzz: some minutes, once", &mut sh::cargo(&install))?;
    }
    for target in chosen {
        sh::step(&format!("fuzz build {target}"), &mut fuzz(root, "build", target))?;
    }
    let steps: Vec<(String, Command)> = chosen
        .iter()
        .map(|target| Ok((format!("fuzz {target}"), search(root, target, options.seconds)?)))
        .collect::<Result<_>>()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let named = steps.iter().map(|(what, _)| what.clone()).collect::<Vec<_>>();
    let done = sh::together(
        cores,
        named.iter().map(String::as_str).zip(steps.into_iter().map(|(_, c)| c)).collect(),
    );
    for target in chosen {
        println!("      {target}: {}", found(target)?);
    }
    done
}

/// Checks the types of all targets, without libFuzzer and the sanitizer: the other workspace's lints and tests never see them.
///
/// # Errors
///
/// If a target no longer fits what it calls.
pub fn check(root: &Path) -> Result<()> {
    lock(root)?;
    let mut check = sh::cargo(&["check", "--bins", "--no-default-features", "--manifest-path"]);
    sh::step("check of the fuzz targets", check.arg(root.join("fuzz/Cargo.toml")))
}

/// Gives the targets the versions that everything else is built with: their own lock file is not committed.
fn lock(root: &Path) -> Result<()> {
    let (ours, theirs) = (root.join("Cargo.lock"), root.join("fuzz/Cargo.lock"));
    let written = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified());
    // No oftener than ours changes: libFuzzer is not in it, and cargo would ask the registry for that each time.
    if written(&theirs).ok() < Some(written(&ours)?) {
        fs::copy(ours, theirs)?;
    }
    Ok(())
}

/// The targets are the files of their folder.
fn known(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(root.join("fuzz/fuzz_targets"))? {
        let path = file?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// The sanitizers are unstable options of the compiler: a stable one takes them when told that it builds itself.
fn fuzz(root: &Path, what: &str, target: &str) -> Command {
    let mut command = sh::cargo(&["fuzz", what, "--fuzz-dir"]);
    command.arg(root.join("fuzz")).arg("--target-dir").arg(sh::target_dir().join("fuzz"));
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS")
        .arg(target);
    command
}

fn search(root: &Path, target: &str, seconds: u64) -> Result<Command> {
    let corpus = sh::target_dir().join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus)?;
    let mut command = fuzz(root, "run", target);
    command.arg(corpus).arg("--").arg(format!("-max_total_time={seconds}"));
    command.args(["-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1"]);
    Ok(command)
}

/// What libFuzzer says in the end.
fn found(target: &str) -> Result<String> {
    let log = tail(&sh::log_path(&format!("fuzz {target}"))?, 4_000);
    let count = |name: &str| {
        let line = log.lines().find(|line| line.contains(name))?;
        line.rsplit(' ').next().map(str::to_string)
    };
    let runs = count("number_of_executed_units").context("libFuzzer did not come to its end")?;
    let memory = count("peak_rss_mb").unwrap_or_default();
    ensure!(runs != "0", "it tried nothing");
    Ok(format!("{runs} inputs, {memory} MB at most"))
}
