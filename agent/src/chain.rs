//! The chain in the agent's words. Every call and every read of the chain's types is here and nowhere else.

use crate::{
    board::PowerView,
    debt::{self, Debt},
    drill::{Assignment, Question, Stage, State, pace::Terms},
    hex32::Hex32,
};
use evidence::Signed;
use light_client::{
    AccountId32, AtBlock, Error, Extrinsic, Key, LightClient,
    chain::{
        self,
        runtime_types::{
            bounded_collections::bounded_vec::BoundedVec, drilling as their, pallet_drilling,
            pallet_machines::types,
        },
    },
    subxt::tx::Payload,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// Smallest units in a token.
const TOKEN: u128 = 1_000_000_000_000;

/// A machine, as the latest finalised block has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Who owns it.
    pub owner: String,
    /// Its device key.
    pub device: [u8; 32],
    /// `TPMT_PUBLIC` of its attestation key.
    pub ak_public: Vec<u8>,
    /// How far its identity can be trusted.
    pub level: String,
    /// Whether it is active, lapsed, forked or retired.
    pub standing: String,
    /// Counts enrolments.
    pub epoch: u32,
    /// What the last anchor left.
    pub head: attest::verify::AnchorHead,
    /// Recent anchors: counter, and block that they are in.
    pub recent: Vec<(u64, u64)>,
    /// Without an anchor after this block it lapses.
    pub due: u64,
}

/// A request to enrol that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Draws of inspectors so far.
    pub tries: u8,
    /// When everybody must be done.
    pub deadline: u64,
    /// Who was drawn.
    pub duties: Vec<Duty>,
}

/// One drawn inspector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The account.
    pub inspector: Hex32,
    /// What the machine is to answer.
    pub challenge: Option<Challenge>,
    /// Whether it did.
    pub answered: bool,
    /// Whether the machine has said that the credential is bad.
    pub disputed: bool,
    /// Whether nothing more is expected of anybody.
    pub closed: bool,
}

impl Duty {
    /// Whether the machine is to answer.
    pub const fn asks(&self) -> bool {
        self.challenge.is_some() && !self.answered && !self.disputed && !self.closed
    }
}

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Contents of the `TPM2B_ID_OBJECT`.
    pub id_object: Vec<u8>,
    /// Contents of the `TPM2B_ENCRYPTED_SECRET`.
    pub encrypted_secret: Vec<u8>,
    /// SHA-256 of the right answer.
    pub commitment: [u8; 32],
}

/// A join token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Machines that may still join with it.
    pub left: u32,
    /// Last block in which it can be used.
    pub expires: u64,
}

/// A machine by its identifier.
pub async fn machine(client: &LightClient, id: [u8; 32]) -> Result<Option<Machine>, Error> {
    let call = chain::runtime_apis().machines_api().machine(id);
    let machine = client.latest().await?.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(machine.map(from_machine))
}

/// A machine's compute power; none while it never did anything.
pub async fn power(client: &LightClient, id: [u8; 32]) -> Result<Option<PowerView>, Error> {
    let call = chain::runtime_apis().ecp_api().machine_ecp(id);
    let told = client.latest().await?.runtime_apis().call(call).await.map_err(Error::chain)?;
    let narrow = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
    Ok(told.map(|told| PowerView {
        effective: narrow(told.figures.combined),
        drilling: narrow(told.figures.drilling_effective),
        drilling_total: narrow(told.figures.drilling_total),
        training: narrow(told.figures.training_effective),
        counts: told.counts,
    }))
}

/// A request by its digest.
pub async fn request(client: &LightClient, id: [u8; 32]) -> Result<Option<Request>, Error> {
    let call = chain::runtime_apis().machines_api().request(id);
    let request = client.latest().await?.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(request.map(from_request))
}

/// A token by its public key.
pub async fn token(client: &LightClient, key: [u8; 32]) -> Result<Option<Token>, Error> {
    let call = chain::runtime_apis().machines_api().token(key);
    let token = client.latest().await?.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(token.map(|token| Token { left: token.left, expires: token.expires.into() }))
}

