//! `matrixai authority`: block production and votes on finality with the compute power of the owner's machines.
//!
//! The keys are a node's own and never leave it. What goes on chain are their public halves, with the node's proof that it holds them.

use crate::{
    account,
    amount::Amount,
    arguments::{AuthorityCommand, Global, Join},
    chain,
    config::Config,
    error::Error,
    node,
    output::{self, Done},
    session::{self, Session},
};
use light_client::Key;
use serde::Serialize;
use std::fmt;

/// What an account is in block production.
#[derive(Debug, Serialize)]
pub struct Authority {
    /// Whose.
    pub account: String,
    /// Its public key in hex, which a node is told that makes keys for it.
    pub public: String,
    /// The finalised block that all this is of.
    pub block: u64,
    /// None for one who has not joined.
    #[serde(flatten)]
    pub member: Option<Member>,
    /// What the chain asks.
    pub terms: Terms,
}

/// An authority.
#[derive(Debug, Serialize)]
pub struct Member {
    /// `serving`, `resting` (it was idle, or weaker than all others) or `leaving`.
    pub state: &'static str,
    /// When leaving: from which block on the stake may be taken back.
    pub free_at: Option<u32>,
    /// At stake.
    pub stake: Amount,
    /// Whether it wants a seat among those who vote on finality.
    pub seat: bool,
    /// Whether it has one now.
    pub votes: bool,
    /// In the running epoch's lottery.
    pub weight: Weight,
    /// In the next epoch's.
    pub next_weight: Weight,
    /// The key that produces blocks.
    pub producer: String,
    /// The key that votes.
    pub voter: String,
}

/// A weight in the block lottery.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Weight {
    /// Its own; 0 where it is not in the set.
    pub own: u64,
    /// Everybody's.
    pub all: u64,
}

/// What the chain asks of authorities.
#[derive(Debug, Serialize)]
pub struct Terms {
    /// The least stake.
    pub least_stake: Amount,
    /// What a seat among the voters needs.
    pub seat_bond: Amount,
    /// Blocks from leaving until the stake comes free.
    pub unbonding: u32,
}

/// A node's public keys, and its proof that it holds them for this owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// BABE's.
    pub producer: [u8; 32],
    /// GRANDPA's.
    pub voter: [u8; 32],
    /// A signature by each.
    pub proof: Vec<u8>,
}

/// Not keys, or no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKeys {
    /// The keys are something else.
    #[error(
        "the keys are 128 hex digits: 64 of BABE's and 64 of GRANDPA's, as author_rotateKeysWithOwner gives them"
    )]
    Keys,
    /// The proof is something else.
    #[error("the proof is up to 512 hex digits, as author_rotateKeysWithOwner gives it beside the keys")]
    Proof,
    /// Neither a node to ask, nor what one answered.
    #[error(
        "whose keys? Name the owner's node with --node URL, or give what author_rotateKeysWithOwner answered there, with --keys HEX and \
         --proof HEX; `authority --help` shows how to ask it"
    )]
    Missing,
}

impl Keys {
    /// Reads both in hex.
    pub fn parse(keys: &str, proof: &str) -> Result<Self, NoKeys> {
        let bytes = |text: &str| hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok();
        let keys: [u8; 64] = bytes(keys).and_then(|keys| keys.try_into().ok()).ok_or(NoKeys::Keys)?;
        let proof = bytes(proof).filter(|proof| (1..=256).contains(&proof.len())).ok_or(NoKeys::Proof)?;
        let [producer, voter] = keys.as_chunks::<32>().0 else { return Err(NoKeys::Keys) };
        Ok(Self { producer: *producer, voter: *voter, proof })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Terms { least_stake, seat_bond, unbonding } = &self.terms;
        writeln!(out, "account      {}\npublic key   0x{}", self.account, self.public)?;
        let Some(member) = &self.member else {
            return writeln!(
                out,
                "state        not an authority: `authority join` takes {least_stake} tokens or more, {seat_bond} for a seat among the voters"
            );
        };
        let Member { state, free_at, stake, seat, votes, weight, next_weight, producer, voter } = member;
        let advice = match (*state, free_at) {
            ("resting", _) => "; `authority wake` once the node runs".into(),
            (_, Some(due)) => format!("; the stake is free at block {due}"),
            _ => String::new(),
        };
        let votes = match (votes, seat) {
            (true, true) => "yes",
            (true, false) => "until its seat is taken by another",
            (false, true) => "waits for a seat",
            (false, false) => "no",
        };
        writeln!(out, "state        {state}{advice}")?;
        writeln!(
            out,
            "stake        {stake}  (least {least_stake}, for a seat {seat_bond}; free {unbonding} blocks after leaving)"
        )?;
        writeln!(out, "votes        {votes}")?;
        writeln!(out, "weight       {weight}\nnext epoch   {next_weight}")?;
        writeln!(out, "BABE key     {producer}\nGRANDPA key  {voter}")
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { own, all } = self;
        let share = u128::from(*own).saturating_mul(10_000).checked_div(u128::from(*all)).unwrap_or(0);
        write!(out, "{own}, {}.{:02} % of all", share / 100, share % 100)
    }
}

