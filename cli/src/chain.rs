//! Every read and call of this program. What the chain's types look like is known here and nowhere else.

use crate::{
    amount::Amount,
    ecp::{MachinePower, Power, Report},
    funds::{Balance, Deposit},
    machines::{Anchor, Machine},
    stake::Bond,
    tasks::{Batch, Listed},
    token::Token,
};
use light_client::{
    AccountId32, AtBlock, Error,
    chain::{self as api, runtime_types as types},
    subxt::{tx::Payload, utils::MultiAddress},
};
use types::pallet_machines::types as machines;

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

/// Batches of all classes that have tasks left.
pub async fn supply(at: &AtBlock) -> Result<Vec<Listed>, Error> {
    use types::drilling::class::Class;
    let mut all = Vec::new();
    for class in [Class::Tiny, Class::Small, Class::Medium, Class::Large] {
        let call = api::runtime_apis().drilling_api().supply(class);
        let found = at.runtime_apis().call(call).await.map_err(Error::chain)?;
        all.extend(found.into_iter().map(|(batch, known)| Listed {
            batch,
            publisher: known.publisher.to_string(),
            class: lower(&known.class),
            worth: known.worth,
            count: known.count,
            left: known.left,
        }));
    }
    Ok(all)
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
    use types::drilling::spec;
    let kernel = match batch.spec.kernel {
        drilling::Kernel::Mlp => spec::Kernel::Mlp,
        drilling::Kernel::Infer { network, shard, items } => spec::Kernel::Infer { network, shard, items },
    };
    let layer = |layer: &drilling::Layer| spec::Layer {
        outputs: layer.outputs,
        multiplier: layer.multiplier,
        shift: layer.shift,
    };
    let layers = batch.spec.layers.iter().map(layer).collect();
    let spec = spec::Spec { kernel, rows: batch.spec.rows, inputs: batch.spec.inputs, layers };
    let source = types::bounded_collections::bounded_vec::BoundedVec(batch.source.clone());
    api::tx().drilling().publish(spec, batch.count, batch.replicas, batch.worth, source)
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
