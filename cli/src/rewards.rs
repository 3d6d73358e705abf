//! `matrixai rewards`: what blocks and compute power have earned.
//!
//! Earnings come free little by little. The chain keeps sums, no history: what came when is in the blocks.

use crate::{
    account,
    amount::Amount,
    arguments::{Global, RewardsCommand},
    chain,
    config::Config,
    error::Error,
    output::{self, Done},
    session,
};
use serde::Serialize;
use std::fmt;

/// What an owner has earned.
#[derive(Debug, Serialize)]
pub struct Earnings {
    /// Whose.
    pub owner: String,
    /// The finalised block that all this is of.
    pub block: u64,
    /// May be claimed.
    pub free: Amount,
    /// Comes free evenly until `until`; an offence costs it.
    pub locked: Amount,
    /// A block.
    pub until: u32,
    /// Claimed so far.
    pub claimed: Amount,
    /// What a block brings now, for its author, all machines, and the treasury.
    pub issue: Amount,
}

impl Earnings {
    /// What comes free with each block.
    fn per_block(&self) -> Amount {
        let left = u128::from(self.until).saturating_sub(u128::from(self.block));
        Amount(self.locked.0.checked_div(left).unwrap_or(0))
    }
}

impl fmt::Display for Earnings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, block: _, free, locked, until, claimed, issue } = self;
        let advice = if free.0 > 0 { "  (`rewards claim` pays it out)" } else { "" };
        writeln!(out, "owner      {owner}")?;
        writeln!(out, "free       {free:>28}{advice}")?;
        writeln!(out, "locked     {locked:>28}")?;
        if locked.0 > 0 {
            let each = self.per_block();
            writeln!(
                out,
                "           {each:>28}  of it comes free with each block, the last at block {until}"
            )?;
        }
        writeln!(out, "claimed    {claimed:>28}")?;
        writeln!(out, "a block    {issue:>28}  for its author, all machines and the treasury")
    }
}

/// Shows what an owner has earned, or pays it out.
pub async fn run(
    of: Option<&str>,
    command: Option<&RewardsCommand>,
    config: &Config,
    global: &Global,
) -> Result<(), Error> {
    if let Some(RewardsCommand::Claim) = command {
        let done = session::with_key(config, global, async |session, key| {
            let included = session.call("claiming", &chain::claim(), key).await?;
            Ok(Done { done: "what was free is paid out", block: included.block.number })
        });
        return output::print(&done.await?, global.json);
    }
    let owner = account::named_or_own(of, config)?;
    let earnings = session::with(config, global, async |session| {
        Ok(chain::earnings(&session.latest().await?, owner).await?)
    });
    output::print(&earnings.await?, global.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_free_is_told() {
        let mut earnings = Earnings {
            owner: "5F".into(),
            block: 100,
            free: Amount(0),
            locked: Amount(10u128.pow(14)),
            until: 150,
            claimed: Amount(0),
            issue: Amount(1),
        };
        let text = earnings.to_string();
        assert!(text.contains(" 2  of it comes free with each block, the last at block 150"), "{text}");
        assert!(!text.contains("claim`"), "{text}");
        (earnings.free, earnings.locked, earnings.until) = (Amount(1), Amount(0), 100);
        let text = earnings.to_string();
        assert!(text.contains("rewards claim") && !text.contains("comes free"), "{text}");
    }
}
