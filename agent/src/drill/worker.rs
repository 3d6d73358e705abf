//! The thread that does tasks, one after another, behind everything else that the host does.

use super::energy::EnergyMeter;
use drilling::{
    Library, LibraryError, Outcome, Task, WorkError,
    cpu::{self, Backend, Control},
};
use std::{
    num::NonZeroUsize,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};
use tokio::sync::oneshot;

/// The lowest priority that Linux knows: whoever else wants the processor has it first.
const NICEST: i32 = 19;

/// A task done.
#[derive(Debug)]
pub struct Done {
    /// Its result.
    pub outcome: Outcome,
    /// The accumulators of the layer that was asked for.
    pub layer: Option<Vec<i32>>,
    /// How long it took, ms, pauses included.
    pub span_ms: u64,
    /// What the processors used meanwhile, mJ.
    pub energy_mj: Option<u64>,
    /// Threads.
    pub threads: u16,
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
    control: Arc<Control>,
    done: oneshot::Sender<Result<Done, Trouble>>,
}

/// A handle on the thread, which ends with it.
#[derive(Debug)]
pub struct Worker {
    jobs: mpsc::Sender<Job>,
}

impl Worker {
    /// Starts the thread; it works with these instructions on so many threads of its own, over data of this library.
    pub fn start(
        backend: Backend,
        threads: NonZeroUsize,
        meter: EnergyMeter,
        library: Library,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let serve = move || {
            // Only this thread, and those that it starts.
            if let Err(error) = rustix::process::setpriority_process(None, NICEST) {
                tracing::warn!(%error, "drilling runs at the usual priority");
            }
            while let Ok(job) = queue.recv() {
                let Job { task, layer, control, done } = job;
                let _ = done.send(work(&task, layer, (backend, threads), control, (&meter, &library)));
            }
        };
        thread::Builder::new().name("drill".into()).spawn(serve)?;
        Ok(Self { jobs })
    }

    /// Takes on a task; `layer` asks for that layer's accumulators too.
    pub fn take(&self, task: &Task, layer: Option<u8>) -> Running {
        let (sender, done) = oneshot::channel();
        let control = Arc::new(Control::new());
        let job = Job { task: *task, layer, control: control.clone(), done: sender };
        // A thread that has ended is seen by the closed channel.
        let _ = self.jobs.send(job);
        Running { task: task.id(), control, done }
    }
}

fn work(
    task: &Task,
    wanted: Option<u8>,
    (backend, threads): (Backend, NonZeroUsize),
    control: Arc<Control>,
    (meter, library): (&EnergyMeter, &Library),
) -> Result<Done, Trouble> {
    let published = library.open(&task.spec)?;
    let (started, before) = (Instant::now(), meter.microjoules());
    let options = cpu::Options { backend, threads, control };
    let mut kept = None;
    let outcome = cpu::run(task, published.as_deref(), &options, |layer, accumulators| {
        if wanted == Some(layer) {
            kept = Some(accumulators.to_vec());
        }
    })?;
    let used = |(before, after): (u64, u64)| after.checked_sub(before).map(|used| used / 1000);
    Ok(Done {
        outcome,
        layer: kept,
        span_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        energy_mj: before.zip(meter.microjoules()).and_then(used),
        threads: u16::try_from(threads.get()).unwrap_or(u16::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use drilling::Class;
    use std::{path::Path, time::Duration};

    fn worker() -> Worker {
        let library = Library::new(Path::new("/nonexistent"));
        Worker::start(Backend::fastest(), NonZeroUsize::MIN, EnergyMeter::none(), library).unwrap()
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
        let worker = worker();
        let done = wait(&mut worker.take(&task, Some(1))).unwrap();
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
    fn an_infer_task_runs_over_the_data_it_names() {
        let digits = drilling::digits::published().unwrap();
        let task = Task { spec: digits.spec(64).unwrap(), seed: [3; 32] };
        let worker = worker();
        let done = wait(&mut worker.take(&task, None)).unwrap();
        assert_eq!(done.outcome, drilling::reference::run(&task, Some(&digits), |_, _| {}).unwrap());
        let mut other = task;
        other.spec.kernel = drilling::Kernel::Infer { network: [1; 32], shard: [2; 32], items: 240 };
        let trouble = wait(&mut worker.take(&other, None)).unwrap_err();
        assert!(matches!(trouble, Trouble::Data(LibraryError::Missing(_))), "{trouble}");
    }

    #[test]
    fn a_held_task_waits_and_a_dropped_one_ends() {
        let task = Task { spec: Class::Tiny.mlp(), seed: [8; 32] };
        let worker = worker();
        let mut held = worker.take(&task, None);
        held.hold(true);
        thread::sleep(Duration::from_millis(50));
        held.hold(false);
        wait(&mut held).unwrap();
        drop(worker.take(&Task { spec: Class::Small.mlp(), seed: [9; 32] }, None));
        wait(&mut worker.take(&task, None)).unwrap();
    }
}
