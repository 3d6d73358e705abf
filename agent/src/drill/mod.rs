//! Working for the network: tasks are pulled, done, recorded, committed to and revealed; questions about results are answered.
//!
//! - `plan.rs`: what is to be done next, given what the chain shows and what is at hand
//! - `worker.rs`: the thread that does it; `limits.rs`: when it holds still; `energy.rs`: what it uses
//! - `results.rs`: results on disk until the chain is done with them

mod command;
mod energy;
pub mod limits;
mod plan;
mod results;
mod worker;

pub use command::{pause, resume};
pub use plan::{Assignment, Question, Stage, State};

use crate::{
    board::DrillView,
    chain,
    config::Config,
    debt::Debt,
    desk::{Desk, DeskError},
    hex32::Hex32,
    state_dir::StateDir,
};
use anyhow::Result;
use attest::record::{Body, Drill};
use drilling::{Class, Task, difficulty};
use energy::EnergyMeter;
use limits::Limits;
use plan::{Hand, Purpose, Step};
use results::{Kept, Results};
use std::num::NonZeroUsize;
use worker::{Done, Running, Worker};

/// Tasks that a machine takes at one time, where the chain allows as many.
const PLACES: u8 = 4;

/// What is under way.
struct Job {
    task: Task,
    purpose: Purpose,
    running: Running,
}

/// A task done again for a question.
struct Again {
    task: [u8; 32],
    roots: Vec<[u8; 32]>,
    layer: Option<u8>,
    accumulators: Vec<i32>,
}

/// The one who works for the network.
pub struct Driller {
    class: Class,
    worker: Worker,
    limits: Limits,
    results: Results,
    job: Option<Job>,
    again: Option<Again>,
    view: DrillView,
}

impl Driller {
    /// Opens what earlier runs left.
    pub fn open(config: &Config, state: &StateDir) -> Result<Self> {
        let all = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = NonZeroUsize::new(config.drill_threads).unwrap_or(all);
        let meter = EnergyMeter::of_host();
        Ok(Self {
            class: config.drill_class.into(),
            worker: Worker::start(config.drill_backend.into(), threads, meter.clone())?,
            limits: Limits::new(meter),
            results: Results::open(&state.drills())?,
            job: None,
            again: None,
            view: DrillView::default(),
        })
    }

    /// For the board.
    pub fn view(&self) -> DrillView {
        self.view.clone()
    }

    /// One look at the chain's tasks, and whatever follows from it.
    pub async fn turn(&mut self, desk: &mut Desk<'_>) -> Result<(), DeskError> {
        let machine = desk.agent.keeper.machine;
        let held = self.limits.held(&desk.agent.config, &desk.agent.state);
        self.collect(desk, held.is_some()).await?;
        let assignments = chain::work_of(desk.client, machine).await?;
        let questions = chain::questions_of(desk.client, machine).await?;
        let open: Vec<[u8; 32]> =
            assignments.iter().map(|one| one.id).chain(questions.iter().map(|asked| asked.id)).collect();
        self.results.retain(&open)?;
        // What the chain has closed needs no more work.
        self.job = self.job.take().filter(|job| open.contains(&job.running.task));
        self.again = self.again.take().filter(|again| open.contains(&again.task));
        // Work that is held is not to be in the way of an answer, which cannot wait.
        let in_the_way =
            |job: &Job| held.is_some() && job.purpose == Purpose::Result && !questions.is_empty();
        self.job = self.job.take().filter(|job| !in_the_way(job));
        let hand = Hand {
            machine,
            results: &self.results,
            again: self.again.as_ref().map(|again| (again.task, again.layer)),
            busy: self.job.is_some(),
            held: held.is_some(),
        };
        for step in plan::steps(&assignments, &questions, &hand) {
            self.take(desk, step)?;
        }
        let worker = chain::worker(desk.client, machine).await?;
        self.pull(desk, worker.as_ref(), held.is_some_and(|held| held.lasts)).await?;
        self.view = DrillView {
            held: held.map(|held| held.why.to_string()),
            working_on: self.job.as_ref().map(|job| Hex32(job.running.task)),
            tasks: assignments.len(),
            questions: questions.len(),
            agreed: worker.as_ref().map_or(0, |worker| worker.agreed),
            forfeited: worker.as_ref().map_or(0, |worker| worker.forfeited),
            convicted: worker.as_ref().map_or(0, |worker| worker.convicted),
            bond: self.view.bond.take(),
        };
        Ok(())
    }

