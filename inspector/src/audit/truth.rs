//! The task done again. Layers that a question needs are kept; the rest is forgotten as soon as it is hashed.
//!
//! A large task may take an hour, and no look at the chain waits for that: the work runs beside, at most once for a task, and what comes
//! of it is kept until the dispute is over.

use super::AuditError;
use drilling::{Class, Library, Outcome, Task, cpu, published::Published};
use gpu_compute::{Done, Driller};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

/// What is known of one task.
#[derive(Debug)]
pub struct Truth {
    /// The right result.
    pub outcome: Outcome,
    /// Accumulators of layers that were asked for.
    pub layers: BTreeMap<u8, Vec<i32>>,
    /// The published data that it runs over.
    pub published: Option<Arc<Published>>,
}

type Computed = Result<Truth, AuditError>;
type Compute = fn(&Task, &Library, &BTreeSet<u8>, &Arc<cpu::Control>) -> Computed;

/// A task that is being done.
struct Running {
    large: bool,
    computed: oneshot::Receiver<Computed>,
    control: Arc<cpu::Control>,
}

impl Running {
    fn start(compute: Compute, task: &Task, library: &Library, wanted: BTreeSet<u8>) -> Self {
        let (sender, computed) = oneshot::channel();
        let control = Arc::new(cpu::Control::new());
        let (task, library, held) = (*task, library.clone(), control.clone());
        tokio::task::spawn_blocking(move || {
            // Nobody takes it once the dispute is over.
            let _ = sender.send(compute(&task, &library, &wanted, &held));
        });
        Self { large: is_large(&task), computed, control }
    }
}

/// Who lets go of it wants no result any more.
impl Drop for Running {
    fn drop(&mut self) {
        self.control.cancel();
    }
}

/// How far the work on one task is.
enum Work {
    Running(Running),
    Done(Truth),
}

impl Work {
    const fn is_large_and_running(&self) -> bool {
        matches!(self, Self::Running(Running { large: true, .. }))
    }
}

/// Truths by task, and the layers that are wanted of each.
pub struct Truths {
    library: Library,
    compute: Compute,
    works: BTreeMap<[u8; 32], Work>,
    wanted: BTreeMap<[u8; 32], BTreeSet<u8>>,
}

impl Truths {
    /// None yet; published data come from this library.
    pub const fn new(library: Library) -> Self {
        Self { library, compute: run, works: BTreeMap::new(), wanted: BTreeMap::new() }
    }

    /// The truth, with all wanted layers; none while the task is being done, which is waited for until this moment at most.
    pub async fn of(&mut self, task: &Task, until: Instant) -> Result<Option<&Truth>, AuditError> {
        let id = task.id();
        self.begin(task);
        if let Some(Work::Running(running)) = self.works.get_mut(&id) {
            let computed = timeout_at(until, &mut running.computed).await;
            let Ok(computed) = computed else { return Ok(None) };
            // Out of the table first: what came to nothing is begun anew at the next look.
            self.works.remove(&id);
            let truth = computed.map_err(|_| AuditError::CutOff)??;
            self.works.insert(id, Work::Done(truth));
        }
        match self.works.get(&id) {
            Some(Work::Done(truth)) => Ok(Some(truth)),
            _ => Ok(None),
        }
    }

    /// Begins the work where it is not under way or done. Large tasks come one after another: each takes all cores, and fills memory.
    fn begin(&mut self, task: &Task) {
        let id = task.id();
        let wanted = self.wanted.get(&id).cloned().unwrap_or_default();
        let goes_on = match self.works.get(&id) {
            Some(Work::Running(_)) => true,
            Some(Work::Done(truth)) => wanted.iter().all(|layer| truth.layers.contains_key(layer)),
            None => false,
        };
        if goes_on {
            return;
        }
        self.works.remove(&id);
        if is_large(task) && self.works.values().any(Work::is_large_and_running) {
            return;
        }
        tracing::debug!(task = hex::encode(id), "doing a disputed task again");
        self.works.insert(id, Work::Running(Running::start(self.compute, task, &self.library, wanted)));
    }

    /// From now on these layers are wanted, and no others: a large layer fills memory.
    pub fn keep_layers(&mut self, task: &Task, layers: BTreeSet<u8>) {
        self.wanted.insert(task.id(), layers);
    }

    /// Lets go of all but these tasks; work on the others ends.
    pub fn retain(&mut self, tasks: &[[u8; 32]]) {
        self.works.retain(|task, _| tasks.contains(task));
        self.wanted.retain(|task, _| tasks.contains(task));
    }
}

fn is_large(task: &Task) -> bool {
    Class::of(&task.spec) > Class::Small
}

