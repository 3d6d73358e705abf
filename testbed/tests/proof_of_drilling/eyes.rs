//! What the chain shows and what it told, through a light client like everybody's.

use anyhow::{Context, Result, bail};
use light_client::{
    AccountId32, AtBlock, Error, LightClient,
    chain::{
        self, Event,
        drilling::Event as Told,
        runtime_types::{
            pallet_drilling::{
                api::{Asked, Assignment, Case},
                types::{Bond, Verdict, Work, Worker},
            },
            pallet_ecp::api::MachineEcp,
            pallet_machines::types::Machine,
        },
    },
};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Longest wait for anything: a dispute goes through many windows.
const PATIENCE: Duration = Duration::from_secs(400);

/// A machine's or a task's identifier.
pub type Id = [u8; 32];

/// Asks a runtime API at a block.
macro_rules! ask {
    ($at:expr, $api:ident . $function:ident ( $($argument:expr),* )) => {{
        let call = chain::runtime_apis().$api().$function($($argument),*);
        Ok::<_, anyhow::Error>($at.runtime_apis().call(call).await?)
    }};
}

/// Weights in the block lottery, as announced for the next epoch.
#[derive(Debug)]
pub struct Weight {
    pub own: u64,
    /// Everybody else's together.
    pub others: u64,
}

/// A light client, and all events of drilling since it started.
pub struct Eyes {
    pub client: Arc<LightClient>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Eyes {
    pub async fn open(spec: &str, state: &Path) -> Result<Self> {
        let client = Arc::new(LightClient::start(spec, state).await?);
        client.wait_ready().await?;
        let (told, since) = (Arc::default(), client.finalized().await?.number);
        tokio::spawn(listen(client.clone(), since, Arc::clone(&told)));
        Ok(Self { client, told })
    }

    pub async fn now(&self) -> Result<AtBlock> {
        Ok(self.client.latest().await?)
    }

    pub async fn height(&self) -> Result<u64> {
        Ok(self.client.finalized().await?.number)
    }

    pub async fn machine(&self, machine: Id) -> Result<Machine> {
        ask!(self.now().await?, machines_api.machine(machine))?.context("no such machine")
    }

    pub async fn worker(&self, machine: Id) -> Result<Option<Worker>> {
        ask!(self.now().await?, drilling_api.worker(machine))
    }

    /// What became of a machine's part in a task last: who forfeited may be convicted later.
    pub async fn verdict(&self, machine: Id, task: Id) -> Result<Option<Verdict>> {
        let recent = self.worker(machine).await?.map(|worker| worker.recent.0).unwrap_or_default();
        Ok(recent.into_iter().rfind(|(id, _)| *id == task).map(|(_, verdict)| verdict))
    }

    pub async fn work_of(&self, machine: Id) -> Result<Vec<Assignment>> {
        ask!(self.now().await?, drilling_api.work_of(machine))
    }

    pub async fn questions_of(&self, machine: Id) -> Result<Vec<Asked>> {
        ask!(self.now().await?, drilling_api.questions_of(machine))
    }

    pub async fn task(&self, task: Id) -> Result<Option<Work>> {
        ask!(self.now().await?, drilling_api.task(task))
    }

    pub async fn dispute(&self, task: Id) -> Result<Option<Case>> {
        ask!(self.now().await?, drilling_api.dispute(task))
    }

    pub async fn bond(&self, owner: AccountId32) -> Result<Bond> {
        Ok(ask!(self.now().await?, drilling_api.bond_of(owner))?.bond)
    }

    /// A machine's compute power.
    pub async fn power(&self, machine: Id) -> Result<MachineEcp> {
        power(&self.now().await?, machine).await
    }

    /// What an authority weighs in the block lottery.
    pub async fn weight(&self, owner: AccountId32) -> Result<Weight> {
        let at = self.now().await?;
        let registry = at.storage().entry(chain::storage().authorities().registry())?;
        let producer = registry.fetch((owner,)).await?.decode()?.producer;
        let (mut own, mut others) = (0, 0);
        for (key, weight) in ask!(at, babe_api.next_epoch())?.authorities {
            *(if key == producer { &mut own } else { &mut others }) += weight;
        }
        Ok(Weight { own, others })
    }

    /// What of drilling two machines were credited, at the same block.
    pub async fn totals(&self, machines: [Id; 2]) -> Result<[u128; 2]> {
        let (at, [one, other]) = (self.now().await?, machines);
        let total = async |machine| Ok::<_, anyhow::Error>(power(&at, machine).await?.figures.drilling_total);
        Ok([total(one).await?, total(other).await?])
    }

    /// Pools of epochs before this one are matched.
    pub async fn matched(&self) -> Result<u64> {
        let at = self.now().await?;
        let matched = at.storage().entry(chain::storage().drilling().matched())?.fetch(()).await?;
        Ok(matched.decode()?)
    }

    /// What the chain has told of a task.
    pub fn told(&self, task: Id) -> Vec<Told> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|event| about(event) == Some(task)).cloned().collect()
    }

    /// Tasks of which something was told.
    pub fn tasks(&self) -> Vec<Id> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tasks: Vec<Id> = told.iter().filter_map(about).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    }

    /// Waits until something is so, looking at each finalised block.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
        let looking = async {
            let mut seen = 0;
            loop {
                seen = self.client.wait_finalized_after(seen).await?.number;
                if let Some(found) = look().await.with_context(|| what.to_string())? {
                    return Ok(found);
                }
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => bail!("{what}: not within {} s", PATIENCE.as_secs()),
        }
    }

    /// Waits until the chain has told of a task what `wanted` picks.
    pub async fn until_told<T>(
        &self,
        what: &str,
        task: Id,
        wanted: impl Fn(&Told) -> Option<T>,
    ) -> Result<T> {
        self.until(what, async || Ok(self.told(task).iter().find_map(&wanted))).await
    }
}

