//! What doing a task gives, and why it can fail, whatever does it.

use crate::{
    hash::Hash,
    published::{Published, PublishedError},
    result::{digest, layer_tree},
    spec::{Kernel, SpecError, Task},
    tree::TreeError,
};

/// The result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What is committed to and revealed.
    pub digest: Hash,
    /// What the digest hashes: the layers' roots.
    pub roots: Vec<Hash>,
}

impl Outcome {
    /// The outcome that has these roots.
    pub fn new(task_id: &Hash, roots: Vec<Hash>) -> Self {
        Self { digest: digest(task_id, &roots), roots }
    }
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// The specification is none.
    #[error("the task: {0}")]
    Spec(#[from] SpecError),
    /// The published data are not the task's.
    #[error("the published data: {0}")]
    Published(#[from] PublishedError),
    /// The task runs over published data, and there are none.
    #[error("the task runs over published data that are not at hand")]
    NoData,
    /// A matrix has another size than the task says.
    #[error("a matrix does not have the task's size")]
    Size,
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A tree could not be built.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// The data a task runs over: none for `mlp`, the named network and shard for `infer`.
pub fn task_data<'a>(
    task: &Task,
    published: Option<&'a Published>,
) -> Result<Option<&'a Published>, WorkError> {
    task.spec.check()?;
    match (task.spec.kernel, published) {
        (Kernel::Mlp, _) => Ok(None),
        (Kernel::Infer { .. }, None) => Err(WorkError::NoData),
        (Kernel::Infer { .. }, Some(published)) => {
            published.check(&task.spec)?;
            Ok(Some(published))
        }
    }
}

/// The bytes that a layer's tree stands over.
pub fn accumulator_bytes(accumulators: &[i32]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "accumulators are hashed as they lie in memory") };
    bytemuck::cast_slice(accumulators)
}

/// The root over a layer's accumulators.
pub fn layer_root(task: &Task, task_id: &Hash, layer: u8, accumulators: &[i32]) -> Result<Hash, WorkError> {
    let tree = layer_tree(task, task_id, layer)?;
    let bytes = accumulator_bytes(accumulators);
    if bytes.len() as u64 != tree.bytes() { Err(WorkError::Size) } else { Ok(tree.root(bytes)) }
}
