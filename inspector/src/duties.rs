//! What an inspector owes the chain, as intents of the outbox.
//!
//! An intent names a request and the draw; everything else is read anew from finalised state and the vault whenever its transaction
//! is made. So nothing here can go stale, and a restart changes nothing.

use crate::{
    audit::Call,
    chain::{self, Part, Request},
    challenge,
    vault::{RequestId, Vault},
};
use light_client::{
    Error, Extrinsic, Key, LightClient,
    outbox::{Intent, Resolver},
};

/// One kind of debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A credential and a vote.
    Challenge,
    /// A refusal.
    Refuse,
    /// The randomness of a disputed credential.
    Reveal,
    /// Nothing, with a nonce that later transactions wait for.
    Fill,
}

/// An intent that cannot be carried out.
#[derive(Debug, thiserror::Error)]
enum Undoable {
    #[error("the outbox holds an intent that this program does not know: {0}")]
    Unknown(String),
    #[error("the request waits no more")]
    Ended,
    #[error("the secret for request {0} is not in the vault; restore it, or the bond is lost")]
    Lost(String),
    #[error("nonce {0} is no longer the next")]
    Nonce(u64),
}

const TASKS: [(Task, &str); 4] = [
    (Task::Challenge, "challenge"),
    (Task::Refuse, "refuse"),
    (Task::Reveal, "reveal"),
    (Task::Fill, "fill"),
];

impl Task {
    /// The name in the outbox and in logs.
    pub fn name(self) -> &'static str {
        TASKS.iter().find(|(task, _)| *task == self).map_or("", |(_, name)| name)
    }

    /// The intent to do this for a request. Another draw is another duty.
    pub fn intent(self, request: &Request) -> Intent {
        let key = [request.id.as_slice(), &[request.tries]].concat();
        Intent { kind: self.name().into(), key, body: Vec::new() }
    }

    /// The intent to use up a nonce.
    pub fn fill(nonce: u64) -> Intent {
        Intent { kind: Self::Fill.name().into(), key: nonce.to_be_bytes().into(), body: Vec::new() }
    }

    fn of(intent: &Intent) -> Result<Self, Error> {
        let known = TASKS.iter().find(|(_, name)| *name == intent.kind).map(|(task, _)| *task);
        known.ok_or_else(|| Error::resolver(Undoable::Unknown(intent.kind.clone())))
    }

    fn is_done(self, part: Part) -> bool {
        match self {
            Self::Challenge | Self::Refuse => part != Part::Open,
            Self::Reveal => part != Part::Disputed,
            Self::Fill => true,
        }
    }
}

/// Carries out intents.
pub struct Debts<'a> {
    /// The chain.
    pub client: &'a LightClient,
    /// Who owes.
    pub key: &'a Key,
    /// What was drawn.
    pub vault: &'a Vault,
}

impl Debts<'_> {
    async fn request(&self, intent: &Intent) -> Result<Option<Request>, Error> {
        let (id, _draw) =
            request_of(intent).ok_or_else(|| Error::resolver(Undoable::Unknown(intent.kind.clone())))?;
        chain::request(&self.client.latest().await?, id, &self.key.account()).await
    }

    async fn challenge(&self, intent: &Intent, nonce: u64) -> Result<Extrinsic, Error> {
        let request = self.request(intent).await?.ok_or_else(|| Error::resolver(Undoable::Ended))?;
        let drawn = self.drawn(&request.id)?;
        let me = self.key.public();
        let challenge = challenge::make(&request.id, &request.ek_public, &request.ak_public, &me, &drawn)
            .map_err(Error::resolver)?;
        self.client.sign(&chain::challenge(request.id, challenge), self.key, Some(nonce)).await
    }

    async fn reveal(&self, id: RequestId, nonce: u64) -> Result<Extrinsic, Error> {
        let drawn = self.drawn(&id)?;
        self.client.sign(&chain::reveal(id, &drawn), self.key, Some(nonce)).await
    }

    async fn dispute(&self, call: Call, nonce: u64) -> Result<Extrinsic, Error> {
        let (client, nonce) = (self.client, Some(nonce));
        match call {
            Call::Demand { task, machine, place, .. } => {
                client.sign(&chain::demand(task, machine, place), self.key, nonce).await
            }
            Call::Convict { task, machine, proof } => {
                client.sign(&chain::convict(task, machine, proof), self.key, nonce).await
            }
            Call::Clear { task } => client.sign(&chain::clear(task), self.key, nonce).await,
        }
    }

    fn drawn(&self, request: &RequestId) -> Result<crate::vault::Drawn, Error> {
        let drawn = self.vault.get(request).map_err(Error::resolver)?;
        drawn.ok_or_else(|| Error::resolver(Undoable::Lost(hex::encode(request))))
    }
}

