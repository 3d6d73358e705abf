//! What to do about calls that the chain refused: it names a rule, and not the way out.

use crate::error::Error;

/// What is wrong with a batch's file that this tool found nothing wrong with.
const SHAPE: &str = "the chain takes no such batch; `tasks check` says what is wrong with it, or else the chain is newer than this tool";

/// A rule's name, and the way out: every rule of the pallets that one of this tool's calls can break.
const KNOWN: &[(&str, &str)] = &[
    (
        "Underflow",
        "the account has less than that free; `balance` and `deposits` show what it has, and a small rest must stay",
    ),
    (
        "Funds are unavailable",
        "the account has less than that free; `balance` and `deposits` show what it has",
    ),
    (
        "Authorities::AlreadyJoined",
        "the account is an authority already: `authority` shows it, `authority bond` adds to its stake; other keys take \
         `authority leave`, `authority withdraw` and another `join`",
    ),
    (
        "Authorities::NotAnAuthority",
        "the account is no authority: `authority join` makes it one, and --key says which account acts",
    ),
    (
        "Authorities::KeyTaken",
        "these keys are or were somebody's, and nobody can use them again: let the node make others, with --node or author_rotateKeysWithOwner",
    ),
    (
        "Authorities::MissingKey",
        "the keys must be a BABE and a GRANDPA key, as author_rotateKeysWithOwner gives them: `authority --help` shows how to ask for them",
    ),
    (
        "Authorities::BadKeyProof",
        "the proof is not one for these keys and this account: ask the node with the public key that `authority` shows, and \
         give keys and proof of one answer",
    ),
    (
        "Authorities::TooLittle",
        "the stake is too small for that; `authority` shows what taking part and a seat need, `authority bond` adds to it",
    ),
    (
        "Authorities::TooMany",
        "the chain has as many authorities as it takes, and none of them has less compute power: come back with more machines, or later",
    ),
    ("Authorities::NotResting", "only who rests can wake; `authority` shows the state"),
    (
        "Authorities::LastOne",
        "it is the last authority that takes part, and the chain needs one: leave once another has joined or woken",
    ),
    ("Authorities::Leaving", "it is leaving already; `authority` says when the stake comes free"),
    ("Authorities::NotLeaving", "a stake comes back after leaving: `authority leave` first"),
    (
        "Authorities::NotYet",
        "the stake is not free yet, or its node still produces or votes; `authority` says from which block on: keep the node running until then",
    ),
    (
        "Drilling::NotBonded",
        "there is less at stake than that takes; `stake` shows it, `stake bond` adds to it. Votes take a stake too",
    ),
    ("Drilling::NotYet", "what leaves the stake comes free later; `stake` says in which block"),
    ("Drilling::BadRows", SHAPE),
    ("Drilling::BadInputs", SHAPE),
    ("Drilling::BadOutputs", SHAPE),
    ("Drilling::BadRescale", SHAPE),
    ("Drilling::BadItems", SHAPE),
    ("Drilling::TooNarrow", SHAPE),
    ("Drilling::BadSpread", SHAPE),
    ("Drilling::TooMuchMemory", SHAPE),
    ("Drilling::VoteRuns", "a batch ends once its vote is over; `tasks show` says when"),
    (
        "Drilling::BondTooSmall",
        "a vote takes the bond of one machine at least: `stake` shows what is there, `stake bond` adds to it",
    ),
    ("Drilling::BadCount", SHAPE),
    ("Drilling::BadReplicas", SHAPE),
    (
        "Drilling::WrongDifficulty",
        "the chain counts another worth than this tool: its runtime is newer, and takes a newer `matrixai`",
    ),
    ("Drilling::Worthless", "the tasks are too small to be worth anything: give them more rows"),
    (
        "Drilling::TooManyBatches",
        "the chain has as many batches of this class as it takes: wait until one is done (`tasks list`), or publish larger or smaller tasks",
    ),
    (
        "Drilling::UnknownBatch",
        "no such batch: it never was, or it was voted down, ended or is done. `tasks list` shows those that are there",
    ),
    (
        "Drilling::NotPublisher",
        "only its publisher can end a batch: `tasks show` says who that is, and --key which account acts",
    ),
    ("Drilling::VoteOver", "nobody votes on this batch any more; `tasks show` says how it stands"),
    ("Drilling::AlreadyVoted", "this account has voted on the batch, and a vote stays; `tasks show` has it"),
    (
        "Drilling::TooManyVotes",
        "the batch has as many votes as the chain counts, each with more at stake; `tasks show` says how it stands",
    ),
    ("Drilling::Busy", "too much falls due at one time: try again some minutes later"),
    (
        "Drilling::Nothing",
        "the amount must be above zero, and there must be something to take back: `stake` shows it",
    ),
    (
        "Machines::UselessToken",
        "a token must outlive the block that it comes in, some five after the last final one, and machines need longer to enrol: --blocks 100, \
         or --expires 1h",
    ),
    (
        "Machines::UnknownToken",
        "no such token: it is used up or void, or was never made. `token list` shows the account's",
    ),
    ("Machines::TokenExists", "this token is on chain already: `token list` shows it"),
    (
        "Machines::NotOwner",
        "it belongs to another account: `machines show` says whose a machine is, and --key which account acts",
    ),
    (
        "Machines::UnknownMachine",
        "the chain knows no such machine: `machines` lists the account's, `machines --json` with their whole identifiers",
    ),
    ("Machines::MachineRetired", "the machine is out of service already; `machines show` says so"),
    (
        "Machines::MachineForked",
        "the machine was proven to have rewritten its log: it is out of service, and its deposit is lost",
    ),
    ("Machines::Busy", "too much falls due at one time: try again some minutes later"),
    ("Rewards::NothingFree", "nothing is free yet; `rewards` shows what is locked, and until when"),
];

/// The error with advice, where the rule is known.
pub fn on(error: light_client::Error) -> Error {
    match error.advice(KNOWN) {
        Some(advice) => Error::Advised(error, advice),
        None => Error::Chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_rule_comes_with_the_way_out() {
        let told = |rule: &str| on(light_client::Error::Dispatch(rule.into())).to_string();
        assert!(told("Arithmetic error: Underflow.").contains("`balance`"));
        assert!(told("Pallet error: Drilling::NotBonded").contains("`stake bond`"));
        assert!(told("Pallet error: Drilling::Nothing").contains("above zero"));
        assert!(told("Pallet error: Machines::UselessToken").contains("--expires"));
        assert!(told("Pallet error: Authorities::NotAnAuthority").contains("`authority join`"));
        assert!(told("Pallet error: Authorities::LastOne").contains("another has joined"));
        assert!(told("Pallet error: Authorities::NotLeaving").contains("`authority leave`"));
        assert!(told("Pallet error: Drilling::UnknownBatch").contains("`tasks list`"));
        assert!(told("Pallet error: Drilling::BadRows").contains("`tasks check`"));
        assert!(told("Pallet error: System::Other").ends_with("Other"));
    }

    /// A rule's name is looked for in a text: none may be part of another.
    #[test]
    fn each_rule_is_told_apart() {
        for (name, _) in KNOWN {
            assert!(!KNOWN.iter().any(|(other, _)| other != name && other.contains(name)), "{name}");
        }
    }
}
