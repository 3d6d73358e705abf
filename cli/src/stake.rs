//! `matrixai stake`: what an owner has at stake for its machines' results. Without it they are given no tasks.

use crate::{
    account,
    amount::Amount,
    arguments::{Global, StakeCommand},
    chain,
    config::Config,
    error::Error,
    output::{self, Done},
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
    /// What each of them must be covered with, and loses when it lies.
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
        Ok(())
    }
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
        Ok(Done { done, block: included.block.number })
    });
    output::print(&done.await?, global.json)
}
