//! Running commands: what they say goes to a log, a person sees one line per step.

use anyhow::{Context, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    fs::{self, File},
    io::IsTerminal,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use testbed::tail;

/// Where cargo puts what it builds: `CARGO_TARGET_DIR`, else the user's cache, so that clones share one warm folder.
pub fn target_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("CARGO_TARGET_DIR") {
        return PathBuf::from(dir);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache")
    });
    cache.join("matrixai/target")
}

/// Where a dev build leaves a program of ours.
pub fn program(name: &str) -> PathBuf {
    target_dir().join("debug").join(name)
}

/// cargo with this repository's settings: the shared target folder, and mold as linker where it is installed.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).env("CARGO_TARGET_DIR", target_dir()).env("CARGO_INCREMENTAL", "0");
    // What cargo says of this program when it runs it: build scripts that look at it (ring's) would build everything anew, and again when
    // a person calls cargo.
    let of_this_program = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    let named = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in named.filter(|name| of_this_program(name)) {
        command.env_remove(name);
    }
    if installed("mold") {
        command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Clink-arg=-fuse-ld=mold");
    }
    command
}

/// Whether a program is on the PATH.
pub fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Runs a command as one named step: a spinner while it runs, its last lines when it fails.
pub fn step(what: &str, command: &mut Command) -> Result<()> {
    run_step(what, command, &spinner(what))
}

/// Runs steps, so many at one time, and all of them even if some fail: what each says stays apart.
pub fn together(at_once: usize, steps: Vec<(&str, Command)>) -> Result<()> {
    let (bars, queue, failures) =
        (MultiProgress::new(), Mutex::new(steps.into_iter()), Mutex::new(Vec::new()));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((what, mut command)) = next() {
            if let Err(error) = run_step(what, &mut command, &bars.add(spinner(what))) {
                failures.lock().unwrap_or_else(PoisonError::into_inner).push(error);
            }
        }
    };
    std::thread::scope(|scope| (0..at_once).for_each(|_| drop(scope.spawn(work))));
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failures.into_iter().next() {
        Some(first) => Err(first),
        None => Ok(()),
    }
}

fn run_step(what: &str, command: &mut Command, bar: &ProgressBar) -> Result<()> {
    let log = log_path(what)?;
    let out = File::create(&log)?;
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{what}: cannot start {command:?}"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Some(line) = last_line(&log) {
            bar.set_message(line);
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f32();
    if !status.success() {
        eprintln!("{}", tail(&log, 16_000));
        bail!("{what} failed ({status}) after {seconds:.0} s; the whole log is {}", log.display());
    }
    println!("  ok  {what} ({seconds:.0} s)");
    Ok(())
}

/// Runs a command whose output a person wants to see as it comes.
pub fn show(what: &str, command: &mut Command) -> Result<()> {
    println!("  ..  {what}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("{what}: {command:?}"))?;
    if !status.success() {
        bail!("{what} failed ({status})");
    }
    Ok(())
}

/// A spinner where a person looks on, a plain line where nobody does.
pub fn spinner(what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        println!("  ..  {what}");
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix} {elapsed} {wide_msg:.dim}") {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_string());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Where a step's output is kept.
pub fn log_path(what: &str) -> Result<PathBuf> {
    let dir = target_dir().join("xtask-logs");
    fs::create_dir_all(&dir)?;
    let name: String =
        what.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    Ok(dir.join(format!("{name}.log")))
}

fn last_line(path: &Path) -> Option<String> {
    tail(path, 400).lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_string())
}
