//! Results that nobody has computed: a liar may make up its accumulators, and proofs against it are no cheaper to check for that.

use crate::types::{Answer, Proof, Roots};
use alloc::{vec, vec::Vec};
use drilling::{
    Hash, Kernel, Layer, Layers, Question, Spec, Task, digest, layer_tree,
    network::{network_digest, shard_tree, weights_tree},
};

/// The accused's roots and digest, and a proof against it.
pub struct Lie {
    pub task: Task,
    pub roots: Roots,
    pub digest: Hash,
    pub proof: Proof,
}

fn layer(outputs: u32) -> Layer {
    Layer { outputs, multiplier: 1, shift: 1 }
}

fn task(kernel: Kernel, inputs: u32, outputs: &[u32]) -> Task {
    let layers: Vec<Layer> = outputs.iter().map(|outputs| layer(*outputs)).collect();
    let spec = Spec { kernel, rows: 1, inputs, layers: Layers::new(&layers).unwrap() };
    spec.check().unwrap();
    Task { spec, seed: [7; 32] }
}

impl Lie {
    /// About a sum of so many products of generated inputs and weights.
    pub fn generated(inputs: u32) -> Self {
        Self::about_the_last(task(Kernel::Mlp, inputs, &[1]), &[])
    }

    /// About a sum over a previous layer of this width, which is opened; the weights are generated.
    pub fn opened(width: u32) -> Self {
        Self::about_the_last(task(Kernel::Mlp, 1, &[width, 1]), &[])
    }

    /// The same in a published network, whose weights are opened too.
    pub fn published(width: u32) -> Self {
        let (first, weights) = (vec![1; width as usize], vec![2; width as usize]);
        let root =
            |layer, inputs, outputs, bytes: &[u8]| weights_tree(layer, inputs, outputs).unwrap().root(bytes);
        let roots = [root(0, 1, width, &first), root(1, width, 1, &weights)];
        let layers = Layers::new(&[layer(width), layer(1)]).unwrap();
        let network = network_digest(1, &layers, roots.as_flattened());
        let kernel = Kernel::Infer { network, shard: shard_tree(1, 1).unwrap().root(&[1]), items: 1 };
        Self::about_the_last(task(kernel, 1, &[width, 1]), &[roots.as_flattened(), &weights])
    }

    /// The last layer's one accumulator is wrong. `published` is what a published network shows: its weights' roots, and the weights.
    fn about_the_last(task: Task, published: &[&[u8]]) -> Self {
        let (id, depth) = (task.id(), task.spec.layers.depth());
        let layers: Vec<Vec<u8>> = (0..depth)
            .map(|layer| {
                // No sum of that many products of bytes comes near it.
                let claimed = i32::MAX.to_le_bytes();
                claimed.repeat(task.spec.bytes_of(layer).unwrap() as usize / 4)
            })
            .collect();
        let root =
            |(layer, bytes): (usize, &Vec<u8>)| layer_tree(&task, &id, layer as u8).unwrap().root(bytes);
        let roots: Vec<Hash> = layers.iter().enumerate().map(root).collect();
        let last = depth - 1;
        let mut proof = vec![1, last as u8];
        proof.extend_from_slice(&[0; 8]);
        proof.extend_from_slice(roots.as_flattened());
        proof.extend_from_slice(published.first().copied().unwrap_or_default());
        // A stretch that is its whole tree opens as it is.
        proof.extend_from_slice(&layers[last]);
        if last > 0 {
            proof.extend_from_slice(&layers[last - 1]);
        }
        proof.extend_from_slice(published.get(1).copied().unwrap_or_default());
        Self {
            digest: digest(&id, &roots),
            roots: roots.as_flattened().to_vec().try_into().unwrap(),
            proof: proof.try_into().unwrap(),
            task,
        }
    }
}

/// A layer's node whose answer is as long as any, that answer, and the hash that it leads to.
pub fn longest_answer() -> (Task, Question, Answer, Hash) {
    let mut task = task(Kernel::Mlp, 1, &[32_768]);
    task.spec.rows = 2;
    let tree = layer_tree(&task, &task.id(), 0).unwrap();
    let bytes = vec![3; tree.bytes() as usize];
    let question = Question::Node { layer: 0, level: tree.height(), index: 0 };
    let answer = tree.answer(&bytes, tree.height(), 0).unwrap();
    (task, question, answer.try_into().unwrap(), tree.root(&bytes))
}
