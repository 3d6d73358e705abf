//! `matrixai balance`, `deposits` and `transfer`.

use crate::{
    account,
    amount::Amount,
    arguments::Global,
    chain,
    config::Config,
    error::Error,
    output::{self, Done},
    session,
};
use light_client::AccountId32;
use serde::Serialize;
use std::fmt;

/// What an account has.
#[derive(Debug, Serialize)]
pub struct Balance {
    /// Whose.
    pub account: String,
    /// To be spent.
    pub free: Amount,
    /// Held as deposits.
    pub held: Amount,
    /// Of the free part, what may not be sent away.
    pub frozen: Amount,
}

impl Balance {
    /// An account that the chain does not know.
    pub fn nothing(account: &AccountId32) -> Self {
        Self { account: account.to_string(), free: Amount(0), held: Amount(0), frozen: Amount(0) }
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, free, held, frozen } = self;
        writeln!(out, "account  {account}\nfree     {free:>28}\nheld     {held:>28}\nfrozen   {frozen:>28}")
    }
}

/// Part of what is held.
#[derive(Debug, Serialize)]
pub struct Deposit {
    /// Why: pallet and reason, as the chain names them.
    pub reason: String,
    /// How much.
    pub amount: Amount,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Deposits(Vec<Deposit>);

impl fmt::Display for Deposits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(out, "nothing is held");
        }
        self.0
            .iter()
            .try_for_each(|deposit| writeln!(out, "{:28}  {:>28}", meaning(&deposit.reason), deposit.amount))
    }
}

/// Known reasons in words.
fn meaning(reason: &str) -> &str {
    match reason {
        "Machines(Machine)" => "machines and join tokens",
        "Machines(Report)" => "reports of forks",
        "Drilling(Bond)" => "stake for machines' results",
        "Authorities(Stake)" => "stake for block production",
        "Drilling(Batch)" => "batches of tasks",
        "Inspectors(Bond)" => "an inspector's bond",
        other => other,
    }
}

/// Shows a balance.
pub async fn balance(of: Option<&str>, config: &Config, global: &Global) -> Result<(), Error> {
    let account = account::named_or_own(of, config)?;
    let balance = session::with(config, global, async |session| {
        Ok(chain::balance(&session.latest().await?, &account).await?)
    });
    output::print(&balance.await?, global.json)
}

/// Shows what is held.
pub async fn deposits(of: Option<&str>, config: &Config, global: &Global) -> Result<(), Error> {
    let account = account::named_or_own(of, config)?;
    let deposits = session::with(config, global, async |session| {
        Ok(chain::deposits(&session.latest().await?, &account).await?)
    });
    output::print(&Deposits(deposits.await?), global.json)
}

/// Sends tokens.
pub async fn transfer(to: &str, amount: Amount, config: &Config, global: &Global) -> Result<(), Error> {
    let to = account::parse(to)?;
    if amount.0 == 0 {
        return Err(Error::NothingToSend);
    }
    let done = session::with_key(config, global, async |session, key| {
        let Balance { account, free, frozen, .. } =
            chain::balance(&session.latest().await?, &key.account()).await?;
        let free = Amount(free.0.saturating_sub(frozen.0));
        if free < amount {
            return Err(Error::TooLittle { amount, free, account });
        }
        let included = session.call("sending", &chain::transfer(to, amount), key).await?;
        Ok(Done { done: "sent", block: included.block.number })
    });
    output::print(&done.await?, global.json)
}
