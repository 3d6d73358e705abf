//! Making what the chain checks: answers about one's own result, and proofs of others' fraud.

use crate::{
    disclosure::Question,
    fraud::VERSION,
    hash::Hash,
    network::{shard_tree, weights_tree},
    published::Published,
    result::layer_tree,
    spec::{Kernel, Task},
    tree::{Tree, TreeError},
    work::{WorkError, accumulator_bytes},
};

/// Which accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The layer, from 0.
    pub layer: u8,
    /// The row.
    pub row: u32,
    /// The column.
    pub column: u32,
}

impl Place {
    /// The place of a layer's `index`-th accumulator.
    pub fn new(task: &Task, layer: u8, index: u64) -> Option<Self> {
        let outputs = u64::from(task.spec.layers.get(usize::from(layer))?.outputs);
        let (row, column) = (index.checked_div(outputs)?, index.checked_rem(outputs)?);
        let row = u32::try_from(row).ok().filter(|row| *row < task.spec.rows)?;
        Some(Self { layer, row, column: u32::try_from(column).ok()? })
    }

    /// Which of its layer's accumulators it is.
    pub fn index(&self, task: &Task) -> u64 {
        let outputs = task.spec.layers.get(usize::from(self.layer)).map_or(0, |layer| layer.outputs);
        u64::from(self.row) * u64::from(outputs) + u64::from(self.column)
    }
}

/// Answers a question about one's own result. `layer` gives the accumulators of the layer that is asked about.
pub fn answer(
    task: &Task,
    roots: &[Hash],
    question: &Question,
    layer: impl FnOnce(u8) -> Vec<i32>,
) -> Result<Vec<u8>, WorkError> {
    match *question {
        Question::Roots => Ok(roots.as_flattened().to_vec()),
        Question::Node { layer: number, level, index } => {
            let tree = layer_tree(task, &task.id(), number)?;
            Ok(tree.answer(accumulator_bytes(&layer(number)), level, u64::from(index))?)
        }
    }
}

/// Opens the four bytes of an accumulator in the accused's layer.
pub fn open_accumulator(task: &Task, place: &Place, accumulators: &[i32]) -> Result<Vec<u8>, WorkError> {
    let tree = layer_tree(task, &task.id(), place.layer)?;
    let mut opening = Vec::new();
    tree.open(accumulator_bytes(accumulators), 4 * place.index(task), 4, &mut opening)?;
    Ok(opening)
}

/// Makes a fraud proof. `roots` are the accused's, `opening` is the opened accumulator, `previous` the accumulators of the layer before
/// it, which the accused has right (none for the first layer).
pub fn fraud(
    task: &Task,
    published: Option<&Published>,
    roots: &[Hash],
    place: &Place,
    opening: &[u8],
    previous: Option<&[i32]>,
) -> Result<Vec<u8>, WorkError> {
    let mut proof = vec![VERSION, place.layer];
    proof.extend_from_slice(&place.row.to_le_bytes());
    proof.extend_from_slice(&place.column.to_le_bytes());
    proof.extend_from_slice(roots.as_flattened());
    if let Kernel::Infer { .. } = task.spec.kernel {
        let published = published.ok_or(WorkError::NoData)?;
        proof.extend_from_slice(published.network.weight_roots()?.as_flattened());
    }
    proof.extend_from_slice(opening);
    open_inputs(task, published, place, previous, &mut proof)?;
    if let Kernel::Infer { .. } = task.spec.kernel {
        open_weights(task, published.ok_or(WorkError::NoData)?, place, &mut proof)?;
    }
    Ok(proof)
}

fn open_inputs(
    task: &Task,
    published: Option<&Published>,
    place: &Place,
    previous: Option<&[i32]>,
    proof: &mut Vec<u8>,
) -> Result<(), WorkError> {
    match (place.layer.checked_sub(1), task.spec.kernel) {
        (None, Kernel::Mlp) => Ok(()),
        (None, Kernel::Infer { items, .. }) => {
            let shard = &published.ok_or(WorkError::NoData)?.shard;
            let tree = shard_tree(items, task.spec.inputs)?;
            let row = place.row.checked_rem(items).ok_or(WorkError::Size)?;
            row_of(&tree, &shard.data, row, u64::from(task.spec.inputs), proof)
        }
        (Some(layer), _) => {
            let tree = layer_tree(task, &task.id(), layer)?;
            let bytes = accumulator_bytes(previous.ok_or(WorkError::Size)?);
            row_of(&tree, bytes, place.row, tree.bytes() / u64::from(task.spec.rows), proof)
        }
    }
}

fn open_weights(
    task: &Task,
    published: &Published,
    place: &Place,
    proof: &mut Vec<u8>,
) -> Result<(), WorkError> {
    let layer = usize::from(place.layer);
    let outputs = task.spec.layers.get(layer).ok_or(TreeError::OutOfRange)?.outputs;
    let width = task.spec.inputs_of(layer).ok_or(TreeError::OutOfRange)?;
    let weights = published.network.weights.get(layer).ok_or(TreeError::OutOfRange)?;
    row_of(&weights_tree(place.layer, width, outputs)?, weights, place.column, u64::from(width), proof)
}

fn row_of(tree: &Tree, bytes: &[u8], row: u32, width: u64, proof: &mut Vec<u8>) -> Result<(), WorkError> {
    Ok(tree.open(bytes, u64::from(row) * width, width, proof)?)
}
