//! What to do where the chain refuses an inspector's call.

use crate::error::Error;

/// Rules of the chain, and the way out.
const KNOWN: &[(&str, &str)] = &[
    (
        "Machines::NotAnInspector",
        "only inspectors that are registered ask: `matrixai-inspector run` registers, --dev-account or --key says which account acts",
    ),
    (
        "Machines::AskedBefore",
        "somebody asked this machine a short while ago, and it answers once in 600 blocks: look for its answer in its log, or ask later",
    ),
    (
        "Machines::NotActive",
        "only an active machine is asked: `matrixai machines show` tells how this one stands",
    ),
    (
        "Machines::UnknownMachine",
        "the chain knows no such machine: its owner's `matrixai machines` lists them, with --json in full",
    ),
    (
        "Inspectors::NotRegistered",
        "this account is no inspector: `run` registers, --dev-account or --key says which account acts",
    ),
    ("Inspectors::NotYet", "duties wait, or the bond is not due yet: `status` shows them"),
    ("Inspectors::NotLeaving", "`leave` comes first"),
    ("Machines::Busy", "the block was full of questions: ask again"),
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
        assert!(told("Pallet error: Machines::AskedBefore").contains("600 blocks"));
        assert!(told("Pallet error: System::Other").ends_with("Other"));
    }
}
