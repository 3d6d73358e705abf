//! TPM 2.0 commands as bytes, and transports for them.
//!
//! What this project asks of a TPM: an identity that its maker certified, a restricted key that attests, a counter that never goes
//! back, quotes of PCRs, and a secret sealed to them. Commands are those of *TPM 2.0 Library, Part 3*; structures those of *Part 2*.
//! The crate must not know the log or the chain: what an attestation commits to are 32 bytes given by its caller.
//!
//! Nothing stays loaded: every operation flushes the sessions and objects it made, also when it fails. What lasts lies with the
//! caller, as a [`KeyBlob`] that only the TPM that made it can load.
//!
//! ```no_run
//! use tpm::{EkKind, Tpm, transport::AnyTransport};
//!
//! # fn main() -> Result<(), tpm::TpmError> {
//! let mut tpm = Tpm::new(AnyTransport::open("device:/dev/tpmrm0")?);
//! tpm.startup()?;
//! let identity = tpm.identity(EkKind::Rsa2048)?;
//! println!("certified by its maker: {}", identity.certificate.is_some());
//!
//! let ak = tpm.create_ak(EkKind::Rsa2048)?;
//! tpm.ensure_counter()?;
//! tpm.increment_counter()?;
//! let anchor = tpm.certify_counter(EkKind::Rsa2048, &ak, &[7; 32])?;
//! println!("{} bytes, signed by the attestation key", anchor.message.len());
//! # Ok(())
//! # }
//! ```
//!
//! Without a TPM a function answers in its place; this one refuses everything:
//!
//! ```
//! use tpm::{Tpm, TpmError, Transport};
//!
//! struct Refuses;
//! impl Transport for Refuses {
//!     fn transact(&mut self, _command: &[u8]) -> Result<Vec<u8>, TpmError> {
//!         // TPM_ST_NO_SESSIONS, ten bytes, TPM_RC_FAILURE
//!         Ok(vec![0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x01])
//!     }
//! }
//!
//! let error = Tpm::new(Refuses).clock().unwrap_err();
//! assert!(error.to_string().contains("TPM_RC_FAILURE"));
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::indexing_slicing)]

extern crate alloc;

mod attestation;
mod counter;
mod credential;
mod ek;
mod error;
mod handles;
mod identity;
mod info;
mod key;
mod lifecycle;
#[cfg(feature = "model")]
pub mod model;
mod nv;
mod pcr;
mod random;
mod retry;
mod seal;
#[cfg(feature = "swtpm")]
pub mod swtpm;
mod template;
mod tpm;
pub mod transport;
mod wire;

pub use crate::{
    attestation::Attestation,
    counter::COUNTER_INDEX,
    ek::EkKind,
    error::TpmError,
    identity::Identity,
    info::{ClockInfo, Properties},
    key::KeyBlob,
    retry::Pause,
    tpm::Tpm,
    transport::Transport,
};
