//! Which extrinsics smoldot is offering to its peers right now.
//!
//! smoldot gossips an extrinsic only as long as somebody watches it, and drops all of them when it has to
//! start over. So each offered extrinsic has one watching task here, and offering it again is harmless.

use crate::{Chain, Error};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subxt::backend::{Backend, TransactionStatus};
use subxt::utils::H256;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Verdicts that wait to be asked for.
const REMEMBERED: usize = 256;

/// What became of an extrinsic that was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It is being gossiped, or waits in blocks that are not final yet.
    Pending,
    /// It is in this finalised block.
    Finalized(H256),
    /// The pool let go of it without a verdict: offer the same bytes again.
    Dropped(String),
    /// The pool's validation says it can never be included.
    Refused(String),
}

#[derive(Default)]
pub(crate) struct Pool(Mutex<Offers>);

#[derive(Default)]
struct Offers {
    known: HashMap<H256, watch::Receiver<Offer>>,
    // A watching task keeps the connection to smoldot alive, so it ends with the pool.
    watching: JoinSet<()>,
}

impl Pool {
    /// Offers an extrinsic unless it is on offer already, and reports what is known of it. A verdict is
    /// reported once and then forgotten, so the next offer sends the bytes again.
    pub(crate) async fn offer(
        &self,
        backend: &dyn Backend<Chain>,
        hash: H256,
        bytes: &[u8],
    ) -> Result<watch::Receiver<Offer>, Error> {
        if let Some(known) = self.known(hash) {
            return Ok(known);
        }
        let mut statuses = backend.submit_transaction(bytes).await.map_err(Error::chain)?;
        let (sender, receiver) = watch::channel(Offer::Pending);
        let mut offers = self.offers();
        offers.known.insert(hash, receiver.clone());
        offers.watching.spawn(async move {
            let mut verdict = Offer::Dropped("the light client stopped watching".into());
            while let Some(status) = statuses.next().await {
                tracing::debug!(?hash, ?status, "extrinsic");
                if let Some(ended) = ended(status) {
                    verdict = ended;
                    break;
                }
            }
            sender.send_replace(verdict);
        });
        Ok(receiver)
    }

    fn known(&self, hash: H256) -> Option<watch::Receiver<Offer>> {
        let mut offers = self.offers();
        offers.reap();
        let known = offers.known.get(&hash)?.clone();
        if *known.borrow() != Offer::Pending {
            offers.known.remove(&hash);
        }
        Some(known)
    }

    fn offers(&self) -> MutexGuard<'_, Offers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offers {
    /// Lets go of ended tasks, and of verdicts nobody came back for once there are many.
    fn reap(&mut self) {
        while self.watching.try_join_next().is_some() {}
        if self.known.len() > REMEMBERED {
            self.known.retain(|_, offer| *offer.borrow() == Offer::Pending);
        }
    }
}

fn ended(status: Result<TransactionStatus<H256>, subxt::error::BackendError>) -> Option<Offer> {
    match status {
        Ok(TransactionStatus::InFinalizedBlock { hash }) => Some(Offer::Finalized(hash.hash())),
        Ok(TransactionStatus::Invalid { message }) => Some(Offer::Refused(message)),
        Ok(TransactionStatus::Dropped { message } | TransactionStatus::Error { message }) => {
            Some(Offer::Dropped(message))
        }
        Ok(_) => None,
        Err(error) => Some(Offer::Dropped(error.to_string())),
    }
}
