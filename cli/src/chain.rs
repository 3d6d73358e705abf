//! Every read and call of this program. What the chain's types look like is known here and nowhere else.

use crate::{
    amount::Amount,
    authority::{Authority, Keys, Member, Terms, Weight},
    batches::{Ballot, Infer, Layer, Listed, Shown, Specified, Vote},
    ecp::{MachinePower, Power, Report},
    funds::{Balance, Deposit},
    machines::{Anchor, Machine},
    rewards::Earnings,
    stake::Bond,
    tasks::Batch,
    token::Token,
};
use light_client::{
    AccountId32, AtBlock, Error, Included,
    chain::{self as api, runtime_types as types},
    subxt::{tx::Payload, utils::MultiAddress},
};
use types::{pallet_drilling::types as drills, pallet_machines::types as machines};

/// The owner's machines.
pub async fn machines_of(at: &AtBlock, owner: AccountId32) -> Result<Vec<Machine>, Error> {
    let call = api::runtime_apis().machines_api().machines_of(owner);
    let found = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(found.into_iter().map(|(id, machine)| machine_from(id, machine)).collect())
}

/// One machine.
pub async fn machine(at: &AtBlock, id: [u8; 32]) -> Result<Option<Machine>, Error> {
    let call = api::runtime_apis().machines_api().machine(id);
    let found = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(found.map(|machine| machine_from(id, machine)))
}

fn machine_from(id: [u8; 32], machine: machines::Machine) -> Machine {
    let last = machine.recent.0.last();
    let anchor = last.filter(|_| machine.anchors > 0).map(|last| Anchor {
        counter: last.counter,
        size: last.log.size,
        root: hex::encode(last.log.root),
        block: last.block.number,
        at: last.at,
    });
    Machine {
        id: hex::encode(id),
        owner: machine.owner.to_string(),
        device: machine.device.to_string(),
        attestation_key: hex::encode(machine.ak_public.0),
        level: lower(&machine.level),
        standing: lower(&machine.standing),
        epoch: machine.epoch,
        enrolled: machine.enrolled_at,
        anchor,
        anchors: machine.anchors,
        seen: machine.seen_at,
        due: machine.due,
        lapses: machine.lapses,
        absent: machine.absent,
        log_lost: machine.log_lost,
        floor: machine.floor,
    }
}

/// A variant's name as JSON has it.
fn lower(variant: &impl std::fmt::Debug) -> String {
    format!("{variant:?}").to_lowercase()
}

/// What one machine of a token holds of its owner.
pub async fn deposit_per_machine(at: &AtBlock) -> Result<Amount, Error> {
    let call = api::runtime_apis().machines_api().deposit_per_machine();
    Ok(Amount(at.runtime_apis().call(call).await.map_err(Error::chain)?))
}

/// Milliseconds from one block to the next, as expected: a slot's length over the chance that somebody produces in it.
pub async fn block_millis(at: &AtBlock) -> Result<u64, Error> {
    let call = api::runtime_apis().babe_api().configuration();
    let babe = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    let (chance, of) = babe.c;
    Ok(babe.slot_duration.saturating_mul(of).checked_div(chance).unwrap_or(babe.slot_duration))
}

/// The owner's join tokens.
pub async fn tokens_of(at: &AtBlock, owner: &AccountId32) -> Result<Vec<Token>, Error> {
    let mut all = at.storage().iter(api::storage().machines().tokens(), ()).await.map_err(Error::chain)?;
    let mut found = Vec::new();
    while let Some(entry) = all.next().await {
        let entry = entry.map_err(Error::chain)?;
        let (key,) = entry.key().map_err(Error::chain)?.decode().map_err(Error::chain)?;
        let token = entry.value().decode().map_err(Error::chain)?;
        if token.owner == *owner {
            found.push(Token { token: hex::encode(key), left: token.left, expires: token.expires });
        }
    }
    Ok(found)
}

/// What an account has.
pub async fn balance(at: &AtBlock, account: &AccountId32) -> Result<Balance, Error> {
    let found =
        at.storage().try_fetch(api::storage().system().account(), (*account,)).await.map_err(Error::chain)?;
    let Some(found) = found else { return Ok(Balance::nothing(account)) };
    let data = found.decode().map_err(Error::chain)?.data;
    Ok(Balance {
        account: account.to_string(),
        free: Amount(data.free),
        held: Amount(data.reserved),
        frozen: Amount(data.frozen),
    })
}

