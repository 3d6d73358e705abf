//! What this program owes to the chain, on disk until a finalised block shows it.
//!
//! An entry is an *intent*: what should be true on chain, in bytes only the caller understands. From it the
//! caller's [`Resolver`] makes an extrinsic, whose bytes are kept before they are sent. The same bytes are
//! sent again for as long as they are neither seen in finalised state nor impossible to include. What has
//! become impossible comes back as [`State::Expired`], for the caller to make again or to give up.
//!
//! Delivery is at least once, and the resolver's [`Resolver::is_done`] makes it once: it looks at finalised
//! state before anything is made or sent. A nonce once used for an intent stays reserved for it, so an
//! earlier extrinsic of the same intent that turns up late excludes the later one. The account should
//! therefore send through one outbox only.
//!
//! ```
//! use light_client::outbox::{Enqueued, Intent, Outbox};
//! # let folder = std::env::temp_dir().join(format!("outbox-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let outbox = Outbox::open(&folder.join("outbox.redb"))?;
//! let anchor = Intent { kind: "anchor".into(), key: b"boot 7, size 120".to_vec(), body: vec![1, 2, 3] };
//! assert!(matches!(outbox.enqueue(anchor.clone())?, Enqueued::New(_)));
//! assert!(matches!(outbox.enqueue(anchor)?, Enqueued::AlreadyOpen(_)));
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod step;
mod store;
#[cfg(test)]
mod tests;

use crate::{Error, Extrinsic, Offer, SignedBy};
use serde::{Deserialize, Serialize};
use std::future::Future;

pub use store::Outbox;

/// Something that should become true on chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What sort of thing it is, for the resolver.
    pub kind: String,
    /// What makes it the same intent: of one kind, a key is taken on once.
    pub key: Vec<u8>,
    /// Whatever the resolver needs to make the extrinsic.
    pub body: Vec<u8>,
}

/// Why an extrinsic can no longer be waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Reason {
    /// Its mortality has passed.
    #[error("it was not included before it expired")]
    Mortality,
    /// Another extrinsic used its nonce, or it was included and failed.
    #[error("its nonce was used up without effect")]
    NonceTaken,
    /// The pool's validation refused it.
    #[error("it was refused: {0}")]
    Refused(String),
    /// It is in a finalised block, without the effect.
    #[error("it was included and failed")]
    Failed,
}

/// How far an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// To be made.
    Queued,
    /// Made, kept and sent at least once.
    Submitted {
        /// The bytes that are sent, and sent again.
        extrinsic: Extrinsic,
        /// The pool refused it when the best block was about this one. It may be in that very block, so
        /// the verdict stands only once that block is final.
        refused: Option<(u64, String)>,
    },
    /// Not to be waited for any more; waits for [`Outbox::remake`] or [`Outbox::forget`].
    Expired(Reason),
}

/// One debt to the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, in the order of arrival.
    pub number: u64,
    /// What should become true.
    pub intent: Intent,
    /// How far it is.
    pub state: State,
    /// The nonce that was last used for it, and stays its own.
    pub reserved: Option<SignedBy>,
    /// How often an extrinsic was made for it.
    pub attempts: u32,
}

/// What became of an intent that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It is on disk now, under this number.
    New(u64),
    /// The same intent is open, under this number.
    AlreadyOpen(u64),
    /// The same intent was done before.
    AlreadyDone,
}

/// What one step brought.
#[derive(Debug, Default)]
pub struct Report {
    /// Entries seen done in finalised state; the outbox has let go of them.
    pub done: Vec<Entry>,
    /// Entries that wait for the caller, those of earlier steps included.
    pub expired: Vec<Entry>,
    /// Entries whose resolver failed; they are tried again at the next step.
    pub failed: Vec<(u64, Error)>,
    /// How many entries are still on their way.
    pub pending: usize,
}

/// The caller's understanding of its intents.
pub trait Resolver: Sync {
    /// The account that signs, if the intents are signed. Asked once a step.
    fn account(&self) -> Option<[u8; 32]>;

    /// Whether the latest *finalised* state shows the intent's effect.
    fn is_done(&self, intent: &Intent) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Makes the intent's extrinsic, afresh each time, with this nonce if it is signed.
    fn build(&self, intent: &Intent, nonce: u64) -> impl Future<Output = Result<Extrinsic, Error>> + Send;
}

/// Heights of the chain's heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// The best block.
    pub best: u64,
    /// The finalised block.
    pub finalized: u64,
}

/// What an outbox needs of the chain. [`crate::LightClient`] is one.
pub trait Network: Sync {
    /// The heads now.
    fn heads(&self) -> impl Future<Output = Result<Heads, Error>> + Send;

    /// The account's nonce in finalised state.
    fn nonce(&self, account: [u8; 32]) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Makes sure the extrinsic is on offer, and says what is known of it.
    fn offer(&self, extrinsic: &Extrinsic) -> impl Future<Output = Result<Offer, Error>> + Send;
}

impl Network for crate::LightClient {
    async fn heads(&self) -> Result<Heads, Error> {
        let finalized = self.finalized().await?.number;
        let best = self.status().best.map_or(finalized, |best| best.number.max(finalized));
        Ok(Heads { best, finalized })
    }

    async fn nonce(&self, account: [u8; 32]) -> Result<u64, Error> {
        crate::LightClient::nonce(self, account).await
    }

    async fn offer(&self, extrinsic: &Extrinsic) -> Result<Offer, Error> {
        let offer = crate::LightClient::offer(self, extrinsic).await?;
        let known = offer.borrow().clone();
        Ok(known)
    }
}
