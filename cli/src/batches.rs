//! `matrixai tasks list` and `show`: batches as the chain has them, those under vote among them.

use crate::{amount::Amount, arguments::Global, chain, config::Config, error::Error, output, session};
use serde::Serialize;
use std::fmt;

/// A batch as the chain has it.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its number.
    pub batch: u32,
    /// Whose.
    pub publisher: String,
    /// Its class.
    pub class: String,
    /// Micro-ut of one task.
    pub worth: u128,
    /// Tasks.
    pub count: u32,
    /// Of those, nobody's yet.
    pub left: u32,
    /// `voting`, or `approved`: its tasks are given out.
    pub state: &'static str,
    /// How its vote stands, while there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<Vote>,
}

/// A vote on a batch. Stakes are as of the block that was asked: the chain counts them anew in the end.
#[derive(Debug, Serialize)]
pub struct Vote {
    /// The last block to vote in.
    pub until: u32,
    /// At stake of those for it.
    pub yes: Amount,
    /// At stake of those against it.
    pub no: Amount,
    /// At stake of all.
    pub bonded: Amount,
    /// What either side must have at stake, at least, to win.
    pub quorum: Amount,
    /// Who has voted.
    pub ballots: Vec<Ballot>,
}

/// An owner's vote.
#[derive(Debug, Serialize)]
pub struct Ballot {
    /// Whose.
    pub voter: String,
    /// For the batch.
    pub approve: bool,
    /// What it counts for.
    pub stake: Amount,
}

/// Everything about one batch.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The finalised block that all this is of.
    pub block: u64,
    /// What the list has of it.
    #[serde(flatten)]
    pub listed: Listed,
    /// Tasks that are being done.
    pub running: u32,
    /// Machines that do each task.
    pub replicas: u8,
    /// Held of the publisher: what is left of the deposit and of the tasks' price.
    pub held: Amount,
    /// The chain's deposit for a batch.
    pub deposit: Amount,
    /// The chain's price of a task.
    pub price: Amount,
    /// Where its published data can be had; empty where it needs none.
    pub source: String,
    /// What its tasks compute.
    pub spec: Specified,
}

/// What a task computes, as a batch's file has it.
#[derive(Debug, Serialize)]
pub struct Specified {
    /// Of the batch that goes through the network.
    pub rows: u32,
    /// Of its first layer.
    pub inputs: u32,
    /// The network.
    pub layers: Vec<Layer>,
    /// Published data; none where everything is generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infer: Option<Infer>,
}

/// A layer.
#[derive(Debug, Serialize)]
pub struct Layer {
    /// Its width.
    pub outputs: u32,
    /// Of its accumulators.
    pub multiplier: u32,
    /// Of what comes of that.
    pub shift: u8,
}

/// Published data.
#[derive(Debug, Serialize)]
pub struct Infer {
    /// Digest of the network, in hex.
    pub network: String,
    /// Digest of the shard, in hex.
    pub shard: String,
    /// Of the shard.
    pub items: u32,
}

impl Vote {
    /// Counts votes, of which either side needs one part in `quorum` of all stakes to win.
    pub fn count(until: u32, bonded: Amount, quorum: u32, ballots: Vec<Ballot>) -> Self {
        // A chain that asks for nothing may say 0.
        let quorum = Amount(bonded.0.div_ceil(u128::from(quorum.max(1))));
        let sum = |wanted: bool| {
            let stakes =
                ballots.iter().filter(|ballot| ballot.approve == wanted).map(|ballot| ballot.stake.0);
            Amount(stakes.fold(0, u128::saturating_add))
        };
        Self { until, yes: sum(true), no: sum(false), bonded, quorum, ballots }
    }
}

impl fmt::Display for Vote {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { until, yes, no, .. } = self;
        write!(out, "voting until block {until}: {yes} for, {no} against")
    }
}

impl Listed {
    fn state(&self) -> String {
        self.vote.as_ref().map_or_else(|| self.state.into(), Vote::to_string)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct List(Vec<Listed>);

impl fmt::Display for List {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(out, "no batch has tasks left, and none is voted on: `tasks publish` makes one");
        }
        writeln!(
            out,
            "{:>8}  {:6}  {:>14}  {:>9}  {:>9}  {:48}  state",
            "batch", "class", "micro-ut", "tasks", "left", "publisher"
        )?;
        self.0.iter().try_for_each(|listed| {
            let Listed { batch, publisher, class, worth, count, left, .. } = listed;
            let state = listed.state();
            writeln!(
                out,
                "{batch:>8}  {class:6}  {worth:>14}  {count:>9}  {left:>9}  {publisher:48}  {state}"
            )
        })?;
        if self.0.iter().any(|listed| listed.vote.is_some()) {
            writeln!(out, "\n`tasks show NUMBER` shows a vote, `tasks vote NUMBER` takes part in it")?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, listed, running, replicas, held, deposit, price, source, spec } = self;
        let Listed { batch, publisher, class, worth, count, left, .. } = listed;
        writeln!(out, "batch      {batch}\npublisher  {publisher}\nstate      {}", listed.state())?;
        writeln!(
            out,
            "tasks      {count} of class {class}, worth {worth} micro-ut each, {replicas} machines"
        )?;
        writeln!(out, "left       {left}, and {running} being done")?;
        writeln!(out, "held       {held}  (a batch's deposit is {deposit}, a task's price {price})")?;
        write!(out, "{spec}")?;
        if !source.is_empty() {
            writeln!(out, "source     {source}")?;
        }
        if let Some(vote) = &listed.vote {
            ballots(out, vote)?;
        }
        writeln!(out, "of         block {block}")
    }
}

