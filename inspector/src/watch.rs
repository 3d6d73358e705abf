//! The daemon: at each finalised block, what is owed, and one step of paying it.
//!
//! Catching up is by state only: a restart after any time sees the duties that wait now, and no event is needed to know them.

use crate::{
    audit::Auditor,
    chain::{self, Part, Request},
    challenge,
    duties::{self, Debts, Task},
    error::Error,
    judgement::{Judgement, Rules},
    vault::{Vault, VaultError},
};
use credential::CredentialError;
use light_client::{
    AtBlock, Key, LightClient,
    outbox::{Enqueued, Entry, Intent, Outbox, Report, State},
};
use rustls_pki_types::UnixTime;
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::Duration,
};

/// Longest wait between two attempts at one debt, in blocks.
const LONGEST_BACKOFF: u64 = 64;
/// Waits after rounds that failed as a whole: doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How long a round may take, the wait for its block included, before the light client is started anew. Disputed tasks are done beside it.
const ROUND: Duration = Duration::from_secs(180);

/// Why watching ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Asked,
    /// The light client does not answer any more.
    Stuck,
}

/// Everything the daemon holds with one light client.
pub struct Watch<'a> {
    client: LightClient,
    key: Key,
    rules: Rules,
    vault: Vault,
    outbox: Outbox,
    auditor: &'a mut Auditor,
    // By kind and key of an intent; lost in a restart, which does no harm.
    backoff: HashMap<(String, Vec<u8>), Backoff>,
}

#[derive(Clone, Copy, Default)]
struct Backoff {
    attempts: u32,
    not_before: u64,
}

impl Backoff {
    fn next(self, now: u64) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let wait = 2u64.saturating_pow(attempts).min(LONGEST_BACKOFF);
        Self { attempts, not_before: now.saturating_add(wait) }
    }
}

