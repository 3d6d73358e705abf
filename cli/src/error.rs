//! What can go wrong, and what to do about it.

use crate::{
    amount::Amount, config::ConfigError, keystore::KeystoreError, password::PasswordError,
    phrase::PhraseError, private_file::FileError,
};
use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No chain is named.
    #[error("no chain: name its raw specification with --chain, MATRIXAI_CHAIN, or `chain` in cli.toml")]
    NoChain,
    /// The chain's specification cannot be read.
    #[error("the chain's specification {path}: {1}", path = .0.display())]
    Specification(PathBuf, std::io::Error),
    /// No key to act with.
    #[error(
        "no account: give --key FILE (`matrixai key new` makes one), or --dev-account on a development chain"
    )]
    NoAccount,
    /// Two keys to act with.
    #[error("two accounts are set, `key` and `dev_account`: say which one with --key or --dev-account")]
    TwoAccounts,
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A phrase or path.
    #[error(transparent)]
    Phrase(#[from] PhraseError),
    /// A key file.
    #[error("{path}: {1}", path = .0.display())]
    Keystore(PathBuf, KeystoreError),
    /// A key file cannot be made.
    #[error("the key file could not be made: {0}")]
    Seal(KeystoreError),
    /// A file that holds no seed.
    #[error("{path} holds no key ({1}): a key file of `matrixai key new`, or a seed in hex, is wanted", path = .0.display())]
    NoSeed(PathBuf, &'static str),
    /// The light client, or what the chain answered through it.
    #[error("{0}")]
    Chain(#[from] light_client::Error),
    /// The same, with what to do about it.
    #[error("{0}: {1}")]
    Advised(light_client::Error, &'static str),
    /// A node that gave no specification.
    #[error("the node at {0} gave no specification: {1}")]
    Specify(String, crate::specification::NoSpecification),
    /// Nothing is to be sent.
    #[error("nothing would be sent: name an amount above zero")]
    NothingToSend,
    /// Less than what is to be sent.
    #[error("{account} has {free} tokens that it may send, less than {amount}: nothing was sent")]
    TooLittle {
        /// What is to be sent.
        amount: Amount,
        /// What there is.
        free: Amount,
        /// Whose.
        account: String,
    },
    /// The chain has not been reached in time.
    #[error(
        "the chain was not reached within {0} s ({1}); check the network and the specification's boot nodes"
    )]
    Unreachable(u64, String),
    /// Not enough to pay with.
    #[error("this holds {needed} tokens and the account has {free} free: transfer some to {account} first")]
    TooPoor {
        /// What is held.
        needed: Amount,
        /// What there is.
        free: Amount,
        /// Whose.
        account: String,
    },
    /// A file that describes no batch of tasks.
    #[error("{path}: {1}", path = .0.display())]
    Batch(PathBuf, crate::tasks::BatchError),
    /// A file that is no network or shard.
    #[error("{path}: {1}", path = .0.display())]
    Data(PathBuf, crate::published::DataError),
    /// The owner's node.
    #[error(
        "the node at {0} gave no keys: {1}; it gives them on its own host, or with --rpc-methods unsafe. `authority --help` shows how to \
         ask it there"
    )]
    Node(String, String),
    /// Less than the chain takes.
    #[error("the chain takes no authority with less than {0} tokens at stake")]
    StakeTooSmall(Amount),
    /// Keys of a node.
    #[error(transparent)]
    NoKeys(#[from] crate::authority::NoKeys),
    /// Not an account.
    #[error("{0:?} is no account: an SS58 address is wanted, as `matrixai key show` prints it")]
    NoAddress(String),
    /// Not an identifier.
    #[error("{0:?} is no {1}: 64 hex digits are wanted")]
    NoIdentifier(String, &'static str),
    /// No such machine.
    #[error("the chain knows no machine {0}")]
    UnknownMachine(String),
    /// No such batch.
    #[error(
        "the chain knows no batch {0}: it never was, or it was voted down, ended or is done. `tasks list` shows those that are there"
    )]
    UnknownBatch(u32),
    /// A report could not be written.
    #[error("cannot write the report: {0}")]
    Report(#[from] serde_json::Error),
    /// Standard output takes no more.
    #[error("cannot write the report: {0}")]
    Write(std::io::Error),
    /// A lifetime that ends after the last block there can be.
    #[error("the token would expire after the last block that can be counted: choose a shorter time")]
    NeverExpires,
    /// The runtime of this program.
    #[error("cannot start: {0}")]
    Start(std::io::Error),
}

impl Error {
    /// Whether the command line, or the settings, are to blame.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Config(_)
                | Self::NoChain
                | Self::Specification(..)
                | Self::NoAccount
                | Self::TwoAccounts
                | Self::NoAddress(_)
                | Self::NoIdentifier(..)
                | Self::NothingToSend
                | Self::NoKeys(crate::authority::NoKeys::Missing)
                | Self::Specify(_, crate::specification::NoSpecification::Address(_))
        )
    }

    /// Whether a call that ended so is surely not on chain, and never will be.
    pub const fn is_final(&self) -> bool {
        use light_client::Error as Chain;
        matches!(
            self,
            Self::Chain(Chain::Refused(_) | Chain::Dispatch(_) | Chain::Expired(_))
                | Self::Advised(Chain::Refused(_) | Chain::Dispatch(_) | Chain::Expired(_), _)
        )
    }
}