    /// Takes what the worker has done: on disk and in the log first, then a debt.
    async fn collect(&mut self, desk: &mut Desk<'_>, hold: bool) -> Result<(), DeskError> {
        let Some(job) = &mut self.job else { return Ok(()) };
        job.running.hold(hold && job.purpose == Purpose::Result);
        let Some(done) = job.running.poll() else { return Ok(()) };
        let Some(job) = self.job.take() else { return Ok(()) };
        let id = job.running.task;
        match (done, job.purpose) {
            (Ok(done), Purpose::Result) => self.keep(desk, &job.task, &done).await,
            (Ok(done), Purpose::Answer(layer)) => {
                let accumulators = done.layer.unwrap_or_default();
                self.again = Some(Again { task: id, roots: done.outcome.roots, layer, accumulators });
                Ok(())
            }
            (Err(error), _) => {
                tracing::warn!(task = %Hex32(id), %error, "a task came to nothing");
                Ok(())
            }
        }
    }

    async fn keep(&mut self, desk: &mut Desk<'_>, task: &Task, done: &Done) -> Result<(), DeskError> {
        let (id, kept) = (task.id(), Kept::new(&done.outcome));
        let commitment = kept.commitment(&desk.agent.keeper.machine);
        self.results.keep(&id, kept)?;
        let micro_ut = u64::try_from(difficulty(&task.spec)).unwrap_or(u64::MAX);
        let drill = Drill {
            task: id,
            digest: done.outcome.digest,
            commitment,
            micro_ut,
            span_ms: done.span_ms,
            energy_mj: done.energy_mj,
            threads: done.threads,
        };
        desk.agent.append(vec![Body::Drill(drill)]).await?;
        tracing::info!(task = %Hex32(id), ms = done.span_ms, "a task is done");
        Ok(())
    }

    fn take(&mut self, desk: &Desk<'_>, step: Step) -> Result<(), DeskError> {
        match step {
            Step::Owe(debt) => desk.owe(&debt),
            Step::Answer(question) => self.answer(desk, &question),
            Step::Work { task, purpose, .. } => {
                let layer = match purpose {
                    Purpose::Result => None,
                    Purpose::Answer(layer) => layer,
                };
                self.job = Some(Job { task, purpose, running: self.worker.take(&task, layer) });
                Ok(())
            }
        }
    }

    fn answer(&self, desk: &Desk<'_>, asked: &Question) -> Result<(), DeskError> {
        let again = self.again.as_ref().filter(|again| again.task == asked.id);
        let kept = || self.results.get(&asked.id).map(|kept| kept.roots.iter().map(|root| root.0).collect());
        let roots: Vec<[u8; 32]> = again.map(|again| again.roots.clone()).or_else(kept).unwrap_or_default();
        let accumulators = |_| again.map(|again| again.accumulators.clone()).unwrap_or_default();
        let answer = drilling::prove::answer(&asked.task, &roots, &asked.question, accumulators)
            .map_err(|error| anyhow::anyhow!("a question about a result cannot be answered: {error}"))?;
        desk.owe(&Debt::disclosure(desk.agent.keeper.machine, asked, answer))
    }

    /// Says that the machine takes tasks, or none while it rests, where the chain does not know.
    async fn pull(
        &mut self,
        desk: &Desk<'_>,
        worker: Option<&chain::Worker>,
        rests: bool,
    ) -> Result<(), DeskError> {
        let places = if rests { 0 } else { PLACES.min(chain::pipeline(desk.client).await?) };
        // The chain itself puts places that come free into the next pool.
        let known = |worker: &chain::Worker| {
            worker.class == self.class && worker.places == places && worker.taken >= usize::from(places)
        };
        self.view.bond = None;
        if worker.is_some_and(known) || desk.owes("ready")? {
            return Ok(());
        }
        let taken = worker.is_some_and(|worker| worker.places > 0);
        if rests && !taken {
            return Ok(());
        }
        if !taken && let Some(short) = chain::bond_lacks(desk.client, desk.agent.keeper.machine).await? {
            self.view.bond = Some(short);
            return Ok(());
        }
        let at = desk.client.finalized().await?.number;
        desk.owe(&Debt::Ready(crate::debt::Ready {
            machine: Hex32(desk.agent.keeper.machine),
            class: self.class as u8,
            places,
            at,
        }))
    }
}
