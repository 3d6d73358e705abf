//! What can go wrong, and what to do about it.

use crate::{
    account::AccountError,
    chain_word::{Mismatch, WordError},
    ek_certificate::{Doubt, RootsError},
    judgement::Refusal,
    vault::VaultError,
};
use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain's specification cannot be read.
    #[error("{}: {source}; name the chain's raw specification with --chain", path.display())]
    Specification {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No key to act with.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The light client, or what the chain answered through it.
    #[error("{0}")]
    Chain(#[from] light_client::Error),
    /// The same, with what to do about it.
    #[error("{0}: {1}")]
    Advised(light_client::Error, &'static str),
    /// The roots folder.
    #[error("roots folder: {0}")]
    Roots(#[from] RootsError),
    /// Secrets on disk.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Answers of disputes on disk.
    #[error("disputes: {0}")]
    Audit(#[from] crate::audit::AuditError),
    /// Evidence that does not hold.
    #[error("refused: {0}")]
    Evidence(#[from] evidence::EvidenceError),
    /// An EK certificate of nobody known.
    #[error("refused: {0}; --allow-unverified accepts such a machine as `unverified`")]
    Unverified(Doubt),
    /// An EK that no inspector would take.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Evidence that the chain contradicts.
    #[error("refused: {0}")]
    Mismatch(#[from] Mismatch),
    /// The chain's word cannot be read.
    #[error(transparent)]
    Word(#[from] WordError),
    /// A GPU's report that does not hold.
    #[error("refused: the report of GPU {0}: {1}")]
    GpuReport(u16, crate::gpu_report::Refusal),
    /// The chain has not been reached in time.
    #[error("the chain was not reached within {0} s: {1}")]
    Unreachable(u64, String),
    /// A run that so many machines cannot make.
    #[error(
        "no such run: these machines are too few for it in that time, or a number is not above zero; see `matrixai-inspector sample --help`"
    )]
    NoSuchRun,
    /// Evidence is too rare.
    #[error(
        "not even all logs together show such a run with that probability, which must lie below 1: evidence is too rare for it"
    )]
    NotEnoughLogs,
    /// A list of machines that cannot be read.
    #[error("{}: {source}; name a file with one machine a line", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No identifier, or no seed.
    #[error("{0:?} is not 32 bytes in hex")]
    NotHex(String),
    /// A file that cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Headers that do not parse.
    #[error("{}: {source}; it takes block headers in JSON, as a node's chain_getHeader gives them", path.display())]
    Headers {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Headers that do not follow each other.
    #[error("the header of block {0} is not that of a child of the one before it")]
    NotAChain(u64),
    /// The log does not tell what it should.
    #[error("{0}")]
    NotKept(&'static str),
    /// Signals cannot be awaited.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
    /// A report could not be written.
    #[error("cannot write the report: {0}")]
    Report(#[from] serde_json::Error),
    /// Standard output takes no more.
    #[error("cannot write the report: {0}")]
    Write(std::io::Error),
}

impl Error {
    /// Whether the command line is to blame, not what it was about: a file that it names and nobody can read, say.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Roots(RootsError::Read(..) | RootsError::None(_))
                | Self::Account(AccountError::Read(..))
                | Self::File { .. }
                | Self::Specification { .. }
                | Self::Word(WordError::Io(..))
                | Self::NotHex(_)
                | Self::List { .. }
        )
    }
}