/// One duty that could not be taken on.
#[derive(Debug, thiserror::Error)]
enum DutyError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("no credential can be made: {0}")]
    Credential(#[from] CredentialError),
    #[error(transparent)]
    Outbox(#[from] light_client::Error),
}

impl<'a> Watch<'a> {
    /// Opens what is on disk. Disputes are the auditor's, who goes on when the light client is started anew.
    pub fn open(
        client: LightClient,
        key: Key,
        rules: Rules,
        state: &Path,
        auditor: &'a mut Auditor,
    ) -> Result<Self, Error> {
        let vault = Vault::open(&state.join("secrets"))?;
        let outbox = Outbox::open(&state.join("outbox.redb"))?;
        Ok(Self { client, key, rules, vault, outbox, auditor, backoff: HashMap::new() })
    }

    /// Watches until `stop` ends, then writes the chain database; or until the light client no longer answers.
    pub async fn run(
        mut self,
        register: bool,
        stop: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<Ended, Error> {
        let ended = tokio::select! {
            () = stop => Ended::Asked,
            () = self.until_stuck(register) => Ended::Stuck,
        };
        self.client.shutdown().await?;
        Ok(ended)
    }

    /// Peers that vanish in the middle of a read may leave a light client without an answer for ever.
    async fn until_stuck(&mut self, register: bool) {
        let (mut pause, longest) = PAUSES;
        let (mut seen, mut registered) = (0, !register);
        loop {
            let round = async {
                let block = self.client.wait_finalized_after(seen).await?;
                if !registered {
                    self.register().await?;
                }
                self.round(block.number).await?;
                Ok::<_, Error>(block.number)
            };
            let Ok(round) = tokio::time::timeout(ROUND, round).await else { return };
            match round {
                Ok(number) => {
                    (seen, registered, pause) = (number, true, PAUSES.0);
                }
                Err(error) => {
                    tracing::warn!(%error, seconds = pause.as_secs(), "this round failed; trying again");
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(longest);
                }
            }
        }
    }

    async fn register(&self) -> Result<(), Error> {
        let at = self.client.latest().await?;
        match chain::registration(&at, &self.key.account()).await? {
            Some(known) if known.leaves.is_some() => {
                tracing::warn!(
                    "this account is leaving the registry: it is drawn no more; `withdraw`, then start again"
                );
            }
            Some(known) => tracing::info!(done = known.done, missed = known.missed, "registered already"),
            None => {
                tracing::info!("registering; the bond is held from now on");
                let included = self.client.call(&chain::register(), &self.key).await?;
                tracing::info!(block = included.block.number, "registered");
            }
        }
        Ok(())
    }

    async fn round(&mut self, now: u64) -> Result<(), Error> {
        let at = self.client.latest().await?;
        let duties = chain::duties_of(&at, &self.key.account()).await?;
        let open = self.open_intents()?;
        for request in &duties {
            if let Err(error) = self.take_on(request, &open, now) {
                tracing::error!(request = hex::encode(request.id), %error, "duty not taken on");
            }
        }
        let due = |intent: &Intent| {
            let name = name(intent.clone());
            !open.contains(&name) && self.backoff.get(&name).is_none_or(|wait| now >= wait.not_before)
        };
        if let Err(error) = self.auditor.round(&at, &self.key.account(), &self.outbox, due).await {
            tracing::error!(%error, "disputes were not looked at");
        }
        let debts = Debts { client: &self.client, key: &self.key, vault: &self.vault };
        let report = self.outbox.step(&self.client, &debts).await?;
        self.note(report, now)?;
        self.fill_gap().await?;
        self.prune(&at, &duties).await
    }

    fn open_intents(&self) -> Result<HashSet<(String, Vec<u8>)>, Error> {
        Ok(self.outbox.entries()?.into_iter().map(|entry| name(entry.intent)).collect())
    }

    /// Puts what a duty asks for into the outbox, unless it is there or has to wait.
    fn take_on(
        &self,
        request: &Request,
        open: &HashSet<(String, Vec<u8>)>,
        now: u64,
    ) -> Result<(), DutyError> {
        let due = |task: Task| {
            let name = name(task.intent(request));
            !open.contains(&name) && self.backoff.get(&name).is_none_or(|wait| now >= wait.not_before)
        };
        match request.part {
            Some(Part::Open) if due(Task::Challenge) && due(Task::Refuse) => self.judge(request),
            Some(Part::Disputed) if due(Task::Reveal) => {
                tracing::warn!(
                    request = hex::encode(request.id),
                    "the machine disputes the credential: showing how it was made"
                );
                self.enqueue(Task::Reveal, request)
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, request: &Request) -> Result<(), DutyError> {
        let id = hex::encode(request.id);
        match self.rules.judge(&request.ek_public, &request.ek_certificate, UnixTime::now()) {
            Judgement::Refuse(why) => {
                tracing::warn!(request = id, machine = hex::encode(request.machine), %why, "refused");
                self.enqueue(Task::Refuse, request)
            }
            Judgement::Vote(level, doubt) => {
                let why = doubt.map_or_else(
                    || "the EK certificate chains to a known root".into(),
                    |doubt| doubt.to_string(),
                );
                tracing::info!(request = id, machine = hex::encode(request.machine), %level, why, "challenging");
                self.draw(request, level)?;
                self.enqueue(Task::Challenge, request)
            }
        }
    }

    /// Draws, and tries the draw: the one ephemeral scalar in 2^32 that is none of the curve is drawn again.
    fn draw(&self, request: &Request, level: crate::ek_certificate::Level) -> Result<(), DutyError> {
        let drawn = self.vault.get_or_draw(&request.id, level)?;
        let me = self.key.public();
        let made = challenge::make(&request.id, &request.ek_public, &request.ak_public, &me, &drawn);
        if made == Err(CredentialError::BadScalar) {
            self.vault.forget(&request.id)?;
        }
        made.map(drop).map_err(DutyError::Credential)
    }

    fn enqueue(&self, task: Task, request: &Request) -> Result<(), DutyError> {
        let enqueued = self.outbox.enqueue(task.intent(request))?;
        if enqueued == Enqueued::AlreadyDone {
            tracing::debug!(
                request = hex::encode(request.id),
                task = task.name(),
                "done in a block that is newer"
            );
        }
        Ok(())
    }

    /// What was lost is let go of and taken on again later, from state.
    fn note(&mut self, report: Report, now: u64) -> Result<(), Error> {
        for entry in report.done {
            tracing::info!(what = entry.intent.kind, request = about(&entry), "done, in finalised state");
            self.backoff.remove(&name(entry.intent));
        }
        for (number, error) in report.failed {
            tracing::error!(number, %error, "not sent; trying again at the next block");
        }
        for entry in report.expired {
            let why =
                if let State::Expired(reason) = &entry.state { reason.to_string() } else { String::new() };
            tracing::warn!(
                what = entry.intent.kind,
                request = about(&entry),
                why,
                "lost; taken on again later"
            );
            self.outbox.forget(entry.number)?;
            let wait = self.backoff.entry(name(entry.intent)).or_default();
            *wait = wait.next(now);
        }
        Ok(())
    }

    /// A transaction that was given up leaves its nonce unused, and those behind it would wait for ever.
    async fn fill_gap(&self) -> Result<(), Error> {
        let next = self.client.nonce(self.key.public()).await?;
        let entries = self.outbox.entries()?;
        let reserved: Vec<u64> = entries.iter().filter_map(|entry| Some(entry.reserved?.nonce)).collect();
        if reserved.iter().any(|nonce| *nonce > next) && !reserved.contains(&next) {
            tracing::info!(nonce = next, "filling a gap in the account's nonces");
            self.outbox.enqueue(Task::fill(next))?;
        }
        Ok(())
    }

    /// Lets go of secrets whose requests have ended.
    async fn prune(&self, at: &AtBlock, duties: &[Request]) -> Result<(), Error> {
        for id in self.vault.requests()? {
            let waits = duties.iter().any(|request| request.id == id)
                || chain::request(at, id, &self.key.account()).await?.is_some();
            if !waits {
                self.vault.forget(&id)?;
                tracing::debug!(request = hex::encode(id), "ended; its secret is forgotten");
            }
        }
        Ok(())
    }
}

fn name(intent: Intent) -> (String, Vec<u8>) {
    (intent.kind, intent.key)
}

fn about(entry: &Entry) -> String {
    duties::request_of(&entry.intent).map_or_else(|| "-".into(), |(id, _)| hex::encode(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_the_longest() {
        let mut wait = Backoff::default();
        let waits = [1, 2, 3, 10].map(|_| {
            wait = wait.next(100);
            wait.not_before - 100
        });
        assert_eq!(waits, [2, 4, 8, 16]);
        let long = Backoff { attempts: 200, not_before: 0 }.next(0);
        assert_eq!(long.not_before, LONGEST_BACKOFF);
    }
}
