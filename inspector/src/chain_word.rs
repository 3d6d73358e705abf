//! The chain's word on a machine, and whether evidence agrees with it.
//!
//! Nothing in evidence ties an attestation key to an endorsement key: a software key can sign beside anybody's public certificate. That
//! a key lives in a TPM was shown once, when the TPM opened the inspectors' credentials, and the chain alone remembers it. Its word comes
//! as a file that `matrixai machines show ID --json` writes; whoever relies on it must know who made that file.

use attest::Hash;
use evidence::{Bundle, Report};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// No machine's description comes near it.
const LONGEST: u64 = 1 << 20;

/// What the chain says of one machine, at one finalised block.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChainWord {
    /// Hash of the chain's first block.
    #[serde(with = "hex")]
    pub genesis: Hash,
    /// Height of the block that all this is of.
    pub block: u64,
    /// Its hash.
    #[serde(with = "hex")]
    pub block_hash: Hash,
    /// The machine's identifier.
    #[serde(with = "hex")]
    pub id: [u8; 32],
    /// `TPMT_PUBLIC` of the attestation key that the inspectors' credentials were made for.
    #[serde(with = "hex")]
    pub attestation_key: Vec<u8>,
    /// What inspectors found of the endorsement key's certificate: hardware, virtual or unverified.
    pub level: String,
    /// active, lapsed, forked or retired.
    pub standing: String,
    /// Enrolments of this TPM before this one.
    pub epoch: u32,
    /// How often it has lapsed.
    pub lapses: u32,
    /// Blocks spent lapsed, altogether.
    pub absent: u32,
    /// Whether the log of an earlier epoch was lost.
    pub log_lost: bool,
    /// Anchors whose counter is not above this are of a log that is lost.
    pub floor: u64,
    /// The last anchor of this epoch.
    pub anchor: Option<Latest>,
}

/// The last anchor that the chain took.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Latest {
    /// The TPM's counter.
    pub counter: u64,
    /// Records in the log.
    pub size: u64,
    /// Their root.
    #[serde(with = "hex")]
    pub root: Hash,
}

/// What the chain's word adds to evidence that agrees with it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct OnChain {
    /// The block that the chain's word is of.
    pub block: u64,
    /// Hex of its hash.
    pub block_hash: String,
    /// What inspectors found: hardware, virtual or unverified.
    pub level: String,
    /// active, lapsed or retired.
    pub standing: String,
    /// Enrolments of this TPM before this one.
    pub epoch: u32,
    /// How often it has lapsed.
    pub lapses: u32,
    /// Blocks spent lapsed, altogether.
    pub absent: u32,
    /// Whether the log of an earlier epoch was lost, so that what it held cannot be shown.
    pub log_lost: bool,
    /// Counter of the last anchor that the chain had.
    pub latest_counter: u64,
    /// Anchors of the evidence after that one, of which the chain's word says nothing.
    pub anchors_after: usize,
}

/// A file that holds no word of the chain.
#[derive(Debug, thiserror::Error)]
pub enum WordError {
    /// It cannot be read.
    #[error("{path}: {1}", path = .0.display())]
    Io(PathBuf, std::io::Error),
    /// It is something else.
    #[error("{path} is not what `matrixai machines show ID --json` writes: {1}", path = .0.display())]
    Malformed(PathBuf, serde_json::Error),
}

/// Where evidence and chain disagree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Evidence for another chain.
    #[error("the evidence is for the chain {0}, the chain's word is of {1}")]
    AnotherChain(String, String),
    /// Evidence of another machine.
    #[error("the evidence is of machine {0}, the chain's word is about {1}")]
    AnotherMachine(String, String),
    /// The key that signed lives in no TPM that the chain knows.
    #[error(
        "the evidence is signed by another attestation key than the one that the chain bound to this TPM: it is forged, or from before \
         the machine enrolled anew"
    )]
    AnotherKey,
    /// The machine has shown two logs.
    #[error(
        "the chain has proof that this machine's log was forked: it has signed two that contradict each other"
    )]
    Forked,
    /// The chain has nothing to compare with.
    #[error(
        "the chain has no anchor of this machine since it enrolled (epoch {0}): nothing of the evidence is on chain"
    )]
    NoAnchor(u32),
    /// Evidence of a log that was given up.
    #[error(
        "anchor {index} has counter {counter}, not above {floor}: it belongs to a log that its owner declared lost"
    )]
    LostLog {
        /// Which anchor.
        index: usize,
        /// Its counter.
        counter: u64,
        /// The last counter of the lost log.
        floor: u64,
    },
    /// Evidence without what the chain saw last.
    #[error(
        "the chain's last anchor, counter {0}, is not in the evidence: it is older than the chain's word (export it again), or something \
         was left out"
    )]
    NotShown(u64),
    /// One counter, two logs.
    #[error("the anchor of counter {0} is not the one that the chain has: another root or size")]
    AnotherAnchor(u64),
}

impl ChainWord {
    /// Reads the file.
    pub fn read(file: &Path) -> Result<Self, WordError> {
        let trouble = |error| WordError::Io(file.into(), error);
        let mut bytes = Vec::new();
        File::open(file).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)).map_err(trouble)?;
        serde_json::from_slice(&bytes).map_err(|error| WordError::Malformed(file.into(), error))
    }

    /// Whether verified evidence is of the machine, key and log that the chain knows.
    pub fn agrees(&self, bundle: &Bundle, report: &Report) -> Result<OnChain, Mismatch> {
        self.is_about(bundle)?;
        let latest = self.anchor.as_ref().ok_or(Mismatch::NoAnchor(self.epoch))?;
        self.is_of_this_log(report)?;
        let anchors = &report.anchors;
        let shown = anchors.iter().position(|anchor| anchor.counter == latest.counter);
        let (place, shown) = shown
            .and_then(|place| Some((place, anchors.get(place)?)))
            .ok_or(Mismatch::NotShown(latest.counter))?;
        if (shown.size, &shown.root) != (latest.size, &hex::encode(latest.root)) {
            return Err(Mismatch::AnotherAnchor(latest.counter));
        }
        Ok(OnChain {
            block: self.block,
            block_hash: hex::encode(self.block_hash),
            level: self.level.clone(),
            standing: self.standing.clone(),
            epoch: self.epoch,
            lapses: self.lapses,
            absent: self.absent,
            log_lost: self.log_lost,
            latest_counter: latest.counter,
            anchors_after: anchors.len().saturating_sub(place).saturating_sub(1),
        })
    }

    fn is_about(&self, bundle: &Bundle) -> Result<(), Mismatch> {
        let text = |bytes: &[u8; 32]| hex::encode(bytes);
        let machine = bundle.machine();
        if self.genesis != bundle.genesis {
            return Err(Mismatch::AnotherChain(text(&bundle.genesis), text(&self.genesis)));
        }
        if self.id != machine {
            return Err(Mismatch::AnotherMachine(text(&machine), text(&self.id)));
        }
        if self.attestation_key != bundle.ak_public {
            return Err(Mismatch::AnotherKey);
        }
        if self.standing == "forked" { Err(Mismatch::Forked) } else { Ok(()) }
    }

    fn is_of_this_log(&self, report: &Report) -> Result<(), Mismatch> {
        let lost = report.anchors.iter().position(|anchor| self.log_lost && anchor.counter <= self.floor);
        match lost.and_then(|index| Some((index, report.anchors.get(index)?.counter))) {
            Some((index, counter)) => Err(Mismatch::LostLog { index, counter, floor: self.floor }),
            None => Ok(()),
        }
    }
}
