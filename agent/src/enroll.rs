//! `matrixai-agent enroll`: from a TPM and a token to a machine on chain. It may be cut off at any point and run again.

use crate::{
    agent::Agent,
    backoff::Backoff,
    board,
    chain::{self, Machine},
    config::Config,
    desk::{Desk, DeskError},
    enrolment::{self, Progress},
    failure::Failure,
    hex32::Hex32,
    identity::{Enrolment, Identity, Keeper},
    output::Output,
    progress::Steps,
    recorder::end_mark,
    run::begin_off_reactor,
    secrets::{self, Stranger},
    standing::{self, Obstacle, Standing},
    state_dir::StateDir,
    tpm_worker::TpmWorker,
    upkeep::{chain_specification, start_client},
};
use anyhow::{Context, Result, bail};
use attest::record::{Body, Gap, GapReason};
use light_client::{Key, LightClient};
use serde_json::json;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// How long to wait before another request, where the moment was wrong: at first, and at most. Each makes the TPM sign.
const LATER: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(120)];

/// What enrolling came to.
struct Enrolled {
    machine: Machine,
    /// Whether the chain had it before.
    already: bool,
}

/// Enrols this machine with a token.
pub async fn enroll(config: Config, token: &Path, patience: Duration, output: Output) -> Result<()> {
    let token = light_client::token::read(token)?;
    let state = StateDir::new(&config.state_dir);
    let _lock = state.lock()?;
    // Before keys are made that would be of no use.
    chain_specification(&config).await?;
    let steps = Steps::new(&output);
    let known = Identity::of(&state)?.map(|identity| identity.enrolment);
    let work = async {
        let (mut agent, device) = prepare(config, state, &steps).await?;
        let outcome = on_chain(&mut agent, device, &token, &steps).await;
        agent.append(vec![end_mark()]).await?;
        outcome.map(|enrolled| (agent, enrolled))
    };
    let late = |_| anyhow::anyhow!(out_of_time(known, patience.as_secs(), &steps.last()));
    let (agent, enrolled) = tokio::time::timeout(patience, work).await.map_err(late)??;
    steps.done();
    report(&agent, &enrolled, &output)
}

/// What is so once patience has ended. A state folder that was enrolled says nothing of what the chain has done since.
fn out_of_time(known: Option<Enrolment>, seconds: u64, last: &str) -> String {
    match known {
        Some(Enrolment::Enrolled { epoch }) => format!(
            "this state folder was enrolled in epoch {epoch}, but the chain did not say within {seconds} s whether that still holds \
             ({last}); run the same command again once the chain can be reached"
        ),
        _ => {
            format!("not enrolled within {seconds} s ({last}); run the same command again to go on from here")
        }
    }
}

fn report(agent: &Agent, enrolled: &Enrolled, output: &Output) -> Result<()> {
    let Enrolled { machine, already } = enrolled;
    let id = hex::encode(agent.keeper.machine);
    let value = json!({
        "machine": id, "level": machine.level, "standing": machine.standing, "epoch": machine.epoch,
        "owner": machine.owner, "device": hex::encode(machine.device), "already": already,
    });
    output.result(&value, || {
        let said = if *already { "enrolled already; nothing new was requested" } else { "enrolled" };
        let lapsed = match Standing::parse(&machine.standing) {
            Some(Standing::Lapsed) => "; its first anchor brings the machine back",
            _ => "",
        };
        format!(
            "{said}\n  machine  {id}\n  standing {}\n  level    {}\n  epoch    {}\n  owner    {}\n\
             next: start the agent (systemctl start matrixai-agent, or matrixai-agent run){lapsed}",
            machine.standing, machine.level, machine.epoch, machine.owner
        )
    })
}

/// TPM, keys and log.
async fn prepare(config: Config, state: StateDir, steps: &Steps) -> Result<(Agent, Key)> {
    steps.now("TPM: endorsement key, attestation key, counter, device key");
    let tpm = TpmWorker::start(&config.tpm)?;
    let keeper = recognise(&config, &state, &tpm).await?;
    steps.now("log: host, chips, boot");
    let (keeper, begun) = begin_off_reactor(&config, &state, keeper).await?;
    let mut agent = Agent::new(config, state, tpm, keeper, begun.held);
    let device = agent.open_device().await?;
    agent.sign_head(&device)?;
    Ok((agent, device))
}

