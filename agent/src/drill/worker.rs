//! The threads that do tasks, one for each engine, behind everything else that the host does.
//!
//! Tasks wait in one queue. A task whose engine is lost in the midst of it goes back to the front, for another or for the same one once it is there
//! again: an engine that was lost tries anew every minute.
//!
//! An answer that is owed costs the bond if it does not come. So the processor stands by where GPUs alone are to drill: it does what is owed and no
//! GPU can do, and nothing else.

use super::engine::{Engine, EngineError, Product};
use drilling::{Class, Library, LibraryError, Outcome, Task, WorkError, cpu::Control};
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// The lowest priority that Linux knows: whoever else wants the processor has it first.
const NICEST: i32 = 19;
/// How long an engine that was lost is left alone.
const AGAIN: Duration = Duration::from_secs(60);
/// The largest tasks that the engine standing by does in the time for an answer. For larger ones, GPUs are tried again.
const STANDBY_LARGEST: Class = Class::Medium;

/// A task done.
#[derive(Debug)]
pub struct Done {
    /// Its result.
    pub outcome: Outcome,
    /// The accumulators of the layer that was asked for.
    pub layer: Option<Vec<i32>>,
    /// How long it took, ms, pauses included.
    pub span_ms: u64,
    /// What was used meanwhile, mJ.
    pub energy_mj: Option<u64>,
    /// Threads.
    pub threads: u16,
    /// Who did it, and with what.
    pub by: String,
}

/// Why a task came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It could not be done, or was cancelled.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The data that it runs over.
    #[error(transparent)]
    Data(#[from] LibraryError),
    /// No engine here is fit for it.
    #[error("{0}")]
    Unfit(String),
}

/// A task under way.
#[derive(Debug)]
pub struct Running {
    /// Its identifier.
    pub task: [u8; 32],
    control: Arc<Control>,
    done: oneshot::Receiver<Result<Done, Trouble>>,
}

impl Running {
    /// Its result, once there is one. A worker that has ended is a task cancelled.
    pub fn poll(&mut self) -> Option<Result<Done, Trouble>> {
        match self.done.try_recv() {
            Ok(done) => Some(done),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(WorkError::Cancelled.into())),
        }
    }

    /// Holds the work, or lets it go on.
    pub fn hold(&self, held: bool) {
        if held { self.control.pause() } else { self.control.resume() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.cancel();
    }
}

struct Job {
    task: Task,
    layer: Option<u8>,
    /// Whether it is for an answer that is owed.
    owed: bool,
    control: Arc<Control>,
    done: oneshot::Sender<Result<Done, Trouble>>,
    /// Engines that cannot do it, by number.
    unfit: Vec<usize>,
}

/// An engine as others see it.
#[derive(Debug, Clone)]
pub struct EngineState {
    /// What it is called.
    pub name: String,
    /// Its number among the GPUs, if it is one.
    pub gpu: Option<u16>,
    /// Why it does nothing, if it was lost.
    pub lost: Option<String>,
    largest: Class,
    stands_by: bool,
}

/// What threads share.
struct Queue {
    jobs: VecDeque<Job>,
    engines: Vec<EngineState>,
    closed: bool,
}

impl Queue {
    /// The first task for an engine.
    fn next_for(&mut self, number: usize) -> Option<Job> {
        let place = self.jobs.iter().position(|job| self.is_for(job, number))?;
        self.jobs.remove(place)
    }

    fn is_for(&self, job: &Job, number: usize) -> bool {
        let Some(engine) = self.engines.get(number) else { return false };
        let suited = |engine: &EngineState| Class::of(&job.task.spec) <= engine.largest;
        let mut others = (0..)
            .zip(&self.engines)
            .filter(|(other, engine)| engine.lost.is_none() && !engine.stands_by && self.could(job, *other));
        self.could(job, number)
            && if engine.stands_by {
                others.next().is_none()
            } else {
                suited(engine) || !others.any(|(_, engine)| suited(engine))
            }
    }

    /// Whether an engine may ever do a task.
    fn could(&self, job: &Job, number: usize) -> bool {
        let stands_by = self.engines.get(number).is_some_and(|engine| engine.stands_by);
        let allowed = !stands_by || (job.owed && Class::of(&job.task.spec) <= STANDBY_LARGEST);
        allowed && !job.unfit.contains(&number)
    }

