//! What the host keeps of a device, and its look at the device's anchors.

use crate::Emulator;
use anyhow::{Context, Result, bail, ensure};
use attest::{
    Hash, Record, Statement, checkpoint, machine_id, sha256,
    statement::{RequestFields, request_digest},
    verify::{AkPublic, AnchorHead, RingCheck, verify_anchor, verify_quote},
};
use ed25519_dalek::VerifyingKey;
use firmware_link::{Answer, Block, Memory, Request};
use log_store::LogStore;
use std::path::Path;

/// A block of no chain: for as long as none is at hand.
pub fn made_up(number: u64) -> Block {
    let hash = |what: &[u8]| sha256(&[b"a block of no chain", what]);
    Block { genesis: hash(b"genesis"), hash: hash(&number.to_be_bytes()), time_ms: number * 6_000 }
}

/// An anchor as the device told it.
#[derive(Debug, Clone)]
pub struct Told {
    /// Records in the log.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The counter's `TPMS_ATTEST`.
    pub message: Vec<u8>,
    /// Its signature, r‖s.
    pub signature: [u8; 64],
    /// The log's head as a signed note.
    pub checkpoint: String,
}

/// A request to enrol as the device told it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Records in the log.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The boot PCRs' `TPMS_ATTEST`.
    pub message: Vec<u8>,
    /// Its signature, r‖s.
    pub signature: [u8; 64],
    /// The device key's signature of the request's digest.
    pub device_signature: [u8; 64],
    /// The request's digest, which is its identifier.
    pub id: Hash,
}

/// Who a device is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `TPMT_PUBLIC` of the endorsement key.
    pub ek_public: Vec<u8>,
    /// DER of its certificate.
    pub ek_certificate: Vec<u8>,
    /// `TPMT_PUBLIC` of the attestation key.
    pub ak_public: Vec<u8>,
}

/// A device's records, and who it is.
#[derive(Debug)]
pub struct Keeper {
    log: LogStore,
    /// Who it is.
    pub identity: Identity,
    machine: Hash,
    ak: AkPublic,
    device_key: [u8; 32],
    last: Option<AnchorHead>,
}

impl Keeper {
    /// Asks the device who it is. Its records will lie in `folder`.
    pub fn new(device: &mut Emulator, folder: &Path) -> Result<Self> {
        device.line.send(&Request::Introduce)?;
        match device.line.receive()? {
            Answer::Introduction { ek_public, ek_certificate, ak_public, device_key } => {
                ensure!(!ek_certificate.is_empty(), "the device's TPM has no certificate");
                let (machine, ak) = (machine_id(ek_public), AkPublic::parse(ak_public)?);
                let identity = Identity {
                    ek_public: ek_public.into(),
                    ek_certificate: ek_certificate.into(),
                    ak_public: ak_public.into(),
                };
                Ok(Self { log: LogStore::open(folder)?, identity, machine, ak, device_key, last: None })
            }
            other => bail!(unexpected(&other)),
        }
    }

    /// The machine's identifier.
    pub const fn machine(&self) -> &Hash {
        &self.machine
    }

    /// The device's key.
    pub const fn device_key(&self) -> &[u8; 32] {
        &self.device_key
    }

    /// Has the device anchor, keeps its records, and verifies what it says.
    pub fn anchor(&mut self, device: &mut Emulator, block: &Block) -> Result<AnchorHead> {
        let told = self.ask(device, block)?;
        let head = self.verify(&told, block)?;
        self.last = Some(head);
        Ok(head)
    }

    /// Has the device anchor, and keeps its records.
    pub fn ask(&mut self, device: &mut Emulator, block: &Block) -> Result<Told> {
        device.line.send(&Request::Anchor { block: *block })?;
        loop {
            match device.line.receive()? {
                Answer::Record { bytes } => drop(self.log.append(&[Record::decode(bytes)?])?),
                Answer::Anchored { size, root, message, signature, checkpoint } => {
                    let signature = signature.try_into().context("a signature is 64 bytes long")?;
                    let (message, checkpoint) = (message.into(), checkpoint.into());
                    return Ok(Told { size, root, message, signature, checkpoint });
                }
                other => bail!(unexpected(&other)),
            }
        }
    }

    /// What the chain and every auditor would say of an anchor: with the records kept here, and after the last one verified.
    pub fn verify(&self, told: &Told, block: &Block) -> Result<AnchorHead> {
        let Told { size, root, message, signature, checkpoint } = told;
        ensure!(self.log.root_at(*size)? == *root, "the records kept here have another root");
        let origin = checkpoint::origin(&self.machine);
        let signed = checkpoint::verify(checkpoint, &origin, &self.device_key)?;
        ensure!((signed.size, signed.root) == (*size, *root), "the checkpoint is of another log");
        let consistency = self.consistency(*size)?;
        let statement = self.statement(block, *size, *root);
        let last = self.last.as_ref();
        Ok(verify_anchor::<RingCheck>(&self.ak, &statement, message, signature, last, &consistency)?)
    }