/// What is held of an account, and why.
pub async fn deposits(at: &AtBlock, account: &AccountId32) -> Result<Vec<Deposit>, Error> {
    let found =
        at.storage().try_fetch(api::storage().balances().holds(), (*account,)).await.map_err(Error::chain)?;
    let Some(found) = found else { return Ok(Vec::new()) };
    let holds = found.decode().map_err(Error::chain)?;
    let deposit = |reason: &dyn std::fmt::Debug, amount| Deposit {
        reason: format!("{reason:?}"),
        amount: Amount(amount),
    };
    Ok(holds.0.iter().map(|hold| deposit(&hold.id, hold.amount)).collect())
}

/// An owner's bond.
pub async fn bond_of(at: &AtBlock, owner: AccountId32) -> Result<Bond, Error> {
    let call = api::runtime_apis().drilling_api().bond_of(owner);
    let view = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(Bond {
        active: Amount(view.bond.active),
        leaving: Amount(view.bond.leaving),
        free_at: view.bond.free_at,
        machines: view.bond.machines,
        per_machine: Amount(view.per_machine),
    })
}

/// Compute power of an owner, its machines, and the network.
pub async fn ecp(at: &AtBlock, owner: AccountId32) -> Result<Report, Error> {
    let apis = api::runtime_apis().ecp_api();
    let own = at.runtime_apis().call(apis.owner_ecp(owner)).await.map_err(Error::chain)?;
    let machines = at.runtime_apis().call(apis.machines_ecp(owner)).await.map_err(Error::chain)?;
    let network = at.runtime_apis().call(apis.network_ecp()).await.map_err(Error::chain)?;
    let machines = machines.into_iter().map(|(id, machine)| MachinePower {
        machine: hex::encode(id),
        counts: machine.counts,
        power: power(&machine.figures),
    });
    Ok(Report {
        owner: owner.to_string(),
        block: at.block_number(),
        power: power(&own.figures),
        machines: machines.collect(),
        network: power(&network.figures),
    })
}

const fn power(figures: &types::pallet_ecp::score::Figures) -> Power {
    Power {
        drilling_total: figures.drilling_total,
        drilling: figures.drilling_effective,
        training_total: figures.training_total,
        training: figures.training_effective,
        effective: figures.combined,
    }
}

/// Batches that have tasks left, or are voted on: the first of each that was published comes first.
pub async fn open_batches(at: &AtBlock) -> Result<Vec<Listed>, Error> {
    let mut all = at.storage().iter(api::storage().drilling().batches(), ()).await.map_err(Error::chain)?;
    let mut found = Vec::new();
    while let Some(entry) = all.next().await {
        let entry = entry.map_err(Error::chain)?;
        let (number,) = entry.key().map_err(Error::chain)?.decode().map_err(Error::chain)?;
        let batch = entry.value().decode().map_err(Error::chain)?;
        if batch.left > 0 {
            found.push(listed(at, number, &batch).await?);
        }
    }
    found.sort_by_key(|listed| (listed.vote.is_some(), listed.batch));
    Ok(found)
}

/// One batch.
pub async fn batch(at: &AtBlock, number: u32) -> Result<Option<Shown>, Error> {
    let call = api::runtime_apis().drilling_api().batch(number);
    let Some(batch) = at.runtime_apis().call(call).await.map_err(Error::chain)? else { return Ok(None) };
    let (constants, terms) = (at.constants(), api::constants().drilling());
    Ok(Some(Shown {
        block: at.block_number(),
        listed: listed(at, number, &batch).await?,
        running: batch.running,
        replicas: batch.replicas,
        held: Amount(batch.held),
        deposit: Amount(constants.entry(terms.batch_deposit()).map_err(Error::chain)?),
        price: Amount(constants.entry(terms.task_price()).map_err(Error::chain)?),
        source: String::from_utf8_lossy(&batch.source.0).into_owned(),
        spec: specified(batch.spec),
    }))
}

async fn listed(at: &AtBlock, number: u32, batch: &drills::Batch) -> Result<Listed, Error> {
    let vote = vote_on(at, batch).await?;
    Ok(Listed {
        batch: number,
        publisher: batch.publisher.to_string(),
        class: lower(&batch.class),
        worth: batch.worth,
        count: batch.count,
        left: batch.left,
        state: if vote.is_some() { "voting" } else { "approved" },
        vote,
    })
}

