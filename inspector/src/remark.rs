//! What somebody who relies on evidence has to know though nothing in it is wrong.

use crate::ek_certificate::Level;
use serde::{Serialize, Serializer};

/// Something that the verdict alone does not say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// The machine is away.
    #[error(
        "the machine had LAPSED by block {0}: its anchor was overdue or a question unanswered. The evidence holds up to its last anchor; \
         for what the machine has done since, nobody vouches"
    )]
    Lapsed(u64),
    /// The machine is out of service.
    #[error(
        "the machine was RETIRED by block {0}: its owner has taken it out of service. The evidence holds up to its last anchor, and \
         the chain takes no more of them"
    )]
    Retired(u64),
    /// Nobody known stood behind the TPM when it enrolled.
    #[error(
        "the chain has this machine as UNVERIFIED: inspectors found no certificate of a maker or issuer that they know, so the TPM may be \
         software that anybody can run"
    )]
    Unverified,
    /// The certificate earns another level here than the inspectors voted.
    #[error(
        "the chain has this machine as {chain}, and by your roots the certificate earns {here}: the inspectors had other roots, or were \
         shown another certificate"
    )]
    AnotherLevel {
        /// By the inspectors' vote.
        chain: Level,
        /// By the roots folder.
        here: Level,
    },
    /// Fewer anchors than the chain has counted.
    #[error(
        "the evidence shows {shown} of the {counted} anchors that the chain has counted. The last one covers every record all the same; what \
         is not shown is by when the earlier ones were there"
    )]
    NotAllShown {
        /// In the evidence, up to the chain's last.
        shown: usize,
        /// By the chain.
        counted: u32,
    },
    /// More anchors than the chain has counted since the machine enrolled anew.
    #[error(
        "the evidence shows {shown} anchors, and the chain has counted {counted} since this machine enrolled anew: {} are of an earlier \
         enrolment of the same key and log, or the chain never had them",
        .shown.saturating_sub(*counted as usize)
    )]
    OfEarlierEpochs {
        /// In the evidence, up to the chain's last.
        shown: usize,
        /// By the chain, in this epoch.
        counted: u32,
    },
    /// The evidence is younger than the chain's word.
    #[error(
        "{anchors} anchors of the evidence come after the chain's last one, as of block {block}: the evidence was exported after the chain's \
         word was read, which says nothing of them. Read the chain's word anew (`matrixai machines show ID --json`), after the evidence"
    )]
    AfterTheWord {
        /// How many.
        anchors: usize,
        /// The block that the chain's word is of.
        block: u64,
    },
}

impl Serialize for Remark {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
