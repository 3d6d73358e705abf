//! Who does not commit is replaced, and has seen nothing to copy meanwhile. Who lapses in the middle of a task may still finish it.

use crate::{
    claim::Claim,
    driven::Driven,
    eyes::Eyes,
    network::Cast,
    round::{Pair, until_revealing},
};
use anyhow::{Result, ensure};
use drilling::difficulty;
use light_client::chain::{
    drilling::Event as Told,
    runtime_types::{pallet_drilling::types::Verdict, pallet_machines::types::Standing},
};
use testbed::Stage;

/// A task to which one machine commits and the other does not.
pub struct Absent<'a> {
    pub claim: Claim,
    pub present: &'a Driven,
    pub absent: &'a Driven,
}

/// Until the task waits for another machine.
pub async fn waits(eyes: &Eyes, part: &Absent<'_>) -> Result<()> {
    let Absent { claim, present, absent } = part;
    let task = claim.task.id();
    present.commit(eyes, claim).await?;
    // The absent one would like to see a result first. Nobody shows anything while it may still commit.
    present.reveal_refused(eyes, claim, "TooEarly").await?;
    eyes.until_told("word of the gap", task, |told| matches!(told, Told::Short { .. }).then_some(())).await?;
    ensure!(eyes.verdict(absent.machine, task).await? == Some(Verdict::Dropped));
    absent.commit_refused(eyes, claim, "TooLate").await?;
    present.reveal_refused(eyes, claim, "TooEarly").await?;
    let told = eyes.told(task);
    let slashed = told.iter().any(|event| matches!(event, Told::Convicted { .. }));
    ensure!(!slashed, "not to do a task is no lie: {told:?}");
    Ok(())
}

/// Until Heidi's machine, which has a task, has lapsed; Ivan's stays.
pub async fn lapses(pair: Pair<'_>, stage: &Stage) -> Result<()> {
    let Pair { eyes, heidi, ivan } = pair;
    ivan.wake(eyes, stage).await?;
    eyes.until("Heidi's machine lapsed", async || {
        Ok((eyes.machine(heidi.machine).await?.standing == Standing::Lapsed).then_some(()))
    })
    .await?;
    heidi.ready_refused(eyes, 1, "NotActive").await?;
    ensure!(!eyes.power(heidi.machine).await?.counts, "a machine that is away counts");
    Ok(())
}

/// Honest agents take the absent ones' places, and the present are credited with them: also Heidi's machine, which has lapsed.
pub async fn replaced(pair: Pair<'_>, cast: &Cast, parts: &[Absent<'_>; 2]) -> Result<()> {
    let Pair { eyes, heidi, .. } = pair;
    let [one, other] = parts;
    tokio::try_join!(finished(eyes, cast, one), finished(eyes, cast, other))?;
    ensure!(eyes.machine(heidi.machine).await?.standing == Standing::Lapsed, "it came back by itself");
    ensure!(!eyes.power(heidi.machine).await?.counts, "a machine that is away counts");
    Ok(())
}

async fn finished(eyes: &Eyes, cast: &Cast, part: &Absent<'_>) -> Result<()> {
    let Absent { claim, present, .. } = part;
    let (task, worth) = (claim.task.id(), difficulty(&claim.task.spec));
    let before = eyes.power(present.machine).await?.figures.drilling_total;
    until_revealing(eyes, task).await?;
    present.reveal(eyes, claim).await?;
    let credited = eyes
        .until_told("agreement", task, |told| match told {
            Told::Agreed { machines, worth, .. } => Some((machines.clone(), *worth)),
            _ => None,
        })
        .await?;
    let (machines, each) = &credited;
    let replacement = cast.honest.iter().any(|(machine, _)| machines.contains(machine));
    let right = machines.len() == 2 && replacement && machines.contains(&present.machine);
    ensure!(right && *each == worth, "{credited:?}");
    let after = eyes.power(present.machine).await?.figures.drilling_total;
    ensure!(after == before + worth, "{before} became {after}");
    Ok(())
}

/// With its next anchor it counts again.
pub async fn back(pair: Pair<'_>, stage: &Stage) -> Result<()> {
    let Pair { eyes, heidi, .. } = pair;
    heidi.wake(eyes, stage).await?;
    ensure!(eyes.power(heidi.machine).await?.counts, "a machine that is back does not count");
    Ok(())
}
