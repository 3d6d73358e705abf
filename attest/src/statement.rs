//! What an attestation commits to, and the digests that keys sign. ARCHITECTURE.md lists the formats.

use crate::hash::{Hash, sha256};

/// What a quote's or an anchor's qualifyingData commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Hash of the chain's first block: an anchor for one chain is none for another.
    pub genesis: Hash,
    /// Hash of a recent block: the attestation is younger than it.
    pub block: Hash,
    /// The machine's identifier, [`machine_id`](crate::machine_id).
    pub machine: Hash,
    /// Records in the log.
    pub size: u64,
    /// The log's root.
    pub root: Hash,
    /// The ed25519 key that the attestation key delegates.
    pub device_key: [u8; 32],
}

impl Statement {
    /// The 32 bytes that go into qualifyingData.
    pub fn qualification(&self) -> Hash {
        sha256(&[
            b"matrixai:statement:v1",
            &self.genesis,
            &self.block,
            &self.machine,
            &self.size.to_le_bytes(),
            &self.root,
            &self.device_key,
        ])
    }

    /// What a GPU is asked to report over: its report is younger than the block, and of this machine's log.
    pub fn gpu_nonce(&self) -> Hash {
        sha256(&[b"matrixai:gpu-report:v1", &self.block, &self.device_key, &self.root])
    }
}

/// A request to enrol, less its two signatures.
#[derive(Debug, Clone, Copy)]
pub struct RequestFields<'a> {
    /// Hash of the chain's first block.
    pub genesis: &'a Hash,
    /// Public half of the owner's join token.
    pub token: &'a [u8; 32],
    /// The machine's device key.
    pub device: &'a [u8; 32],
    /// `TPMT_PUBLIC` of the endorsement key.
    pub ek_public: &'a [u8],
    /// DER of its certificate, or nothing.
    pub ek_certificate: &'a [u8],
    /// `TPMT_PUBLIC` of the attestation key.
    pub ak_public: &'a [u8],
    /// A recent block.
    pub block_hash: &'a Hash,
    /// Records in the log.
    pub size: u64,
    /// The log's root.
    pub root: &'a Hash,
    /// The join quote's `TPMS_ATTEST`.
    pub quote_message: &'a [u8],
    /// Its signature, r‖s.
    pub quote_signature: &'a [u8; 64],
}

/// What token and device sign; also the request's identifier.
pub fn request_digest(request: &RequestFields<'_>) -> Hash {
    sha256(&[
        b"matrixai:request:v1",
        request.genesis,
        request.token,
        request.device,
        &length(request.ek_public),
        request.ek_public,
        &length(request.ek_certificate),
        request.ek_certificate,
        &length(request.ak_public),
        request.ak_public,
        request.block_hash,
        &request.size.to_le_bytes(),
        request.root,
        &length(request.quote_message),
        request.quote_message,
        request.quote_signature,
    ])
}

/// What the machine posts once its TPM has given up an inspector's secret: never the secret itself, or the chain would be an
/// oracle for other people's credentials.
pub fn answer(request: &Hash, inspector: &[u8; 32], secret: &[u8]) -> Hash {
    sha256(&[b"matrixai:answer:v1", request, inspector, &length(secret), secret])
}

/// What the inspector posts beforehand, so that it cannot deny the right answer.
pub fn answer_commitment(answer: &Hash) -> Hash {
    sha256(&[answer])
}

/// A new device key of an enrolled machine, less its signature.
#[derive(Debug, Clone, Copy)]
pub struct DelegationFields<'a> {
    /// The quote's statement; its device key is the new one.
    pub statement: &'a Statement,
    /// The quote's `TPMS_ATTEST`.
    pub quote_message: &'a [u8],
    /// Its signature, r‖s.
    pub quote_signature: &'a [u8; 64],
}

/// What the new device key signs.
pub fn delegation_digest(fields: &DelegationFields<'_>) -> Hash {
    let statement = fields.statement;
    sha256(&[
        b"matrixai:delegate:v1",
        &statement.genesis,
        &statement.machine,
        &statement.device_key,
        &statement.block,
        &statement.size.to_le_bytes(),
        &statement.root,
        &length(fields.quote_message),
        fields.quote_message,
        fields.quote_signature,
    ])
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}
