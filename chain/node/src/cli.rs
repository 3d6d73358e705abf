//! The command line.

use crate::metadata::ExportMetadata;
use polkadot_sdk::sc_cli;

/// What was asked for.
#[derive(Debug, clap::Parser)]
pub struct Cli {
    /// A command; without one, the node runs
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    #[clap(flatten)]
    pub run: sc_cli::RunCmd,
}

/// What the node can do besides running.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Makes, shows and inserts keys
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Writes a chain specification
    ExportChainSpec(sc_cli::ExportChainSpecCmd),

    /// Writes the runtime's metadata, version 15, as SCALE
    ExportMetadata(ExportMetadata),

    /// Executes a block again
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Writes blocks to a file
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Writes the state at a block as a chain specification
    ExportState(sc_cli::ExportStateCmd),

    /// Reads blocks from a file
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Deletes the database
    PurgeChain(sc_cli::PurgeChainCmd),

    /// Goes back some blocks
    Revert(sc_cli::RevertCmd),

    /// Shows what the database holds
    ChainInfo(sc_cli::ChainInfoCmd),
}