/// The chain's clock at the latest finalised block, ms since 1970.
pub async fn time_ms(client: &LightClient) -> Result<u64, Error> {
    let at = client.latest().await?;
    let now = at.storage().entry(chain::storage().timestamp().now()).map_err(Error::chain)?;
    let now = now.fetch(()).await.map_err(Error::chain)?;
    now.decode().map_err(Error::chain)
}

/// A machine's tasks that are not settled.
pub async fn work_of(at: &AtBlock, machine: [u8; 32]) -> Result<Vec<Assignment>, Error> {
    let call = chain::runtime_apis().drilling_api().work_of(machine);
    let work = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(work.into_iter().filter_map(assignment).collect())
}

/// Questions that a machine must answer.
pub async fn questions_of(at: &AtBlock, machine: [u8; 32]) -> Result<Vec<Question>, Error> {
    let call = chain::runtime_apis().drilling_api().questions_of(machine);
    let asked = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(asked.into_iter().filter_map(question).collect())
}

/// A machine that takes tasks, as far as the agent looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worker {
    /// The class of tasks.
    pub class: drilling::Class,
    /// How many at one time.
    pub places: u8,
    /// Places that stand in pools.
    pub waiting: u8,
    /// Tasks that it has.
    pub tasks: usize,
    /// Tasks ever agreed.
    pub agreed: u32,
    /// Tasks ever forfeited.
    pub forfeited: u32,
    /// Lies.
    pub convicted: u32,
}

impl Worker {
    /// Places that tasks or pools take up.
    pub fn taken(&self) -> usize {
        usize::from(self.waiting).saturating_add(self.tasks)
    }
}

/// What the chain knows of a machine that takes tasks.
pub async fn worker(at: &AtBlock, machine: [u8; 32]) -> Result<Option<Worker>, Error> {
    let call = chain::runtime_apis().drilling_api().worker(machine);
    let worker = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(worker.map(|worker| Worker {
        class: worker.class.into(),
        places: worker.places,
        waiting: worker.waiting,
        tasks: worker.tasks.0.len(),
        agreed: worker.agreed,
        forfeited: worker.forfeited,
        convicted: worker.convicted,
    }))
}

/// How many tasks the chain gives a machine at one time, and how long for each.
pub fn terms(at: &AtBlock) -> Result<Terms, Error> {
    let (constants, drilling) = (at.constants(), chain::constants().drilling());
    let most = constants.entry(drilling.pipeline()).map_err(Error::chain)?;
    let window = constants.entry(drilling.window_blocks()).map_err(Error::chain)?;
    let block = constants.entry(chain::constants().babe().expected_block_time()).map_err(Error::chain)?;
    let block = Duration::from_millis(block);
    Ok(Terms { window: block.saturating_mul(window), block, most: u8::try_from(most).unwrap_or(u8::MAX) })
}

/// Classes that have tasks nobody was given yet: those that the chain itself makes, and those of batches.
pub async fn on_offer(at: &AtBlock) -> Result<BTreeSet<drilling::Class>, Error> {
    let storage = chain::storage().drilling();
    let made = at.storage().fetch(storage.synthetic(), ()).await.map_err(Error::chain)?;
    let specs = made.decode().map_err(Error::chain)?.0.into_iter();
    // What this version does not know, it cannot work on either.
    let specs = specs.filter_map(|spec| drilling::Spec::try_from(spec).ok());
    let mut offered: BTreeSet<drilling::Class> = specs.map(|spec| drilling::Class::of(&spec)).collect();
    for class in drilling::Class::ALL {
        if offered.contains(&class) {
            continue;
        }
        let key = (their_class(class as u8),);
        let batches = at.storage().fetch(storage.supply(), key).await.map_err(Error::chain)?;
        if !batches.decode().map_err(Error::chain)?.0.is_empty() {
            offered.insert(class);
        }
    }
    Ok(offered)
}

