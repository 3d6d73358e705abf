//! Working for the network: tasks are pulled, done, recorded, committed to and revealed; questions about results are answered.
//!
//! - `plan.rs`: what is to be done next, given what the chain shows and what is at hand
//! - `pace.rs`: how many tasks it asks for
//! - `worker.rs`: the threads that do it; `engine.rs`: with the processor, or with a GPU
//! - `limits.rs`: when it holds still; `energy.rs`: what it uses
//! - `results.rs`: results on disk until the chain is done with them, and their records in the log

mod command;
mod energy;
mod engine;
pub mod limits;
pub mod pace;
mod plan;
mod results;
mod worker;

pub use command::{pause, resume};
pub use plan::{Assignment, Question, Stage, State};

use crate::{
    board::{DrillView, EngineView, PassedOver},
    chain,
    config::{Config, DrillOn},
    debt::Debt,
    desk::{Desk, DeskError},
    hex32::Hex32,
    recorder::Recorder,
    state_dir::StateDir,
};
use anyhow::Result;
use attest::record::{Body, Chip, ChipKind, ChipState, Text, text};
use drilling::{Class, Library, Task, WorkError, difficulty};
use energy::EnergyMeter;
use engine::{Engine, Gpu, Processor};
use light_client::AtBlock;
use limits::{Held, Limits};
use pace::{Pace, Terms};
use plan::{Hand, Purpose, Step};
use results::{Effort, Kept, Results};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    time::{Duration, Instant},
};
use worker::{Done, Running, Trouble, Worker};

/// Blocks from one look at the chain to the next while there is nothing to do. What it asks of machines, it asks for 30 blocks at least.
const PAUSE: u64 = 4;

/// Blocks from one look at which tasks are on offer to the next: five reads.
const SUPPLY_PAUSE: u64 = 50;

/// The operator wants GPUs alone to work, and there is none.
const NOBODY: Held = Held { why: "drill_on is gpus, and no GPU is here", lasts: true };

/// GPUs are challenged: what they did besides would be measured with it.
const CHALLENGED: Held = Held { why: "the GPUs are being challenged", lasts: false };

/// What is under way.
struct Job {
    task: Task,
    purpose: Purpose,
    running: Running,
}

/// A task done again for a question.
struct Again {
    roots: Vec<[u8; 32]>,
    layer: Option<u8>,
    accumulators: Vec<i32>,
}

/// A task that came to nothing here.
struct Failed {
    why: String,
    /// When it is tried again: what is owed, until its time is over.
    again: Option<Instant>,
}

/// How long something owed that came to nothing rests before it is tried again: a GPU's memory may come free.
const TRY_AGAIN: Duration = Duration::from_secs(20);

/// What does tasks.
struct Engines {
    /// What the configuration lets work: GPUs where there are any, else the processor, or both.
    drilling: Vec<Box<dyn Engine>>,
    /// The processor where it is not to drill: for what is owed.
    standby: Option<Box<dyn Engine>>,
}

fn engines(config: &Config, threads: NonZeroUsize, meter: &EnergyMeter) -> Engines {
    let gpus = if config.drill_on == DrillOn::Processor { Vec::new() } else { Gpu::all() };
    let processor = match config.drill_on {
        DrillOn::Auto => gpus.is_empty(),
        DrillOn::Gpus => false,
        DrillOn::Processor | DrillOn::Both => true,
    };
    let mut drilling: Vec<Box<dyn Engine>> = Vec::new();
    for gpu in gpus {
        drilling.push(Box::new(gpu));
    }
    let backend = config.drill_backend.into();
    let host: Box<dyn Engine> = Box::new(Processor { backend, threads, meter: meter.clone() });
    if processor {
        drilling.push(host);
        return Engines { drilling, standby: None };
    }
    Engines { drilling, standby: Some(host) }
}

/// Which classes have tasks, where this one has none: a machine that is ready would wait for ever without a word.
fn unsupplied(class: Class, offered: &BTreeSet<Class>) -> Option<String> {
    if offered.contains(&class) {
        return None;
    }
    let name = |class: &Class| format!("{class:?}").to_lowercase();
    let (mine, others) = (name(&class), offered.iter().map(name).collect::<Vec<_>>().join(", "));
    Some(if others.is_empty() {
        format!("no tasks of class {mine} are on offer, nor of any other")
    } else {
        format!(
            "no tasks of class {mine} are on offer, only of {others}: set drill_class in the configuration"
        )
    })
}

