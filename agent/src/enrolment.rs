//! Being taken on by the chain: the request, the inspectors' credentials, the answers.
//!
//! How far it is stands in the identity and in finalised state; so it goes on after any crash, and nothing depends on events.

use crate::{
    chain::{self, Machine},
    debt::{self, Debt, hex32s},
    desk::{Desk, DeskError},
    hex32::Hex32,
    identity::{Enrolment, Keeper},
};
use anyhow::Context;
use attest::statement::{RequestFields, answer, answer_commitment, request_digest};
use light_client::{Key, LightClient};
use log_store::LogStore;
use tpm::TpmError;

/// How far enrolment is.
#[derive(Debug)]
pub enum Progress {
    /// On its way.
    Waiting(String),
    /// The chain knows the machine.
    Enrolled(Machine),
    /// This request will come to nothing.
    Failed {
        /// Why.
        why: String,
        /// Whether another one, a little later, may fare better.
        again: bool,
    },
}

/// Remembers which chain the machine works for, once that chain has answered; a light client of another one is never started.
pub fn know_chain(keeper: &mut Keeper, client: &LightClient) -> anyhow::Result<()> {
    if keeper.genesis.is_some() {
        return Ok(());
    }
    keeper.change(|identity| identity.genesis = Some(Hex32(client.genesis().0)))
}

/// Makes a request, signs it with token and device key, and owes it to the chain.
pub async fn request(
    desk: &mut Desk<'_>,
    token: &Key,
    consistency: &[attest::Hash],
) -> Result<(), DeskError> {
    let quote = desk.quote().await?;
    let (join_record, join_proof) =
        desk.agent.recorder.look(|log| join(log, quote.size)).context("the log's first record")?;
    let keeper = &desk.agent.keeper;
    let fields = RequestFields {
        genesis: &desk.client.genesis().0,
        token: &token.public(),
        device: &desk.device.public(),
        ek_public: &keeper.ek_public,
        ek_certificate: &keeper.ek_certificate,
        ak_public: &keeper.ak.public,
        block_hash: &quote.block_hash,
        size: quote.size,
        root: &quote.root,
        quote_message: &quote.message,
        quote_signature: &quote.signature,
    };
    let digest = request_digest(&fields);
    let debt = Debt::Request(Box::new(debt::Request {
        id: Hex32(digest),
        machine: Hex32(keeper.machine),
        token: Hex32(token.public()),
        ek_public: keeper.ek_public.clone(),
        ek_certificate: keeper.ek_certificate.clone(),
        ak_public: keeper.ak.public.clone(),
        join_record,
        join_proof: hex32s(&join_proof),
        consistency: hex32s(consistency),
        token_signature: token.sign(&digest),
        device_signature: desk.device.sign(&digest),
        quote,
    }));
    // First the number by which it is looked for, then the debt: a crash in between leaves a request that was never made.
    let requested = Enrolment::Requested { id: Hex32(digest), seen: false };
    desk.agent.keeper.change(|identity| identity.enrolment = requested)?;
    desk.owe(&debt)
}

fn join(log: &LogStore, size: u64) -> Result<(Vec<u8>, attest::Proof), log_store::LogError> {
    Ok((log.raw(0)?, log.prove_inclusion(0, size)?))
}

/// Moves the open request on: hands it in, answers what inspectors ask, notices the end.
pub async fn advance(desk: &mut Desk<'_>) -> Result<Progress, DeskError> {
    let Enrolment::Requested { id, seen } = desk.agent.keeper.enrolment else {
        return Ok(Progress::Failed { why: "nothing was requested".into(), again: true });
    };
    let lost = desk.settle().await?;
    if lost.iter().any(|lost| matches!(lost.debt, Debt::Answer(_) | Debt::Dispute(_)) && !lost.expired) {
        desk.agent.answers.failed();
    }
    let refused = lost.into_iter().find(|lost| matches!(lost.debt, Debt::Request(_)));
    // In this order: a request that is gone has left its machine behind.
    let request = chain::request(desk.client, id.0).await?;
    let machine = chain::machine(desk.client, desk.agent.keeper.machine).await?;
    if let Some(machine) = machine.filter(|machine| machine.ak_public == desk.agent.keeper.ak.public) {
        let epoch = machine.epoch;
        desk.agent.keeper.change(|identity| identity.be_enrolled(epoch))?;
        desk.settle().await?;
        return Ok(Progress::Enrolled(machine));
    }
    match request {
        Some(request) => {
            if !seen {
                let seen = Enrolment::Requested { id, seen: true };
                desk.agent.keeper.change(|identity| identity.enrolment = seen)?;
            }
            let asked: Vec<_> =
                request.duties.iter().filter(|duty| !duty.answered && !duty.disputed).collect();
            for duty in asked {
                respond(desk, id, duty).await?;
            }
            desk.settle().await?;
            Ok(Progress::Waiting(describe(&request)))
        }
        None => match (refused, seen) {
            (Some(lost), false) => {
                let again = lost.expired || passes(&lost.why);
                fail(desk, format!("the chain refused the request: {}", explained(&lost.why)), again)
            }
            (None, false) if desk.owes("request")? => Ok(Progress::Waiting("handing in the request".into())),
            (None, false) => fail(desk, "the request was never handed in".into(), true),
            (_, true) => fail(desk, VANISHED.into(), false),
        },
    }
}