/// How the vote on a batch stands; nothing where it is over.
async fn vote_on(at: &AtBlock, batch: &drills::Batch) -> Result<Option<Vote>, Error> {
    let drills::Approval::Voting(until) = batch.approval else { return Ok(None) };
    let bonded =
        at.storage().try_fetch(api::storage().drilling().bonded(), ()).await.map_err(Error::chain)?;
    let bonded = match bonded {
        Some(bonded) => bonded.decode().map_err(Error::chain)?,
        None => 0,
    };
    let mut ballots = Vec::new();
    for (voter, approve) in &batch.votes.0 {
        let stake = active_bond(at, voter).await?;
        ballots.push(Ballot { voter: voter.to_string(), approve: *approve, stake });
    }
    let quorum = at.constants().entry(api::constants().drilling().quorum()).map_err(Error::chain)?;
    Ok(Some(Vote::count(until, Amount(bonded), quorum, ballots)))
}

/// What an owner's vote counts for.
async fn active_bond(at: &AtBlock, owner: &AccountId32) -> Result<Amount, Error> {
    let found =
        at.storage().try_fetch(api::storage().drilling().bonds(), (*owner,)).await.map_err(Error::chain)?;
    let Some(found) = found else { return Ok(Amount(0)) };
    Ok(Amount(found.decode().map_err(Error::chain)?.active))
}

fn specified(spec: types::drilling::spec::Spec) -> Specified {
    use types::drilling::spec::Kernel;
    let infer = match spec.kernel {
        Kernel::Mlp => None,
        Kernel::Infer { network, shard, items } => {
            Some(Infer { network: hex::encode(network), shard: hex::encode(shard), items })
        }
    };
    let layers = spec.layers.into_iter().map(|layer| Layer {
        outputs: layer.outputs,
        multiplier: layer.multiplier,
        shift: layer.shift,
    });
    Specified { rows: spec.rows, inputs: spec.inputs, layers: layers.collect(), infer }
}

/// Blocks of a vote on a batch.
pub fn vote_blocks(at: &AtBlock) -> Result<u32, Error> {
    at.constants().entry(api::constants().drilling().vote_blocks()).map_err(Error::chain)
}

/// The number that a batch got when it was published, and whether it was approved at once.
pub fn announced(included: &Included) -> Result<Option<(u32, bool)>, Error> {
    use api::drilling::events::{Approved, Published};
    let Some(published) = included.events.find_first::<Published>() else { return Ok(None) };
    let batch = published.map_err(Error::chain)?.batch;
    Ok(Some((batch, included.events.has::<Approved>())))
}

/// Tasks of a machine that are not settled, and questions about its results that wait for an answer.
pub async fn open_work(at: &AtBlock, machine: [u8; 32]) -> Result<(usize, usize), Error> {
    let apis = api::runtime_apis().drilling_api();
    let tasks = at.runtime_apis().call(apis.work_of(machine)).await.map_err(Error::chain)?;
    let questions = at.runtime_apis().call(apis.questions_of(machine)).await.map_err(Error::chain)?;
    Ok((tasks.len(), questions.len()))
}

/// What an account is in block production, and what that takes.
pub async fn authority(at: &AtBlock, account: &AccountId32) -> Result<Authority, Error> {
    let found = at.storage().try_fetch(api::storage().authorities().registry(), (*account,)).await;
    let member = match found.map_err(Error::chain)? {
        None => None,
        Some(found) => Some(member(at, account, found.decode().map_err(Error::chain)?).await?),
    };
    let (constants, terms) = (at.constants(), api::constants().authorities());
    let terms = Terms {
        least_stake: Amount(constants.entry(terms.least_stake()).map_err(Error::chain)?),
        seat_bond: Amount(constants.entry(terms.seat_bond()).map_err(Error::chain)?),
        unbonding: constants.entry(terms.unbonding()).map_err(Error::chain)?,
    };
    let (public, block) = (hex::encode(account.0), at.block_number());
    Ok(Authority { account: account.to_string(), public, block, member, terms })
}

