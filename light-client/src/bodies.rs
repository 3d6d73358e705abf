//! Bodies of recent blocks, each fetched once.
//!
//! A node answers two requests of a peer for one body in a minute, and holds a third against it. smoldot then lets go of that node for a
//! while, and of the next: a few calls in one block, all looked for at once, would leave it without any peer.

use crate::{Chain, Error};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use subxt::backend::Backend;
use subxt::utils::H256;
use tokio::sync::OnceCell;

/// A minute's blocks, at three seconds each.
const KEPT: usize = 20;

/// Extrinsics, encoded, in their order.
pub(crate) type Body = Arc<Vec<Vec<u8>>>;

type Slot = Arc<OnceCell<Body>>;

#[derive(Default)]
pub(crate) struct Bodies(Mutex<VecDeque<(H256, Slot)>>);

impl Bodies {
    /// The body of a block. Who asks for one that is on its way waits for it.
    pub(crate) async fn of(&self, block: H256, backend: &dyn Backend<Chain>) -> Result<Body, Error> {
        let slot = self.slot(block);
        let fetch = async || {
            let body = backend.block_body(block).await.map_err(Error::chain)?;
            body.map(Arc::new).ok_or_else(|| Error::UnknownBlock(block))
        };
        slot.get_or_try_init(fetch).await.cloned()
    }

    fn slot(&self, block: H256) -> Slot {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = kept.iter().find(|(hash, _)| *hash == block) {
            return slot.clone();
        }
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        let slot = Slot::default();
        kept.push_back((block, slot.clone()));
        slot
    }
}