impl Resolver for Debts<'_> {
    fn account(&self) -> Option<[u8; 32]> {
        Some(self.key.public())
    }

    async fn is_done(&self, intent: &Intent) -> Result<bool, Error> {
        if let Some(call) = Call::of(intent) {
            let (call, me) = (call.map_err(Error::resolver)?, self.key.account());
            let cases = chain::disputes_of(&self.client.latest().await?, &me).await?;
            return Ok(call.is_done(cases.iter().find(|case| case.id == *call.task()), &me));
        }
        let task = Task::of(intent)?;
        if task == Task::Fill {
            return Ok(self.client.nonce(self.key.public()).await? > nonce_of(intent));
        }
        let part = self.request(intent).await?.and_then(|request| request.part);
        Ok(part.is_none_or(|part| task.is_done(part)))
    }

    async fn build(&self, intent: &Intent, nonce: u64) -> Result<Extrinsic, Error> {
        if let Some(call) = Call::of(intent) {
            return self.dispute(call.map_err(Error::resolver)?, nonce).await;
        }
        let request = request_of(intent).map(|(id, _)| id).unwrap_or_default();
        match Task::of(intent)? {
            Task::Challenge => self.challenge(intent, nonce).await,
            Task::Refuse => self.client.sign(&chain::refuse(request), self.key, Some(nonce)).await,
            Task::Reveal => self.reveal(request, nonce).await,
            Task::Fill if nonce == nonce_of(intent) => {
                self.client.sign(&chain::nothing(), self.key, Some(nonce)).await
            }
            Task::Fill => Err(Error::resolver(Undoable::Nonce(nonce_of(intent)))),
        }
    }
}

/// The request and the draw that an intent is about.
pub fn request_of(intent: &Intent) -> Option<(RequestId, u8)> {
    let (id, draw) = intent.key.split_first_chunk::<32>()?;
    Some((*id, *draw.first()?))
}

fn nonce_of(intent: &Intent) -> u64 {
    intent.key.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(tries: u8) -> Request {
        Request {
            id: [5; 32],
            machine: [6; 32],
            ek_public: Vec::new(),
            ek_certificate: Vec::new(),
            ak_public: Vec::new(),
            tries,
            deadline: 9,
            part: Some(Part::Open),
        }
    }

    #[test]
    fn intents_name_their_request_and_draw() {
        for task in [Task::Challenge, Task::Refuse, Task::Reveal] {
            let intent = task.intent(&request(2));
            assert_eq!(request_of(&intent), Some(([5; 32], 2)));
            assert_eq!(Task::of(&intent).unwrap(), task);
        }
        assert_ne!(Task::Challenge.intent(&request(1)), Task::Challenge.intent(&request(2)));
        assert_eq!(nonce_of(&Task::fill(7)), 7);
    }

    #[test]
    fn foreign_intents_are_no_task() {
        let foreign = Intent { kind: "dance".into(), key: vec![1], body: Vec::new() };
        assert!(Task::of(&foreign).is_err());
        assert_eq!(request_of(&foreign), None);
    }

    #[test]
    fn each_task_knows_its_end() {
        use Part::{Challenged, Closed, Disputed, Open};
        let done = |task: Task| [Open, Challenged, Disputed, Closed].map(|part| task.is_done(part));
        assert_eq!(done(Task::Challenge), [false, true, true, true]);
        assert_eq!(done(Task::Refuse), [false, true, true, true]);
        assert_eq!(done(Task::Reveal), [true, true, false, true]);
    }
}
