//! What the agent does between two samples: it keeps TPM and chain within reach, and its anchors in time.

mod anchors;
mod enrolled;

use crate::{
    agent::{Agent, OpenError},
    backoff::Backoff,
    board::{Board, MachineView, Owed, Part, PowerView},
    chain::Machine,
    challenges::ChallengeWatch,
    config::Config,
    desk::{Desk, DeskError},
    drill::Driller,
    enrolment::{self, Progress},
    failure::Failure,
    hex32::Hex32,
    identity::Enrolment,
    secrets::{self, Stranger},
    standing::Obstacle,
    weights::WeightWatch,
};
use anchors::Anchors;
use anyhow::Context;
use light_client::{
    Key, LightClient,
    outbox::{Entry, State},
};
use std::{
    fmt::Display,
    time::{Duration, Instant},
};
use tpm::TpmError;

/// A chain's specification holds its runtime, some MiB in hex, or a checkpoint.
pub const LARGEST_SPECIFICATION: u64 = 64 << 20;
/// The longest wait for a finalised block before looking around.
const TURN: Duration = Duration::from_secs(5);
/// How long a turn's work may take. A light client whose peers vanished in the middle of a read may never answer it; it is started anew.
const WORK: Duration = Duration::from_secs(60);
/// How long the chain may stand still before the light client is started anew: it is harmless where the chain itself stands.
const STANDSTILL: Duration = Duration::from_secs(180);
/// How old the last look at the machine on chain may be.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What is said of anchors that nobody takes.
const OUT_OF_REACH: &str = "two anchors and more are overdue: the chain is out of reach";

/// The one who does it.
pub struct Upkeep {
    agent: Agent,
    board: Board,
    device: Option<Key>,
    client: Option<LightClient>,
    tpm: Backoff,
    chain: Backoff,
    anchors: Anchors,
    machine: Option<Machine>,
    power: Option<PowerView>,
    weighed: Option<Instant>,
    looked: Option<Instant>,
    seen: u64,
    moved: Instant,
    /// The light client was given up, and no block was seen final since.
    stood_still: bool,
    /// The agent is being stopped.
    ending: bool,
    driller: Option<Driller>,
    weights: WeightWatch,
    challenges: ChallengeWatch,
}

impl Upkeep {
    /// Over what the agent holds.
    pub fn new(
        agent: Agent,
        board: Board,
        driller: Option<Driller>,
        weights: WeightWatch,
        challenges: ChallengeWatch,
    ) -> Self {
        let anchors = Anchors::new(Duration::from_secs(agent.config.anchor_seconds));
        if let Some(lost) = agent.keeper.lost {
            board.trouble(Part::Anchor, lost);
        }
        Self {
            agent,
            board,
            device: None,
            client: None,
            tpm: Backoff::brisk(),
            chain: Backoff::brisk(),
            anchors,
            machine: None,
            power: None,
            weighed: None,
            looked: None,
            seen: 0,
            moved: Instant::now(),
            stood_still: false,
            ending: false,
            driller,
            weights,
            challenges,
        }
    }

    /// One turn: until the next finalised block, or a few seconds. May be dropped at any point.
    pub async fn turn(&mut self) -> Result<(), Failure> {
        self.open_tpm().await?;
        self.start_client().await?;
        self.wait().await;
        match tokio::time::timeout(WORK, self.work()).await {
            Ok(outcome) => self.report(outcome).await?,
            Err(_) => self.start_anew("the light client did not answer"),
        }
        if self.moved.elapsed() > STANDSTILL {
            self.start_anew("no block was finalised for minutes");
        }
        self.post();
        Ok(())
    }

    async fn open_tpm(&mut self) -> Result<(), Failure> {
        if self.device.is_some() || !self.tpm.is_due() {
            return Ok(());
        }
        match self.agent.open_device().await {
            Ok(key) => {
                tracing::info!(device = %Hex32(key.public()), "the TPM has given the device key");
                self.device = Some(key);
                self.tpm.worked();
                self.board.fine(Part::Tpm);
                Ok(())
            }
            Err(OpenError::Stranger(stranger)) if stranger.is_final() => Err(self.forsaken(&stranger)),
            Err(error) => {
                self.tpm.failed();
                self.board.trouble(Part::Tpm, error);
                Ok(())
            }
        }
    }

    /// The TPM gives this identity no more.
    fn forsaken(&mut self, stranger: &Stranger) -> Failure {
        if matches!(stranger, Stranger::Cleared)
            && let Err(error) = self.agent.keep_obstacle(Some(Obstacle::Cleared))
        {
            tracing::warn!("what the TPM says was not kept: {error:#}");
        }
        Failure::EnrolAgain(stranger.to_string())
    }

