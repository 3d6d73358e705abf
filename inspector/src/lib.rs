//! The inspector: is this machine's TPM what it says, and can it open a credential?
//!
//! `matrixai-inspector run` watches the chain for requests that it was drawn for, judges each endorsement key's certificate, makes a
//! credential that only that TPM can open, and posts it with its vote. `matrixai-inspector verify` checks a machine's exported
//! evidence and log without asking anybody, against the chain's word where it is given. It must not know any secret of a machine.
//!
//! - `ek_certificate.rs`: does a TPM come from a maker we know? `ecc_only.rs`: makers whose TPMs have no RSA key
//! - `gpu_report.rs`: does a GPU's own report stand behind this machine's log?
//! - `judgement.rs`: from a request to a vote, or a refusal
//! - `vault.rs`: what was drawn for each credential, on disk before anybody sees the credential; `durable.rs`: files that survive a power cut
//! - `challenge.rs`: the credential itself
//! - `duties.rs`: what is owed to the chain; `watch.rs`: the daemon; `verify.rs`: the offline tool; `chain_word.rs`: what the chain says of
//!   a machine, from a file; `remark.rs`: what that means for whoever relies on it
//! - `audit/`: disputed tasks: the work done again, questions, fraud proofs
//! - `sampling.rs`: whose logs to look at, to catch a large run
//! - `draws.rs`: whether every block that drew has its record, by the chain's headers; `snapshots/`: for jobs' weights, `gpu_challenges.rs`: for
//!   challenges of GPUs
//! - `hint.rs`: what GPUs seem to have been doing; a hint and no more
//! - `exported.rs`: evidence and log, as the command line names them
//! - `chain.rs`: every read and call, in one place

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod account;
pub mod advice;
pub mod audit;
pub mod chain;
pub mod chain_word;
pub mod challenge;
pub mod draws;
mod durable;
pub mod duties;
pub mod ecc_only;
pub mod ek_certificate;
pub mod error;
mod exported;
pub mod gpu_challenges;
pub mod gpu_report;
pub mod hint;
pub mod judgement;
pub mod remark;
pub mod report;
pub mod sampling;
pub mod snapshots;
pub mod vault;
pub mod verify;
pub mod watch;
