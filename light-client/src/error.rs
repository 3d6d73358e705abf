//! What can go wrong between a program and the chain, and what to do about it.

use std::path::PathBuf;

/// Why the light client could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain specification is not one a light client can start from.
    #[error(
        "the chain specification was refused: {0}; `matrixai chain spec --node URL` \
         writes one from a running node, with boot nodes and a checkpoint"
    )]
    Specification(String),
    /// The state folder cannot be used.
    #[error("{}: {source}; check that the folder exists and that this user may write to it", path.display())]
    StateFolder {
        /// The file or folder that was touched.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The light client has been shut down.
    #[error("the light client has stopped; start a new one")]
    Stopped,
    /// The light client was asked, and no answer came of it.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// A JSON-RPC exchange with the embedded light client failed.
    #[error("the light client answered: {0}")]
    Rpc(#[from] subxt::rpcs::Error),
    /// Reading from the chain, or encoding for it, failed.
    #[error("{0}")]
    Chain(Box<subxt::Error>),
    /// The block is not among those that the light client or its peers hold.
    #[error("block {0:?} is not known any more; read a newer one")]
    UnknownBlock(subxt::utils::H256),
    /// What the chain returned does not have the expected form.
    #[error("{what} could not be decoded: {cause}; this program may be older than the chain's runtime")]
    Decode {
        /// What was being read.
        what: String,
        /// What the decoder said.
        cause: codec::Error,
    },
    /// The pool found the extrinsic invalid; the same bytes will not be accepted later either.
    #[error("the extrinsic was refused as invalid: {0}{advice}", advice = lacks_money(.0))]
    Refused(String),
    /// The extrinsic is in a finalised block and its dispatch failed.
    #[error("the call failed on chain: {0}")]
    Dispatch(String),
    /// The chain stood still while the extrinsic was on offer.
    #[error(
        "no block was finalised for {seconds} s, so what becomes of the extrinsic is not known: it may be included until block \
         {expires_at}; look at the finalised state before making it again"
    )]
    Undecided {
        /// How long nothing happened.
        seconds: u64,
        /// From this block on it cannot be included any more.
        expires_at: u64,
    },
    /// The extrinsic can no longer be included.
    #[error("the extrinsic expired at block {0} without being included; make it again")]
    Expired(u64),
    /// The account's nonce has moved past the extrinsic's, and whether by it is unknown.
    #[error("another extrinsic may have taken nonce {0}; look at the finalised state before making it again")]
    NonceTaken(u64),
    /// The extrinsic is in a finalised block that can no longer be read.
    #[error(
        "the extrinsic is final in block {0:?}, and what it caused can no longer be read; look at the finalised state"
    )]
    OutOfSight(subxt::utils::H256),
    /// The outbox's database failed.
    #[error("the outbox could not be read or written: {0}; is the disk full, or another process using it?")]
    Outbox(Box<redb::Error>),
    /// The outbox's file is damaged, or none.
    #[error("{path} is no sound outbox ({why}); move it away: what it owed is made anew", path = path.display())]
    OutboxDamaged {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A record of the outbox is not readable.
    #[error(
        "the outbox holds a record that cannot be read: {0}; move the file away to start with an empty one"
    )]
    OutboxRecord(#[from] postcard::Error),
    /// The outbox knows no entry of this number.
    #[error("the outbox has no open entry {0}")]
    UnknownEntry(u64),
    /// What an outbox's resolver said.
    #[error("{0}")]
    Resolver(Box<dyn std::error::Error + Send + Sync>),
}

/// Why something that the light client was asked for has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It said nothing.
    #[error("{what} was not answered within {seconds} s; see whether peers are connected, and try again")]
    Silent {
        /// What was asked.
        what: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// No peer had it, or a wrong one.
    #[error("no peer gave what {what} needs for {seconds} s; see whether peers are connected, and try again")]
    Inaccessible {
        /// What was asked.
        what: String,
        /// For how long peers were asked.
        seconds: u64,
    },
    /// It does as many things at once as it can.
    #[error("the light client was too busy for {what} for {seconds} s; ask for less at a time")]
    Busy {
        /// What was asked.
        what: String,
        /// For how long it was busy.
        seconds: u64,
    },
    /// The runtime failed at it, and will again.
    #[error("{what} failed: {why}")]
    Failed {
        /// What was asked.
        what: String,
        /// What the runtime's executor said.
        why: String,
    },
}

/// "Payment" is how a runtime says that a fee cannot be paid.
fn lacks_money(reason: &str) -> &'static str {
    if reason.contains("Payment") {
        "; the account cannot pay the fee: it has too little that is free, so send it some tokens first"
    } else {
        ""
    }
}

impl Error {
    /// Wraps any of subxt's errors.
    pub fn chain(error: impl Into<subxt::Error>) -> Self {
        Self::Chain(Box::new(error.into()))
    }

    /// Wraps an error of the program's own, for use inside an outbox's resolver.
    pub fn resolver(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Resolver(error.into())
    }

    /// What a program knows to do about a rule of the chain that refused its call: pairs of `Pallet::Rule` and advice.
    pub fn advice<'a>(&self, known: &[(&str, &'a str)]) -> Option<&'a str> {
        let Self::Dispatch(rule) = self else { return None };
        known.iter().find(|(name, _)| rule.contains(name)).map(|(_, advice)| *advice)
    }

    pub(crate) fn outbox(error: impl Into<redb::Error>) -> Self {
        Self::Outbox(Box::new(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_money_is_told_so() {
        let told = |reason: &str| Error::Refused(reason.into()).to_string();
        assert!(told("Invalid transaction: Payment").contains("send it some tokens"));
        assert!(told("Invalid transaction: Stale").ends_with("Stale"));
    }
}
