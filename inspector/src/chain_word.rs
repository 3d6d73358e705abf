//! The chain's word on a machine, and whether evidence agrees with it.
//!
//! Nothing in evidence ties an attestation key to an endorsement key: a software key can sign beside anybody's public certificate. That
//! a key lives in a TPM was shown once, when the TPM opened the inspectors' credentials, and the chain alone remembers it. Its word comes
//! as a file that `matrixai machines show ID --json` writes; whoever relies on it must know who made that file.

use crate::{ek_certificate::Level, remark::Remark};
use attest::Hash;
use evidence::{AnchorReport, Bundle, Report};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Ordering,
    fmt,
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
    pub level: Level,
    /// How it stands.
    pub standing: Standing,
    /// Enrolments of this TPM before this one.
    pub epoch: u32,
    /// Block of its enrolment.
    pub enrolled: u64,
    /// Anchors of this epoch.
    pub anchors: u32,
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
    /// Height of the block that it is younger than.
    pub block: u64,
    /// Height of the block that it came in.
    pub at: u64,
}

/// A machine's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Anchors in time.
    Active,
    /// Missed its anchor or did not answer an accusation; its next anchor brings it back.
    Lapsed,
    /// Proven to have rewritten its log.
    Forked,
    /// Taken out of service by its owner.
    Retired,
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Active => "active",
            Self::Lapsed => "lapsed",
            Self::Forked => "forked",
            Self::Retired => "retired",
        })
    }
}

/// What the chain's word adds to evidence that agrees with it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct OnChain {
    /// The block that the chain's word is of.
    pub block: u64,
    /// Hex of its hash.
    pub block_hash: String,
    /// What inspectors found.
    pub level: Level,
    /// active, lapsed or retired.
    pub standing: Standing,
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
    /// Anchors that the chain has counted since the machine enrolled.
    pub anchors_counted: u32,
    /// Anchors of the evidence up to the chain's last.
    pub anchors_shown: usize,
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
    /// It says what no chain can say.
    #[error("{path} is no chain's word, for it contradicts itself: {1}. Get it anew with `matrixai machines show ID --json`", path = .0.display())]
    Contradictory(PathBuf, &'static str),
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
    #[error("the anchor of counter {0} is not the one that the chain has: another root, size or block")]
    AnotherAnchor(u64),
    /// Anchors that the chain never had.
    #[error(
        "the evidence shows {shown} anchors up to the chain's last one, and the chain has counted {counted}: it never had the others"
    )]
    NeverCounted {
        /// In the evidence.
        shown: usize,
        /// By the chain.
        counted: u32,
    },
    /// An anchor that the chain took before its last one, and that says to be younger than the block in which that came.
    #[error(
        "anchor {index} says that it is younger than block {claimed}, and the chain had it by block {at}"
    )]
    FromTheFuture {
        /// Which anchor.
        index: usize,
        /// The block, as the machine says.
        claimed: u64,
        /// The block in which the chain's last anchor came.
        at: u64,
    },
}

impl ChainWord {
    /// Reads the file.
    pub fn read(file: &Path) -> Result<Self, WordError> {
        let bytes = plain_io::read(file, LONGEST).map_err(|error| WordError::Io(file.into(), error))?;
        let word: Self =
            serde_json::from_slice(&bytes).map_err(|error| WordError::Malformed(file.into(), error))?;
        match word.contradiction() {
            Some(why) => Err(WordError::Contradictory(file.into(), why)),
            None => Ok(word),
        }
    }

