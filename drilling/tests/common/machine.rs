//! Machines that did the work or say so, and the inspector who asks them.
#![allow(dead_code)] // every test uses its part

use drilling::{
    Outcome, Question, Step, Task, Trail, layer_root,
    prove::{self, Place},
    published::Published,
    reference, requantise,
};

/// A machine's own account of its work.
pub struct Machine {
    pub task: Task,
    pub layers: Vec<Vec<i32>>,
    pub outcome: Outcome,
}

impl Machine {
    pub fn honest(task: &Task, published: Option<&Published>) -> Self {
        let mut layers = Vec::new();
        let outcome = reference::run(task, published, |_, sums| layers.push(sums.to_vec())).unwrap();
        Self { task: *task, layers, outcome }
    }

    /// Commits to these accumulators, whatever they are.
    pub fn claiming(task: &Task, layers: Vec<Vec<i32>>) -> Self {
        let id = task.id();
        let roots = layers.iter().enumerate();
        let roots = roots.map(|(layer, sums)| layer_root(task, &id, layer as u8, sums).unwrap()).collect();
        Self { task: *task, layers, outcome: Outcome::new(&id, roots) }
    }

    pub fn answer(&self, question: &Question) -> Vec<u8> {
        let layer = |layer: u8| self.layers[layer as usize].clone();
        prove::answer(&self.task, &self.outcome.roots, question, layer).unwrap()
    }
}

/// Does the later layers from wrong accumulators, as a liar would who wants to look consistent.
pub fn carry_on(task: &Task, published: Option<&Published>, mut layers: Vec<Vec<i32>>) -> Vec<Vec<i32>> {
    let id = task.id();
    while let Some(layer) = task.spec.layers.get(layers.len()) {
        let before = &task.spec.layers[layers.len() - 1];
        let inputs: Vec<i8> = layers.last().unwrap().iter().map(|sum| requantise(*sum, before)).collect();
        let width = before.outputs as usize;
        let weights = reference::weights(&id, layers.len() as u8, layer.outputs as usize, width, published);
        layers.push(reference::product(&inputs, &weights, width));
    }
    layers
}

/// The inspector's questions until the proof; `None` if the machine is right.
pub fn inspect(truth: &Machine, accused: &Machine, published: Option<&Published>) -> Option<Vec<u8>> {
    let mut trail = Trail::new(&truth.task, &accused.outcome.digest);
    loop {
        let question = *trail.question();
        match trail.take(&accused.answer(&question), &truth.answer(&question)).unwrap() {
            Step::Ask { .. } => continue,
            Step::Right => return None,
            Step::Wrong(place) => {
                let opening = trail.opening().unwrap();
                assert_eq!(
                    opening,
                    prove::open_accumulator(&truth.task, &place, &accused.layers[place.layer as usize])
                        .unwrap()
                );
                let previous = place.layer.checked_sub(1).map(|layer| &truth.layers[layer as usize][..]);
                return Some(
                    prove::fraud(&truth.task, published, trail.roots(), &place, &opening, previous).unwrap(),
                );
            }
        }
    }
}

pub fn accusation(machine: &Machine, published: Option<&Published>, place: &Place) -> Vec<u8> {
    let opening =
        prove::open_accumulator(&machine.task, place, &machine.layers[place.layer as usize]).unwrap();
    let previous = place.layer.checked_sub(1).map(|layer| &machine.layers[layer as usize][..]);
    prove::fraud(&machine.task, published, &machine.outcome.roots, place, &opening, previous).unwrap()
}
