//! What a machine says that a task's result is.

use anyhow::{Context, Result};
use drilling::{
    Class, Outcome, Question, Task, cpu, layer_root,
    prove::{self, Place},
};

/// The accumulator of the first layer in which lies differ from the truth.
const WRONG: usize = 4_321;

/// A result, true or not.
pub struct Claim {
    pub task: Task,
    pub layers: Vec<Vec<i32>>,
    pub outcome: Outcome,
}

impl Claim {
    /// Of a task of the built-in publisher.
    pub fn true_of(seed: [u8; 32]) -> Result<Self> {
        let task = Task { spec: Class::Tiny.mlp(), seed };
        let mut layers = Vec::new();
        let outcome = cpu::run(&task, None, &cpu::Options::default(), |_, sums| layers.push(sums.to_vec()))?;
        Ok(Self { task, layers, outcome })
    }

    /// With one accumulator changed in the first layer; all that follows from the layers is left as it was.
    pub fn false_of(seed: [u8; 32]) -> Result<Self> {
        let mut claim = Self::true_of(seed)?;
        claim.layers[0][WRONG] += 1;
        let (task, id) = (&claim.task, claim.task.id());
        let root = |(layer, sums): (usize, &Vec<i32>)| layer_root(task, &id, layer as u8, sums);
        let roots = claim.layers.iter().enumerate().map(root).collect::<Result<Vec<_>, _>>()?;
        claim.outcome = Outcome::new(&id, roots);
        Ok(claim)
    }

    /// What opens it.
    pub fn answer(&self, question: &Question) -> Result<Vec<u8>> {
        let layer = |layer: u8| self.layers[usize::from(layer)].clone();
        Ok(prove::answer(&self.task, &self.outcome.roots, question, layer)?)
    }

    /// A proof that it is wrong where lies are: a good one if it is a lie.
    pub fn accusation(&self) -> Result<Vec<u8>> {
        let place = Place::new(&self.task, 0, WRONG as u64).context("no such place")?;
        let opening = prove::open_accumulator(&self.task, &place, &self.layers[0])?;
        Ok(prove::fraud(&self.task, None, &self.outcome.roots, &place, &opening, None)?)
    }
}
