//! `matrixai-agent run`: log, anchor, and end in order.

use crate::{
    agent::Agent,
    backoff::Backoff,
    begin::{self, Begun},
    board::{Board, Part, STOPPING},
    challenges::ChallengeWatch,
    config::Config,
    drill::Driller,
    failure::Failure,
    gpu_identity,
    identity::{Identity, Keeper},
    recorder::end_mark,
    sampler::{Pace, Sampler},
    secrets,
    state_dir::StateDir,
    tpm_worker::TpmWorker,
    upkeep::Upkeep,
    views::endpoint,
    weights::WeightWatch,
};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long the last anchor may take: one that is on its way becomes final first.
const LAST_ANCHOR: Duration = Duration::from_secs(30);

/// Runs until a signal, or until it makes no sense to go on.
pub async fn run(config: Config) -> Result<()> {
    let state = StateDir::new(&config.state_dir);
    let _lock = state.lock()?;
    if let Some(open) = state.writable_by_all() {
        tracing::warn!("{open}");
    }
    let mut signals = Signals::new()?;
    let board = Board::new(state.status());
    let writing = tokio::spawn(board.clone().keep_written());
    let tpm = TpmWorker::start(&config.tpm)?;
    let keeper = tokio::select! {
        keeper = know_machine(&config, &state, &tpm, &board) => keeper?,
        () = signals.received() => return Ok(()),
    };
    let (keeper, begun) = begin_off_reactor(&config, &state, keeper).await?;
    let pace = Pace {
        sample: Duration::from_secs(config.sample_seconds),
        window: Duration::from_secs(config.window_seconds),
    };
    board.follow(begun.held.recorder.clone());
    board.note(|snapshot| snapshot.machine_id = Some(keeper.machine.into()));
    let metrics = config.metrics.map(|address| tokio::spawn(endpoint::serve(address, board.clone())));
    gpu_identity::start(begin::probe_options(&config), begun.held.recorder.clone())?;
    let sampler = Sampler::start(begun.probe, begun.chips, pace, begun.held.recorder.clone())?;
    tracing::info!(machine = %hex::encode(keeper.machine), records = begun.held.recorder.head().0, "logging");
    let driller = match config.drill {
        true => Some(Driller::open(&config, &state, &keeper.machine, &begun.held.recorder)?),
        false => None,
    };
    let weights = WeightWatch::open(&config, &state, keeper.machine)?;
    let challenges = ChallengeWatch::open(&config, &state, keeper.machine)?;
    let agent = Agent::new(config, state, tpm, keeper, begun.held);
    let mut upkeep = Upkeep::new(agent, board.clone(), driller, weights, challenges);
    let outcome = serve(&mut upkeep, &mut signals).await;
    board.note(|snapshot| snapshot.doing = STOPPING.into());
    board.write();
    writing.abort();
    metrics.iter().for_each(tokio::task::JoinHandle::abort);
    end(upkeep, sampler, outcome.is_ok(), &mut signals).await?;
    board.note(|snapshot| snapshot.doing = "stopped".into());
    board.write();
    Ok(outcome?)
}

async fn serve(upkeep: &mut Upkeep, signals: &mut Signals) -> Result<(), Failure> {
    loop {
        tokio::select! {
            turned = upkeep.turn() => turned?,
            () = signals.received() => return Ok(()),
        }
    }
}

/// The last window, the mark of an end in order, and a last anchor over both. A second signal cuts the waiting short.
async fn end(mut upkeep: Upkeep, sampler: Sampler, anchor: bool, signals: &mut Signals) -> Result<()> {
    tracing::info!("stopping");
    let recorder = upkeep.recorder();
    let marked = tokio::task::spawn_blocking(move || {
        sampler.stop();
        recorder.append(vec![end_mark()])
    });
    if let Err(error) = marked.await.context("the log's end")? {
        tracing::error!(%error, "the log's end could not be written");
    }
    if anchor {
        tokio::select! {
            done = tokio::time::timeout(LAST_ANCHOR, upkeep.last_anchor()) => if done.is_err() {
                tracing::warn!("the last anchor is not final yet; the next start follows it up");
            },
            () = signals.received() => tracing::warn!("a second signal: not waiting for the last anchor"),
        }
    }
    upkeep.close().await;
    Ok(())
}

/// The identity on disk, or a new one from the TPM, however long that takes to answer.
async fn know_machine(config: &Config, state: &StateDir, tpm: &TpmWorker, board: &Board) -> Result<Keeper> {
    if let Some(identity) = Identity::of(state)? {
        return Ok(Keeper::new(state.identity(), identity));
    }
    let mut backoff = Backoff::brisk();
    board.note(|snapshot| snapshot.doing = "waiting for the TPM, which names the machine".into());
    loop {
        let pcrs = config.pcrs.clone();
        match tpm.run(move |tpm| secrets::create(tpm, &pcrs)).await {
            Ok((identity, _)) => {
                board.fine(Part::Tpm);
                let mut keeper = Keeper::new(state.identity(), identity);
                keeper.change(|_| {})?;
                return Ok(keeper);
            }
            Err(error) => {
                board.trouble(Part::Tpm, error);
                tokio::time::sleep(backoff.failed()).await;
            }
        }
    }
}

/// Opening log and drivers may take its time.
pub async fn begin_off_reactor(
    config: &Config,
    state: &StateDir,
    mut keeper: Keeper,
) -> Result<(Keeper, Begun)> {
    let (config, state) = (config.clone(), state.clone());
    let begun = tokio::task::spawn_blocking(move || {
        let begun = begin::begin(&config, &state, &mut keeper)?;
        Ok((keeper, begun))
    });
    begun.await.context("opening the log was cut off")?
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = || {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        };
        listen()
            .map_err(|error: std::io::Error| anyhow::Error::from(error).context("cannot listen for signals"))
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
