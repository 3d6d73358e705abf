//! The command line.

use crate::{evidence_command::Format, failure::EXIT_CODES};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Keeps a machine's activity log, binds it to the machine's TPM, and anchors it on chain.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, after_long_help = format!("{LONG_HELP}\n\n{EXIT_CODES}"))]
pub struct Arguments {
    /// The configuration; every key of it can be overridden by MATRIXAI_<KEY>
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    /// Write the result as JSON
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const LONG_HELP: &str = "Examples:
  matrixai-agent doctor                          what is missing on this host?
  matrixai-agent enroll --token token.key        join with the owner's token
  matrixai-agent run                             log and anchor (what the systemd unit does)
  matrixai-agent status                          is it working?
  matrixai-agent top                             the same as it changes
  matrixai-agent report --html report.html       the last week on one page
  MATRIXAI_ANCHOR_SECONDS=600 matrixai-agent run

Environment:
  MATRIXAI_<KEY>   overrides a key of the configuration
  MATRIXAI_LOG     what is told on stderr: error, warn, info, debug, or per part (`info,light_client=debug`)
  NO_COLOR         no colours";

/// Resting.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum DrillCommand {
    /// Rests until `resume`: for work of one's own
    Pause,
    /// Goes on
    Resume,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Logs and anchors until SIGTERM, which ends with a last anchor
    Run,
    /// Enrols this machine with the owner's join token; may be cut off and run again
    #[command(after_help = "Example: matrixai-agent enroll --token token.key")]
    Enroll {
        /// The file that `matrixai token create` wrote
        #[arg(long, value_name = "FILE")]
        token: PathBuf,
        /// Give up after so many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
        timeout: u64,
    },
    /// Is it working? In one screen
    #[command(
        after_help = "Exit code: 0 only if it is working; 1 if it is not running, does not answer, or is in trouble; \
        4 if the machine is not enrolled; 5 if records are missing or a file is damaged. The report comes first."
    )]
    Status,
    /// The same as it changes: chips, log, anchors, drilling, compute power, chain
    #[command(
        after_help = "Keys: q ends, up and down (or k, j) scroll the chips. Works over ssh; NO_COLOR and a plain locale are heeded."
    )]
    Top {
        /// Draw one picture as text and end
        #[arg(long)]
        once: bool,
    },
    /// Writes a page about the last days, from the log: for a buyer, or for yourself
    #[command(after_help = "Example: matrixai-agent report --html report.html --days 3")]
    Report {
        /// The page: one file that needs nothing else
        #[arg(long, value_name = "FILE")]
        html: PathBuf,
        /// How many days it covers
        #[arg(long, value_name = "DAYS", default_value_t = 7)]
        days: u32,
    },
    /// Rests and resumes the work on the network's tasks
    #[command(subcommand)]
    Drill(DrillCommand),
    /// Reads the activity log
    #[command(subcommand)]
    Log(LogCommand),
    /// Hands out evidence
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Finds what is wrong and says what to do
    Doctor {
        /// Seconds that reaching the chain may take
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        wait: u64,
    },
}

/// Commands on the log.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Lists records, the latest by default
    #[command(after_help = "Example: matrixai-agent log list --from 0 --limit 5")]
    List {
        /// The first record to list
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u64,
    },
    /// Shows one record
    Show {
        /// Its number
        seq: u64,
    },
    /// Proves that a record is in the log (RFC 6962)
    Prove {
        /// Its number
        seq: u64,
        /// In the log of so many records; all by default
        #[arg(long)]
        size: Option<u64>,
    },
    /// Checks every record, and every root that was attested
    Verify,
    /// Writes the log as C2SP tiles with a signed checkpoint
    #[command(after_help = "Example: matrixai-agent log export --out /srv/log")]
    Export(Out),
}

/// Commands on evidence.
#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Writes what an offline verifier needs
    #[command(
        after_help = "Examples:\n  matrixai-agent evidence export --out DIR\n  matrixai-agent evidence export --format tpm2-tools --out DIR"
    )]
    Export {
        /// For whom
        #[arg(long, value_enum, default_value_t = Format::Bundle)]
        format: Format,
        /// Where to
        #[command(flatten)]
        out: Out,
    },
}

/// A folder to write to.
#[derive(Debug, Args)]
pub struct Out {
    /// The folder, created if missing
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_of_everywhere_go_anywhere() {
        let parsed = Arguments::parse_from(["matrixai-agent", "log", "list", "--json", "--config", "a.toml"]);
        assert!(parsed.json && parsed.config.is_some());
    }
}
