//! A layer's root, on several threads.

use super::product::Team;
use crate::{
    hash::Hash,
    result::layer_tree,
    spec::Task,
    tree::{CHUNK, TreeError},
    work::{WorkError, accumulator_bytes},
};

/// A job's subtree has 2^6 chunks: enough for the widest vectors, little enough for every thread to have some.
const LEVEL: u8 = 6;

/// The root over a layer's accumulators.
pub(crate) fn layer_root(
    team: &mut Team<'_>,
    task: &Task,
    task_id: &Hash,
    layer: u8,
    sums: &[i32],
) -> Result<Hash, WorkError> {
    let tree = layer_tree(task, task_id, layer)?;
    let bytes = accumulator_bytes(sums);
    if bytes.len() as u64 != tree.bytes() {
        return Err(TreeError::OutOfRange.into());
    }
    if tree.height() <= LEVEL {
        return Ok(tree.root(bytes));
    }
    let size = (CHUNK as usize) << LEVEL;
    let mut nodes = vec![Hash::default(); bytes.len().div_ceil(size)];
    // Sixteen subtrees a job: taking one costs less than hashing it.
    let jobs = nodes.chunks_mut(16).zip(bytes.chunks(16 * size)).enumerate();
    team.crew.share(
        team.control,
        jobs,
        || (),
        |(number, (nodes, bytes)), ()| {
            for (at, (node, bytes)) in nodes.iter_mut().zip(bytes.chunks(size)).enumerate() {
                *node = tree.chunk(((16 * number + at) as u64) << LEVEL, bytes);
            }
            Ok(())
        },
    )?;
    Ok(tree.root_of(nodes.as_flattened())?)
}
