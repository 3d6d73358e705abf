//! Making an order's terms: what `training terms` does.

use crate::{
    digest::Digest,
    engine::Plan,
    graph::{self, GraphError},
    terms::{Architecture, DataError, Dataset, FORMAT, Optimiser, Schedule, Terms, TermsError},
};
use serde::{Deserialize, Serialize};

/// What a buyer writes, in TOML.
///
/// ```toml
/// order = "clothes-1"
/// batch = 64
/// epochs = 8
/// classes = 10
/// input = [1, 28, 28]
/// optimiser = { kind = "sgd", momentum = "0.9", weight_decay = "0" }
/// schedule = { kind = "cosine", rate = "0.05", last = "0" }
/// layers = [
///     { kind = "flatten" },
///     { kind = "dense", name = "fc1", outputs = 256 },
///     { kind = "relu" },
///     { kind = "dense", name = "fc2", outputs = 10 },
/// ]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its name.
    pub order: String,
    /// Samples in a step.
    pub batch: u64,
    /// Passes over the data.
    pub epochs: u64,
    /// Classes.
    pub classes: u64,
    /// Shape of one sample.
    pub input: Vec<usize>,
    /// Checkpoints between those at epochs' ends: one every so many steps.
    #[serde(default)]
    pub checkpoint_every: u64,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// The learning rate.
    pub schedule: Schedule,
    /// Layers on the list of what can be replayed; without them, a graph has to be given.
    pub layers: Option<Architecture>,
}

/// Why terms could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The values.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// The graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Samples of another shape.
    #[error("samples in the data have shape {0:?}, the order says {1:?}")]
    Shape(Vec<usize>, Vec<usize>),
    /// Neither or both.
    #[error("an order has either layers, which can be replayed, or a graph of its own")]
    Graphs,
}

/// The terms and the graph of an order. `randomness` is the chain's, drawn after the order was placed.
pub fn make(
    order: &Order,
    foreign: Option<Vec<u8>>,
    (data, validation): (&Dataset, &Dataset),
    randomness: Digest,
) -> Result<(Terms, Vec<u8>), OrderError> {
    for set in [data, validation] {
        if set.shape() != order.input {
            return Err(OrderError::Shape(set.shape().into(), order.input.clone()));
        }
    }
    let plan = order.layers.as_ref().map(|layers| Plan::new(&order.input, layers)).transpose()?;
    let graph = match (&plan, foreign) {
        (Some(plan), None) => graph::export(plan)?,
        (None, Some(graph)) => {
            graph::refuse_merged(&graph)?;
            graph
        }
        _ => return Err(OrderError::Graphs),
    };
    let mut terms = Terms {
        architecture: order.layers.clone(),
        batch: order.batch,
        checkpoint_every: order.checkpoint_every,
        classes: order.classes,
        data: data.commitment()?,
        epochs: order.epochs,
        flop: "0".into(),
        format: FORMAT.into(),
        graph: Digest::of(&[&graph]),
        input: order.input.clone(),
        optimiser: order.optimiser.clone(),
        order: order.order.clone(),
        randomness,
        schedule: order.schedule.clone(),
        validation: validation.commitment()?,
    };
    terms.check()?;
    let forward = graph::forward_flop(plan.as_ref(), &graph, &terms.input)?;
    terms.flop = graph::training_flop(forward, terms.batch, terms.steps()).to_string();
    Ok((terms, graph))
}