async fn power(at: &AtBlock, machine: Id) -> Result<MachineEcp> {
    ask!(at, ecp_api.machine_ecp(machine))?.context("a machine without compute power")
}

/// Keeps every event of drilling. A block that cannot be read is read again.
async fn listen(client: Arc<LightClient>, since: u64, told: Arc<Mutex<Vec<Told>>>) {
    let mut seen = since;
    loop {
        match after(&client, seen).await {
            Ok((upto, fresh)) => {
                told.lock().unwrap_or_else(PoisonError::into_inner).extend(fresh);
                seen = upto;
            }
            Err(error) => println!("  after block {seen}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Events of the finalised blocks after one, oldest first, and the last of these blocks.
async fn after(client: &LightClient, seen: u64) -> Result<(u64, Vec<Told>), Error> {
    let mut at = client.latest().await?;
    let last = at.block_number();
    let mut blocks = Vec::new();
    while at.block_number() > seen {
        let events = at.events().fetch().await.map_err(Error::chain)?;
        let mut block = Vec::new();
        for event in events.iter() {
            let event = event.map_err(Error::chain)?;
            if event.pallet_name() != "Drilling" {
                continue;
            }
            if let Event::Drilling(event) = event.decode_as::<Event>().map_err(Error::chain)? {
                block.push(event);
            }
        }
        blocks.push(block);
        let parent = at.block_header().await.map_err(Error::chain)?.parent_hash;
        at = client.at(parent).await?;
    }
    Ok((last.max(seen), blocks.into_iter().rev().flatten().collect()))
}

/// The task that an event is about.
fn about(event: &Told) -> Option<Id> {
    match event {
        Told::Assigned { task, .. }
        | Told::Dropped { task, .. }
        | Told::Short { task }
        | Told::Replaced { task, .. }
        | Told::Committed { task, .. }
        | Told::Revealing { task, .. }
        | Told::Revealed { task, .. }
        | Told::Agreed { task, .. }
        | Told::Failed { task }
        | Told::Disputed { task, .. }
        | Told::Drawn { task, .. }
        | Told::Demanded { task, .. }
        | Told::Disclosed { task, .. }
        | Told::Cleared { task, .. }
        | Told::Convicted { task, .. }
        | Told::Compensated { task, .. }
        | Told::Closed { task } => Some(*task),
        _ => None,
    }
}
