//! The result: one digest that commits to every accumulator of every layer, and the commitment to it.
//!
//! A layer's root is the keyed BLAKE3 hash of its accumulators, row after row, each an i32 in little-endian bytes. The digest hashes the
//! roots. Nothing here is linear, so neither can be had from anything less than the accumulators.

use crate::{
    hash::{Hash, blake3},
    layers::MAX_LAYERS,
    spec::Task,
    tree::{Tree, TreeError},
};

/// The key of a layer's tree: accumulators of one task and layer are none of another.
pub fn layer_key(task_id: &Hash, layer: u8) -> Hash {
    blake3(&[b"matrixai:drill:layer:v1", task_id, &[layer]])
}

/// The tree over a layer's accumulators.
pub fn layer_tree(task: &Task, task_id: &Hash, layer: u8) -> Result<Tree, TreeError> {
    let bytes = task.spec.bytes_of(usize::from(layer)).ok_or(TreeError::OutOfRange)?;
    Tree::new(layer_key(task_id, layer), bytes)
}

/// The result digest over the layers' roots, `roots` being 32 bytes for each layer.
pub fn digest_of_bytes(task_id: &Hash, roots: &[u8]) -> Hash {
    blake3(&[b"matrixai:drill:result:v1", task_id, roots])
}

/// The result digest over the layers' roots.
pub fn digest(task_id: &Hash, roots: &[Hash]) -> Hash {
    digest_of_bytes(task_id, roots.as_flattened())
}

/// What a machine posts before anybody reveals: it binds it to its result, and nobody can copy it, since it names the machine.
pub fn commitment(digest: &Hash, machine: &Hash, salt: &Hash) -> Hash {
    blake3(&[b"matrixai:drill:commit:v1", digest, machine, salt])
}

/// A layer's number as everybody's hashes want it.
pub(crate) fn layer_number(layer: usize) -> u8 {
    layer.min(MAX_LAYERS) as u8
}