fn ballots(out: &mut fmt::Formatter<'_>, vote: &Vote) -> fmt::Result {
    let Vote { bonded, quorum, .. } = vote;
    writeln!(
        out,
        "approved   if more is for it than against it, and {quorum} or more of the {bonded} at stake"
    )?;
    vote.ballots.iter().try_for_each(|Ballot { voter, approve, stake }| {
        let side = if *approve { "for" } else { "against" };
        writeln!(out, "{side:9}  {voter}  {stake}")
    })
}

impl fmt::Display for Specified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, inputs, layers, infer } = self;
        let widths: Vec<_> = layers.iter().map(|layer| layer.outputs.to_string()).collect();
        writeln!(out, "computes   {rows} rows of {inputs} inputs, layers of {} outputs", widths.join(", "))?;
        let Some(Infer { network, shard, items }) = infer else { return Ok(()) };
        writeln!(out, "network    {network}\nshard      {shard}, {items} items")
    }
}

/// Lists batches that have tasks left, or are voted on.
pub async fn list(config: &Config, global: &Global) -> Result<(), Error> {
    let all = session::with(config, global, async |session| {
        Ok(chain::open_batches(&session.latest().await?).await?)
    });
    output::print(&List(all.await?), global.json)
}

/// Shows one batch.
pub async fn show(batch: u32, config: &Config, global: &Global) -> Result<(), Error> {
    let shown = session::with(config, global, async |session| {
        Ok(chain::batch(&session.latest().await?, batch).await?)
    });
    output::print(&shown.await?.ok_or(Error::UnknownBatch(batch))?, global.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: u128 = 1_000_000_000_000;

    fn vote() -> Vote {
        let ballot =
            |approve, tokens: u128| Ballot { voter: "5G".into(), approve, stake: Amount(tokens * TOKEN) };
        Vote::count(
            900,
            Amount(1_005 * TOKEN),
            10,
            vec![ballot(true, 100), ballot(false, 30), ballot(true, 200)],
        )
    }

    fn listed(vote: Option<Vote>) -> Listed {
        Listed {
            batch: 7,
            publisher: "5F".into(),
            class: "tiny".into(),
            worth: 622,
            count: 100,
            left: 100,
            state: if vote.is_some() { "voting" } else { "approved" },
            vote,
        }
    }

    #[test]
    fn a_batch_under_vote_is_listed() {
        let list = List(vec![listed(None), listed(Some(vote()))]);
        let table = list.to_string();
        assert!(table.contains("  approved\n"), "{table}");
        assert!(table.contains("voting until block 900: 300 for, 30 against\n"), "{table}");
        assert!(table.contains("tasks vote"), "{table}");
        let json = serde_json::to_value(&list).unwrap();
        assert_eq!((json[0]["state"].as_str(), json[0].get("vote")), (Some("approved"), None));
        assert_eq!(json[1]["vote"]["yes"], (300 * TOKEN).to_string());
        assert!(List(Vec::new()).to_string().contains("tasks publish"));
    }

    #[test]
    fn a_shown_batch_says_what_it_takes() {
        let infer = Infer { network: "ab".repeat(32), shard: "cd".repeat(32), items: 240 };
        let layers = vec![
            Layer { outputs: 256, multiplier: 5, shift: 3 },
            Layer { outputs: 16, multiplier: 7, shift: 2 },
        ];
        let shown = Shown {
            block: 30,
            listed: listed(Some(vote())),
            running: 0,
            replicas: 2,
            held: Amount(101 * TOKEN),
            deposit: Amount(100 * TOKEN),
            price: Amount(TOKEN / 100),
            source: "https://data.example".into(),
            spec: Specified { rows: 256, inputs: 8192, layers, infer: Some(infer) },
        };
        let text = shown.to_string();
        for part in [
            "300 for, 30 against",
            "100.5 or more of the 1005",
            "against    5G  30\n",
            "layers of 256, 16 outputs",
            "240 items",
            "price 0.01",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!((&json["batch"], &json["spec"]["layers"][1]["outputs"]), (&7.into(), &16.into()));
    }
}
