//! What the light client is doing, for people and for programs that wait.

use crate::line::Line;
use futures::StreamExt;
use smoldot_light::lifecycle_service as lifecycle;
use std::sync::Arc;
use std::time::Duration;
use subxt::config::substrate::{BlakeTwo256, SubstrateHeader};
use subxt::config::{Hasher, Header};
use subxt::utils::H256;
use tokio::sync::watch;

/// How long after the end of a subscription the next one is asked for.
const AGAIN: Duration = Duration::from_millis(50);

/// A block's place and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Block {
    /// Height.
    pub number: u64,
    /// Hash of the header.
    pub hash: H256,
}

/// How far the light client is in following the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No block has been received yet.
    #[default]
    Connecting,
    /// Proving its way to the finalised head.
    Syncing {
        /// Highest block proven final.
        at: u64,
        /// Highest block a peer told of.
        target: u64,
    },
    /// New blocks arrive.
    Ready,
}

/// Why nothing moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stall {
    /// No peer has been connected for half a minute: network, firewall, or wrong boot nodes.
    NoPeers,
    /// Peers are there but prove nothing new.
    NoProgress,
}

/// The light client at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Status {
    /// How far it is.
    pub phase: Phase,
    /// Peers connected on this chain.
    pub peers: u32,
    /// Why nothing moves, if nothing does.
    pub stall: Option<Stall>,
    /// The best block heard of since the start.
    pub best: Option<Block>,
    /// The latest finalised block heard of since the start.
    pub finalized: Option<Block>,
}

impl Status {
    /// Whether reads are current and extrinsics will reach somebody.
    ///
    /// smoldot counts peers once a second, the first time before it has any. That second is needed: the first blocks that are proven final
    /// may be old ones, whose proofs come with their headers, and who read then would miss what another client has just seen final.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready && self.finalized.is_some() && self.peers > 0
    }
}

/// Keeps `status` current until the line ends.
pub(crate) async fn follow(line: Arc<Line>, states: lifecycle::Subscription, status: watch::Sender<Status>) {
    tokio::join!(
        follow_lifecycle(states, &status),
        follow_heads(
            &line,
            &status,
            "chain_subscribeNewHeads",
            "chain_unsubscribeNewHeads",
            |status, block| {
                status.best = Some(block);
            }
        ),
        follow_heads(
            &line,
            &status,
            "chain_subscribeFinalizedHeads",
            "chain_unsubscribeFinalizedHeads",
            |status, block| status.finalized = Some(block)
        ),
    );
}

async fn follow_lifecycle(mut states: lifecycle::Subscription, status: &watch::Sender<Status>) {
    while let Some(state) = states.next().await {
        status.send_modify(|status| {
            status.phase = match state.phase {
                lifecycle::Phase::Connecting => Phase::Connecting,
                lifecycle::Phase::Syncing { at, target } => Phase::Syncing { at, target },
                lifecycle::Phase::Ready => Phase::Ready,
            };
            status.peers = state.num_peers;
            status.stall = match state.health {
                lifecycle::Health::Ok => None,
                lifecycle::Health::Stalled { reason: lifecycle::StallReason::NoPeers } => {
                    Some(Stall::NoPeers)
                }
                lifecycle::Health::Stalled { reason: lifecycle::StallReason::NoProgress } => {
                    Some(Stall::NoProgress)
                }
            };
        });
    }
}

async fn follow_heads(
    line: &Arc<Line>,
    status: &watch::Sender<Status>,
    subscribe: &str,
    unsubscribe: &str,
    note: impl Fn(&mut Status, Block),
) {
    loop {
        match line.subscribe(subscribe, None, unsubscribe).await {
            Ok(mut headers) => {
                while let Some(Ok(header)) = headers.next().await {
                    match serde_json::from_str::<SubstrateHeader<H256>>(header.get()) {
                        Ok(header) => status.send_modify(|status| note(status, block(&header))),
                        Err(error) => tracing::warn!(%error, "unreadable header"),
                    }
                }
            }
            Err(error) => tracing::debug!(%error, subscribe, "no heads"),
        }
        // smoldot ends a subscription when it has to start over, as it does while it catches up; a refused one is asked for again.
        tokio::time::sleep(AGAIN).await;
    }
}

fn block(header: &SubstrateHeader<H256>) -> Block {
    use codec::Encode;
    Block { number: header.number(), hash: BlakeTwo256.hash(&header.encode()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_needs_a_peer_and_a_finalised_block() {
        let block = Block { number: 1, hash: H256::zero() };
        let ready = Status { phase: Phase::Ready, peers: 1, finalized: Some(block), ..Default::default() };
        assert!(ready.is_ready());
        assert!(!Status { peers: 0, ..ready }.is_ready());
        assert!(!Status { finalized: None, ..ready }.is_ready());
        assert!(!Status { phase: Phase::Syncing { at: 1, target: 2 }, ..ready }.is_ready());
    }
}
