//! `matrixai stake`: what an owner has at stake for its machines' results. Without it they are given no tasks.

use crate::{
    account,
    amount::Amount,
    arguments::{Global, StakeCommand},
    chain,
    config::Config,
    error::Error,
    output::{self, Done, Noted},
    session,
};
use serde::Serialize;
use std::fmt;

/// An owner's bond.
#[derive(Debug, Serialize)]
pub struct Bond {
    /// At stake, and covers machines.
    pub active: Amount,
    /// At stake still, but covers none: on its way out.
    pub leaving: Amount,
    /// From which block on that may be taken back.
    pub free_at: u32,
    /// Machines that take tasks.
    pub machines: u32,
    /// What each of them must be covered with, and what each lie costs: per task. An outage before results are revealed costs it once.
    pub per_machine: Amount,
}

impl fmt::Display for Bond {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { active, leaving, free_at, machines, per_machine } = self;
        writeln!(out, "active       {active:>28}")?;
        writeln!(out, "per machine  {per_machine:>28}  ({machines} take tasks)")?;
        if leaving.0 > 0 {
            writeln!(out, "leaving      {leaving:>28}  (free at block {free_at})")?;
        }
        writeln!(out, "\n{}", risk(&format!("{per_machine} tokens")))
    }
}

/// What silence costs: `bond` is the chain's `drilling.machineBond`, in words.
fn risk(bond: &str) -> String {
    format!(
        "Results that were committed to and are not revealed in time cost {bond}, once for an outage; each question about a result\n\
         that is not answered in time costs as much again. It is taken from what is leaving too."
    )
}

/// Carries out a command about the bond; shows it where none is named.
pub async fn run(command: Option<&StakeCommand>, config: &Config, global: &Global) -> Result<(), Error> {
    let Some(command) = command else {
        let owner = account::account(config)?;
        let bond = session::with(config, global, async |session| {
            Ok(chain::bond_of(&session.latest().await?, owner).await?)
        });
        return output::print(&bond.await?, global.json);
    };
    let done = session::with_key(config, global, async |session, key| {
        let note = match command {
            StakeCommand::Bond { .. } => {
                Some(risk("the bond of a machine (`stake` shows it as `per machine`)"))
            }
            StakeCommand::Unbond { .. } | StakeCommand::Withdraw => None,
        };
        let (included, done) = match command {
            StakeCommand::Bond { amount } => {
                (session.call("bonding", &chain::bond(*amount), key).await?, "it is at stake")
            }
            StakeCommand::Unbond { amount } => (
                session.call("unbonding", &chain::unbond(*amount), key).await?,
                "it covers machines no more; `stake` says when it comes free",
            ),
            StakeCommand::Withdraw => {
                (session.call("withdrawing", &chain::withdraw_bond(), key).await?, "what was free is back")
            }
        };
        Ok(Noted { done: Done { done, block: included.block.number }, note })
    });
    output::print(&done.await?, global.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_outage_costs_is_told() {
        let bond = Bond {
            active: Amount(10u128.pow(15)),
            leaving: Amount(0),
            free_at: 0,
            machines: 3,
            per_machine: Amount(10u128.pow(14)),
        };
        let text = bond.to_string();
        assert!(text.contains("(3 take tasks)") && text.contains("cost 100 tokens, once"), "{text}");
    }
}
