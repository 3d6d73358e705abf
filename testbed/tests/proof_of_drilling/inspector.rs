//! An inspector who lies: he leads an honest machine down to a chunk and accuses it of what he likes. The chain believes no word of it,
//! and honest inspectors then find out who did lie.

use crate::{
    claim::Claim,
    driven::Caller,
    eyes::{Eyes, Id},
    liar,
    network::{Cast, Network},
};
use anyhow::{Context, Result, ensure};
use light_client::{
    AccountId32,
    chain::{
        self,
        drilling::Event as Told,
        runtime_types::{bounded_collections::bounded_vec::BoundedVec, pallet_drilling::types::State},
    },
};
use testbed::INSPECTORS;

pub fn slashes_nobody(network: &mut Network) -> Result<()> {
    network.drill(true)?;
    network.stage.dismiss_inspectors();
    let Network { stage, runtime, eyes, cast, .. } = network;
    let claim = runtime.block_on(async {
        let claim = liar::lie(eyes, stage, cast, &cast.ivan).await?;
        accuse(eyes, cast, &claim).await?;
        Ok::<_, anyhow::Error>(claim)
    })?;
    stage.summon_inspectors()?;
    runtime.block_on(liar::found_out(eyes, cast, &cast.ivan, &claim))
}

async fn accuse(eyes: &Eyes, cast: &Cast, lie: &Claim) -> Result<()> {
    let (task, client) = (lie.task.id(), &eyes.client);
    let drawn = eyes
        .until("the draw of inspectors", async || {
            cast.ivan.answer(eyes, [lie]).await?;
            let drawn = eyes.dispute(task).await?.filter(|case| case.dispute.drawn);
            Ok(drawn.map(|case| case.dispute.duties.0))
        })
        .await?;
    let known =
        |account: &AccountId32| INSPECTORS.iter().find(|name| Caller::known(name).account() == *account);
    let name = drawn.iter().find_map(|duty| known(&duty.inspector)).context("no inspector of ours")?;
    let inspector = Caller::known(name);
    let (honest, owner) = liar::partner(cast, &eyes.told(task))?;
    let before = eyes.bond(owner.account()).await?;
    // Layer 0, then its fourth chunk.
    for (asked, place) in [(1, 0), (2, 3)] {
        answered(eyes, task, honest, &inspector, asked - 1).await?;
        inspector.call(client, &chain::tx().drilling().demand(task, honest, place)).await?;
    }
    answered(eyes, task, honest, &inspector, 2).await?;
    let truth = Claim::true_of(lie.task.seed)?;
    let accusation = truth.accusation()?;
    let mut forged = accusation.clone();
    *forged.last_mut().context("an empty proof")? ^= 1;
    let proofs = [
        (accusation, "Honest"),
        (forged, "ProofOfNoAccumulator"),
        // What proves the liar's lie proves nothing about anybody else.
        (lie.accusation()?, "ProofOfAnotherResult"),
        (vec![1; 64], "MalformedProof"),
    ];
    for (proof, error) in proofs {
        let call = chain::tx().drilling().convict(task, honest, BoundedVec(proof));
        inspector.refused(client, &call, error).await?;
    }
    let stranger = chain::tx().drilling().clear(task);
    owner.refused(client, &stranger, "NotDrawn").await?;
    let work = eyes.task(task).await?.context("the task is over")?;
    let untouched = work.replicas.0.iter().all(|replica| matches!(replica.state, State::Revealed(_)));
    ensure!(untouched, "somebody was convicted: {:?}", work.replicas);
    let after = eyes.bond(owner.account()).await?;
    ensure!((after.active, after.leaving) == (before.active, before.leaving), "{before:?} became {after:?}");
    ensure!(!eyes.told(task).iter().any(|event| matches!(event, Told::Convicted { .. })));
    Ok(())
}

/// Waits until the honest machine has opened its roots, and so many further answers to this inspector.
async fn answered(eyes: &Eyes, task: Id, machine: Id, inspector: &Caller, answers: u8) -> Result<()> {
    eyes.until("an honest machine's answer", async || {
        let case = eyes.dispute(task).await?.context("the dispute is over")?;
        let opened = case.disclosures.into_iter().find(|(accused, _)| *accused == machine);
        let (_, opened) = opened.context("the honest machine is out of it")?;
        let chain = opened.chains.0.iter().find(|chain| chain.inspector == inspector.account());
        let given = match chain {
            None => opened.roots.is_some() && answers == 0,
            Some(chain) => chain.asked == answers && chain.answer.is_some(),
        };
        Ok(given.then_some(()))
    })
    .await
}