    /// What is wrong with it by itself, as the chain's rules go: a lost log is one of an earlier epoch, and a floor is that log's.
    fn contradiction(&self) -> Option<&'static str> {
        let last = self.anchor.as_ref();
        let untimely = |last: &Latest| last.at > self.block || last.block >= last.at;
        let signs = [
            (self.log_lost && self.epoch == 0, "a log of an earlier epoch was lost, and there was none"),
            (self.floor > 0 && !self.log_lost, "its floor is that of a lost log, and none was lost"),
            ((self.anchors > 0) != last.is_some(), "it counts anchors and has no last one, or the reverse"),
            (last.is_some_and(|last| last.counter <= self.floor), "its last anchor belongs to the lost log"),
            (self.enrolled > self.block, "the machine enrolled after the block that it is of"),
            (
                last.is_some_and(untimely),
                "its last anchor came before its block, or after the one that it is of",
            ),
        ];
        signs.into_iter().find_map(|(wrong, why)| wrong.then_some(why))
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
        if (shown.size, &shown.root, shown.claimed_block)
            != (latest.size, &hex::encode(latest.root), latest.block)
        {
            return Err(Mismatch::AnotherAnchor(latest.counter));
        }
        let on_chain = anchors.get(..=place).unwrap_or_default();
        self.has_had(on_chain, latest.at)?;
        Ok(OnChain {
            block: self.block,
            block_hash: hex::encode(self.block_hash),
            level: self.level,
            standing: self.standing,
            epoch: self.epoch,
            lapses: self.lapses,
            absent: self.absent,
            log_lost: self.log_lost,
            latest_counter: latest.counter,
            anchors_counted: self.anchors,
            anchors_shown: on_chain.len(),
            anchors_after: anchors.len().saturating_sub(on_chain.len()),
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
        if self.standing == Standing::Forked { Err(Mismatch::Forked) } else { Ok(()) }
    }

    fn is_of_this_log(&self, report: &Report) -> Result<(), Mismatch> {
        let lost = report.anchors.iter().position(|anchor| self.log_lost && anchor.counter <= self.floor);
        match lost.and_then(|index| Some((index, report.anchors.get(index)?.counter))) {
            Some((index, counter)) => Err(Mismatch::LostLog { index, counter, floor: self.floor }),
            None => Ok(()),
        }
    }

    /// Whether the chain can have had these anchors by this block, in which the last of them came. An export may lack some of them: it holds what the agent has seen
    /// become final. After an enrolment anew the chain counts from 0, and where key and log went on, their earlier anchors are there too.
    fn has_had(&self, anchors: &[AnchorReport], at: u64) -> Result<(), Mismatch> {
        let (shown, counted) = (anchors.len(), self.anchors);
        if self.epoch == 0 && shown > counted as usize {
            return Err(Mismatch::NeverCounted { shown, counted });
        }
        let late = |(_, anchor): &(usize, &AnchorReport)| anchor.claimed_block >= at;
        match anchors.iter().enumerate().find(late) {
            Some((index, anchor)) => {
                Err(Mismatch::FromTheFuture { index, claimed: anchor.claimed_block, at })
            }
            None => Ok(()),
        }
    }
}

impl OnChain {
    /// What it means for whoever relies on the evidence. `certificate` is what its EK certificate earns here.
    pub fn remarks(&self, certificate: Option<Level>) -> Vec<Remark> {
        let block = self.block;
        let standing = match self.standing {
            Standing::Active | Standing::Forked => None,
            Standing::Lapsed => Some(Remark::Lapsed(block)),
            Standing::Retired => Some(Remark::Retired(block)),
        };
        let level = (self.level == Level::Unverified).then_some(Remark::Unverified);
        let other = certificate.filter(|here| *here != self.level);
        let other = other.map(|here| Remark::AnotherLevel { chain: self.level, here });
        let anchors = self.anchors_after;
        let after = (anchors > 0).then_some(Remark::AfterTheWord { anchors, block });
        [standing, level, other, self.about_its_count(), after].into_iter().flatten().collect()
    }

    fn about_its_count(&self) -> Option<Remark> {
        let (shown, counted) = (self.anchors_shown, self.anchors_counted);
        match shown.cmp(&(counted as usize)) {
            Ordering::Less => Some(Remark::NotAllShown { shown, counted }),
            Ordering::Equal => None,
            Ordering::Greater => Some(Remark::OfEarlierEpochs { shown, counted }),
        }
    }
}