const VANISHED: &str = "the request is gone without an enrolment: too few inspectors were registered or answered in time, \
    they refused this endorsement key, or another request for this TPM was first. Look at the inspectors' logs, then enrol again; \
    the token's deposit for this try came back";

fn fail(desk: &mut Desk<'_>, why: String, again: bool) -> Result<Progress, DeskError> {
    desk.agent.keeper.change(|identity| identity.enrolment = Enrolment::None)?;
    Ok(Progress::Failed { why, again })
}

/// A refusal, and what there is to do where its name does not say.
fn explained(why: &str) -> String {
    if !why.starts_with(TOO_FEW) {
        return why.into();
    }
    format!(
        "{why} The chain draws from those that are registered, and wants five at least: there is nothing to mend on this machine, \
         and nothing to do but wait until there are"
    )
}

const TOO_FEW: &str = "TooFewInspectors";

/// Refusals that are about the moment, not about the request.
fn passes(why: &str) -> bool {
    [TOO_FEW, "Busy", "UnknownBlock", "BlockTooOld", "UnknownToken"].iter().any(|name| why.starts_with(name))
}

/// Opens an inspector's credential in the TPM and owes the answer; a credential that does not open is disputed.
async fn respond(desk: &mut Desk<'_>, request: Hex32, duty: &chain::Duty) -> Result<(), DeskError> {
    let Some(challenge) = duty.challenge.clone() else { return Ok(()) };
    let asked = debt::Duty { request, inspector: duty.inspector };
    let (answering, disputing) = (Debt::Dispute(asked).intent()?.key, ["answer", "dispute"]);
    let entries = desk.agent.outbox.entries()?;
    if entries
        .iter()
        .any(|entry| disputing.contains(&entry.intent.kind.as_str()) && entry.intent.key == answering)
    {
        return Ok(());
    }
    let kind = desk.agent.keeper.endorsement.into();
    let ak = desk.agent.keeper.ak.blob();
    let (id_object, secret) = (challenge.id_object, challenge.encrypted_secret);
    let opened = desk.agent.tpm.run(move |tpm| tpm.activate_credential(kind, &ak, &id_object, &secret)).await;
    let debt = match opened {
        Ok(secret) => {
            let answer = answer(&request.0, &duty.inspector.0, &secret);
            if answer_commitment(&answer) == challenge.commitment {
                tracing::info!(inspector = %duty.inspector, "credential opened");
                Debt::Answer(debt::Answer { duty: asked, answer: Hex32(answer) })
            } else {
                tracing::warn!(inspector = %duty.inspector, "the credential holds another secret than promised: disputed");
                Debt::Dispute(asked)
            }
        }
        Err(TpmError::BadCredential) => {
            tracing::warn!(inspector = %duty.inspector, "the credential does not open: disputed");
            Debt::Dispute(asked)
        }
        Err(error) => return Err(error.into()),
    };
    desk.owe(&debt)
}

fn describe(request: &chain::Request) -> String {
    let answered = request.duties.iter().filter(|duty| duty.answered).count();
    let posted = request.duties.iter().filter(|duty| duty.challenge.is_some()).count();
    match request.duties.len() {
        0 => format!(
            "waiting for the draw of inspectors (draw {} of the request)",
            request.tries.saturating_add(1)
        ),
        drawn => format!(
            "{drawn} inspectors drawn, {posted} credentials posted, {answered} answered (until block {})",
            request.deadline
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_about_the_moment_pass() {
        assert!(passes("TooFewInspectors: Too few inspectors are registered."));
        assert!(!passes("TokenUsedUp: The token has no machines left."));
    }

    #[test]
    fn too_few_inspectors_are_explained() {
        assert!(explained("TooFewInspectors: Too few.").contains("nothing to do but wait"));
        assert_eq!(explained("Busy: Another."), "Busy: Another.");
    }

    #[test]
    fn progress_is_told_in_words() {
        let duty = |answered| chain::Duty {
            inspector: Hex32([1; 32]),
            challenge: None,
            answered,
            disputed: false,
            closed: false,
        };
        let mut request = chain::Request { tries: 0, deadline: 90, duties: vec![] };
        assert_eq!(describe(&request), "waiting for the draw of inspectors (draw 1 of the request)");
        request.duties = vec![duty(true), duty(false)];
        assert_eq!(
            describe(&request),
            "2 inspectors drawn, 0 credentials posted, 1 answered (until block 90)"
        );
    }
}