    async fn start_client(&mut self) -> Result<(), Failure> {
        if self.client.is_some() || !self.chain.is_due() {
            return Ok(());
        }
        match start_client(&self.agent).await {
            Ok(client) => {
                self.client = Some(client);
                self.chain.worked();
                if !self.stood_still {
                    self.board.fine(Part::Chain);
                }
            }
            Err(error) => match error.downcast::<Failure>() {
                // Later, somebody has exchanged the file under an agent that measures: that is not worth an end.
                Ok(failure) if self.seen == 0 => return Err(failure),
                Ok(failure) => self.wait_for_chain(failure),
                Err(error) => self.wait_for_chain(format!("{error:#}")),
            },
        }
        Ok(())
    }

    fn wait_for_chain(&mut self, why: impl Display) {
        self.chain.failed();
        self.board.trouble(Part::Chain, why);
    }

    fn start_anew(&mut self, why: &str) {
        if self.client.take().is_some() {
            tracing::warn!(why, "starting the light client anew");
            self.board
                .trouble(Part::Chain, format!("{why}; it was started anew, and no block was final since"));
            self.stood_still = true;
        }
        self.moved = Instant::now();
    }

    async fn wait(&mut self) {
        let Some(client) = &self.client else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            return;
        };
        match tokio::time::timeout(TURN, client.wait_finalized_after(self.seen)).await {
            Ok(Ok(block)) => {
                self.seen = block.number;
                self.moved = Instant::now();
                if std::mem::take(&mut self.stood_still) {
                    self.board.fine(Part::Chain);
                }
            }
            Ok(Err(_)) => return self.start_anew("the light client has stopped"),
            Err(_) => {}
        }
        self.board.note_chain(&client.status());
    }

    async fn work(&mut self) -> Result<(), DeskError> {
        let Some(device) = &self.device else { return Ok(()) };
        self.agent.sign_head(device)?;
        let Some(client) = &self.client else { return Ok(()) };
        if !client.status().is_ready() {
            return Ok(());
        }
        enrolment::know_chain(&mut self.agent.keeper, client)?;
        // At once: what a block draws is to be taken when nobody could prepare for it.
        if let Err(error) = watch_weights(&mut self.weights, &self.agent, client).await {
            tracing::warn!(%error, "blocks could not be looked at for draws of weights; trying again");
        }
        match self.challenges.look(&self.agent, client).await {
            Ok(true) => self.anchors.due = Instant::now(),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "blocks could not be looked at for challenges of the GPUs; trying again");
            }
        }
        if let Some(driller) = &mut self.driller {
            driller.hold(self.challenges.is_under_way());
        }
        let mut desk = Desk { agent: &mut self.agent, client, device };
        match desk.agent.keeper.enrolment {
            Enrolment::None => Ok(()),
            Enrolment::Requested { .. } => enrol(&mut desk, &self.board).await,
            Enrolment::Enrolled { .. } => self.keep_enrolled().await,
        }
    }

    /// What a failed turn means.
    async fn report(&mut self, outcome: Result<(), DeskError>) -> Result<(), Failure> {
        match outcome {
            Ok(()) => Ok(()),
            Err(DeskError::Tpm(error)) => {
                // Keys and counter of a TPM that was cleared fail in many ways.
                if !matches!(error, TpmError::Transport(_))
                    && let Err(stranger) =
                        secrets::recognised(&self.agent.tpm, self.agent.keeper.clone_identity()).await
                    && stranger.is_final()
                {
                    return Err(self.forsaken(&stranger));
                }
                self.anchors.due = Instant::now() + self.tpm.failed();
                self.board.trouble(Part::Tpm, error);
                Ok(())
            }
            Err(DeskError::Chain(error)) => {
                self.board.trouble(Part::Chain, &error);
                if matches!(error, light_client::Error::Stopped) {
                    self.client = None;
                }
                Ok(())
            }
            Err(error) => {
                self.anchors.due = Instant::now() + self.anchors.refused.failed();
                self.board.trouble(Part::Anchor, error);
                Ok(())
            }
        }
    }

    /// Puts the state of affairs on the board.
    fn post(&self) {
        match self.agent.recorder.trouble() {
            Some(trouble) => self.board.trouble(Part::Log, trouble),
            None => self.board.fine(Part::Log),
        }
        let enrolled = matches!(self.agent.keeper.enrolment, Enrolment::Enrolled { .. });
        let next = self.anchors.due_ms();
        let ready = self.client.as_ref().is_some_and(|client| client.status().is_ready());
        if enrolled && !ready && self.anchors.are_overdue() && self.agent.keeper.lost.is_none() {
            self.board.trouble(Part::Anchor, OUT_OF_REACH);
        }
        let outbox = owed(&self.agent);
        self.board.note(|snapshot| {
            snapshot.doing = doing(&self.agent.keeper.enrolment, self.client.as_ref()).into();
            snapshot.machine = self.machine.as_ref().map(MachineView::from);
            snapshot.outbox = outbox;
            snapshot.drill = self.driller.as_ref().map(Driller::view);
            snapshot.power = self.power;
            snapshot.jobs = self.weights.views();
            snapshot.challenges = Some(self.challenges.view());
            snapshot.next_anchor_ms = enrolled.then_some(next);
        });
    }

    /// The last anchor, as far as it gets before the caller's patience ends.
    pub async fn last_anchor(&mut self) {
        if !matches!(self.agent.keeper.enrolment, Enrolment::Enrolled { .. }) {
            return;
        }
        self.ending = true;
        let mut made = false;
        loop {
            let Some(client) = self.client.as_ref().filter(|client| client.status().is_ready()) else {
                return;
            };
            let seen = client.status().finalized.map_or(0, |block| block.number);
            // Other debts there may always be: of tasks, which go on until the anchor is final.
            let of_anchor = |entry: &Entry| entry.intent.kind == "anchor";
            let open = self.agent.outbox.entries().is_ok_and(|entries| entries.iter().any(of_anchor));
            if !open && made {
                return;
            }
            if !open {
                self.anchors.due = Instant::now();
                made = true;
            }
            if let Err(error) = self.keep_enrolled().await {
                tracing::warn!("no last anchor: {error:#}");
                return;
            }
            let Some(client) = &self.client else { return };
            if client.wait_finalized_after(seen).await.is_err() {
                return;
            }
        }
    }

    /// Signs the head, saves the chain database, and lets go of everything.
    pub async fn close(mut self) {
        if let Some(device) = &self.device
            && let Err(error) = self.agent.sign_head(device)
        {
            tracing::warn!("the log's head was not signed: {error:#}");
        }
        self.post();
        if let Some(client) = self.client.take()
            && let Err(error) = client.shutdown().await
        {
            tracing::warn!(%error, "the chain database was not saved; the next start takes a little longer");
        }
    }

    /// The log's writer.
    pub fn recorder(&self) -> crate::recorder::Recorder {
        self.agent.recorder.clone()
    }
}