/// A large task takes a processor an hour. Where no GPU does it, the processor has to.
fn on_gpu(
    task: &Task,
    published: Option<&Published>,
    wanted: &BTreeSet<u8>,
    control: &cpu::Control,
) -> Option<Done> {
    for index in 0..gpu_compute::count() {
        match Driller::open(index).and_then(|mut gpu| gpu.run(task, published, control, wanted)) {
            Ok(done) => return Some(done),
            Err(_) if control.check().is_err() => return None,
            Err(error) => tracing::warn!(%error, index, "a GPU does not do a task again"),
        }
    }
    None
}

fn run(task: &Task, library: &Library, wanted: &BTreeSet<u8>, control: &Arc<cpu::Control>) -> Computed {
    let published = library.open(&task.spec)?;
    if is_large(task)
        && let Some(done) = on_gpu(task, published.as_deref(), wanted, control)
    {
        return Ok(Truth { outcome: done.outcome, layers: done.layers, published });
    }
    let mut layers = BTreeMap::new();
    let options = cpu::Options { control: control.clone(), ..cpu::Options::default() };
    let outcome = cpu::run(task, published.as_deref(), &options, |layer, accumulators| {
        if wanted.contains(&layer) {
            layers.insert(layer, accumulators.to_vec());
        }
    })?;
    Ok(Truth { outcome, layers, published })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{path::Path, time::Duration};

    fn task(class: Class, seed: u8) -> Task {
        Task { spec: class.mlp(), seed: [seed; 32] }
    }

    fn truths(compute: Compute) -> Truths {
        Truths { compute, ..Truths::new(Library::new(Path::new("/nonexistent"))) }
    }

    /// Comes to no end unless it is cancelled.
    fn endless(_: &Task, _: &Library, _: &BTreeSet<u8>, control: &Arc<cpu::Control>) -> Computed {
        while control.check().is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(drilling::WorkError::Cancelled.into())
    }

    fn control(truths: &Truths, task: &Task) -> Option<Arc<cpu::Control>> {
        match truths.works.get(&task.id())? {
            Work::Running(running) => Some(running.control.clone()),
            Work::Done(_) => None,
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_long_work_and_it_is_done_once() {
        let mut truths = truths(endless);
        let (one, other, small) = (task(Class::Large, 1), task(Class::Large, 2), task(Class::Tiny, 3));
        assert!(truths.of(&one, Instant::now()).await.unwrap().is_none());
        let first = control(&truths, &one).unwrap();
        assert!(truths.of(&one, Instant::now()).await.unwrap().is_none());
        assert!(Arc::ptr_eq(&first, &control(&truths, &one).unwrap()));
        // Another large one waits its turn, a small one does not.
        for task in [&other, &small] {
            assert!(truths.of(task, Instant::now()).await.unwrap().is_none());
        }
        assert!(control(&truths, &other).is_none());
        assert!(control(&truths, &small).is_some());
        // A dispute that is over is let go of, and its work ends.
        truths.retain(&[other.id(), small.id()]);
        assert!(first.check().is_err());
        assert!(truths.of(&other, Instant::now()).await.unwrap().is_none());
        assert!(control(&truths, &other).is_some());
    }

    #[tokio::test]
    async fn a_result_is_kept_until_its_dispute_is_over() {
        let mut truths = truths(run);
        let task = task(Class::Tiny, 5);
        let until = Instant::now() + Duration::from_secs(600);
        let digest = truths.of(&task, until).await.unwrap().unwrap().outcome.digest;
        truths.compute = endless;
        assert_eq!(truths.of(&task, Instant::now()).await.unwrap().unwrap().outcome.digest, digest);
        // A layer that was not kept has the task done anew.
        truths.keep_layers(&task, BTreeSet::from([1]));
        assert!(truths.of(&task, Instant::now()).await.unwrap().is_none());
        truths.retain(&[]);
        assert!(truths.works.is_empty() && truths.wanted.is_empty());
    }

    #[tokio::test]
    async fn work_that_came_to_nothing_is_begun_anew() {
        fn fails(_: &Task, _: &Library, _: &BTreeSet<u8>, _: &Arc<cpu::Control>) -> Computed {
            Err(drilling::WorkError::Cancelled.into())
        }
        let mut truths = truths(fails);
        let task = task(Class::Tiny, 6);
        let until = Instant::now() + Duration::from_secs(600);
        assert!(matches!(truths.of(&task, until).await, Err(AuditError::Work(_))));
        truths.compute = run;
        assert!(truths.of(&task, until).await.unwrap().is_some());
    }
}