    /// Gives a task to another engine, or up where there is none.
    fn pass_on(&mut self, mut job: Job, number: usize, why: String) {
        job.unfit.push(number);
        if (0..self.engines.len()).any(|other| self.could(&job, other)) {
            self.jobs.push_front(job);
        } else {
            // Nobody may wait for it any more.
            let _ = job.done.send(Err(Trouble::Unfit(why)));
        }
    }
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle on the threads, which end with it.
pub struct Worker {
    shared: Arc<Shared>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Worker {
    /// Starts a thread for each engine, and one for what stands by; they work over data of this library.
    pub fn start(
        engines: Vec<Box<dyn Engine>>,
        standby: Option<Box<dyn Engine>>,
        library: &Library,
    ) -> std::io::Result<Self> {
        let first_standby = engines.len();
        let engines: Vec<_> = engines.into_iter().chain(standby).collect();
        let seen = engines.iter().enumerate().map(|(number, engine)| EngineState {
            name: engine.name(),
            gpu: engine.gpu(),
            lost: None,
            largest: engine.largest(),
            stands_by: number >= first_standby,
        });
        let engines_seen = seen.collect();
        let queue = Queue { jobs: VecDeque::new(), engines: engines_seen, closed: false };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), changed: Condvar::new() });
        for (number, mut engine) in engines.into_iter().enumerate() {
            let (shared, library) = (shared.clone(), library.clone());
            let serve = move || {
                // Only this thread, and those that it starts.
                if let Err(error) = rustix::process::setpriority_process(None, NICEST) {
                    tracing::warn!(%error, "drilling runs at the usual priority");
                }
                serve(&shared, number, engine.as_mut(), &library);
            };
            thread::Builder::new().name(format!("drill-{number}")).spawn(serve)?;
        }
        Ok(Self { shared })
    }

    /// Takes on a task for its result.
    pub fn take(&self, task: &Task) -> Running {
        self.begin(task, None, false)
    }

    /// Takes on a task for an answer that is owed; `layer` asks for that layer's accumulators too.
    pub fn take_again(&self, task: &Task, layer: Option<u8>) -> Running {
        self.begin(task, layer, true)
    }

    fn begin(&self, task: &Task, layer: Option<u8>, owed: bool) -> Running {
        let (sender, done) = oneshot::channel();
        let control = Arc::new(Control::new());
        let job = Job { task: *task, layer, owed, control: control.clone(), done: sender, unfit: Vec::new() };
        self.shared.lock().jobs.push_back(job);
        self.shared.changed.notify_all();
        Running { task: task.id(), control, done }
    }

    /// The engines that are to drill.
    pub fn engines(&self) -> Vec<EngineState> {
        let queue = self.shared.lock();
        queue.engines.iter().filter(|engine| !engine.stands_by).cloned().collect()
    }

    /// How many tasks can be under way at one time.
    pub fn places(&self) -> usize {
        self.engines().iter().filter(|engine| engine.lost.is_none()).count().max(1)
    }
}

fn serve(shared: &Shared, number: usize, engine: &mut dyn Engine, library: &Library) {
    while let Some(job) = wait(shared, number) {
        let started = Instant::now();
        let result = library.open(&job.task.spec).map_err(Trouble::from).and_then(|published| {
            match engine.work(&job.task, published.as_deref(), job.layer, &job.control) {
                Err(EngineError::Task(error)) => Err(error.into()),
                done => Ok(done),
            }
        });
        let mut queue = shared.lock();
        match result {
            Ok(Err(EngineError::Lost(why))) => {
                tracing::warn!(
                    engine = engine.name(),
                    why,
                    "lost in the midst of a task, which another is to do"
                );
                if let Some(state) = queue.engines.get_mut(number) {
                    state.lost = Some(why);
                }
                queue.jobs.push_front(job);
            }
            Ok(Err(EngineError::Unfit(why))) => {
                tracing::warn!(engine = engine.name(), why, "not fit for a task");
                queue.pass_on(job, number, why);
            }
            Ok(Err(EngineError::Task(error))) => drop(job.done.send(Err(error.into()))),
            Ok(Ok(product)) => drop(job.done.send(Ok(done(product, engine.details(), started)))),
            Err(trouble) => drop(job.done.send(Err(trouble))),
        }
        drop(queue);
        shared.changed.notify_all();
    }
}