/// Looks what new blocks draw of the jobs' weights, and writes down what came of earlier draws.
async fn watch_weights(weights: &mut WeightWatch, agent: &Agent, client: &LightClient) -> anyhow::Result<()> {
    let Some(head) = client.status().finalized else { return Ok(()) };
    let Some(after) = weights.after(head.number) else { return Ok(()) };
    let drawings = client.drawings_after(after).await?;
    let head = drawings.last().map_or(head, |last| last.block);
    let bodies = weights.turn(&drawings, head);
    if !bodies.is_empty() {
        // What a full disk does not take, the recorder keeps.
        agent.append(bodies).await?;
    }
    weights.keep();
    Ok(())
}

/// Starts the light client of the configured chain.
pub async fn start_client(agent: &Agent) -> anyhow::Result<LightClient> {
    let specification = chain_specification(&agent.config).await?;
    let client = LightClient::start(&specification, &agent.state.chain()).await?;
    // Now: of a chain that nobody here knows no block ever becomes final, and there would be nothing to say it by.
    let specified = Hex32(client.genesis().0);
    match agent.keeper.genesis {
        Some(known) if known != specified => Err(Failure::OtherChain { specified, known }.into()),
        _ => Ok(client),
    }
}

/// Which chain, as the configuration says.
pub async fn chain_specification(config: &Config) -> anyhow::Result<String> {
    let path = &config.chain_spec;
    let file = path.clone();
    let read = tokio::task::spawn_blocking(move || plain_io::read_to_string(&file, LARGEST_SPECIFICATION));
    read.await.context("reading was cut off")?.with_context(|| {
        format!("cannot read the chain specification {}; set chain_spec in the configuration", path.display())
    })
}

async fn enrol(desk: &mut Desk<'_>, board: &Board) -> Result<(), DeskError> {
    match enrolment::advance(desk).await? {
        Progress::Waiting(what) => board.note(|snapshot| snapshot.doing = what),
        Progress::Enrolled(machine) => tracing::info!(level = machine.level, "enrolled"),
        Progress::Failed { why, .. } => board.trouble(Part::Chain, format!("enrolment failed: {why}")),
    }
    Ok(())
}

fn owed(agent: &Agent) -> Vec<Owed> {
    let state = |state: &State| match state {
        State::Queued => "queued",
        State::Submitted { .. } => "submitted",
        State::Expired(_) => "expired",
    };
    let entries = agent.outbox.entries().unwrap_or_default();
    let owed = entries.into_iter().map(|entry| Owed {
        state: state(&entry.state).into(),
        kind: entry.intent.kind,
        attempts: entry.attempts,
    });
    owed.collect()
}

fn doing(enrolment: &Enrolment, client: Option<&LightClient>) -> &'static str {
    let ready = client.is_some_and(|client| client.status().is_ready());
    match enrolment {
        Enrolment::None => "logging; not enrolled, so nothing is anchored",
        Enrolment::Requested { .. } => "logging; waiting to be enrolled",
        Enrolment::Enrolled { .. } if ready => "logging and anchoring",
        Enrolment::Enrolled { .. } => "logging; anchors wait for the chain",
    }
}
