//! The calls of a dispute. A lost one is made anew from what the chain then shows.

use super::Case;
use light_client::{AccountId32, outbox::Intent};
use serde::{Deserialize, Serialize};

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Call {
    /// Asks a machine what lies under a hash of its last answer.
    Demand {
        /// The task.
        #[serde(with = "hex")]
        task: [u8; 32],
        /// The machine.
        #[serde(with = "hex")]
        machine: [u8; 32],
        /// Which hash.
        place: u32,
        /// Questions asked before it.
        asked: u8,
    },
    /// Proves that a machine's result is wrong.
    Convict {
        /// The task.
        #[serde(with = "hex")]
        task: [u8; 32],
        /// The machine.
        #[serde(with = "hex")]
        machine: [u8; 32],
        /// The proof.
        #[serde(with = "hex")]
        proof: Vec<u8>,
    },
    /// Has nothing more to say.
    Clear {
        /// The task.
        #[serde(with = "hex")]
        task: [u8; 32],
    },
}

impl Call {
    /// For the outbox.
    pub fn intent(&self) -> Intent {
        let (kind, key) = match self {
            Self::Demand { task, machine, asked, .. } => {
                ("demand", [task.as_slice(), machine, &[*asked]].concat())
            }
            Self::Convict { task, machine, .. } => ("convict", [task.as_slice(), machine].concat()),
            Self::Clear { task } => ("clear", task.to_vec()),
        };
        Intent { kind: kind.into(), key, body: serde_json::to_vec(self).unwrap_or_default() }
    }

    /// From the outbox; none if the intent is another duty's.
    pub fn of(intent: &Intent) -> Option<serde_json::Result<Self>> {
        let ours = matches!(intent.kind.as_str(), "demand" | "convict" | "clear");
        ours.then(|| serde_json::from_slice(&intent.body))
    }

    /// The task that it is about.
    pub const fn task(&self) -> &[u8; 32] {
        match self {
            Self::Demand { task, .. } | Self::Convict { task, .. } | Self::Clear { task } => task,
        }
    }

    /// Whether the chain does not wait for it any more. `case` is none once this inspector has nothing to do in the dispute.
    pub fn is_done(&self, case: Option<&Case>, me: &AccountId32) -> bool {
        let Some(case) = case else { return true };
        let accused = |machine: &[u8; 32]| case.accused.iter().find(|accused| accused.machine == *machine);
        match self {
            Self::Demand { machine, asked, .. } => {
                accused(machine).is_none_or(|accused| accused.asked_by(me) > *asked)
            }
            Self::Convict { machine, .. } => accused(machine).is_none(),
            Self::Clear { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_survives_the_outbox_and_foreign_intents_are_none() {
        let (task, machine) = ([1; 32], [2; 32]);
        for call in [
            Call::Demand { task, machine, place: 3, asked: 1 },
            Call::Convict { task, machine, proof: vec![4; 100] },
            Call::Clear { task },
        ] {
            assert_eq!(Call::of(&call.intent()).unwrap().unwrap(), call);
            assert_eq!(call.task(), &task);
        }
        let foreign = Intent { kind: "challenge".into(), key: vec![], body: vec![] };
        assert!(Call::of(&foreign).is_none());
    }
}
