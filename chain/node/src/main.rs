//! The MatrixAI node: keeps the chain, produces and finalises blocks where it holds keys, and serves light clients.
//!
//! It must not know what machines, agents or inspectors are: that is the runtime's.
//!
//! ```text
//! matrixai-node --dev                                          # one validator, a throwaway chain
//! matrixai-node export-chain-spec --chain local --raw          # what other nodes start from; light clients: `matrixai chain spec`
//! matrixai-node export-metadata --output metadata.scale        # what typed calls are generated from
//! ```

#![allow(clippy::result_large_err, reason = "the size of the node's error is Substrate's affair")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![forbid(unsafe_code)]

mod chain_spec;
mod cli;
mod command;
mod consensus;
mod metadata;
mod parts;
mod rpc;
mod service;

fn main() -> polkadot_sdk::sc_cli::Result<()> {
    command::run()
}
