//! A machine that reveals a wrong result: its agent is stopped, and the test drives its device key.

use anyhow::{Context, Result, bail, ensure};
use drilling::{Outcome, Task, layer_root, prove};
use light_client::{
    Key, LightClient,
    chain::{
        self,
        runtime_types::{bounded_collections::bounded_vec::BoundedVec, drilling as their, pallet_drilling},
    },
    subxt::tx::Payload,
};
use serde_json::Value;
use std::{
    fs,
    time::{Duration, Instant},
};
use testbed::{Neighbour, Stage};
use tpm::{KeyBlob, Tpm, transport::AnyTransport};

/// Longest wait for the whole dispute.
const PATIENCE: Duration = Duration::from_secs(400);

struct Liar<'a> {
    client: &'a LightClient,
    device: Key,
    machine: [u8; 32],
}

/// A result with one accumulator changed in its first layer; all that follows from the layers is left as it was.
struct Lie {
    layers: Vec<Vec<i32>>,
    outcome: Outcome,
}

pub fn convicted(stage: &mut Stage, neighbour: &mut Neighbour) -> Result<()> {
    neighbour.agent.take().context("no agent")?.terminate()?;
    let identity: Value = serde_json::from_slice(&fs::read(neighbour.state().join("identity.json"))?)?;
    let machine: [u8; 32] = bytes(&identity["machine"])?.try_into().ok().context("no machine")?;
    let device = device(neighbour, &identity)?;
    let bond_before = bond(neighbour, stage)?;
    let spec = fs::read_to_string(&stage.chain.spec)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = LightClient::start(&spec, &stage.dir().join("liar")).await?;
        client.wait_ready().await?;
        Liar { client: &client, device, machine }.lie().await
    })?;
    let bond_after = bond(neighbour, stage)?;
    ensure!(bond_after < bond_before, "the bond was {bond_before} and is {bond_after}");
    Ok(())
}

fn bond(neighbour: &Neighbour, stage: &Stage) -> Result<u128> {
    let shown: Value = serde_json::from_str(&neighbour.owner(stage, &["stake", "--json"])?)?;
    Ok(shown["active"].as_str().context("no bond")?.parse()?)
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
    Ok(hex::decode(value.as_str().context("not hex")?)?)
}

/// The device key, as the machine's own TPM gives it.
fn device(neighbour: &Neighbour, identity: &Value) -> Result<Key> {
    let sealed = &identity["device"]["sealed"];
    let blob = KeyBlob { public: bytes(&sealed["public"])?, private: bytes(&sealed["private"])? };
    let seed = Tpm::new(AnyTransport::open(&neighbour.tpm.url())?).unseal(&blob, &[0, 2, 4, 7])?;
    Ok(Key::ed25519(seed.as_slice().try_into()?))
}

impl Liar<'_> {
    /// Takes tasks, reveals a wrong result of one, opens whatever it is asked, and waits to be convicted.
    async fn lie(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut lies: Vec<(Task, Lie)> = Vec::new();
        let mut seen = 0;
        while Instant::now() < deadline {
            seen = self.client.wait_finalized_after(seen).await?.number;
            if self.is_convicted().await? {
                return Ok(());
            }
            self.answer(&lies).await?;
            self.work(&mut lies).await?;
            if lies.is_empty() {
                self.pull().await?;
            }
        }
        bail!("not convicted within {} s; {} lies told", PATIENCE.as_secs(), lies.len())
    }

    async fn is_convicted(&self) -> Result<bool> {
        let call = chain::runtime_apis().drilling_api().worker(self.machine);
        let worker = self.client.latest().await?.runtime_apis().call(call).await?;
        Ok(worker.is_some_and(|worker| worker.convicted > 0))
    }

    async fn pull(&self) -> Result<()> {
        let call = chain::runtime_apis().drilling_api().worker(self.machine);
        let worker = self.client.latest().await?.runtime_apis().call(call).await?;
        let idle = worker.is_none_or(|worker| usize::from(worker.waiting) + worker.tasks.0.len() == 0);
        if idle {
            self.send(&chain::tx().drilling().ready(their::class::Class::Tiny, 1)).await?;
        }
        Ok(())
    }

    async fn work(&self, lies: &mut Vec<(Task, Lie)>) -> Result<()> {
        use pallet_drilling::types::{Stage, State};
        let call = chain::runtime_apis().drilling_api().work_of(self.machine);
        for work in self.client.latest().await?.runtime_apis().call(call).await? {
            let task = Task { spec: drilling::Class::Tiny.mlp(), seed: work.task.seed };
            ensure!(task.id() == work.id, "not the built-in publisher's task");
            let salt = [7; 32];
            match (work.stage, work.state) {
                (Stage::Committing, State::Assigned) => {
                    let lie = Lie::about(&task)?;
                    let commitment = drilling::commitment(&lie.outcome.digest, &self.machine, &salt);
                    self.send(&chain::tx().drilling().commit(work.id, commitment)).await?;
                    lies.push((task, lie));
                }
                (Stage::Revealing, State::Committed(_)) => {
                    let lie = lies.iter().find(|(told, _)| *told == task);
                    let digest = lie.context("a task of an earlier run")?.1.outcome.digest;
                    self.send(&chain::tx().drilling().reveal(work.id, digest, salt)).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn answer(&self, lies: &[(Task, Lie)]) -> Result<()> {
        let call = chain::runtime_apis().drilling_api().questions_of(self.machine);
        for asked in self.client.latest().await?.runtime_apis().call(call).await? {
            let Some((task, lie)) = lies.iter().find(|(task, _)| task.id() == asked.id) else { continue };
            let question = match asked.question {
                their::disclosure::Question::Roots => drilling::Question::Roots,
                their::disclosure::Question::Node { layer, level, index } => {
                    drilling::Question::Node { layer, level, index }
                }
            };
            let layer = |layer: u8| lie.layers[usize::from(layer)].clone();
            let answer = prove::answer(task, &lie.outcome.roots, &question, layer)?;
            let call = chain::tx().drilling().disclose(asked.id, asked.question, BoundedVec(answer));
            self.send(&call).await?;
        }
        Ok(())
    }

    /// Sent and waited for; what the chain does not take any more is looked at again from its state.
    async fn send(&self, call: &impl Payload) -> Result<()> {
        if let Err(error) = self.client.call(call, &self.device).await {
            println!("  the liar's call was not taken: {error}");
        }
        Ok(())
    }
}

impl Lie {
    fn about(task: &Task) -> Result<Self> {
        let mut layers = Vec::new();
        drilling::reference::run(task, None, |_, sums| layers.push(sums.to_vec()))?;
        layers[0][4_321] += 1;
        let id = task.id();
        let root = |(layer, sums): (usize, &Vec<i32>)| layer_root(task, &id, layer as u8, sums);
        let roots = layers.iter().enumerate().map(root).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { outcome: Outcome::new(&id, roots), layers })
    }
}