/// The next task for this engine; none once the handle is gone. One that was lost rests first.
fn wait(shared: &Shared, number: usize) -> Option<Job> {
    let mut queue = shared.lock();
    let lost = Instant::now();
    loop {
        if queue.closed {
            return None;
        }
        let rest = match queue.engines.get_mut(number) {
            Some(state) if state.lost.is_some() => match AGAIN.checked_sub(lost.elapsed()) {
                Some(rest) if !rest.is_zero() => Some(rest),
                _ => {
                    state.lost = None;
                    None
                }
            },
            _ => None,
        };
        if rest.is_none()
            && let Some(job) = queue.next_for(number)
        {
            return Some(job);
        }
        queue = match rest {
            Some(rest) => shared.changed.wait_timeout(queue, rest).unwrap_or_else(PoisonError::into_inner).0,
            None => shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

fn done(product: Product, by: String, started: Instant) -> Done {
    Done {
        outcome: product.outcome,
        layer: product.layer,
        span_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        energy_mj: product.energy_mj,
        threads: product.threads,
        by,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::engine::Processor, *};
    use crate::drill::energy::EnergyMeter;
    use drilling::{cpu::Backend, published::Published};
    use std::{num::NonZeroUsize, path::Path, sync::mpsc};

    fn processor() -> Box<dyn Engine> {
        let (backend, threads) = (Backend::fastest(), NonZeroUsize::MIN);
        Box::new(Processor { backend, threads, meter: EnergyMeter::none() })
    }

    fn worker(engines: Vec<Box<dyn Engine>>) -> Worker {
        Worker::start(engines, None, &Library::new(Path::new("/nonexistent"))).unwrap()
    }

    fn wait(running: &mut Running) -> Result<Done, Trouble> {
        loop {
            if let Some(done) = running.poll() {
                return done;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_task_is_done_as_the_reference_does_it() {
        let task = Task { spec: Class::Tiny.mlp(), seed: [7; 32] };
        let worker = worker(vec![processor()]);
        let done = wait(&mut worker.take_again(&task, Some(1))).unwrap();
        let mut second = Vec::new();
        let reference = drilling::reference::run(&task, None, |layer, sums| {
            if layer == 1 {
                second = sums.to_vec();
            }
        });
        assert_eq!(done.outcome, reference.unwrap());
        assert_eq!(done.layer, Some(second));
    }

    #[test]
    fn a_task_tells_what_it_was_done_with() {
        let (backend, threads) = (Backend::Scalar, NonZeroUsize::new(2).unwrap());
        let worker = worker(vec![Box::new(Processor { backend, threads, meter: EnergyMeter::none() })]);
        let task = Task { spec: Class::Tiny.mlp(), seed: [7; 32] };
        let done = wait(&mut worker.take(&task)).unwrap();
        assert_eq!((done.by.as_str(), done.threads), ("processor, scalar on 2 threads", 2));
    }

    #[test]
    fn an_infer_task_runs_over_the_data_it_names() {
        let digits = drilling::digits::published().unwrap();
        let task = Task { spec: digits.spec(64).unwrap(), seed: [3; 32] };
        let worker = worker(vec![processor()]);
        let done = wait(&mut worker.take(&task)).unwrap();
        assert_eq!(done.outcome, drilling::reference::run(&task, Some(&digits), |_, _| {}).unwrap());
        let mut other = task;
        other.spec.kernel = drilling::Kernel::Infer { network: [1; 32], shard: [2; 32], items: 240 };
        let trouble = wait(&mut worker.take(&other)).unwrap_err();
        assert!(matches!(trouble, Trouble::Data(LibraryError::Missing(_))), "{trouble}");
    }

    #[test]
    fn a_held_task_waits_and_a_dropped_one_ends() {
        let task = Task { spec: Class::Tiny.mlp(), seed: [8; 32] };
        let worker = worker(vec![processor()]);
        let mut held = worker.take(&task);
        held.hold(true);
        thread::sleep(Duration::from_millis(50));
        held.hold(false);
        wait(&mut held).unwrap();
        drop(worker.take(&Task { spec: Class::Small.mlp(), seed: [9; 32] }));
        wait(&mut worker.take(&task)).unwrap();
    }

    /// One whose device goes away in the midst of its work, as often as it is asked.
    struct Falling {
        told: mpsc::Sender<[u8; 32]>,
        error: fn() -> EngineError,
    }

    impl Engine for Falling {
        fn name(&self) -> String {
            "GPU 0".into()
        }

        fn largest(&self) -> Class {
            Class::Large
        }

        fn work(
            &mut self,
            task: &Task,
            _: Option<&Published>,
            _: Option<u8>,
            _: &Arc<Control>,
        ) -> Result<Product, EngineError> {
            self.told.send(task.id()).unwrap();
            Err((self.error)())
        }
    }

    #[test]
    fn a_task_whose_engine_is_lost_is_done_by_another() {
        let (told, asked) = mpsc::channel();
        let lost = || EngineError::Lost("fell off the bus".into());
        let worker = worker(vec![Box::new(Falling { told, error: lost }), processor()]);
        assert_eq!(worker.places(), 2);
        // Too large for a processor that has a GPU beside it: the GPU gets it first.
        let mut spec = Class::Tiny.mlp();
        spec.rows = 2400;
        let task = Task { spec, seed: [1; 32] };
        assert_eq!(Class::of(&task.spec), Class::Small);
        let larger = Task { spec: wide(), seed: [2; 32] };
        assert_eq!(Class::of(&larger.spec), Class::Medium);
        let mut running = worker.take(&larger);
        assert_eq!(asked.recv().unwrap(), larger.id());
        while worker.engines().iter().all(|engine| engine.lost.is_none()) {
            thread::yield_now();
        }
        assert_eq!(worker.engines()[0].lost.as_deref(), Some("fell off the bus"));
        assert_eq!(worker.places(), 1);
        drop(running.poll());
        drop(running);
        let expected = cpu(&task);
        assert_eq!(wait(&mut worker.take(&task)).unwrap().outcome, expected);
        assert!(asked.try_recv().is_err(), "a lost engine is left alone for a while");
    }

    #[test]
    fn a_task_that_no_engine_is_fit_for_says_why() {
        let (told, asked) = mpsc::channel();
        let unfit = || EngineError::Unfit("too little memory".into());
        let alone = worker(vec![Box::new(Falling { told: told.clone(), error: unfit })]);
        let task = Task { spec: Class::Tiny.mlp(), seed: [4; 32] };
        let trouble = wait(&mut alone.take(&task)).unwrap_err();
        assert_eq!(trouble.to_string(), "too little memory");
        let both = worker(vec![Box::new(Falling { told, error: unfit }), processor()]);
        for _ in 0..3 {
            assert_eq!(wait(&mut both.take(&task)).unwrap().outcome, cpu(&task));
        }
        drop(asked);
    }

    #[test]
    fn what_is_owed_is_done_by_the_processor_where_no_gpu_can_and_nothing_else_is() {
        let library = Library::new(Path::new("/nonexistent"));
        let (told, asked) = mpsc::channel();
        let gpus_alone = |error| {
            let gpu: Box<dyn Engine> = Box::new(Falling { told: told.clone(), error });
            Worker::start(vec![gpu], Some(processor()), &library).unwrap()
        };
        let task = Task { spec: Class::Tiny.mlp(), seed: [5; 32] };
        let full = gpus_alone(|| EngineError::Unfit("too little memory".into()));
        assert_eq!((full.places(), full.engines().len()), (1, 1));
        assert_eq!(wait(&mut full.take(&task)).unwrap_err().to_string(), "too little memory");
        assert_eq!(wait(&mut full.take_again(&task, None)).unwrap().outcome, cpu(&task));
        // What would take it too long is tried again by the GPU, when it is asked for again.
        let large = Task { spec: Class::Large.mlp(), seed: [6; 32] };
        assert_eq!(wait(&mut full.take_again(&large, None)).unwrap_err().to_string(), "too little memory");
        let gone = gpus_alone(|| EngineError::Lost("fell off the bus".into()));
        let mut waiting = gone.take(&task);
        assert_eq!(wait(&mut gone.take_again(&task, None)).unwrap().outcome, cpu(&task));
        assert!(waiting.poll().is_none(), "a new task waits for the GPU");
        drop(asked);
    }

    fn cpu(task: &Task) -> Outcome {
        drilling::cpu::run(task, None, &drilling::cpu::Options::default(), |_, _| {}).unwrap()
    }

    /// Just above a processor's tasks.
    fn wide() -> drilling::Spec {
        let mut spec = Class::Small.mlp();
        spec.rows = 10_240;
        spec
    }
}