async fn member(
    at: &AtBlock,
    account: &AccountId32,
    known: types::pallet_authorities::types::Authority,
) -> Result<Member, Error> {
    use types::pallet_authorities::types::State;
    let voters = at.storage().try_fetch(api::storage().authorities().voters(), ()).await;
    let voters = match voters.map_err(Error::chain)? {
        Some(voters) => voters.decode().map_err(Error::chain)?.0,
        None => Vec::new(),
    };
    let babe = api::runtime_apis().babe_api();
    let now = at.runtime_apis().call(babe.current_epoch()).await.map_err(Error::chain)?;
    let next = at.runtime_apis().call(babe.next_epoch()).await.map_err(Error::chain)?;
    let weight = |epoch: types::sp_consensus_babe::Epoch| {
        let mut weight = Weight { own: 0, all: 0 };
        for (key, counts) in epoch.authorities {
            weight.all = weight.all.saturating_add(counts);
            weight.own = if key == known.producer { counts } else { weight.own };
        }
        weight
    };
    let free_at = if let State::Leaving(due) = known.state { Some(due) } else { None };
    Ok(Member {
        state: match known.state {
            State::Serving => "serving",
            State::Resting => "resting",
            State::Leaving(_) => "leaving",
        },
        free_at,
        stake: Amount(known.stake),
        seat: known.seat,
        votes: voters.contains(account),
        weight: weight(now),
        next_weight: weight(next),
        producer: hex::encode(known.producer.0),
        voter: hex::encode(known.voter.0),
    })
}

/// What an owner has earned.
pub async fn earnings(at: &AtBlock, owner: AccountId32) -> Result<Earnings, Error> {
    let apis = api::runtime_apis().rewards_api();
    let earned = at.runtime_apis().call(apis.earnings(owner)).await.map_err(Error::chain)?;
    let issue = at.runtime_apis().call(apis.issue()).await.map_err(Error::chain)?;
    Ok(Earnings {
        owner: owner.to_string(),
        block: at.block_number(),
        free: Amount(earned.free),
        locked: Amount(earned.locked),
        until: earned.until,
        claimed: Amount(earned.claimed),
        issue: Amount(issue),
    })
}

/// Takes part in block production with a node's keys.
pub fn join(keys: &Keys, stake: Amount) -> impl Payload + use<> {
    let session = types::matrixai_runtime::SessionKeys {
        babe: types::sp_consensus_babe::app::Public(keys.producer),
        grandpa: types::sp_consensus_grandpa::app::Public(keys.voter),
    };
    let proof = types::bounded_collections::bounded_vec::BoundedVec(keys.proof.clone());
    api::tx().authorities().join(session, proof, stake.0)
}

/// Puts more at stake as an authority.
pub fn bond_more(amount: Amount) -> impl Payload {
    api::tx().authorities().bond_more(amount.0)
}

/// Wants a seat among the voters, or no longer.
pub fn seat(wanted: bool) -> impl Payload {
    api::tx().authorities().seat(wanted)
}

/// Takes part again after rest.
pub fn wake() -> impl Payload {
    api::tx().authorities().wake()
}

/// Takes part no more.
pub fn leave() -> impl Payload {
    api::tx().authorities().leave()
}

/// Takes an authority's stake back.
pub fn withdraw_stake() -> impl Payload {
    api::tx().authorities().withdraw()
}

/// Pays out what is free of one's earnings.
pub fn claim() -> impl Payload {
    api::tx().rewards().claim()
}

/// Puts tokens at stake.
pub fn bond(amount: Amount) -> impl Payload {
    api::tx().drilling().bond(amount.0)
}

/// Takes some away.
pub fn unbond(amount: Amount) -> impl Payload {
    api::tx().drilling().unbond(amount.0)
}

/// Takes back what has come free.
pub fn withdraw_bond() -> impl Payload {
    api::tx().drilling().withdraw()
}

/// Publishes a batch.
pub fn publish(batch: &Batch) -> impl Payload + use<> {
    let source = types::bounded_collections::bounded_vec::BoundedVec(batch.source.clone());
    api::tx().drilling().publish(batch.spec.into(), batch.count, batch.replicas, batch.worth, source)
}

/// Votes on a batch.
pub fn vote(batch: u32, approve: bool) -> impl Payload {
    api::tx().drilling().vote(batch, approve)
}

/// Ends a batch.
pub fn end_batch(batch: u32) -> impl Payload {
    api::tx().drilling().end_batch(batch)
}

/// A join token.
pub fn create_token(key: [u8; 32], machines: u32, expires: u32) -> impl Payload {
    api::tx().machines().create_token(key, machines, expires)
}

/// Makes a join token void.
pub fn revoke_token(key: [u8; 32]) -> impl Payload {
    api::tx().machines().revoke_token(key)
}

/// Takes a machine out of service.
pub fn retire(machine: [u8; 32]) -> impl Payload {
    api::tx().machines().retire(machine)
}

/// Sends tokens, and never so many that the account would vanish.
pub fn transfer(to: AccountId32, amount: Amount) -> impl Payload {
    api::tx().balances().transfer_keep_alive(MultiAddress::Id(to), amount.0)
}