/// What a conviction means.
pub const CONVICTED: &str = "the chain has convicted this machine over results of tasks: each time a part of the owner's bond is gone. A result was \
    wrong, or was not revealed or answered for in time: see that the host is up, is not overloaded, and keeps its clock";

/// What the log says of a GPU that was lost at work. Who it is, the inventory has said.
fn lost_gpu(index: u16, why: &str) -> Chip {
    let state = ChipState::Broken(text(&format!("lost while drilling: {why}")));
    let name = text(&format!("GPU {index}"));
    let none = Text::new;
    Chip {
        kind: ChipKind::Gpu,
        index,
        state,
        name,
        id: none(),
        driver: none(),
        firmware: none(),
        memory_mib: None,
    }
}

/// The one who works for the network.
pub struct Driller {
    class: Class,
    /// Places that the operator allows.
    most: u8,
    pace: Pace,
    worker: Worker,
    limits: Limits,
    /// GPUs are being challenged.
    challenged: bool,
    library: Library,
    results: Results,
    jobs: Vec<Job>,
    /// GPUs that are lost, and why.
    lost: BTreeMap<u16, String>,
    /// Tasks done again for questions; the accumulators of one layer at most are kept.
    again: BTreeMap<[u8; 32], Again>,
    /// Tasks that came to nothing here.
    failed: BTreeMap<[u8; 32], Failed>,
    /// Those, and tasks whose data are missing.
    beyond: BTreeMap<[u8; 32], String>,
    /// The block at which the chain is looked at again.
    next_look: u64,
    /// The block at which it is looked at again which tasks are on offer.
    next_supply: u64,
    view: DrillView,
}

impl Driller {
    /// Opens what earlier runs left, and writes down what they could not any more.
    pub fn open(config: &Config, state: &StateDir, machine: &[u8; 32], recorder: &Recorder) -> Result<Self> {
        let all = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = NonZeroUsize::new(config.drill_threads).unwrap_or(all);
        let meter = EnergyMeter::of_host();
        let library = Library::new(config.drill_data.as_ref().unwrap_or(&state.data()));
        let results = Results::open(&state.drills())?;
        let unrecorded = recorder.look(|log| results.unrecorded(machine, log))?;
        if !unrecorded.is_empty() {
            tracing::info!(count = unrecorded.len(), "writing down tasks that were done before a crash");
            // A full disk is no reason not to start: the recorder keeps them until there is room.
            if let Err(error) = recorder.append(unrecorded.into_iter().map(Body::Drill).collect()) {
                tracing::warn!(%error, "not written yet");
            }
        }
        let Engines { drilling, standby } = engines(config, threads, &meter);
        Ok(Self {
            class: config.drill_class.into(),
            most: config.drill_places,
            pace: Pace::default(),
            worker: Worker::start(drilling, standby, &library)?,
            limits: Limits::new(meter),
            challenged: false,
            library,
            results,
            jobs: Vec::new(),
            lost: BTreeMap::new(),
            again: BTreeMap::new(),
            failed: BTreeMap::new(),
            beyond: BTreeMap::new(),
            next_look: 0,
            next_supply: 0,
            view: DrillView::default(),
        })
    }

    /// For the board.
    pub fn view(&self) -> DrillView {
        self.view.clone()
    }

    /// Whether there is anything to look at in this block: there always is while something is under way.
    pub fn is_due(&self, block: u64) -> bool {
        !self.jobs.is_empty() || self.next_look <= block
    }

    /// While GPUs are challenged, they do no task: at once, since a challenge waits for no block.
    pub fn hold(&mut self, challenged: bool) {
        self.challenged = challenged;
        let results = self.jobs.iter().filter(|job| challenged && job.purpose == Purpose::Result);
        results.for_each(|job| job.running.hold(true));
    }

