//! Typed calls, events, storage and runtime interfaces of our chain, generated from the metadata committed beside this crate.
//!
//! `cargo xtask metadata` writes that file anew from the runtime; `cargo xtask test` fails when it isn't the runtime's. A later runtime
//! that adds pallets or calls leaves these as they are: each carries the hash of what it was generated from, and is checked against the
//! chain's own metadata when used.

#[allow(missing_docs, clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[subxt::subxt(
    runtime_metadata_path = "metadata.scale",
    derive_for_all_types = "Clone, PartialEq, Eq, Debug"
)]
mod generated {}

pub use generated::*;

/// Makes the compiler know that this file is part of the source: the macro reads it behind its back.
const _: &[u8] = include_bytes!("../metadata.scale");
