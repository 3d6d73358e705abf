//! The task done again. Layers that a question needs are kept; the rest is forgotten as soon as it is hashed.

use super::AuditError;
use drilling::{Outcome, Task, cpu};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one task.
#[derive(Debug)]
pub struct Truth {
    /// The right result.
    pub outcome: Outcome,
    /// Accumulators of layers that were asked for.
    pub layers: BTreeMap<u8, Vec<i32>>,
}

/// Truths by task, and the layers that are wanted of each.
#[derive(Debug, Default)]
pub struct Truths {
    known: BTreeMap<[u8; 32], Truth>,
    wanted: BTreeMap<[u8; 32], BTreeSet<u8>>,
}

impl Truths {
    /// The truth, with all wanted layers: at once if it is known, or after doing the task on all cores.
    pub async fn of(&mut self, task: &Task) -> Result<&Truth, AuditError> {
        let id = task.id();
        let wanted = self.wanted.get(&id).cloned().unwrap_or_default();
        let known = self.known.remove(&id);
        let known = known.filter(|truth| wanted.iter().all(|layer| truth.layers.contains_key(layer)));
        let truth = match known {
            Some(truth) => truth,
            None => {
                let task = *task;
                let work = tokio::task::spawn_blocking(move || run(&task, &wanted));
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

fn run(task: &Task, wanted: &BTreeSet<u8>) -> Result<Truth, AuditError> {
    let mut layers = BTreeMap::new();
    let outcome = cpu::run(task, None, &cpu::Options::default(), |layer, accumulators| {
        if wanted.contains(&layer) {
            layers.insert(layer, accumulators.to_vec());
        }
    })?;
    Ok(Truth { outcome, layers })
}