/// The identity on disk if the TPM still vouches for it; new keys where it was cleared; a new identity where there was none.
async fn recognise(config: &Config, state: &StateDir, tpm: &TpmWorker) -> Result<Keeper> {
    let pcrs = config.pcrs.clone();
    let Some(identity) = Identity::of(state)? else {
        let (identity, _) = tpm.run(move |tpm| secrets::create(tpm, &pcrs)).await?;
        let mut keeper = Keeper::new(state.identity(), identity);
        keeper.change(|_| {})?;
        return Ok(keeper);
    };
    let mut keeper = Keeper::new(state.identity(), identity.clone());
    match secrets::recognised(tpm, identity).await {
        Err(Stranger::Cleared) => {
            tracing::warn!("the TPM was cleared: new keys, and a new epoch of the same machine");
            new_keys(&mut keeper, tpm, pcrs).await?;
        }
        other => other?,
    }
    Ok(keeper)
}

/// New attestation and device keys for the same machine.
async fn new_keys(keeper: &mut Keeper, tpm: &TpmWorker, pcrs: Vec<u8>) -> Result<Key> {
    let endorsement = keeper.endorsement;
    let made =
        tpm.run(move |tpm| Ok((secrets::create_ak(tpm, endorsement)?, secrets::create_device(tpm, &pcrs)?)));
    let (ak, (key, device)) = made.await?;
    keeper.change(|identity| {
        identity.ak = ak;
        identity.device = device;
        identity.enrolment = Enrolment::None;
        // The chain takes a new log with a new attestation key, and with nothing else.
        (identity.lost, identity.obstacle) = (None, None);
    })?;
    Ok(key)
}

/// The part that needs the chain. Also saves the light client's state, whatever comes of it.
async fn on_chain(agent: &mut Agent, device: Key, token: &Key, steps: &Steps) -> Result<Enrolled> {
    steps.now("chain: connecting");
    let client = start_client(agent).await?;
    let outcome = with_client(agent, &client, device, token, steps).await;
    if let Err(error) = client.shutdown().await {
        tracing::warn!(%error, "the chain database was not saved");
    }
    outcome
}

async fn with_client(
    agent: &mut Agent,
    client: &LightClient,
    mut device: Key,
    token: &Key,
    steps: &Steps,
) -> Result<Enrolled> {
    wait_ready(client, steps).await?;
    enrolment::know_chain(&mut agent.keeper, client)?;
    let before = chain::machine(client, agent.keeper.machine).await?;
    if let Some(why) = before.as_ref().and_then(|machine| shut_out(machine, &agent.keeper.ak.public)) {
        return Err(why.into());
    }
    if let Some(machine) = &before
        && machine.ak_public == agent.keeper.ak.public
    {
        if goes_on(agent, client, &device, machine)?.is_some() {
            let epoch = machine.epoch;
            agent.keeper.change(|identity| identity.be_enrolled(epoch))?;
            return Ok(Enrolled { machine: machine.clone(), already: true });
        }
        // Before any key is replaced: a wrong token must cost nothing, and a log that turns up again must find its keys.
        check_token(client, token).await?;
        agent.state.keep_old_identity().context("cannot keep a copy of the old keys")?;
        tracing::warn!("the anchored log is lost: new keys, and a new epoch of the same machine");
        new_keys(&mut agent.keeper, &agent.tpm.clone(), agent.config.pcrs.clone()).await?;
        device = agent.open_device().await?;
    }
    let consistency = match &before {
        None => Vec::new(),
        Some(machine) => match goes_on(agent, client, &device, machine)? {
            Some(proof) => proof,
            None => admit_loss(agent).await?,
        },
    };
    let machine = pursue(agent, client, &device, token, before.as_ref(), consistency, steps).await?;
    Ok(Enrolled { machine, already: false })
}

/// Why these keys can enrol no machine that the chain has. A retired one may join again, with keys that never were on chain.
fn shut_out(machine: &Machine, ak: &[u8]) -> Option<Failure> {
    let obstacle = standing::obstacle(machine, ak).filter(|obstacle| *obstacle != Obstacle::OtherKeys)?;
    Some(obstacle.failure(machine.epoch))
}