    /// One look at the chain's tasks, and whatever follows from it. A machine that is not `active` takes no new work and commits to
    /// nothing, but stands by what it has committed to.
    pub async fn turn(&mut self, desk: &mut Desk<'_>, active: bool) -> Result<(), DeskError> {
        let block = desk.client.status().finalized.map_or(0, |block| block.number);
        if !self.is_due(block) {
            return Ok(());
        }
        let machine = desk.agent.keeper.machine;
        let nobody = self.worker.engines().is_empty().then_some(NOBODY);
        let challenged = self.challenged.then_some(CHALLENGED);
        let limited = || self.limits.held(&desk.agent.config, &desk.agent.state);
        let held = nobody.or(challenged).or_else(limited);
        self.note_lost(desk).await?;
        self.collect(desk, held.is_some()).await?;
        // One view for all: each costs a call of its own.
        let at = desk.client.latest().await?;
        let worker = chain::worker(&at, machine).await?;
        let terms = chain::terms(&at)?;
        // At once: the chain's counts are told even where something below fails, block after block.
        self.count(worker.as_ref());
        let assignments = match worker.map_or(0, |worker| worker.tasks) {
            0 => Vec::new(),
            _ => chain::work_of(&at, machine).await?,
        };
        let questions = chain::questions_of(&at, machine).await?;
        self.let_go(&assignments, &questions)?;
        self.note_beyond(&assignments, &questions);
        // Work that is held is not to be in the way of an answer, which cannot wait.
        let in_the_way =
            |job: &Job| held.is_some() && job.purpose == Purpose::Result && !questions.is_empty();
        self.jobs.retain(|job| !in_the_way(job));
        let under_way: Vec<[u8; 32]> = self.jobs.iter().map(|job| job.running.task).collect();
        let again = self.again.iter().map(|(task, again)| (*task, again.layer)).collect();
        let hand = Hand {
            machine,
            active,
            results: &self.results,
            again: &again,
            beyond: &self.beyond,
            free: self.room(&terms).saturating_sub(under_way.len()),
            under_way: &under_way,
            held: held.is_some(),
        };
        for step in plan::steps(&assignments, &questions, &hand) {
            self.take(desk, step)?;
        }
        let rests = held.is_some_and(|held| held.lasts);
        let bond = if active { self.pull(desk, &at, worker.as_ref(), &terms, rests).await? } else { None };
        // A task that waits for another machine, or for a verdict, asks for nothing.
        let waits = assignments.iter().all(|one| one.stage == Stage::Other);
        let idle = self.jobs.is_empty() && waits && questions.is_empty();
        self.next_look = if idle { block.saturating_add(PAUSE) } else { 0 };
        let passed_over =
            self.beyond.iter().map(|(task, why)| PassedOver { task: Hex32(*task), why: why.clone() });
        self.view = DrillView {
            held: held.map(|held| held.why.to_string()),
            working_on: self.jobs.iter().map(|job| Hex32(job.running.task)).collect(),
            engines: self
                .worker
                .engines()
                .into_iter()
                .map(|one| EngineView { name: one.name, lost: one.lost })
                .collect(),
            tasks: assignments.len(),
            questions: questions.len(),
            bond,
            passed_over: passed_over.collect(),
            // The counts, and what is on offer.
            ..std::mem::take(&mut self.view)
        };
        // Last: nothing depends on it.
        self.look_at_supply(&at, block, worker.as_ref(), &terms).await;
        Ok(())
    }

    /// What became of tasks so far, as the chain has it.
    fn count(&mut self, worker: Option<&chain::Worker>) {
        let view = &mut self.view;
        let before = view.convicted;
        (view.agreed, view.forfeited, view.convicted) =
            worker.map_or((0, 0, 0), |worker| (worker.agreed, worker.forfeited, worker.convicted));
        if view.convicted > before {
            tracing::warn!(convicted = view.convicted, before, "{CONVICTED}");
        }
    }

    /// Finds out whether a machine that is ready, and has no task, waits for what nobody offers, and whether other tasks fit it better.
    async fn look_at_supply(
        &mut self,
        at: &AtBlock,
        block: u64,
        worker: Option<&chain::Worker>,
        terms: &Terms,
    ) {
        let Some(worker) = worker.filter(|worker| worker.places > 0) else {
            (self.view.no_supply, self.view.better_class, self.next_supply) = (None, None, 0);
            return;
        };
        if block < self.next_supply {
            return;
        }
        match chain::on_offer(at).await {
            Ok(offered) => {
                let idle = worker.tasks == 0;
                self.view.no_supply = unsupplied(self.class, &offered).filter(|_| idle);
                let engines = self.worker.places();
                self.view.better_class =
                    self.pace.better(self.class, engines, terms, |class| offered.contains(&class));
                self.next_supply = block.saturating_add(SUPPLY_PAUSE);
            }
            Err(error) => tracing::debug!(%error, "which tasks are on offer could not be read; trying again"),
        }
    }

