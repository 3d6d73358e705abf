//! Bytes out, bytes in: the only module that knows `tpm2-protocol`.
//!
//! Commands are encoded by that crate. Replies are taken apart here, because attestations, public areas and certificates are passed
//! on as the TPM wrote them.

mod command;
pub mod names;
mod reader;
mod reply;

pub use command::{Command, SessionKind};
pub use reader::Reader;
pub use reply::Reply;
