//! What to do about calls that the chain refused: it names a rule, and not the way out.

use crate::error::Error;

/// A rule's name, and the way out.
const KNOWN: [(&str, &str); 7] = [
    (
        "Underflow",
        "the account has less than that free; `balance` and `deposits` show what it has, and a small rest must stay",
    ),
    (
        "Funds are unavailable",
        "the account has less than that free; `balance` and `deposits` show what it has",
    ),
    (
        "Drilling::Nothing",
        "the amount must be above zero, and there must be something to take back: `stake` shows it",
    ),
    ("Drilling::NotBonded", "there is less than that at stake; `stake` shows it, `stake bond` adds to it"),
    ("Drilling::NotYet", "what leaves the stake comes free later; `stake` says in which block"),
    (
        "Machines::UselessToken",
        "a token must outlive the block that it comes in, some five after the last final one, and machines need longer to enrol: --blocks 100, \
         or --expires 1h",
    ),
    ("Rewards::NothingFree", "nothing is free yet; `rewards` shows what is locked, and until when"),
];

/// The error with advice, where the rule is known.
pub fn on(error: light_client::Error) -> Error {
    let known = match &error {
        light_client::Error::Dispatch(rule) => KNOWN.iter().find(|(name, _)| rule.contains(name)),
        _ => None,
    };
    match known {
        Some((_, advice)) => Error::Advised(error, advice),
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
        assert!(told("Pallet error: System::Other").ends_with("Other"));
    }
}
