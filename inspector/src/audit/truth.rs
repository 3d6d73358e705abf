//! The task done again. Layers that a question needs are kept; the rest is forgotten as soon as it is hashed.

use super::AuditError;
use drilling::{Class, Library, Outcome, Task, cpu, published::Published};
use gpu_compute::{Done, Driller};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
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

/// Truths by task, and the layers that are wanted of each.
#[derive(Debug)]
pub struct Truths {
    library: Library,
    known: BTreeMap<[u8; 32], Truth>,
    wanted: BTreeMap<[u8; 32], BTreeSet<u8>>,
}

impl Truths {
    /// None yet; published data come from this library.
    pub const fn new(library: Library) -> Self {
        Self { library, known: BTreeMap::new(), wanted: BTreeMap::new() }
    }

    /// The truth, with all wanted layers: at once if it is known, or after doing the task on all cores.
    pub async fn of(&mut self, task: &Task) -> Result<&Truth, AuditError> {
        let id = task.id();
        let wanted = self.wanted.get(&id).cloned().unwrap_or_default();
        let known = self.known.remove(&id);
        let known = known.filter(|truth| wanted.iter().all(|layer| truth.layers.contains_key(layer)));
        let truth = match known {
            Some(truth) => truth,
            None => {
                let (task, library) = (*task, self.library.clone());
                let work = tokio::task::spawn_blocking(move || run(&task, &library, &wanted));
                work.await.map_err(|_| AuditError::CutOff)??
            }
        };
        Ok(self.known.entry(id).or_insert(truth))
    }

    /// From now on these layers are wanted, and no others: a large layer fills memory.
    pub fn keep_layers(&mut self, task: &Task, layers: BTreeSet<u8>) {
        self.wanted.insert(task.id(), layers);
    }

    /// Lets go of all but these tasks.
    pub fn retain(&mut self, tasks: &[[u8; 32]]) {
        self.known.retain(|task, _| tasks.contains(task));
        self.wanted.retain(|task, _| tasks.contains(task));
    }
}

/// A large task takes a processor an hour. Where no GPU does it, the processor has to.
fn on_gpu(task: &Task, published: Option<&Published>, wanted: &BTreeSet<u8>) -> Option<Done> {
    for index in 0..gpu_compute::count() {
        match Driller::open(index).and_then(|mut gpu| gpu.run(task, published, &cpu::Control::new(), wanted))
        {
            Ok(done) => return Some(done),
            Err(error) => tracing::warn!(%error, index, "a GPU does not do a task again"),
        }
    }
    None
}

fn run(task: &Task, library: &Library, wanted: &BTreeSet<u8>) -> Result<Truth, AuditError> {
    let published = library.open(&task.spec)?;
    if Class::of(&task.spec) > Class::Small
        && let Some(done) = on_gpu(task, published.as_deref(), wanted)
    {
        return Ok(Truth { outcome: done.outcome, layers: done.layers, published });
    }
    let mut layers = BTreeMap::new();
    let outcome = cpu::run(task, published.as_deref(), &cpu::Options::default(), |layer, accumulators| {
        if wanted.contains(&layer) {
            layers.insert(layer, accumulators.to_vec());
        }
    })?;
    Ok(Truth { outcome, layers, published })
}