    /// Tasks that may be under way at one time: what lies before an engine is begun without another look at the chain.
    fn room(&self, terms: &Terms) -> usize {
        self.worker.places().saturating_mul(self.pace.ahead(terms))
    }

    /// What the chain has closed needs no more work.
    fn let_go(&mut self, assignments: &[Assignment], questions: &[Question]) -> Result<()> {
        let assigned = assignments.iter().map(|one| one.id);
        let open: Vec<[u8; 32]> = assigned.chain(questions.iter().map(|asked| asked.id)).collect();
        self.results.retain(&open)?;
        self.jobs.retain(|job| open.contains(&job.running.task));
        self.again.retain(|task, _| open.contains(task));
        self.failed.retain(|task, _| open.contains(task));
        Ok(())
    }

    /// Finds out which tasks cannot be done here. Data that have come meanwhile are seen.
    fn note_beyond(&mut self, assignments: &[Assignment], questions: &[Question]) {
        let assigned = assignments.iter().filter(|one| self.results.get(&one.id).is_none());
        let assigned = assigned.map(|one| (one.id, &one.task, &one.source));
        let asked = questions.iter().map(|asked| (asked.id, &asked.task, &asked.source));
        self.failed.retain(|_, failed| failed.again.is_none_or(|again| Instant::now() < again));
        let mut beyond: BTreeMap<_, _> =
            self.failed.iter().map(|(id, failed)| (*id, failed.why.clone())).collect();
        for (id, task, source) in assigned.chain(asked) {
            let Some(missing) = self.library.missing(&task.spec) else { continue };
            // A publisher may write anything there.
            let source =
                if source.is_empty() { String::new() } else { format!(" ({})", source.escape_debug()) };
            beyond.insert(id, format!("{missing}{source}"));
        }
        for (task, why) in beyond.iter().filter(|(task, _)| !self.beyond.contains_key(*task)) {
            tracing::warn!(task = %Hex32(*task), why, "a task is passed over");
        }
        self.beyond = beyond;
    }

    /// A GPU that was lost in the midst of a task goes into the log, once for each time.
    async fn note_lost(&mut self, desk: &mut Desk<'_>) -> Result<(), DeskError> {
        let lost: BTreeMap<u16, String> =
            self.worker.engines().into_iter().filter_map(|engine| engine.gpu.zip(engine.lost)).collect();
        let new = lost.iter().filter(|(gpu, _)| !self.lost.contains_key(gpu));
        let records: Vec<Body> = new.map(|(gpu, why)| Body::Chip(lost_gpu(*gpu, why))).collect();
        self.lost = lost;
        if !records.is_empty() {
            desk.agent.append(records).await?;
        }
        Ok(())
    }

    /// Takes what the engines have done: on disk and in the log first, then a debt.
    async fn collect(&mut self, desk: &mut Desk<'_>, hold: bool) -> Result<(), DeskError> {
        let mut ended = Vec::new();
        for mut job in std::mem::take(&mut self.jobs) {
            job.running.hold(hold && job.purpose == Purpose::Result);
            match job.running.poll() {
                Some(done) => ended.push((job, done)),
                None => self.jobs.push(job),
            }
        }
        for (job, done) in ended {
            let id = job.running.task;
            match (done, job.purpose) {
                (Ok(done), Purpose::Result) => self.keep(desk, &job.task, &done).await?,
                (Ok(done), Purpose::Answer(layer)) => {
                    let accumulators = done.layer.unwrap_or_default();
                    if layer.is_some() {
                        self.again.retain(|_, other| other.layer.is_none());
                    }
                    self.again.insert(id, Again { roots: done.outcome.roots, layer, accumulators });
                }
                (Err(Trouble::Work(WorkError::Cancelled)), _) => {}
                (Err(error), purpose) => {
                    let owed = matches!(purpose, Purpose::Answer(_));
                    let again = owed.then(|| Instant::now() + TRY_AGAIN);
                    self.failed.insert(id, Failed { why: error.to_string(), again });
                }
            }
        }
        Ok(())
    }

