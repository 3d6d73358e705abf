//! A machine whose agent is stopped: the test has its device key, and calls with it what it likes.

use crate::{
    claim::Claim,
    eyes::{Eyes, Id},
    network::{TOKEN, identifier},
};
use anyhow::{Context, Result, bail, ensure};
use drilling::{Question, commitment};
use futures::future::join_all;
use light_client::{
    AccountId32, Error, Included, Key, LightClient,
    chain::{
        self,
        runtime_types::{
            bounded_collections::bounded_vec::BoundedVec,
            drilling::{class::Class, disclosure::Question as Asks},
            pallet_drilling::api::Assignment,
            pallet_machines::types::Standing,
        },
    },
    subxt::{tx::Payload, utils::MultiAddress},
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use testbed::{Guarded, Stage};
use tokio::sync::Mutex;
use tpm::{KeyBlob, Tpm, transport::AnyTransport};

/// Somebody who calls, several calls at a time.
pub struct Caller {
    key: Key,
    /// The nonce after the last one used.
    next: Mutex<u64>,
}

impl Caller {
    pub fn new(key: Key) -> Self {
        Self { key, next: Mutex::default() }
    }

    /// A development account.
    pub fn known(name: &str) -> Self {
        Self::new(Key::development(name))
    }

    pub fn account(&self) -> AccountId32 {
        self.key.account()
    }

    async fn included(&self, client: &LightClient, call: &impl Payload) -> Result<Included, Error> {
        let extrinsic = {
            let mut next = self.next.lock().await;
            let nonce = client.nonce(self.key.public()).await?.max(*next);
            let extrinsic = client.sign(call, &self.key, Some(nonce)).await?;
            client.offer(&extrinsic).await?;
            *next = nonce + 1;
            extrinsic
        };
        client.submit(&extrinsic).await
    }

    pub async fn pay(&self, client: &LightClient, to: &Self, amount: u128) -> Result<()> {
        let to = MultiAddress::Id(to.account());
        self.call(client, &chain::tx().balances().transfer_keep_alive(to, amount)).await
    }

    /// A call that the chain takes.
    pub async fn call(&self, client: &LightClient, call: &impl Payload) -> Result<()> {
        let name = call.call_name();
        match self.included(client, call).await {
            // It got there, and the light client lost sight of it: what follows shows whether it was taken.
            Ok(_) | Err(Error::NonceTaken(_) | Error::OutOfSight(_)) => Ok(()),
            Err(error) => Err(error).context(name.to_string()),
        }
    }

    /// A call that the chain refuses by this name.
    pub async fn refused(&self, client: &LightClient, call: &impl Payload, error: &str) -> Result<()> {
        let name = call.call_name();
        match self.included(client, call).await {
            Err(Error::Dispatch(cause)) if cause.ends_with(&format!("::{error}")) => Ok(()),
            Err(other) => bail!("{name} was to be refused as {error}: {other}"),
            Ok(_) => bail!("{name} was taken, not refused as {error}"),
        }
    }
}

/// The machine.
pub struct Driven {
    pub machine: Id,
    /// Its owner's account.
    pub owner: Caller,
    device: Caller,
    dir: PathBuf,
}

impl Driven {
    /// The machine whose agent lies in a folder, by the device key that its own TPM gives up.
    pub fn of(dir: &Path, tpm: &str, owner: &str) -> Result<Self> {
        let identity: Value = serde_json::from_slice(&fs::read(dir.join("agent/identity.json"))?)?;
        let machine = identifier(&dir.join("agent"))?;
        let sealed = &identity["device"]["sealed"];
        let blob = KeyBlob { public: bytes(&sealed["public"])?, private: bytes(&sealed["private"])? };
        let seed = Tpm::new(AnyTransport::open(tpm)?).unseal(&blob, &[0, 2, 4, 7])?;
        let device = Caller::new(Key::ed25519(seed.as_slice().try_into()?));
        Ok(Self { machine, owner: Caller::known(owner), device, dir: dir.into() })
    }

    /// What it pays fees with, for calls that the chain does not wait for: without it no pool would take those.
    pub async fn endow(&self, eyes: &Eyes, from: &Caller) -> Result<()> {
        from.pay(&eyes.client, &self.device, TOKEN).await
    }

    /// Lets its agent anchor, and nothing else: for the next seventy blocks it is active.
    pub async fn wake(&self, eyes: &Eyes, stage: &Stage) -> Result<()> {
        let before = eyes.machine(self.machine).await?.head.counter;
        let mut command = stage.agent_in(&self.dir);
        let mut agent =
            Guarded::start("agent", &self.dir, command.arg("run").env("MATRIXAI_DRILL", "false"))?;
        eyes.until("an anchor", async || {
            agent.check()?;
            let machine = eyes.machine(self.machine).await?;
            Ok((machine.standing == Standing::Active && machine.head.counter > before).then_some(()))
        })
        .await?;
        let ended = tokio::task::spawn_blocking(move || agent.terminate()).await??;
        ensure!(ended.success(), "the agent ended with {ended}");
        Ok(())
    }

    /// Takes so many tasks at one time; none from now on where it is 0. Said again where the last anchor of an agent that has ended is not
    /// final yet, and has the nonce.
    pub async fn ready(&self, eyes: &Eyes, places: u8) -> Result<()> {
        let call = chain::tx().drilling().ready(Class::Tiny, places);
        eyes.until("its places", async || {
            self.device.call(&eyes.client, &call).await?;
            let worker = eyes.worker(self.machine).await?;
            Ok(worker.is_some_and(|worker| worker.places == places).then_some(()))
        })
        .await
    }

    /// Takes no more tasks, whatever it took before.
    pub async fn rest(&self, eyes: &Eyes) -> Result<()> {
        match eyes.worker(self.machine).await? {
            Some(worker) if worker.places > 0 => self.ready(eyes, 0).await,
            _ => Ok(()),
        }
    }

    /// Waits for so many tasks.
    pub async fn given(&self, eyes: &Eyes, count: usize) -> Result<Vec<Assignment>> {
        eyes.until(&format!("{count} tasks"), async || {
            let work = eyes.work_of(self.machine).await?;
            Ok((work.len() >= count).then_some(work))
        })
        .await
    }

    fn salt(&self) -> [u8; 32] {
        self.machine
    }

    pub async fn commit(&self, eyes: &Eyes, claim: &Claim) -> Result<()> {
        self.post(eyes, claim.task.id(), commitment(&claim.outcome.digest, &self.machine, &self.salt())).await
    }

    /// Commits to whatever it may be.
    pub async fn post(&self, eyes: &Eyes, task: Id, commitment: [u8; 32]) -> Result<()> {
        self.device.call(&eyes.client, &chain::tx().drilling().commit(task, commitment)).await
    }

    pub async fn commit_refused(&self, eyes: &Eyes, claim: &Claim, error: &str) -> Result<()> {
        let commitment = commitment(&claim.outcome.digest, &self.machine, &self.salt());
        let call = chain::tx().drilling().commit(claim.task.id(), commitment);
        self.device.refused(&eyes.client, &call, error).await
    }

    pub async fn reveal(&self, eyes: &Eyes, claim: &Claim) -> Result<()> {
        let call = chain::tx().drilling().reveal(claim.task.id(), claim.outcome.digest, self.salt());
        self.device.call(&eyes.client, &call).await
    }

    pub async fn reveal_refused(&self, eyes: &Eyes, claim: &Claim, error: &str) -> Result<()> {
        self.copy_refused(eyes, claim, self, error).await
    }

    /// Reveals with another's salt.
    pub async fn copy_refused(&self, eyes: &Eyes, claim: &Claim, other: &Self, error: &str) -> Result<()> {
        let call = chain::tx().drilling().reveal(claim.task.id(), claim.outcome.digest, other.salt());
        self.device.refused(&eyes.client, &call, error).await
    }

    pub async fn ready_refused(&self, eyes: &Eyes, places: u8, error: &str) -> Result<()> {
        let call = chain::tx().drilling().ready(Class::Tiny, places);
        self.device.refused(&eyes.client, &call, error).await
    }

    /// Opens what it is asked about these claims, and about whatever it did truly before: an audit may be drawn of that at any time. All at
    /// once: each answer has its own deadline. What the chain does not wait for any more is looked at again from its state.
    pub async fn answer<'a>(
        &self,
        eyes: &Eyes,
        claims: impl IntoIterator<Item = &'a Claim> + Clone,
    ) -> Result<()> {
        // Inspectors who ask the same are answered at once.
        let mut asked = eyes.questions_of(self.machine).await?;
        asked.dedup_by(|one, other| (one.id, &one.question) == (other.id, &other.question));
        let mut answers = Vec::new();
        for asked in asked {
            let truth;
            let claim = match claims.clone().into_iter().find(|claim| claim.task.id() == asked.id) {
                Some(claim) => claim,
                None => {
                    truth = Claim::true_of(asked.task.seed)?;
                    &truth
                }
            };
            if claim.outcome.digest != asked.digest {
                continue;
            }
            let question = match asked.question {
                Asks::Roots => Question::Roots,
                Asks::Node { layer, level, index } => Question::Node { layer, level, index },
            };
            let answer = BoundedVec(claim.answer(&question)?);
            answers.push(chain::tx().drilling().disclose(asked.id, asked.question, answer));
        }
        for taken in join_all(answers.iter().map(|answer| self.device.call(&eyes.client, answer))).await {
            if let Err(error) = taken {
                println!("  an answer was not taken: {error:#}");
            }
        }
        Ok(())
    }
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
    Ok(hex::decode(value.as_str().context("not hex")?)?)
}