/// Carries out a command about block production; shows where the account stands where none is named.
pub async fn run(
    of: Option<&str>,
    command: Option<&AuthorityCommand>,
    config: &Config,
    global: &Global,
) -> Result<(), Error> {
    let Some(command) = command else {
        let account = account::named_or_own(of, config)?;
        let authority = session::with(config, global, async |session| {
            Ok(chain::authority(&session.latest().await?, &account).await?)
        });
        return output::print(&authority.await?, global.json);
    };
    if let AuthorityCommand::Join(Join { node: None, keys: None, .. }) = command {
        // Before a password is asked for.
        return Err(NoKeys::Missing.into());
    }
    let done = session::with_key(config, global, async |session, key| carry_out(command, session, key).await);
    output::print(&done.await?, global.json)
}

async fn carry_out(command: &AuthorityCommand, session: &Session, key: &Key) -> Result<Done, Error> {
    let (included, done) = match command {
        AuthorityCommand::Join(join) => {
            affordable(join.stake, session, key).await?;
            let call = chain::join(&keys(join, key)?, join.stake);
            let done =
                "joined: the node takes part from the epoch after next on, if it runs with --validator";
            (session.call("joining", &call, key).await?, done)
        }
        AuthorityCommand::Bond { amount } => {
            (session.call("bonding", &chain::bond_more(*amount), key).await?, "it is at stake")
        }
        AuthorityCommand::Seat { give_up: false } => {
            (session.call("asking", &chain::seat(true), key).await?, "a seat is wanted: seats change slowly")
        }
        AuthorityCommand::Seat { give_up: true } => (
            session.call("giving up", &chain::seat(false), key).await?,
            "no seat is wanted: vote on until `authority` says otherwise",
        ),
        AuthorityCommand::Wake => (
            session.call("waking", &chain::wake(), key).await?,
            "takes part again, from the epoch after next on",
        ),
        AuthorityCommand::Leave => (
            session.call("leaving", &chain::leave(), key).await?,
            "left: run the node for two more epochs; `authority` says when the stake comes free",
        ),
        AuthorityCommand::Withdraw => {
            (session.call("withdrawing", &chain::withdraw_stake(), key).await?, "the stake is back")
        }
    };
    Ok(Done { done, block: included.block.number })
}

/// Before a node makes keys for nothing.
async fn affordable(stake: Amount, session: &Session, key: &Key) -> Result<(), Error> {
    let (at, account) = (session.latest().await?, key.account());
    let least = chain::authority(&at, &account).await?.terms.least_stake;
    if stake < least {
        return Err(Error::StakeTooSmall(least));
    }
    session.afford(&account, stake).await
}

/// The keys as they were given, or fresh ones from the owner's node.
fn keys(join: &Join, owner: &Key) -> Result<Keys, Error> {
    match (&join.node, &join.keys, &join.proof) {
        (Some(url), _, _) => node::rotate_keys(url, &owner.public()),
        (None, Some(keys), Some(proof)) => Ok(Keys::parse(keys, proof)?),
        _ => Err(NoKeys::Missing.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_as_a_node_writes_them() {
        let (keys, proof) = (format!("0x{}{}", "ab".repeat(32), "cd".repeat(32)), "ef".repeat(128));
        let read = Keys::parse(&keys, &proof).unwrap();
        assert_eq!((read.producer, read.voter, read.proof), ([0xAB; 32], [0xCD; 32], vec![0xEF; 128]));
        for (keys, proof, why) in [
            (&keys[..128], &proof[..], NoKeys::Keys),
            ("", &proof, NoKeys::Keys),
            (&keys, "", NoKeys::Proof),
            (&keys, "0xzz", NoKeys::Proof),
            (&keys, &"00".repeat(257), NoKeys::Proof),
        ] {
            assert_eq!(Keys::parse(keys, proof), Err(why));
        }
    }

    #[test]
    fn a_stranger_is_told_what_joining_takes() {
        let terms =
            Terms { least_stake: Amount(10u128.pow(15)), seat_bond: Amount(10u128.pow(16)), unbonding: 9 };
        let mut authority =
            Authority { account: "5F".into(), public: "ab".into(), block: 1, member: None, terms };
        let text = authority.to_string();
        assert!(text.contains("takes 1000 tokens") && text.contains("10000 for a seat"), "{text}");
        authority.member = Some(Member {
            state: "leaving",
            free_at: Some(77),
            stake: Amount(10u128.pow(15)),
            seat: false,
            votes: false,
            weight: Weight { own: 1, all: 3 },
            next_weight: Weight { own: 0, all: 0 },
            producer: String::new(),
            voter: String::new(),
        });
        let text = authority.to_string();
        assert!(text.contains("free at block 77") && text.contains("1, 33.33 % of all"), "{text}");
        let json = serde_json::to_value(&authority).unwrap();
        assert_eq!(
            (json["state"].as_str(), json["stake"].as_str()),
            (Some("leaving"), Some("1000000000000000"))
        );
    }
}