/// What the bond of a machine's owner lacks before the machine is given tasks, in words.
pub async fn bond_lacks(at: &AtBlock, id: [u8; 32]) -> Result<Option<String>, Error> {
    let call = chain::runtime_apis().machines_api().machine(id);
    let Some(machine) = at.runtime_apis().call(call).await.map_err(Error::chain)? else { return Ok(None) };
    let call = chain::runtime_apis().drilling_api().bond_of(machine.owner);
    let view = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    let wanted = view.per_machine.saturating_mul(u128::from(view.bond.machines).saturating_add(1));
    Ok((view.bond.active < wanted).then(|| {
        let lacks = wanted.saturating_sub(view.bond.active).div_ceil(TOKEN);
        format!("the owner's bond lacks {lacks} tokens: matrixai stake bond {lacks}")
    }))
}

/// A machine's tasks as the latest finalised block has them, read once for each block: many debts are about them.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<Option<(u64, Arc<[Assignment]>)>>);

impl Tasks {
    async fn of(&self, client: &LightClient, machine: [u8; 32]) -> Result<Arc<[Assignment]>, Error> {
        let at = client.latest().await?;
        let mut read = self.0.lock().await;
        match read.as_ref().filter(|(block, _)| *block == at.block_number()) {
            Some((_, tasks)) => Ok(tasks.clone()),
            None => {
                let tasks: Arc<[Assignment]> = work_of(&at, machine).await?.into();
                *read = Some((at.block_number(), tasks.clone()));
                Ok(tasks)
            }
        }
    }
}

/// Whether finalised state shows that a debt is paid, or that nobody asks for it any more.
pub async fn is_paid(client: &LightClient, debt: &Debt, tasks: &Tasks) -> Result<bool, Error> {
    match debt {
        Debt::Anchor(anchor) => {
            let machine = machine(client, anchor.machine.0).await?;
            Ok(machine.is_some_and(|machine| machine.head.counter >= anchor.counter))
        }
        Debt::Delegate(delegation) => {
            let machine = machine(client, delegation.machine.0).await?;
            Ok(machine.is_some_and(|machine| machine.device == delegation.quote.device_key))
        }
        Debt::Request(asked) => {
            // In this order: a request that is gone has left its machine behind.
            if request(client, asked.id.0).await?.is_some() {
                return Ok(true);
            }
            let machine = machine(client, asked.machine.0).await?;
            Ok(machine.is_some_and(|machine| machine.ak_public == asked.ak_public))
        }
        Debt::Ready(ready) => {
            let worker = worker(&client.latest().await?, ready.machine.0).await?;
            Ok(worker
                .is_some_and(|worker| worker.class as u8 == ready.class && worker.places == ready.places))
        }
        Debt::Commit(commit) => {
            let work = tasks.of(client, commit.machine.0).await?;
            Ok(!work.iter().any(|one| one.id == commit.task.0 && one.awaits_commitment()))
        }
        Debt::Reveal(reveal) => {
            let work = tasks.of(client, reveal.machine.0).await?;
            Ok(!work.iter().any(|one| one.id == reveal.task.0 && one.awaits_reveal()))
        }
        Debt::Disclose(disclosure) => {
            let asked = questions_of(&client.latest().await?, disclosure.machine.0).await?;
            let question = disclosure.question();
            Ok(!asked.iter().any(|asked| asked.id == disclosure.task.0 && asked.question == question))
        }
        Debt::Answer(answer) => asks_no_more(client, &answer.duty).await,
        Debt::Dispute(duty) => asks_no_more(client, duty).await,
    }
}

async fn asks_no_more(client: &LightClient, asked: &debt::Duty) -> Result<bool, Error> {
    let Some(request) = request(client, asked.request.0).await? else { return Ok(true) };
    let duty = request.duties.iter().find(|duty| duty.inspector == asked.inspector);
    Ok(duty.is_none_or(|duty| !duty.asks()))
}

