//! Digests of published networks and shards: what `infer` names, and what opens.

use crate::{
    hash::{Hash, blake3},
    layers::Layers,
    spec::layer_bytes,
    tree::{Tree, TreeError},
};

/// The tree over a layer's weights: rows of `inputs` s8, one for each output.
pub fn weights_tree(layer: u8, inputs: u32, outputs: u32) -> Result<Tree, TreeError> {
    let key = blake3(&[b"matrixai:drill:weights:v1", &[layer]]);
    Tree::new(key, u64::from(inputs) * u64::from(outputs))
}

/// The tree over a shard's items: rows of `inputs` s8. Its root is the shard's digest.
pub fn shard_tree(items: u32, inputs: u32) -> Result<Tree, TreeError> {
    Tree::new(blake3(&[b"matrixai:drill:shard:v1"]), u64::from(items) * u64::from(inputs))
}

/// A network's digest: its shape, its requantisation and the roots of its weights, 32 bytes for each layer.
pub fn network_digest(inputs: u32, layers: &Layers, weight_roots: &[u8]) -> Hash {
    let mut hasher = ::blake3::Hasher::new();
    hasher.update(b"matrixai:drill:network:v1");
    hasher.update(&inputs.to_le_bytes());
    hasher.update(&[layers.depth() as u8]);
    for layer in layers.iter() {
        hasher.update(&layer_bytes(layer));
    }
    hasher.update(weight_roots);
    hasher.finalize().into()
}
