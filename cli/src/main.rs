//! `matrixai`: what an owner does, through a light client of its own.
//!
//! - `account.rs`, `keystore.rs`, `phrase.rs`, `password.rs`, `private_file.rs`, `key_commands.rs`: keys
//! - `token.rs`, `machines.rs`, `stake.rs`, `authority.rs`, `rewards.rs`, `tasks.rs`, `ecp.rs`, `funds.rs`: one file for each group of commands;
//!   `batches.rs`: tasks as the chain has them
//! - `published.rs`: files that tasks run over; `node.rs`: the owner's own node; `specification.rs`: what light clients start from,
//!   as that node tells it
//! - `session.rs`: the light client while a command runs; `chain.rs`: every read and call, in one place; `advice.rs`: what to do about refused ones
//! - `arguments.rs`, `config.rs`, `output.rs`: what comes in and what goes out
//!
//! It must not know TPMs or logs: what it says of machines is what the chain has proven of them.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod account;
mod advice;
mod amount;
mod arguments;
mod authority;
mod batches;
mod chain;
mod config;
mod ecp;
mod error;
mod funds;
mod key_commands;
mod keystore;
mod machines;
mod node;
mod output;
mod password;
mod phrase;
mod private_file;
mod published;
mod rewards;
mod session;
mod span;
mod specification;
mod stake;
mod tasks;
mod token;

use arguments::{Arguments, ChainCommand, Command};
use config::Config;
use error::Error;
use std::{io::IsTerminal, process::ExitCode};

fn main() -> ExitCode {
    let arguments = Arguments::read();
    log_to_stderr();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            plain_io::tell!("matrixai: {error}");
            ExitCode::from(if error.is_usage() { 2 } else { 1 })
        }
    }
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // It would tell of lines that cannot be written with `eprintln!`, which panics where standard error is closed or full.
    let quiet = tracing_subscriber::fmt().log_internal_errors(false);
    quiet.with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let global = &arguments.global;
    let config = Config::load(global.config.as_deref(), global.options())?;
    if let Command::Key(command) = &arguments.command {
        return key_commands::run(command, &config, global);
    }
    if let Command::Chain(ChainCommand::Spec(asked)) = &arguments.command {
        return specification::write(asked, global);
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().map_err(Error::Start)?;
    runtime.block_on(on_chain(&arguments.command, &config, global))
}

async fn on_chain(command: &Command, config: &Config, global: &arguments::Global) -> Result<(), Error> {
    match command {
        Command::Key(command) => key_commands::run(command, config, global),
        Command::Chain(ChainCommand::Spec(asked)) => specification::write(asked, global),
        Command::Token(command) => token::run(command, config, global).await,
        Command::Machines { of, command } => {
            machines::run(of.as_deref(), command.as_ref(), config, global).await
        }
        Command::Stake { command } => stake::run(command.as_ref(), config, global).await,
        Command::Authority { of, command } => {
            authority::run(of.as_deref(), command.as_ref(), config, global).await
        }
        Command::Rewards { of, command } => {
            rewards::run(of.as_deref(), command.as_ref(), config, global).await
        }
        Command::Ecp { of } => ecp::run(of.as_deref(), config, global).await,
        Command::Tasks(command) => tasks::run(command, config, global).await,
        Command::Balance { account } => funds::balance(account.as_deref(), config, global).await,
        Command::Deposits { account } => funds::deposits(account.as_deref(), config, global).await,
        Command::Transfer { to, amount } => funds::transfer(to, *amount, config, global).await,
    }
}
