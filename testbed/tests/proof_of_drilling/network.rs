//! Who plays: two honest machines of two owners, whose agents run, and three of two owners, which the test drives.

use crate::{
    driven::{Caller, Driven},
    eyes::{Eyes, Id},
};
use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use light_client::chain;
use serde_json::Value;
use std::{fs, thread};
use testbed::{Neighbour, OWNER, Stage};
use tokio::runtime::Runtime;

/// Smallest units in a token.
pub const TOKEN: u128 = 1_000_000_000_000;
/// Tasks that Grace's agent may ask for; the others' may ask for as many as the stage allows.
pub const GRACES_PLACES: u8 = 12;
/// What a lie costs.
pub const MACHINE_BOND: u128 = 100 * TOKEN;

/// The running network.
pub struct Network {
    /// With Alice's machine, and its agent.
    pub stage: Stage,
    /// With Grace's.
    pub grace: Neighbour,
    /// The neighbours that the test drives: their TPMs.
    pub driven: [Neighbour; 3],
    pub runtime: Runtime,
    pub eyes: Eyes,
    pub cast: Cast,
}

/// The machines, and the hands on those that the test drives.
pub struct Cast {
    /// Alice's and Grace's machine.
    pub honest: [(Id, Caller); 2],
    pub heidi: Driven,
    /// Heidi's second machine.
    pub second: Driven,
    pub ivan: Driven,
}

impl Network {
    /// Enrols all machines, and starts the honest ones' agents: one works with the processor's best instructions on one thread, the other
    /// with nothing special on two.
    pub fn set(mut stage: Stage) -> Result<Self> {
        let spec = fs::read_to_string(&stage.chain.spec)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let (alice, grants) = (Caller::known(OWNER), ["Grace", "Heidi", "Ivan"].map(Caller::known));
        let eyes = runtime.block_on(async {
            let eyes = Eyes::open(&spec, &stage.dir().join("eyes")).await?;
            try_join_all(grants.iter().map(|owner| alice.pay(&eyes.client, owner, 10_000 * TOKEN))).await?;
            Ok::<_, anyhow::Error>(eyes)
        })?;
        let enrol = |owner, name| -> Result<Neighbour> {
            let neighbour = Neighbour::enrol(&stage, owner, name)?;
            neighbour.bond(&stage, "1000")?;
            Ok(neighbour)
        };
        let (mut grace, driven) = thread::scope(|scope| {
            let heidi =
                scope.spawn(|| -> Result<_> { Ok([enrol("Heidi", "heidi")?, enrol("Heidi", "second")?]) });
            let ivan = scope.spawn(|| enrol("Ivan", "ivan"));
            let alice = scope.spawn(|| stage.enrol());
            let grace = enrol("Grace", "grace")?;
            alice.join().ok().context("a thread ended")??;
            let [heidi, second] = heidi.join().ok().context("a thread ended")??;
            Ok::<_, anyhow::Error>((grace, [heidi, second, ivan.join().ok().context("a thread ended")??]))
        })?;
        let drive = |neighbour: &Neighbour, owner| Driven::of(neighbour.dir(), &neighbour.tpm.url(), owner);
        let cast = Cast {
            honest: [
                (identifier(&stage.state())?, alice),
                (identifier(&grace.state())?, Caller::known("Grace")),
            ],
            heidi: drive(&driven[0], "Heidi")?,
            second: drive(&driven[1], "Heidi")?,
            ivan: drive(&driven[2], "Ivan")?,
        };
        // Nobody has done a task, and nobody's agent runs: the lottery takes all for alike.
        let weight = runtime.block_on(eyes.weight(cast.honest[0].1.account()))?;
        ensure!(weight.own == 1 && weight.others == 1, "weights before any task: {weight:?}");
        // Where there is a GPU it would do the tasks.
        stage.set_variable("MATRIXAI_DRILL_ON", "processor");
        stage.start_agent()?;
        let places = GRACES_PLACES.to_string();
        grace.start_with(
            &stage,
            &[
                ("MATRIXAI_DRILL_ON", "processor"),
                ("MATRIXAI_DRILL_BACKEND", "scalar"),
                ("MATRIXAI_DRILL_THREADS", "2"),
                ("MATRIXAI_DRILL_PLACES", &places),
            ],
        )?;
        let devices = [&cast.heidi, &cast.second, &cast.ivan];
        let from = &cast.honest[0].1;
        runtime.block_on(try_join_all(devices.map(|driven| driven.endow(&eyes, from))))?;
        Ok(Self { stage, grace, driven, runtime, eyes, cast })
    }

    /// Lets the honest machines take tasks, or no more: their owners have a stake for them, or take it away. What the agents have they
    /// finish.
    pub fn drill(&self, drill: bool) -> Result<()> {
        let Self { runtime, eyes, cast, .. } = self;
        runtime
            .block_on(try_join_all(cast.honest.iter().map(async |(machine, owner)| {
                let (active, calls) = (eyes.bond(owner.account()).await?.active, chain::tx().drilling());
                match (drill, active) {
                    (true, 0) => owner.call(&eyes.client, &calls.bond(MACHINE_BOND)).await?,
                    (false, 1..) => owner.call(&eyes.client, &calls.unbond(active)).await?,
                    _ => {}
                }
                eyes.until("the honest machines' places", async || {
                    let worker = eyes.worker(*machine).await?;
                    let places = worker.as_ref().map_or(0, |worker| worker.places);
                    let idle = worker.is_none_or(|worker| worker.tasks.0.is_empty());
                    Ok((if drill { places > 0 } else { places == 0 && idle }).then_some(()))
                })
                .await
            })))
            .map(drop)
    }

    /// An error if a process is gone.
    pub fn check(&self) -> Result<()> {
        self.stage.check()?;
        self.grace.agent.iter().try_for_each(testbed::Guarded::check)
    }
}

/// A machine's identifier, from its agent's folder.
pub fn identifier(state: &std::path::Path) -> Result<Id> {
    let identity: Value = serde_json::from_slice(&fs::read(state.join("identity.json"))?)?;
    let machine = hex::decode(identity["machine"].as_str().context("no machine")?)?;
    machine.try_into().ok().context("a machine's identifier has 32 bytes")
}
