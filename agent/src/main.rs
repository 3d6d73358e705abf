//! `matrixai-agent`: keeps a machine's activity log and anchors it on chain.
//!
//! The agent is thin: it schedules, stores and configures. Measuring is `gpu-probe`'s, evidence is `attest`'s and the TPM's, the
//! chain is `light-client`'s. It must not know how others are verified.

#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod agent;
mod arguments;
mod backoff;
mod begin;
mod board;
mod chain;
mod challenges;
mod clock;
mod config;
mod debt;
mod desk;
mod doctor;
mod draws;
mod drill;
mod enroll;
mod enrolment;
mod evidence_command;
mod failure;
mod files;
mod gap;
mod gpu_identity;
mod gpu_report;
mod head;
mod heap;
mod hex32;
mod identity;
mod journal;
mod known;
mod log_command;
mod output;
mod progress;
mod quote;
mod recorder;
mod render;
mod replay;
mod run;
mod sampler;
mod secrets;
mod standing;
mod state_dir;
mod status;
mod tally;
mod tpm_worker;
mod upkeep;
mod views;
mod weights;

use anyhow::{Context, Result};
use arguments::{Arguments, Command, DrillCommand, EvidenceCommand, LogCommand};
use clap::Parser;
use config::{Config, ConfigError};
use nix::sys::signal::{SigSet, Signal};
use output::Output;
use std::{io::IsTerminal, process::ExitCode, time::Duration};
use tracing_subscriber::EnvFilter;
use views::{report, top};

/// How long work off the reactor may take after the end.
const LAST_WORK: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    heap::share_one();
    let mut own = std::env::args_os().skip(1);
    if own.next().is_some_and(|first| first == gpu_probe::reader::ARGUMENT) {
        return read_gpus(own);
    }
    let arguments = Arguments::parse();
    end_with_own_threads();
    let output = Output::new(arguments.json);
    let outcome = tell(&arguments.command).map_err(Into::into).and_then(|()| serve(arguments, output));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            plain_io::tell!("matrixai-agent: {error:#}");
            failure::exit_code(&error)
        }
    }
}

/// This program as the process that a driver's library may crash; it ends with whoever started it.
fn read_gpus(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    // Signals that end the agent in order reach all its processes, and this one is asked until the last sample.
    let mut passed_over = SigSet::empty();
    passed_over.add(Signal::SIGINT);
    passed_over.add(Signal::SIGTERM);
    let _ = passed_over.thread_block();
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    match gpu_probe::reader::serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(arguments: Arguments, output: Output) -> Result<()> {
    let config = Config::load(arguments.config.as_deref())?;
    for name in Config::unknown_variables() {
        tracing::warn!(
            "{name} in the environment names no key of the configuration; see `matrixai-agent --help`"
        );
    }
    // Two threads are enough to wait on a chain; measuring and the TPM have their own.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(4).enable_all().build();
    let runtime = runtime.context("cannot start the reactor")?;
    let outcome = runtime.block_on(dispatch(arguments.command, config, output));
    // A driver that hangs must not keep the process.
    runtime.shutdown_timeout(LAST_WORK);
    outcome
}

async fn dispatch(command: Command, config: Config, output: Output) -> Result<()> {
    match command {
        Command::Run => run::run(config).await,
        Command::Enroll { token, timeout } => {
            enroll::enroll(config, &token, Duration::from_secs(timeout), output).await
        }
        Command::Status => status::status(&config, output),
        Command::Top { once } => top::top(&config, once, output),
        Command::Report { html, days } => report::report(&config, &html, days, output),
        Command::Drill(DrillCommand::Pause) => drill::pause(&config, output),
        Command::Drill(DrillCommand::Resume) => drill::resume(&config, output),
        Command::Log(command) => log(command, &config, output).await,
        Command::Evidence(EvidenceCommand::Export { format, out }) => {
            evidence_command::export(&config, format, &out.out, output)
        }
        Command::Doctor { wait } => doctor::doctor(&config, Duration::from_secs(wait), output).await,
    }
}

async fn log(command: LogCommand, config: &Config, output: Output) -> Result<()> {
    match command {
        LogCommand::List { from, limit } => log_command::list(config, from, limit, output),
        LogCommand::Show { seq } => log_command::show(config, seq, output),
        LogCommand::Prove { seq, size } => log_command::prove(config, seq, size, output),
        LogCommand::Verify => log_command::verify(config, output),
        LogCommand::Export(out) => log_command::export(config, &out.out, output).await,
    }
}

/// A panic ends its thread only: the light client is started anew after one of its own. Without sampler or TPM thread there would be
/// no agent worth the name, so one of theirs ends the process, and systemd starts another.
fn end_with_own_threads() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        if matches!(std::thread::current().name(), Some("sampler" | "tpm" | "drill")) {
            std::process::abort();
        }
    }));
}

/// The light client's inner life, which warns of what passes by itself.
const NOISE: &str =
    "smoldot=error,json-rpc=error,sync-service=error,runtime=error,tx-service=error,network=error";

/// A daemon tells what it does; a command only what goes wrong.
fn tell(command: &Command) -> Result<(), ConfigError> {
    let usual = match command {
        Command::Run => "info",
        _ => "warn",
    };
    let filter = match std::env::var_os("MATRIXAI_LOG").filter(|wanted| !wanted.is_empty()) {
        None => EnvFilter::new(format!("{usual},{NOISE}")),
        Some(wanted) => {
            let wanted = wanted.into_string().map_err(|_| ConfigError::NoText("MATRIXAI_LOG".into()))?;
            EnvFilter::try_new(wanted).map_err(|error| ConfigError::Log(error.to_string()))?
        }
    };
    let colour =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A line that nobody can be told is let go: told of on the same stream, it would end the program.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    lines.with_writer(std::io::stderr).with_ansi(colour).init();
    Ok(())
}
