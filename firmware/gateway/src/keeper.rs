//! What the host keeps of a device, and its look at the device's anchors.

use crate::Emulator;
use anyhow::{Context, Result, bail, ensure};
use attest::{
    Hash, Record, Statement, checkpoint, machine_id, sha256,
    verify::{AkPublic, AnchorHead, RingCheck, verify_anchor},
};
use firmware_link::{Answer, Memory, Request};
use log_store::LogStore;
use std::path::Path;

/// A block to anchor to.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// Hash of the chain's first block.
    pub genesis: Hash,
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// Its time, ms since 1970.
    pub time_ms: u64,
}

impl Block {
    /// A block of no chain: for as long as none is at hand.
    pub fn made_up(number: u64) -> Self {
        let hash = |what: &[u8]| sha256(&[b"a block of no chain", what]);
        Self { genesis: hash(b"0"), number, hash: hash(&number.to_be_bytes()), time_ms: number * 6_000 }
    }
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

/// A device's records, and who it is.
#[derive(Debug)]
pub struct Keeper {
    log: LogStore,
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
                Ok(Self { log: LogStore::open(folder)?, machine, ak, device_key, last: None })
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
        let Block { genesis, number, hash, time_ms } = *block;
        device.line.send(&Request::Anchor { genesis, number, hash, time_ms })?;
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
        let consistency = match &self.last {
            Some(last) => self.log.prove_consistency(last.size, *size)?.to_vec(),
            None => Vec::new(),
        };
        let statement = Statement {
            genesis: block.genesis,
            block: block.hash,
            machine: self.machine,
            size: *size,
            root: *root,
            device_key: self.device_key,
        };
        let last = self.last.as_ref();
        Ok(verify_anchor::<RingCheck>(&self.ak, &statement, message, signature, last, &consistency)?)
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