    async fn keep(&mut self, desk: &mut Desk<'_>, task: &Task, done: &Done) -> Result<(), DeskError> {
        let id = task.id();
        let effort = Effort {
            after: desk.agent.recorder.head().0,
            micro_ut: u64::try_from(difficulty(&task.spec)).unwrap_or(u64::MAX),
            span_ms: done.span_ms,
            energy_mj: done.energy_mj,
            threads: done.threads,
        };
        let kept = Kept { effort: Some(effort), ..Kept::new(&done.outcome) };
        self.pace.note(Duration::from_millis(done.span_ms));
        let record = kept.record(id, &desk.agent.keeper.machine);
        self.results.keep(&id, kept)?;
        desk.agent.append(record.into_iter().map(Body::Drill).collect()).await?;
        tracing::info!(task = %Hex32(id), ms = done.span_ms, by = done.by, "a task is done");
        Ok(())
    }

    fn take(&mut self, desk: &Desk<'_>, step: Step) -> Result<(), DeskError> {
        match step {
            Step::Owe(debt) => desk.owe(&debt),
            Step::Answer(question) => self.answer(desk, &question),
            Step::Work { task, purpose, .. } => {
                let running = match purpose {
                    Purpose::Result => self.worker.take(&task),
                    Purpose::Answer(layer) => self.worker.take_again(&task, layer),
                };
                self.jobs.push(Job { task, purpose, running });
                Ok(())
            }
        }
    }

    fn answer(&self, desk: &Desk<'_>, asked: &Question) -> Result<(), DeskError> {
        let again = self.again.get(&asked.id);
        let kept = || self.results.get(&asked.id).map(|kept| kept.roots.iter().map(|root| root.0).collect());
        let roots: Vec<[u8; 32]> = again.map(|again| again.roots.clone()).or_else(kept).unwrap_or_default();
        let accumulators = |_| again.map(|again| again.accumulators.clone()).unwrap_or_default();
        let answer = drilling::prove::answer(&asked.task, &roots, &asked.question, accumulators)
            .map_err(|error| anyhow::anyhow!("a question about a result cannot be answered: {error}"))?;
        desk.owe(&Debt::disclosure(desk.agent.keeper.machine, asked, answer))
    }

    /// Says that the machine takes tasks, or none while it rests, where the chain does not know. Returns what the owner's bond lacks, where
    /// that keeps tasks away.
    async fn pull(
        &self,
        desk: &Desk<'_>,
        at: &AtBlock,
        worker: Option<&chain::Worker>,
        terms: &Terms,
        rests: bool,
    ) -> Result<Option<String>, DeskError> {
        let asked = worker.filter(|worker| worker.class == self.class).map_or(0, |worker| worker.places);
        let places = if rests {
            0
        } else {
            self.pace.places(
                asked,
                self.worker.places(),
                &Terms { most: terms.most.min(self.most), ..*terms },
            )
        };
        // The chain itself puts places that come free into the next pool.
        let known = |worker: &chain::Worker| {
            worker.class == self.class && worker.places == places && worker.taken() >= usize::from(places)
        };
        if worker.is_some_and(known) || desk.owes("ready")? {
            return Ok(None);
        }
        let taken = worker.is_some_and(|worker| worker.places > 0);
        if rests && !taken {
            return Ok(None);
        }
        if !taken && let Some(short) = chain::bond_lacks(at, desk.agent.keeper.machine).await? {
            return Ok(Some(short));
        }
        desk.owe(&Debt::Ready(crate::debt::Ready {
            machine: Hex32(desk.agent.keeper.machine),
            class: self.class as u8,
            places,
            at: at.block_number(),
        }))?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_without_tasks_is_told_with_those_that_have_some() {
        let offered = BTreeSet::from([Class::Medium, Class::Tiny]);
        assert_eq!(unsupplied(Class::Tiny, &offered), None);
        let told = unsupplied(Class::Small, &offered).unwrap();
        assert!(told.starts_with("no tasks of class small are on offer, only of tiny, medium:"), "{told}");
        let told = unsupplied(Class::Small, &BTreeSet::new()).unwrap();
        assert_eq!(told, "no tasks of class small are on offer, nor of any other");
    }
}