/// The proof that the log goes on from the machine's last anchor; nothing if it does not.
fn goes_on(
    agent: &mut Agent,
    client: &LightClient,
    device: &Key,
    machine: &Machine,
) -> Result<Option<Vec<attest::Hash>>> {
    match (Desk { agent, client, device }).continues(&machine.head) {
        Ok((_, proof)) => Ok(Some(proof)),
        Err(DeskError::LogLost(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The log says itself that what was anchored before is gone.
async fn admit_loss(agent: &Agent) -> Result<Vec<attest::Hash>> {
    let to_ms = crate::clock::now_ms();
    agent.append(vec![Body::Gap(Gap { from_ms: 0, to_ms, reason: GapReason::LogLost })]).await?;
    Ok(Vec::new())
}

/// Makes requests and follows them until one of them enrols.
async fn pursue(
    agent: &mut Agent,
    client: &LightClient,
    device: &Key,
    token: &Key,
    before: Option<&Machine>,
    mut consistency: Vec<attest::Hash>,
    steps: &Steps,
) -> Result<Machine> {
    let mut desk = Desk { agent, client, device };
    desk.drop_debts_of_other_keys()?;
    let mut resumed = desk.agent.keeper.enrolment != Enrolment::None;
    let mut later = Backoff::new(LATER[0], LATER[1]);
    loop {
        if desk.agent.keeper.enrolment == Enrolment::None {
            check_token(client, token).await?;
            if let Some(machine) = before.filter(|_| !consistency.is_empty()) {
                consistency = desk.continues(&machine.head)?.1;
            }
            steps.now("request: boot quote, signatures of token and device");
            enrolment::request(&mut desk, token, &consistency).await?;
        }
        let seen = client.finalized().await?.number;
        match step(&mut desk, steps).await? {
            Progress::Enrolled(machine) => return Ok(machine),
            Progress::Waiting(what) => steps.now(&format!("request: {what}")),
            Progress::Failed { why, again } if again || resumed => {
                let pause = later.failed();
                steps.now(&format!("request: {why}; asking again in {} s", pause.as_secs()));
                resumed = false;
                tokio::time::sleep(pause).await;
                continue;
            }
            Progress::Failed { why, .. } => bail!("{why}"),
        }
        client.wait_finalized_after(seen).await?;
    }
}

/// One step; trouble that passes is waited out.
async fn step(desk: &mut Desk<'_>, steps: &Steps) -> Result<Progress> {
    match enrolment::advance(desk).await {
        Ok(progress) => Ok(progress),
        Err(DeskError::Tpm(error @ tpm::TpmError::Transport(_))) => {
            tracing::warn!(%error, "trying again");
            Ok(Progress::Waiting(format!("waiting for the TPM: {error}")))
        }
        Err(DeskError::Chain(error)) => {
            steps.now(&format!("chain: {error}"));
            Ok(Progress::Waiting(format!("waiting for the chain: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}

async fn check_token(client: &LightClient, token: &Key) -> Result<()> {
    let name = Hex32(token.public());
    let known = chain::token(client, token.public()).await?;
    let known = known.with_context(|| {
        format!(
            "the chain does not know the join token {name}: not created yet, revoked, or of another chain"
        )
    })?;
    let height = client.finalized().await?.number;
    if known.left == 0 {
        bail!("the join token {name} is used up; ask the owner for another");
    }
    if known.expires < height {
        bail!("the join token {name} expired at block {}; ask the owner for another", known.expires);
    }
    Ok(())
}

async fn wait_ready(client: &LightClient, steps: &Steps) -> Result<()> {
    let started = Instant::now();
    loop {
        let status = client.status();
        if status.is_ready() {
            return Ok(());
        }
        let stall = status.stall.map(|stall| format!("; {}", board::stall_text(stall))).unwrap_or_default();
        let seconds = started.elapsed().as_secs();
        let phase = board::phase(status.phase);
        steps.now(&format!("chain: {phase}, {} peers, {seconds} s{stall}", status.peers));
        match tokio::time::timeout(Duration::from_secs(1), client.wait_ready()).await {
            Ok(ready) => ready?,
            Err(_) => continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::machine;

    #[test]
    fn a_retired_machine_joins_again_with_new_keys_alone_and_a_forked_one_never() {
        let (same, new): (&[u8], &[u8]) = (&[2], &[9]);
        for standing in ["active", "lapsed"] {
            assert!(shut_out(&machine(standing), same).is_none());
        }
        assert!(matches!(shut_out(&machine("retired"), same), Some(Failure::Retired { epoch: 3 })));
        assert!(shut_out(&machine("retired"), new).is_none());
        assert!(matches!(shut_out(&machine("forked"), new), Some(Failure::Forked)));
    }

    #[test]
    fn a_chain_out_of_reach_leaves_open_what_is_so() {
        let known = out_of_time(Some(Enrolment::Enrolled { epoch: 3 }), 9, "chain: connecting");
        assert!(known.contains("was enrolled in epoch 3") && known.contains("chain: connecting"));
        assert!(out_of_time(None, 9, "request").starts_with("not enrolled within 9 s (request)"));
    }
}
