//! Every read and call of this program. What the chain's types look like is known here and nowhere else.

use crate::{
    audit::{Accused, Case, Chain},
    challenge::Challenge,
    ek_certificate::Level,
    vault::{Drawn, RequestId},
};
use light_client::{
    AccountId32, AtBlock, Error,
    chain::{self as api, runtime_types as types},
    subxt::tx::Payload,
};
use serde::Serialize;
use types::{
    bounded_collections::bounded_vec::BoundedVec, pallet_drilling, pallet_machines::types as machines,
};

/// A request that waits, as far as an inspector is concerned.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its identifier.
    pub id: RequestId,
    /// The machine asked for.
    pub machine: [u8; 32],
    /// `TPMT_PUBLIC` of the endorsement key.
    pub ek_public: Vec<u8>,
    /// Its certificate, or nothing.
    pub ek_certificate: Vec<u8>,
    /// `TPMT_PUBLIC` of the attestation key.
    pub ak_public: Vec<u8>,
    /// Draws so far.
    pub tries: u8,
    /// When the duty must be done.
    pub deadline: u32,
    /// How far this inspector's part is; none if it is not drawn.
    pub part: Option<Part>,
}

/// How far an inspector's part of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Neither a credential nor a refusal yet.
    Open,
    /// The machine has a credential to open.
    Challenged,
    /// The machine says that the credential is bad.
    Disputed,
    /// Nothing more to do.
    Closed,
}

/// What the registry knows of an inspector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Registration {
    /// What is at stake, in the smallest unit.
    pub bond: u128,
    /// Duties that wait.
    pub open: u32,
    /// Duties done.
    pub done: u32,
    /// Duties missed.
    pub missed: u32,
    /// When leaving: from which block on the bond may be taken back.
    pub leaves: Option<u32>,
}

/// Requests for which this inspector is drawn and not done.
pub async fn duties_of(at: &AtBlock, me: &AccountId32) -> Result<Vec<Request>, Error> {
    let call = api::runtime_apis().machines_api().duties_of(*me);
    let duties = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(duties.into_iter().map(|(id, waiting)| request_from(id, waiting, me)).collect())
}

/// One request, if it still waits.
pub async fn request(at: &AtBlock, id: RequestId, me: &AccountId32) -> Result<Option<Request>, Error> {
    let call = api::runtime_apis().machines_api().request(id);
    let found = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(found.map(|waiting| request_from(id, waiting, me)))
}

fn request_from(id: RequestId, waiting: machines::Request, me: &AccountId32) -> Request {
    let mine = waiting.duties.0.iter().find(|duty| duty.inspector == *me);
    Request {
        id,
        machine: waiting.machine,
        part: mine.map(part),
        ek_public: waiting.ek_public.0,
        ek_certificate: waiting.ek_certificate.0,
        ak_public: waiting.ak_public.0,
        tries: waiting.tries,
        deadline: waiting.deadline,
    }
}

fn part(duty: &machines::Duty) -> Part {
    match (&duty.challenge, duty.disputed) {
        _ if duty.closed => Part::Closed,
        (None, _) => Part::Open,
        (Some(_), false) => Part::Challenged,
        (Some(_), true) => Part::Disputed,
    }
}

/// Disputes for which this inspector is drawn and not done.
pub async fn disputes_of(at: &AtBlock, me: &AccountId32) -> Result<Vec<Case>, Error> {
    let call = api::runtime_apis().drilling_api().disputes_of(*me);
    let cases = at.runtime_apis().call(call).await.map_err(Error::chain)?;
    Ok(cases.into_iter().filter_map(case).collect())
}

fn case(case: pallet_drilling::api::Case) -> Option<Case> {
    let disclosures = case.disclosures;
    let accused = case.work.replicas.0.iter().filter_map(|replica| {
        let pallet_drilling::types::State::Revealed(digest) = replica.state else { return None };
        let opened =
            disclosures.iter().find(|(machine, _)| *machine == replica.machine).map(|(_, opened)| opened);
        let chains = opened.map(|opened| opened.chains.0.iter().map(chain_of).collect()).unwrap_or_default();
        let roots = opened.and_then(|opened| opened.roots.as_ref()).map(|roots| roots.0.clone());
        Some(Accused { machine: replica.machine, digest, roots, chains })
    });
    let accused = accused.collect();
    let source = String::from_utf8_lossy(&case.source.0).into_owned();
    Some(Case { id: case.id, accused, source, task: case.work.task.try_into().ok()? })
}

fn chain_of(chain: &pallet_drilling::types::Chain) -> Chain {
    let answer = chain.answer.as_ref().map(|answer| answer.0.clone());
    Chain { inspector: chain.inspector, question: chain.question.clone().into(), answer, asked: chain.asked }
}

/// Asks a machine what lies under a hash of its last answer.
pub fn demand(task: [u8; 32], machine: [u8; 32], place: u32) -> impl Payload {
    api::tx().drilling().demand(task, machine, place)
}

/// Proves that a machine's result is wrong.
pub fn convict(task: [u8; 32], machine: [u8; 32], proof: Vec<u8>) -> impl Payload {
    api::tx().drilling().convict(task, machine, BoundedVec(proof))
}

/// Has nothing more to say in a dispute.
pub fn clear(task: [u8; 32]) -> impl Payload {
    api::tx().drilling().clear(task)
}

/// What the registry knows of this account.
pub async fn registration(at: &AtBlock, me: &AccountId32) -> Result<Option<Registration>, Error> {
    let entry = api::storage().inspectors().registry();
    let found = at.storage().try_fetch(entry, (*me,)).await.map_err(Error::chain)?;
    let Some(found) = found else { return Ok(None) };
    let known = found.decode().map_err(Error::chain)?;
    Ok(Some(Registration {
        bond: known.bond,
        open: known.open,
        done: known.done,
        missed: known.missed,
        leaves: known.leaves,
    }))
}

/// Posts a credential and a vote.
pub fn challenge(request: RequestId, challenge: Challenge) -> impl Payload {
    let level = match challenge.level {
        Level::Hardware => machines::Level::Hardware,
        Level::Virtual => machines::Level::Virtual,
        Level::Unverified => machines::Level::Unverified,
    };
    let challenge = machines::Challenge {
        id_object: BoundedVec(challenge.id_object),
        encrypted_secret: BoundedVec(challenge.encrypted_secret),
        commitment: challenge.commitment,
        level,
    };
    api::tx().machines().challenge(request, challenge)
}

/// Will not have the machine.
pub fn refuse(request: RequestId) -> impl Payload {
    api::tx().machines().refuse(request)
}

/// Shows how a disputed credential was made.
pub fn reveal(request: RequestId, drawn: &Drawn) -> impl Payload {
    api::tx().machines().reveal(request, drawn.secret, drawn.seed, drawn.oaep_seed)
}

/// Registers; holds the bond.
pub fn register() -> impl Payload {
    api::tx().inspectors().register()
}

/// Is drawn no more.
pub fn leave() -> impl Payload {
    api::tx().inspectors().leave()
}

/// Asks a machine's GPUs.
pub fn ask(machine: [u8; 32]) -> impl Payload {
    api::tx().machines().ask(machine)
}

/// Takes the bond back.
pub fn withdraw() -> impl Payload {
    api::tx().inspectors().withdraw()
}

/// Does nothing: uses up a nonce that later transactions wait for.
pub fn nothing() -> impl Payload {
    api::tx().system().remark(Vec::new())
}