/// Makes the extrinsic that pays a debt. The device signs where the call needs an account.
pub async fn extrinsic(
    client: &LightClient,
    debt: &Debt,
    device: &Key,
    nonce: u64,
) -> Result<Extrinsic, Error> {
    let (calls, drills) = (chain::tx().machines(), chain::tx().drilling());
    match debt {
        Debt::Ready(ready) => {
            signed(client, &drills.ready(their_class(ready.class), ready.places), device, nonce).await
        }
        Debt::Commit(commit) => {
            signed(client, &drills.commit(commit.task.0, commit.commitment.0), device, nonce).await
        }
        Debt::Reveal(reveal) => {
            signed(client, &drills.reveal(reveal.task.0, reveal.digest.0, reveal.salt.0), device, nonce).await
        }
        Debt::Disclose(disclosure) => {
            let question = disclosure.question().into();
            let answer = BoundedVec(disclosure.answer.clone());
            signed(client, &drills.disclose(disclosure.task.0, question, answer), device, nonce).await
        }
        Debt::Request(request) => client.general(&calls.request(enrolment(request))).await,
        Debt::Delegate(delegated) => client.general(&calls.delegate(delegation(delegated))).await,
        Debt::Anchor(made) => signed(client, &calls.anchor(anchor(made)), device, nonce).await,
        Debt::Answer(answer) => {
            let debt::Answer { duty, answer } = answer;
            signed(client, &calls.answer(duty.request.0, account(duty.inspector), answer.0), device, nonce)
                .await
        }
        Debt::Dispute(duty) => {
            signed(client, &calls.dispute(duty.request.0, account(duty.inspector)), device, nonce).await
        }
    }
}

async fn signed(
    client: &LightClient,
    call: &impl Payload,
    device: &Key,
    nonce: u64,
) -> Result<Extrinsic, Error> {
    client.sign(call, device, Some(nonce)).await
}

/// What a pool's refusal means: its number is the pallet's n-th error.
pub async fn explain(client: &LightClient, refusal: &str) -> String {
    let Some(number) = custom(refusal) else { return refusal.to_string() };
    let Ok(at) = client.latest().await else { return refusal.to_string() };
    let metadata = at.metadata();
    let pallet = metadata.pallet_by_name("Machines");
    let Some(error) = pallet.and_then(|pallet| pallet.error_variant_by_index(number)) else {
        return refusal.to_string();
    };
    let what = error.docs.join(" ");
    format!("{}: {}", error.name, what.trim())
}

