//! A machine's standing on chain, and what keeps an agent's keys from being of use to the machine.

use crate::{chain::Machine, failure::Failure};
use serde::{Deserialize, Serialize};

/// A machine's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Anchors in time.
    Active,
    /// Missed an anchor; the next one brings it back.
    Lapsed,
    /// Proven to have rewritten its log, for ever.
    Forked,
    /// Taken out of service by its owner.
    Retired,
}

impl Standing {
    /// The standing of this name; none where the chain has one that this program does not know.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "active" => Some(Self::Active),
            "lapsed" => Some(Self::Lapsed),
            "forked" => Some(Self::Forked),
            "retired" => Some(Self::Retired),
            _ => None,
        }
    }
}

/// Why nothing can be anchored for a machine with these keys, or with this log. The state folder keeps it, since whoever asks may do so
/// while no agent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// The machine is forked, whatever the keys.
    #[error("the machine is forked on chain; nothing is anchored")]
    Forked,
    /// Another attestation key is the machine's.
    #[error("this machine was enrolled anew from another state folder, whose attestation key counts now")]
    OtherKeys,
    /// The machine was retired with these keys.
    #[error("the machine is retired on chain; nothing is anchored")]
    Retired,
    /// So many records are anchored, and the log does not begin with them.
    #[error(
        "the log in this state folder does not go on from the {0} records that are anchored on chain; nothing is anchored"
    )]
    OtherLog(u64),
    /// The TPM has forgotten the attestation key.
    #[error("the TPM was cleared, and with it this machine's attestation key; nothing is anchored")]
    Cleared,
}

impl Obstacle {
    /// What to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Forked => "nothing here mends it: ask the owner, whom `matrixai machines show` tells more",
            Self::OtherKeys => {
                "use the folder that it was enrolled from, or enrol anew: matrixai-agent enroll --token FILE"
            }
            Self::Retired => {
                "to take it into service again, set state_dir to a new folder: matrixai-agent enroll --token FILE"
            }
            Self::OtherLog(_) => {
                "put that very log back (an older copy would be a fork) and start the agent, or enrol anew: matrixai-agent enroll \
                 --token FILE"
            }
            Self::Cleared => "enrol again: matrixai-agent enroll --token FILE",
        }
    }

    /// This in words, for who asks while no agent runs that could look again.
    pub fn seen_last(self) -> String {
        format!("{self}, as the agent saw it last")
    }

    /// What a command ends in for it.
    pub fn failure(self, epoch: u32) -> Failure {
        match self {
            Self::Forked => Failure::Forked,
            Self::Retired => Failure::Retired { epoch },
            Self::OtherKeys | Self::OtherLog(_) | Self::Cleared => Failure::EnrolAgain(self.to_string()),
        }
    }
}

/// What stands in the way of who has this attestation key. A fork comes first: no other keys mend it.
pub fn obstacle(machine: &Machine, ak: &[u8]) -> Option<Obstacle> {
    match Standing::parse(&machine.standing) {
        Some(Standing::Forked) => Some(Obstacle::Forked),
        _ if machine.ak_public != ak => Some(Obstacle::OtherKeys),
        Some(Standing::Retired) => Some(Obstacle::Retired),
        Some(Standing::Active | Standing::Lapsed) | None => None,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A machine in its third epoch, whose attestation key is `[2]`.
    pub fn machine(standing: &str) -> Machine {
        Machine {
            owner: "owner".into(),
            device: [1; 32],
            ak_public: vec![2],
            level: "hardware".into(),
            standing: standing.into(),
            epoch: 3,
            head: attest::verify::AnchorHead {
                size: 0,
                root: [0; 32],
                counter: 0,
                reset_count: 0,
                restart_count: 0,
            },
            recent: Vec::new(),
            due: 0,
        }
    }

    #[test]
    fn a_standing_is_known_by_its_name_alone() {
        for standing in [Standing::Active, Standing::Lapsed, Standing::Forked, Standing::Retired] {
            assert_eq!(Standing::parse(&format!("{standing:?}").to_lowercase()), Some(standing));
        }
        assert_eq!(Standing::parse("Active"), None);
    }

    #[test]
    fn a_fork_is_in_everybodys_way_and_a_retirement_in_that_of_its_keys() {
        let (own, other): (&[u8], &[u8]) = (&[2], &[9]);
        let other_keys = Some(Obstacle::OtherKeys);
        for (standing, with_own, with_other) in [
            ("active", None, other_keys),
            ("lapsed", None, other_keys),
            ("one that is new", None, other_keys),
            ("retired", Some(Obstacle::Retired), other_keys),
            ("forked", Some(Obstacle::Forked), Some(Obstacle::Forked)),
        ] {
            let machine = machine(standing);
            let found = (obstacle(&machine, own), obstacle(&machine, other));
            assert_eq!(found, (with_own, with_other), "{standing}");
        }
    }
}