    /// The proof that a log of this size goes on from the last anchor; empty where there is none.
    pub fn consistency(&self, size: u64) -> Result<Vec<Hash>> {
        let Some(last) = &self.last else { return Ok(Vec::new()) };
        Ok(self.log.prove_consistency(last.size, size)?.to_vec())
    }

    /// The log's first record, and the proof that a log of this size begins with it.
    pub fn join(&self, size: u64) -> Result<(Vec<u8>, Vec<Hash>)> {
        Ok((self.log.raw(0)?, self.log.prove_inclusion(0, size)?.to_vec()))
    }

    /// What a chain has of this machine, or will have: what comes next must go on from it.
    pub fn goes_on_from(&mut self, head: AnchorHead) {
        self.last = Some(head);
    }

    fn statement(&self, block: &Block, size: u64, root: Hash) -> Statement {
        let Block { genesis, hash, .. } = *block;
        Statement { genesis, block: hash, machine: self.machine, size, root, device_key: self.device_key }
    }

    /// Has the device ask to be taken on, keeps its records, and verifies what the chain would.
    pub fn enrol(&mut self, device: &mut Emulator, block: &Block, token: &[u8; 32]) -> Result<Asked> {
        device.line.send(&Request::Enrol { block: *block, token: *token })?;
        let asked = loop {
            match device.line.receive()? {
                Answer::Record { bytes } => drop(self.log.append(&[Record::decode(bytes)?])?),
                Answer::Requested { size, root, message, signature, device_signature } => {
                    break self.asked(block, token, (size, root), message, signature, device_signature)?;
                }
                other => bail!(unexpected(&other)),
            }
        };
        ensure!(self.log.root_at(asked.size)? == asked.root, "the records kept here have another root");
        let statement = self.statement(block, asked.size, asked.root);
        verify_quote::<RingCheck>(&self.ak, &statement, &asked.message, &asked.signature)?;
        let key = VerifyingKey::from_bytes(&self.device_key)?;
        key.verify_strict(&asked.id, &asked.device_signature.into())?;
        Ok(asked)
    }

    fn asked(
        &self,
        block: &Block,
        token: &[u8; 32],
        (size, root): (u64, Hash),
        message: &[u8],
        signature: &[u8],
        device_signature: &[u8],
    ) -> Result<Asked> {
        let signature = signature.try_into().context("a signature is 64 bytes long")?;
        let id = request_digest(&RequestFields {
            genesis: &block.genesis,
            token,
            device: &self.device_key,
            ek_public: &self.identity.ek_public,
            ek_certificate: &self.identity.ek_certificate,
            ak_public: &self.identity.ak_public,
            block_hash: &block.hash,
            size,
            root: &root,
            quote_message: message,
            quote_signature: &signature,
        });
        let device_signature = device_signature.try_into().context("a signature is 64 bytes long")?;
        Ok(Asked { size, root, message: message.into(), signature, device_signature, id })
    }

    /// Has the device open an inspector's credential; `None` where it disputes it.
    pub fn respond(&self, device: &mut Emulator, challenge: &Request<'_>) -> Result<Option<Hash>> {
        device.line.send(challenge)?;
        match device.line.receive()? {
            Answer::Answered { answer } => Ok(Some(answer)),
            Answer::Disputed => Ok(None),
            other => bail!(unexpected(&other)),
        }
    }

    /// Has the device sign the payload of an extrinsic.
    pub fn sign(&self, device: &mut Emulator, payload: &[u8]) -> Result<[u8; 64]> {
        device.line.send(&Request::Sign { payload })?;
        match device.line.receive()? {
            Answer::Signed { signature } => signature.try_into().context("a signature is 64 bytes long"),
            other => bail!(unexpected(&other)),
        }
    }

    /// How much memory the device takes.
    pub fn measure(device: &mut Emulator) -> Result<Memory> {
        device.line.send(&Request::Measure)?;
        match device.line.receive()? {
            Answer::Memory(memory) => Ok(memory),
            other => bail!(unexpected(&other)),
        }
    }

    /// Lets the device end.
    pub fn stop(mut device: Emulator) -> Result<()> {
        device.line.send(&Request::Stop)?;
        match device.line.receive()? {
            Answer::Stopped => device.join(),
            other => bail!(unexpected(&other)),
        }
    }
}

fn unexpected(answer: &Answer<'_>) -> String {
    match answer {
        Answer::Refused { why } => format!("the firmware refused: {why}"),
        other => format!("the firmware answered {other:?}"),
    }
}
