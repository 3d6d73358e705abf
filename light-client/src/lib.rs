//! The chain, from inside a program: a light client, typed calls and a durable outbox.
//!
//! smoldot runs in the process and checks every proof itself; subxt encodes, decodes and signs on top of it.
//! There is no RPC node anywhere in the path, and every read is at a finalised block. Reads and calls end, if with an error; only who
//! waits for peers or for a block waits for as long as there is none.
//!
//! - `client.rs`: following and calling; `outbox.rs`: what must not be lost; `chain.rs`: the chain's own types
//! - `line.rs`: the way to smoldot, with a bound to every wait; `operation.rs`: what subxt would wait for without one
//! - `randomness.rs`: what nobody knew of a block before it was there
//! - `token.rs`: join tokens, `seed.rs`: seeds in files; `drilling.rs`: tasks as their specification has them, and as the chain does
//!
//! It must not know TPMs or logs on disk: what is submitted are opaque calls, and what is kept on disk are
//! opaque intents.
//!
//! ```no_run
//! use light_client::{Key, LightClient};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let specification = std::fs::read_to_string("chain.json")?;
//! let client = LightClient::start(&specification, "state".as_ref()).await?;
//! client.wait_ready().await?;
//! let call = light_client::dynamic::tx("System", "remark_with_event", vec![light_client::dynamic::Value::from_bytes(b"hello")]);
//! let included = client.call(&call, &Key::development("Alice")).await?;
//! println!("in block {:?}", included.block);
//! client.shutdown().await?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod bodies;
pub mod chain;
mod client;
mod database;
mod drilling;
mod error;
mod extrinsic;
mod line;
mod operation;
pub mod outbox;
mod pool;
pub mod randomness;
mod router;
pub mod seed;
mod signer;
mod status;
pub mod token;
mod transport;

pub use client::LightClient;
pub use database::ChainDatabase;
pub use error::{Error, Unanswered};
pub use extrinsic::{Extrinsic, Included, MORTALITY, SignedBy};
pub use pool::Offer;
pub use signer::Key;
pub use status::{Block, Phase, Stall, Status};

pub use subxt;
pub use subxt::dynamic;
pub use subxt::utils::{AccountId32, H256};

/// The chain's configuration for subxt. Extrinsics carry the mortality and nonce of
/// [`subxt::config::SubstrateExtrinsicParams`]; every other extension of the runtime is without content.
pub type Chain = subxt::SubstrateConfig;

/// A view of the chain at one block.
pub type AtBlock = subxt::OnlineClientAtBlock<Chain>;
