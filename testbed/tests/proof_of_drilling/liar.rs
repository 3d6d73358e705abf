//! One liar among the honest: all forfeit the credit, an inspector finds him, the chain checks the proof, and he pays.

use crate::{
    claim::Claim,
    driven::{Caller, Driven},
    eyes::{Eyes, Id},
    network::{Cast, MACHINE_BOND, Network},
};
use anyhow::{Context, Result, ensure};
use light_client::chain::{
    drilling::Event as Told,
    runtime_types::pallet_drilling::types::{Cause, Lie, Verdict},
};
use serde_json::Value;
use testbed::Stage;

pub fn convicted(network: &mut Network) -> Result<()> {
    network.drill(true)?;
    let Network { stage, driven: [heidi, ..], runtime, eyes, cast, .. } = network;
    // As its owner sees it.
    let bond = |stage: &Stage| -> Result<u128> {
        let shown: Value = serde_json::from_str(&heidi.owner(stage, &["stake", "--json"])?)?;
        Ok(shown["active"].as_str().context("no bond")?.parse()?)
    };
    let before = bond(stage)?;
    runtime.block_on(async {
        let claim = lie(eyes, stage, cast, &cast.heidi).await?;
        found_out(eyes, cast, &cast.heidi, &claim).await
    })?;
    let after = bond(stage)?;
    ensure!(after + MACHINE_BOND == before, "the bond was {before} and is {after}");
    Ok(())
}

/// Reveals one wrong result, to which the others' is compared: all forfeit. That is looked at now, since a machine that works on has only so many of
/// its verdicts on record.
pub async fn lie(eyes: &Eyes, stage: &Stage, cast: &Cast, liar: &Driven) -> Result<Claim> {
    liar.wake(eyes, stage).await?;
    liar.ready(eyes, 1).await?;
    let work = liar.given(eyes, 1).await?.remove(0);
    liar.rest(eyes).await?;
    let claim = Claim::false_of(work.task.seed)?;
    liar.commit(eyes, &claim).await?;
    eyes.until_told("the reveals", work.id, |told| matches!(told, Told::Revealing { .. }).then_some(()))
        .await?;
    liar.reveal(eyes, &claim).await?;
    eyes.until_told("the dispute", work.id, |told| {
        matches!(told, Told::Disputed { cause: Cause::Difference, .. }).then_some(())
    })
    .await?;
    let told = eyes.told(work.id);
    for machine in [liar.machine, partner(cast, &told)?.0] {
        ensure!(eyes.verdict(machine, work.id).await? == Some(Verdict::Forfeited), "all forfeit: {told:?}");
    }
    Ok(claim)
}

/// Opens whatever it is asked about its lie, until an inspector has proven it.
pub async fn found_out(eyes: &Eyes, cast: &Cast, liar: &Driven, claim: &Claim) -> Result<()> {
    let task = claim.task.id();
    let verdict = eyes
        .until("a conviction", async || {
            liar.answer(eyes, [claim]).await?;
            let verdict = eyes.verdict(liar.machine, task).await?;
            Ok(verdict.filter(|verdict| matches!(verdict, Verdict::Convicted(_))))
        })
        .await?;
    ensure!(verdict == Verdict::Convicted(Lie::Proven), "{verdict:?}");
    eyes.until_told("the end", task, |told| matches!(told, Told::Closed { .. }).then_some(())).await?;
    let told = eyes.told(task);
    ensure!(!told.iter().any(|event| matches!(event, Told::Agreed { .. })), "credited: {told:?}");
    let (_, owner) = partner(cast, &told)?;
    // A tenth goes to who found it, half of the rest to who did nothing wrong.
    let share = (MACHINE_BOND - MACHINE_BOND / 10) / 2;
    let slashed = |event: &Told| match event {
        Told::Convicted { machine, lie: Lie::Proven, slashed, .. } => {
            *machine == liar.machine && *slashed == MACHINE_BOND
        }
        _ => false,
    };
    let compensated = |event: &Told| match event {
        Told::Compensated { owner: who, amount, .. } => *who == owner.account() && *amount == share,
        _ => false,
    };
    ensure!(told.iter().any(slashed) && told.iter().any(compensated), "{told:?}");
    Ok(())
}

/// The honest one who showed its result for a task: the first to be given it may have been too slow, and replaced.
pub fn partner<'a>(cast: &'a Cast, told: &[Told]) -> Result<(Id, &'a Caller)> {
    let showed =
        |id: &Id| told.iter().any(|event| matches!(event, Told::Revealed { machine, .. } if machine == id));
    let honest = cast.honest.iter().find(|(machine, _)| showed(machine));
    honest.map(|(machine, owner)| (*machine, owner)).context("no honest one")
}
