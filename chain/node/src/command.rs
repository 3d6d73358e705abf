//! Runs what the command line asks for.

use crate::{
    chain_spec,
    cli::{Cli, Subcommand},
    parts::{self, Backend, Client, Parts},
    service,
};
use matrixai_runtime::{Block, BlockNumber};
use polkadot_sdk::*;
use sc_cli::{CliConfiguration, Result, SubstrateCli};
use sc_service::{Configuration, TaskManager};
use std::{future::Future, sync::Arc};

impl SubstrateCli for Cli {
    fn impl_name() -> String {
        "MatrixAI node".into()
    }

    fn impl_version() -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn description() -> String {
        "Keeps the MatrixAI chain, produces and finalises its blocks, and serves light clients".into()
    }

    fn author() -> String {
        "MatrixAI".into()
    }

    fn support_url() -> String {
        "README.md of the repository".into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, id: &str) -> std::result::Result<Box<dyn sc_service::ChainSpec>, String> {
        Ok(Box::new(chain_spec::load(id)?))
    }
}

/// Reads the command line and does it.
pub fn run() -> Result<()> {
    let cli = Cli::from_args();
    match &cli.subcommand {
        None => cli
            .create_runner(&cli.run)?
            .run_node_until_exit(|config| async move { service::start(config) })
            .map_err(Into::into),
        Some(Subcommand::Key(command)) => command.run(&cli),
        Some(Subcommand::ExportChainSpec(command)) => command.run(cli.load_spec(&command.chain)?),
        Some(Subcommand::ExportMetadata(command)) => command.run(),
        Some(Subcommand::PurgeChain(command)) => {
            cli.create_runner(command)?.sync_run(|config| command.run(config.database))
        }
        Some(Subcommand::ChainInfo(command)) => {
            cli.create_runner(command)?.sync_run(|config| command.run::<Block>(&config))
        }
        Some(Subcommand::CheckBlock(command)) => {
            with_parts(&cli, command, |parts, _| command.run(parts.client, parts.queue))
        }
        Some(Subcommand::ImportBlocks(command)) => {
            with_parts(&cli, command, |parts, _| command.run(parts.client, parts.queue))
        }
        Some(Subcommand::ExportBlocks(command)) => {
            with_parts(&cli, command, |parts, config| command.run(parts.client, config.database))
        }
        Some(Subcommand::ExportState(command)) => {
            with_parts(&cli, command, |parts, config| command.run(parts.client, config.chain_spec))
        }
        Some(Subcommand::Revert(command)) => with_parts(&cli, command, |parts, _| {
            command.run(parts.client, parts.backend, Some(Box::new(revert)))
        }),
    }
}

/// Runs a command on the node's parts, without a network. The parts that the command leaves live as long as it does.
fn with_parts<C, F>(
    cli: &Cli,
    command: &C,
    run: impl FnOnce(PartsForCommand, Configuration) -> F,
) -> Result<()>
where
    C: CliConfiguration,
    F: Future<Output = Result<()>>,
{
    cli.create_runner(command)?.async_run(|config| {
        let Parts { client, backend, queue, tasks, babe_worker, telemetry, .. } = parts::assemble(&config)?;
        let mut tasks: TaskManager = tasks;
        tasks.keep_alive((babe_worker, telemetry));
        Ok((run(PartsForCommand { client, backend, queue }, config), tasks))
    })
}

/// What commands use.
struct PartsForCommand {
    client: Arc<Client>,
    backend: Arc<Backend>,
    queue: sc_consensus::DefaultImportQueue<Block>,
}

/// Consensus keeps notes beside the chain: they go back with it.
fn revert(client: Arc<Client>, backend: Arc<Backend>, blocks: BlockNumber) -> Result<()> {
    sc_consensus_babe::revert(client.clone(), backend, blocks)?;
    Ok(sc_consensus_grandpa::revert(client, blocks)?)
}
