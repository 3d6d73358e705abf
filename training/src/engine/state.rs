//! All that changes while training: parameters, running statistics, the optimiser's moments.

use super::Plan;
use crate::{
    digest::Digest,
    package::{Checkpoint, PackageError, TensorData},
    terms::{Optimiser, Parameter, initial},
};

/// The optimiser's state of one parameter: as many tensors as the optimiser keeps.
pub type Moments = Vec<Vec<f32>>;

/// The state after some steps.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Trained tensors, in the plan's order.
    pub parameters: Vec<Vec<f32>>,
    /// Running statistics, in the plan's order.
    pub buffers: Vec<Vec<f32>>,
    /// The optimiser's state for each parameter.
    pub moments: Vec<Moments>,
    /// Steps taken.
    pub step: u64,
}

impl State {
    /// The untrained model that the order's randomness makes.
    pub fn initial(plan: &Plan, optimiser: &Optimiser, randomness: &Digest) -> Self {
        let make = |all: &[Parameter]| all.iter().map(|one| initial(randomness, one)).collect();
        let zeros = |one: &Parameter| vec![vec![0.0; one.elements()]; optimiser.state().len()];
        Self {
            parameters: make(&plan.parameters),
            buffers: make(&plan.buffers),
            moments: plan.parameters.iter().map(zeros).collect(),
            step: 0,
        }
    }

    /// From a checkpoint, every tensor with the shape that the plan says.
    pub fn load(
        plan: &Plan,
        optimiser: &Optimiser,
        checkpoint: &Checkpoint,
        step: u64,
    ) -> Result<Self, PackageError> {
        let read = |tensor: &str, shape: &[usize]| {
            checkpoint.floats_of(tensor, shape)?;
            checkpoint.read_tensor(tensor)
        };
        let all = |parameters: &[Parameter]| {
            parameters.iter().map(|one| read(&one.tensor(), &one.shape)).collect::<Result<Vec<_>, _>>()
        };
        let moments = |one: &Parameter| {
            let tensors = optimiser.state().iter().map(|name| read(&one.moment(name), &one.shape));
            tensors.collect::<Result<Moments, _>>()
        };
        Ok(Self {
            parameters: all(&plan.parameters)?,
            buffers: all(&plan.buffers)?,
            moments: plan.parameters.iter().map(moments).collect::<Result<_, _>>()?,
            step,
        })
    }

    /// The tensors of a checkpoint.
    pub fn tensors<'a>(&'a self, plan: &'a Plan, optimiser: &'a Optimiser) -> Vec<TensorData<'a>> {
        let pairs =
            plan.parameters.iter().zip(&self.parameters).chain(plan.buffers.iter().zip(&self.buffers));
        let mut tensors: Vec<TensorData<'a>> =
            pairs.map(|(one, values)| (one.tensor(), one.shape.clone(), &values[..])).collect();
        for (one, moments) in plan.parameters.iter().zip(&self.moments) {
            for (name, values) in optimiser.state().iter().zip(moments) {
                tensors.push((one.moment(name), one.shape.clone(), values));
            }
        }
        tensors
    }
}
