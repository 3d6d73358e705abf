//! Who commits and does not reveal has lied, and who reveals too late has not revealed.

use crate::{
    claim::Claim,
    round::{Pair, silenced, until_revealing},
};
use anyhow::Result;

pub async fn unrevealed(pair: Pair<'_>, claim: &Claim) -> Result<u128> {
    let Pair { eyes, heidi, ivan } = pair;
    tokio::try_join!(heidi.commit(eyes, claim), ivan.commit(eyes, claim))?;
    until_revealing(eyes, claim.task.id()).await?;
    heidi.reveal(eyes, claim).await?;
    silenced(pair, claim.task.id()).await
}

pub async fn revealed_late(pair: Pair<'_>, claim: &Claim) -> Result<u128> {
    let Pair { eyes, heidi, ivan } = pair;
    tokio::try_join!(heidi.commit(eyes, claim), ivan.commit(eyes, claim))?;
    let deadline = until_revealing(eyes, claim.task.id()).await?;
    heidi.reveal(eyes, claim).await?;
    eyes.until("the deadline", async || Ok((eyes.height().await? > u64::from(deadline)).then_some(())))
        .await?;
    ivan.reveal_refused(eyes, claim, "UnknownTask").await?;
    silenced(pair, claim.task.id()).await
}
