//! What the agent owes to the chain, in its own words. The outbox keeps these; extrinsics are made of them.

use crate::hex32::Hex32;
use evidence::Signed;
use light_client::outbox::Intent;
use serde::{Deserialize, Serialize};

/// One thing that should become true on chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Debt {
    /// A request to enrol.
    Request(Box<Request>),
    /// The answer to an inspector's credential.
    Answer(Answer),
    /// The credential is bad.
    Dispute(Duty),
    /// A new device key.
    Delegate(Delegation),
    /// The log's new head.
    Anchor(Anchor),
    /// That the machine takes tasks.
    Ready(Ready),
    /// What binds the machine to a task's result.
    Commit(Commit),
    /// The result.
    Reveal(Reveal),
    /// The answer to a question about a result.
    Disclose(Disclosure),
}

/// That the machine takes tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The machine.
    pub machine: Hex32,
    /// Of this class: 0 is the smallest.
    pub class: u8,
    /// So many at one time.
    pub places: u8,
    /// The block at which this became due: the same may have to be said again later.
    pub at: u64,
}

/// What binds the machine to a task's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The machine.
    pub machine: Hex32,
    /// The task.
    pub task: Hex32,
    /// The commitment.
    pub commitment: Hex32,
}

/// A result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    /// The machine.
    pub machine: Hex32,
    /// The task.
    pub task: Hex32,
    /// The result's digest.
    pub digest: Hex32,
    /// What hid it.
    pub salt: Hex32,
}

/// The answer to a question about a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// The machine.
    pub machine: Hex32,
    /// The task.
    pub task: Hex32,
    /// Layer, level and index of the node that is asked about; none for the roots.
    pub node: Option<(u8, u8, u32)>,
    /// The answer.
    #[serde(with = "hex")]
    pub answer: Vec<u8>,
}

impl Disclosure {
    /// The question in the specification's words.
    pub fn question(&self) -> drilling::Question {
        match self.node {
            None => drilling::Question::Roots,
            Some((layer, level, index)) => drilling::Question::Node { layer, level, index },
        }
    }
}

/// A request to enrol, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its digest.
    pub id: Hex32,
    /// The machine's identifier.
    pub machine: Hex32,
    /// Public half of the join token.
    pub token: Hex32,
    /// `TPMT_PUBLIC` of the endorsement key.
    #[serde(with = "hex")]
    pub ek_public: Vec<u8>,
    /// DER of its certificate, or nothing.
    #[serde(with = "hex")]
    pub ek_certificate: Vec<u8>,
    /// `TPMT_PUBLIC` of the attestation key.
    #[serde(with = "hex")]
    pub ak_public: Vec<u8>,
    /// The join quote.
    pub quote: Signed,
    /// The log's first record.
    #[serde(with = "hex")]
    pub join_record: Vec<u8>,
    /// Proof that it is the first.
    pub join_proof: Vec<Hex32>,
    /// Proof that the log goes on from the last anchor of an earlier enrolment.
    pub consistency: Vec<Hex32>,
    /// The token's signature.
    #[serde(with = "hex")]
    pub token_signature: [u8; 64],
    /// The device's signature.
    #[serde(with = "hex")]
    pub device_signature: [u8; 64],
}

/// One inspector's part in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// The request.
    pub request: Hex32,
    /// The inspector's account.
    pub inspector: Hex32,
}

/// What proves that the TPM gave up an inspector's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whose.
    pub duty: Duty,
    /// The answer.
    pub answer: Hex32,
}

/// A new device key, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// The machine.
    pub machine: Hex32,
    /// The quote that names the new key.
    pub quote: Signed,
    /// The new key's signature.
    #[serde(with = "hex")]
    pub device_signature: [u8; 64],
}

/// An anchor, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The machine.
    pub machine: Hex32,
    /// What the TPM's counter stands at.
    pub counter: u64,
    /// The certified counter.
    pub certified: Signed,
    /// Proof that the log goes on from the chain's last head.
    pub consistency: Vec<Hex32>,
}

impl Debt {
    /// The answer to a question.
    pub fn disclosure(machine: [u8; 32], asked: &crate::drill::Question, answer: Vec<u8>) -> Self {
        let node = match asked.question {
            drilling::Question::Roots => None,
            drilling::Question::Node { layer, level, index } => Some((layer, level, index)),
        };
        Self::Disclose(Disclosure { machine: Hex32(machine), task: Hex32(asked.id), node, answer })
    }

    /// Its name in the outbox and in `status`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Answer(_) => "answer",
            Self::Dispute(_) => "dispute",
            Self::Delegate(_) => "delegate",
            Self::Anchor(_) => "anchor",
            Self::Ready(_) => "ready",
            Self::Commit(_) => "commit",
            Self::Reveal(_) => "reveal",
            Self::Disclose(_) => "disclose",
        }
    }

    /// What makes it the same debt.
    fn key(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.id.0.to_vec(),
            Self::Answer(Answer { duty, .. }) | Self::Dispute(duty) => {
                [duty.request.0, duty.inspector.0].concat()
            }
            Self::Delegate(delegation) => [delegation.quote.device_key, delegation.quote.block_hash].concat(),
            Self::Anchor(anchor) => anchor.counter.to_be_bytes().to_vec(),
            Self::Ready(ready) => ready.at.to_be_bytes().to_vec(),
            Self::Commit(Commit { task, .. }) | Self::Reveal(Reveal { task, .. }) => task.0.to_vec(),
            Self::Disclose(disclosure) => format!("{} {:?}", disclosure.task, disclosure.node).into_bytes(),
        }
    }

    /// For the outbox.
    pub fn intent(&self) -> serde_json::Result<Intent> {
        Ok(Intent { kind: self.kind().into(), key: self.key(), body: serde_json::to_vec(self)? })
    }

    /// From the outbox.
    pub fn of(intent: &Intent) -> serde_json::Result<Self> {
        serde_json::from_slice(&intent.body)
    }
}

/// Hashes as they are kept.
pub fn hex32s(hashes: &[attest::Hash]) -> Vec<Hex32> {
    hashes.iter().copied().map(Hex32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debt_survives_the_outbox() {
        let duty = Duty { request: Hex32([1; 32]), inspector: Hex32([2; 32]) };
        let signed = Signed {
            block_number: 1,
            block_hash: [1; 32],
            size: 2,
            root: [2; 32],
            device_key: [3; 32],
            message: vec![4],
            signature: [5; 64],
        };
        let anchor = Anchor {
            machine: Hex32([1; 32]),
            counter: 7,
            certified: signed.clone(),
            consistency: vec![Hex32([6; 32])],
        };
        let delegation = Delegation { machine: Hex32([1; 32]), quote: signed, device_signature: [9; 64] };
        let debts = [
            Debt::Answer(Answer { duty, answer: Hex32([3; 32]) }),
            Debt::Dispute(duty),
            Debt::Delegate(delegation),
            Debt::Anchor(anchor),
        ];
        for debt in debts {
            assert_eq!(Debt::of(&debt.intent().unwrap()).unwrap(), debt);
        }
    }

    #[test]
    fn an_anchor_is_known_by_its_counter() {
        let intent = |counter| {
            let certified = Signed {
                block_number: 0,
                block_hash: [0; 32],
                size: 0,
                root: [0; 32],
                device_key: [0; 32],
                message: vec![],
                signature: [0; 64],
            };
            Debt::Anchor(Anchor { machine: Hex32([0; 32]), counter, certified, consistency: vec![] })
                .intent()
                .unwrap()
        };
        assert_ne!(intent(1).key, intent(2).key);
    }
}