/// smoldot writes `Invalid transaction: Other reason (code: 7)`, nodes write `Custom(7)`.
fn custom(refusal: &str) -> Option<u8> {
    let after = |mark| refusal.split_once(mark).map(|(_, rest)| rest);
    let rest = after("(code: ").or_else(|| after("Custom("))?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// A task as the chain has it; none where it is none of ours to do.
fn assignment(work: pallet_drilling::api::Assignment) -> Option<Assignment> {
    use pallet_drilling::types::{Stage as Theirs, State as Part};
    Some(Assignment {
        id: work.id,
        task: work.task.try_into().ok()?,
        source: source(&work.source),
        stage: match work.stage {
            Theirs::Committing => Stage::Committing,
            Theirs::Revealing => Stage::Revealing,
            _ => Stage::Other,
        },
        state: match work.state {
            Part::Assigned => State::Assigned,
            Part::Committed(_) => State::Committed,
            _ => State::Other,
        },
        deadline: work.deadline.into(),
    })
}

fn question(asked: pallet_drilling::api::Asked) -> Option<Question> {
    Some(Question {
        id: asked.id,
        task: asked.task.try_into().ok()?,
        source: source(&asked.source),
        question: asked.question.into(),
        deadline: asked.deadline.into(),
    })
}

/// Where a publisher says that its data can be had: anything at all.
fn source(source: &BoundedVec<u8>) -> String {
    String::from_utf8_lossy(&source.0).into_owned()
}

const fn their_class(class: u8) -> their::class::Class {
    match class {
        0 => their::class::Class::Tiny,
        1 => their::class::Class::Small,
        2 => their::class::Class::Medium,
        _ => their::class::Class::Large,
    }
}

fn from_machine(machine: types::Machine) -> Machine {
    let types::Head { size, root, counter, reset_count, restart_count } = machine.head;
    Machine {
        owner: machine.owner.to_string(),
        device: machine.device.0,
        ak_public: machine.ak_public.0,
        level: format!("{:?}", machine.level).to_lowercase(),
        standing: format!("{:?}", machine.standing).to_lowercase(),
        epoch: machine.epoch,
        head: attest::verify::AnchorHead { size, root, counter, reset_count, restart_count },
        recent: machine.recent.0.iter().map(|anchored| (anchored.counter, anchored.at.into())).collect(),
        due: machine.due.into(),
    }
}

fn from_request(request: types::Request) -> Request {
    let challenge = |challenge: types::Challenge| Challenge {
        id_object: challenge.id_object.0,
        encrypted_secret: challenge.encrypted_secret.0,
        commitment: challenge.commitment,
    };
    let duty = |duty: types::Duty| Duty {
        inspector: Hex32(duty.inspector.0),
        challenge: duty.challenge.map(challenge),
        answered: duty.answered,
        disputed: duty.disputed,
        closed: duty.closed,
    };
    Request {
        tries: request.tries,
        deadline: request.deadline.into(),
        duties: request.duties.0.into_iter().map(duty).collect(),
    }
}

fn enrolment(request: &debt::Request) -> types::Enrolment {
    types::Enrolment {
        token: request.token.0,
        device: request.quote.device_key,
        ek_public: BoundedVec(request.ek_public.clone()),
        ek_certificate: BoundedVec(request.ek_certificate.clone()),
        ak_public: BoundedVec(request.ak_public.clone()),
        block: block(&request.quote),
        log: log(&request.quote),
        quote: attestation(&request.quote),
        join_record: BoundedVec(request.join_record.clone()),
        join_proof: proof(&request.join_proof),
        consistency: proof(&request.consistency),
        token_signature: request.token_signature,
        device_signature: request.device_signature,
    }
}

fn delegation(delegation: &debt::Delegation) -> types::Delegation {
    types::Delegation {
        machine: delegation.machine.0,
        device: delegation.quote.device_key,
        block: block(&delegation.quote),
        log: log(&delegation.quote),
        quote: attestation(&delegation.quote),
        device_signature: delegation.device_signature,
    }
}

fn anchor(anchor: &debt::Anchor) -> types::AnchorCall {
    types::AnchorCall {
        block: block(&anchor.certified),
        log: log(&anchor.certified),
        certified: attestation(&anchor.certified),
        consistency: proof(&anchor.consistency),
    }
}

/// The chain's heights are 32 bits; one that is none names no block, and is refused as such.
fn block(signed: &Signed) -> types::BlockRef {
    types::BlockRef {
        number: u32::try_from(signed.block_number).unwrap_or(u32::MAX),
        hash: signed.block_hash,
    }
}

const fn log(signed: &Signed) -> types::LogHead {
    types::LogHead { size: signed.size, root: signed.root }
}

fn attestation(signed: &Signed) -> types::Attestation {
    types::Attestation { message: BoundedVec(signed.message.clone()), signature: signed.signature }
}

fn proof(hashes: &[Hex32]) -> BoundedVec<[u8; 32]> {
    BoundedVec(hashes.iter().map(|hash| hash.0).collect())
}

const fn account(key: Hex32) -> AccountId32 {
    AccountId32(key.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_by_number_is_read() {
        assert_eq!(custom("Invalid transaction: Other reason (code: 10)"), Some(10));
        assert_eq!(custom("InvalidTransaction: Custom(17)"), Some(17));
        assert_eq!(custom("Invalid(Custom(3))"), Some(3));
        assert_eq!(custom("Stale"), None);
        assert_eq!(custom("Custom(999)"), None);
    }
}
