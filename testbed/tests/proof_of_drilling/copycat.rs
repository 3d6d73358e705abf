//! A copycat: he commits to another's commitment, byte for byte, and reveals another's result. Who waits for the reveal instead is in
//! `absence.rs`.

use crate::{
    claim::Claim,
    round::{Pair, silenced, until_revealing},
};
use anyhow::{Result, ensure};
use light_client::chain::runtime_types::pallet_drilling::types::State;

pub async fn gains_nothing(pair: Pair<'_>, claim: &Claim) -> Result<u128> {
    let Pair { eyes, heidi, ivan } = pair;
    let task = claim.task.id();
    heidi.commit(eyes, claim).await?;
    let replica = async |machine| {
        let work = eyes.task(task).await?;
        let replicas = work.map(|work| work.replicas.0).unwrap_or_default();
        Ok::<_, anyhow::Error>(replicas.into_iter().find(|replica| replica.machine == machine))
    };
    let seen = eyes
        .until("Heidi's commitment", async || {
            Ok(replica(heidi.machine).await?.and_then(|replica| match replica.state {
                State::Committed(commitment) => Some(commitment),
                _ => None,
            }))
        })
        .await?;
    ivan.post(eyes, task, seen).await?;
    until_revealing(eyes, task).await?;
    heidi.reveal(eyes, claim).await?;
    // Now he knows her digest and her salt.
    ivan.copy_refused(eyes, claim, heidi, "WrongReveal").await?;
    ivan.reveal_refused(eyes, claim, "WrongReveal").await?;
    let his = replica(ivan.machine).await?.map(|replica| replica.state);
    ensure!(his == Some(State::Committed(seen)), "{his:?}");
    silenced(pair, task).await
}
