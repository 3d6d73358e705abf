//! Heidi has two machines. They never have the same task, however long they wait; so they lie together with Ivan's, always, until an audit.

use crate::{
    claim::Claim,
    driven::Driven,
    eyes::{Eyes, Id},
    network::{Cast, MACHINE_BOND, Network},
};
use anyhow::{Context, Result, ensure};
use futures::future::{join_all, try_join_all};
use light_client::{
    Error,
    chain::{
        drilling::Event as Told,
        runtime_types::pallet_drilling::types::{Cause, Lie, Stage as At, State},
    },
};
use std::collections::{BTreeMap, btree_map::Entry};
use testbed::Stage;

/// What each machine takes at one time: audits are drawn among what was agreed.
const PLACES: u8 = 8;
/// Blocks before a machine would lapse at which it anchors again: half of what an anchor lasts, since calls on a busy machine take many.
const MARGIN: u64 = 35;

pub fn caught_by_an_audit(network: &mut Network) -> Result<()> {
    network.drill(false)?;
    let Network { stage, runtime, eyes, cast, .. } = network;
    let Cast { heidi, second, ivan, .. } = &*cast;
    runtime.block_on(async {
        apart(eyes, stage, [heidi, second], ivan).await?;
        lie_until_caught(eyes, stage, [heidi, second, ivan]).await
    })
}

/// For some rounds they are the only ones that wait, and nothing is drawn.
async fn apart(eyes: &Eyes, stage: &Stage, of_one: [&Driven; 2], ivan: &Driven) -> Result<()> {
    try_join_all(of_one.map(|driven| driven.wake(eyes, stage))).await?;
    try_join_all(of_one.map(|driven| driven.ready(eyes, PLACES))).await?;
    let pools = eyes.matched().await?;
    eyes.until("some rounds", async || {
        // What they were credited for in the round before may be audited now.
        try_join_all([of_one[0], of_one[1], ivan].map(|driven| driven.answer(eyes, []))).await?;
        Ok((eyes.matched().await? >= pools + 3).then_some(()))
    })
    .await?;
    for driven in of_one {
        let worker = eyes.worker(driven.machine).await?.context("it waits no more")?;
        ensure!(worker.tasks.0.is_empty() && worker.waiting == PLACES, "{worker:?}");
    }
    Ok(())
}

/// By task.
type Lies = BTreeMap<Id, Claim>;

async fn lie_until_caught(eyes: &Eyes, stage: &Stage, colluders: [&Driven; 3]) -> Result<()> {
    let mut lies = Lies::new();
    let task = eyes
        .until("an audit that finds a lie", async || {
            in_time(join_all(colluders.map(|driven| stay(eyes, stage, driven))).await)?;
            learn(eyes, &colluders, &mut lies).await?;
            in_time(join_all(colluders.map(|driven| go_on(eyes, driven, &lies))).await)?;
            Ok(lies.keys().find(|task| proven(eyes, **task)).copied())
        })
        .await?;
    let told = eyes.told(task);
    let agreed = told.iter().any(|event| matches!(event, Told::Agreed { .. }));
    let audited = told.iter().any(|event| matches!(event, Told::Disputed { cause: Cause::Audit, .. }));
    ensure!(agreed && audited, "{told:?}");
    let mut convicted = Vec::new();
    for event in &told {
        if let Told::Convicted { owner, lie: Lie::Proven, slashed, .. } = event {
            ensure!(*slashed == MACHINE_BOND, "{told:?}");
            convicted.push(*owner);
        }
    }
    let [heidi, second, ivan] = colluders;
    ensure!(convicted.len() == 2 && convicted.contains(&ivan.owner.account()), "{told:?}");
    ensure!(convicted.contains(&heidi.owner.account()), "{told:?}");
    let compensated = told.iter().any(|event| matches!(event, Told::Compensated { .. }));
    ensure!(!compensated, "nobody was honest: {told:?}");
    // Never both of one owner, in whatever was drawn.
    for task in eyes.tasks() {
        let both = eyes.told(task).iter().any(|event| match event {
            Told::Assigned { machines, .. } => {
                [heidi, second].iter().all(|one| machines.contains(&one.machine))
            }
            _ => false,
        });
        ensure!(!both, "both machines of one owner were given one task");
    }
    Ok(())
}

/// A call that came too late for the chain changes nothing: what there is to do is looked at anew in the next block.
fn in_time(done: Vec<Result<()>>) -> Result<()> {
    for error in done.into_iter().filter_map(Result::err) {
        match error.downcast_ref::<Error>() {
            Some(Error::Dispatch(_)) => println!("  not taken: {error:#}"),
            _ => return Err(error),
        }
    }
    Ok(())
}

/// Whether both who agreed on a lie were convicted of it.
fn proven(eyes: &Eyes, task: Id) -> bool {
    let proven = |event: &&Told| matches!(event, Told::Convicted { lie: Lie::Proven, .. });
    eyes.told(task).iter().filter(proven).count() == 2
}

/// Active and in the pool, however long it takes.
async fn stay(eyes: &Eyes, stage: &Stage, driven: &Driven) -> Result<()> {
    if u64::from(eyes.machine(driven.machine).await?.due) < eyes.height().await? + MARGIN {
        driven.wake(eyes, stage).await?;
    }
    match eyes.worker(driven.machine).await? {
        Some(worker) if worker.places > 0 => Ok(()),
        _ => driven.ready(eyes, PLACES).await,
    }
}

/// Makes up a lie about each task that is new.
async fn learn(eyes: &Eyes, colluders: &[&Driven], lies: &mut Lies) -> Result<()> {
    for driven in colluders {
        for one in eyes.work_of(driven.machine).await? {
            if let Entry::Vacant(slot) = lies.entry(one.id) {
                slot.insert(Claim::false_of(one.task.seed)?);
            }
        }
    }
    Ok(())
}

/// Commits to, reveals and opens the same lies as the others.
async fn go_on(eyes: &Eyes, driven: &Driven, lies: &Lies) -> Result<()> {
    let work = eyes.work_of(driven.machine).await?;
    let known = work.iter().filter_map(|one| Some((one, lies.get(&one.id)?)));
    let commits =
        known.clone().filter(|(one, _)| (&one.stage, &one.state) == (&At::Committing, &State::Assigned));
    let reveals =
        known.filter(|(one, _)| one.stage == At::Revealing && matches!(one.state, State::Committed(_)));
    try_join_all(commits.map(|(_, lie)| driven.commit(eyes, lie))).await?;
    try_join_all(reveals.map(|(_, lie)| driven.reveal(eyes, lie))).await?;
    driven.answer(eyes, lies.values()).await
}
