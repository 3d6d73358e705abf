//! Five tasks that one draw gives to the same two machines, each done in another wrong way. They run side by side, since each waits for
//! windows to close.

use crate::{
    absence::{self, Absent},
    claim::Claim,
    copycat,
    driven::Driven,
    eyes::{Eyes, Id},
    network::{MACHINE_BOND, Network},
    silence,
};
use anyhow::{Context, Result, ensure};
use light_client::{
    AccountId32,
    chain::{
        drilling::Event as Told,
        runtime_types::pallet_drilling::types::{Lie, Verdict},
    },
};
use testbed::Stage;

/// Ivan's word against Heidi's.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    pub eyes: &'a Eyes,
    pub heidi: &'a Driven,
    pub ivan: &'a Driven,
}

pub fn of_five_tasks(network: &mut Network) -> Result<()> {
    network.drill(false)?;
    let Network { stage, runtime, eyes, cast, .. } = &*network;
    let pair = Pair { eyes, heidi: &cast.heidi, ivan: &cast.ivan };
    let absent = runtime.block_on(act(pair, stage))?;
    // Two of the tasks wait for another machine now: the agents are there.
    network.drill(true)?;
    runtime.block_on(async {
        absence::replaced(pair, cast, &absent).await?;
        absence::back(pair, stage).await
    })
}

/// Until two tasks are left, to which one machine each has not committed.
async fn act<'a>(pair: Pair<'a>, stage: &Stage) -> Result<[Absent<'a>; 2]> {
    let Pair { eyes, heidi, ivan } = pair;
    tokio::try_join!(heidi.wake(eyes, stage), ivan.wake(eyes, stage))?;
    let before = eyes.totals([heidi.machine, ivan.machine]).await?;
    tokio::try_join!(heidi.ready(eyes, 5), ivan.ready(eyes, 5))?;
    let (work, theirs) = tokio::try_join!(heidi.given(eyes, 5), ivan.given(eyes, 5))?;
    tokio::try_join!(heidi.rest(eyes), ivan.rest(eyes))?;
    ensure!(work.iter().all(|one| theirs.iter().any(|other| other.id == one.id)), "not the same tasks");
    let claims: Vec<Claim> = work.iter().map(|one| Claim::true_of(one.task.seed)).collect::<Result<_>>()?;
    let [copied, silent, late, without_ivan, without_heidi] =
        claims.try_into().ok().context("five tasks were wanted")?;
    let absent = [
        Absent { claim: without_ivan, present: heidi, absent: ivan },
        Absent { claim: without_heidi, present: ivan, absent: heidi },
    ];
    let (a, b, c, (), ()) = tokio::try_join!(
        copycat::gains_nothing(pair, &copied),
        silence::unrevealed(pair, &silent),
        silence::revealed_late(pair, &late),
        absence::waits(eyes, &absent[0]),
        absence::waits(eyes, &absent[1]),
    )?;
    ensure!(a + b + c == MACHINE_BOND, "one silence costs one bond: {a}, {b}, {c}");
    let after = eyes.totals([heidi.machine, ivan.machine]).await?;
    ensure!(before == after, "credited {before:?} before, {after:?} after");
    absence::lapses(pair, stage).await?;
    Ok(absent)
}

/// Ivan committed and showed nothing: Heidi, who showed her result, has half of what he pays, which is returned.
pub async fn silenced(pair: Pair<'_>, task: Id) -> Result<u128> {
    let Pair { eyes, heidi, ivan } = pair;
    eyes.until_told("the end", task, |told| matches!(told, Told::Closed { .. }).then_some(())).await?;
    let told = eyes.told(task);
    let verdicts = (eyes.verdict(heidi.machine, task).await?, eyes.verdict(ivan.machine, task).await?);
    let wanted = (Some(Verdict::Forfeited), Some(Verdict::Convicted(Lie::Unrevealed)));
    ensure!(verdicts == wanted, "{verdicts:?}: {told:?}");
    let slashed = told.iter().find_map(|event| match event {
        Told::Convicted { machine, slashed, .. } if *machine == ivan.machine => Some(*slashed),
        _ => None,
    });
    let slashed = slashed.with_context(|| format!("not convicted: {told:?}"))?;
    let heidis: AccountId32 = heidi.owner.account();
    let compensated = told.iter().map(|event| match event {
        Told::Compensated { owner, amount, .. } if *owner == heidis => *amount,
        _ => 0,
    });
    ensure!(compensated.sum::<u128>() == slashed / 2, "{told:?}");
    ensure!(!told.iter().any(|event| matches!(event, Told::Agreed { .. })), "credited: {told:?}");
    Ok(slashed)
}

/// Whether everybody may reveal.
pub async fn until_revealing(eyes: &Eyes, task: Id) -> Result<u32> {
    eyes.until_told("the reveals", task, |told| match told {
        Told::Revealing { deadline, .. } => Some(*deadline),
        _ => None,
    })
    .await
}
