//! The proof that a result is wrong, as the chain checks it: one accumulator, recomputed.
//!
//! It needs nobody's word and no second result. Against a digest it shows the roots under it, an accumulator under one of them, and the row
//! of inputs that the same machine's previous layer gives; the chain generates (or is shown) the weights and recomputes the sum. A
//! machine that did the work has only sums that agree, so it cannot be convicted unless BLAKE3 breaks; in a wrong result some accumulator
//! of the first wrong layer disagrees with its own inputs.
//!
//! In bytes: version (1), layer (u8), row (u32), column (u32); the layers' roots; for `infer` the weights' roots; the opening of the
//! accumulator; the opening of its inputs (the previous layer's row, or the shard's item; nothing for `mlp`'s first layer); for
//! `infer` the opening of its weights. Integers are little-endian, and all lengths follow from the task.

use crate::{
    disclosure::Question,
    element::{BLOCK, Tensor, block, noisy},
    hash::Hash,
    network::{network_digest, shard_tree, weights_tree},
    reader::{Reader, Truncated},
    requantise::requantise,
    result::{digest_of_bytes, layer_tree},
    spec::{Kernel, Layer, SpecError, Task},
    tree::{CHUNK, Opening, Tree, TreeError},
};

/// The longest proof: a row of 32,768 accumulators and one of as many weights, their paths, and the rest.
pub const MAX_FRAUD_PROOF: usize = 176 * 1024;

pub(crate) const VERSION: u8 = 1;

/// Why nobody is convicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FraudError {
    /// The task's specification is none.
    #[error("the task: {0}")]
    Spec(#[from] SpecError),
    /// The proof is longer than [`MAX_FRAUD_PROOF`].
    #[error("the proof is too long")]
    TooLong,
    /// The proof ends early.
    #[error("the proof ends early")]
    Truncated,
    /// Bytes follow the proof.
    #[error("bytes follow the proof")]
    TrailingBytes,
    /// The version is unknown.
    #[error("unknown version of the proof")]
    Version,
    /// Layer, row or column lie outside the task.
    #[error("the task has no such accumulator")]
    OutOfRange,
    /// The roots are not those that the digest commits to.
    #[error("the roots are not the result's")]
    Roots,
    /// The opened accumulator is not under its layer's root.
    #[error("the accumulator: {0}")]
    Accumulator(TreeError),
    /// The opened inputs are not those of the previous layer or the shard.
    #[error("the inputs: {0}")]
    Inputs(TreeError),
    /// The opened weights are not the network's.
    #[error("the weights: {0}")]
    Weights(TreeError),
    /// The weights' roots and the task's shape are not the network's.
    #[error("the network is not the task's")]
    Network,
    /// The accumulator is right: there is no fraud.
    #[error("the accumulator is right")]
    Honest,
}

impl From<Truncated> for FraudError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// What a proof has proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraud {
    /// The layer, from 0.
    pub layer: u8,
    /// The row.
    pub row: u32,
    /// The column.
    pub column: u32,
    /// What the accused claims.
    pub claimed: i32,
    /// What its inputs and weights give.
    pub computed: i32,
}

impl Fraud {
    /// The last question on the way down to it: its answer is the chunk that holds the wrong accumulator.
    pub fn question(&self, task: &Task) -> Question {
        let outputs = task.spec.layers.get(usize::from(self.layer)).map_or(0, |layer| layer.outputs);
        let at = (u64::from(self.row) * u64::from(outputs) + u64::from(self.column)) * 4;
        Question::Node { layer: self.layer, level: 0, index: u32::try_from(at / CHUNK).unwrap_or(u32::MAX) }
    }
}

/// Checks a proof against a revealed digest. `Ok` convicts whoever revealed it.
pub fn verify(task: &Task, digest: &Hash, proof: &[u8]) -> Result<Fraud, FraudError> {
    task.spec.check()?;
    if proof.len() > MAX_FRAUD_PROOF {
        return Err(FraudError::TooLong);
    }
    let id = task.id();
    let proof = Parsed::read(task, &id, proof)?;
    if digest_of_bytes(&id, proof.roots) != *digest {
        return Err(FraudError::Roots);
    }
    proof.check_openings(task)?;
    let claimed = proof.claimed()?;
    let computed = proof.recompute(task, &id);
    if claimed == computed {
        return Err(FraudError::Honest);
    }
    Ok(Fraud { layer: proof.layer, row: proof.row, column: proof.column, claimed, computed })
}

/// A stretch that the proof opens, the tree it lies in and that tree's root.
struct Opened<'a> {
    tree: Tree,
    root: Hash,
    opening: Opening<'a>,
}

impl<'a> Opened<'a> {
    fn read(
        proof: &mut Reader<'a>,
        tree: Tree,
        root: Hash,
        from: u64,
        count: u64,
    ) -> Result<Self, TreeError> {
        Ok(Self { opening: tree.read(proof, from, count)?, tree, root })
    }

    fn verify(&self) -> Result<(), TreeError> {
        self.tree.verify(&self.opening, &self.root)
    }
}

struct Parsed<'a> {
    layer: u8,
    row: u32,
    column: u32,
    roots: &'a [u8],
    weight_roots: &'a [u8],
    accumulator: Opened<'a>,
    inputs: Option<Opened<'a>>,
    weights: Option<Opened<'a>>,
    width: u32,
}

impl<'a> Parsed<'a> {
    fn read(task: &Task, id: &Hash, bytes: &'a [u8]) -> Result<Self, FraudError> {
        let spec = &task.spec;
        let mut proof = Reader::new(bytes);
        if proof.u8()? != VERSION {
            return Err(FraudError::Version);
        }
        let (layer, row, column) = (proof.u8()?, proof.u32()?, proof.u32()?);
        let outputs = spec.layers.get(usize::from(layer)).ok_or(FraudError::OutOfRange)?.outputs;
        let width = spec.inputs_of(usize::from(layer)).ok_or(FraudError::OutOfRange)?;
        if row >= spec.rows || column >= outputs {
            return Err(FraudError::OutOfRange);
        }
        let roots = proof.take(32 * spec.layers.depth())?;
        let weight_roots = match spec.kernel {
            Kernel::Mlp => &[][..],
            Kernel::Infer { .. } => proof.take(32 * spec.layers.depth())?,
        };
        let index = u64::from(row) * u64::from(outputs) + u64::from(column);
        let tree = layer_tree(task, id, layer).map_err(FraudError::Accumulator)?;
        let accumulator = Opened::read(&mut proof, tree, nth(roots, layer)?, 4 * index, 4);
        let accumulator = accumulator.map_err(FraudError::Accumulator)?;
        let inputs = Self::read_inputs(task, id, &mut proof, (layer, row, width), roots)?;
        let weights = match spec.kernel {
            Kernel::Mlp => None,
            Kernel::Infer { .. } => {
                let tree = weights_tree(layer, width, outputs).map_err(FraudError::Weights)?;
                let (from, count) = (u64::from(column) * u64::from(width), u64::from(width));
                let opened = Opened::read(&mut proof, tree, nth(weight_roots, layer)?, from, count);
                Some(opened.map_err(FraudError::Weights)?)
            }
        };
        if !proof.is_empty() {
            return Err(FraudError::TrailingBytes);
        }
        Ok(Self { layer, row, column, roots, weight_roots, accumulator, inputs, weights, width })
    }

    fn read_inputs(
        task: &Task,
        id: &Hash,
        proof: &mut Reader<'a>,
        (layer, row, width): (u8, u32, u32),
        roots: &[u8],
    ) -> Result<Option<Opened<'a>>, FraudError> {
        let width = u64::from(width);
        let opened = match (layer.checked_sub(1), task.spec.kernel) {
            (None, Kernel::Mlp) => return Ok(None),
            (None, Kernel::Infer { shard, items, .. }) => {
                let tree = shard_tree(items, task.spec.inputs).map_err(FraudError::Inputs)?;
                let item = row.checked_rem(items).ok_or(FraudError::OutOfRange)?;
                Opened::read(proof, tree, shard, u64::from(item) * width, width)
            }
            (Some(previous), _) => {
                let tree = layer_tree(task, id, previous).map_err(FraudError::Inputs)?;
                Opened::read(proof, tree, nth(roots, previous)?, 4 * u64::from(row) * width, 4 * width)
            }
        };
        opened.map(Some).map_err(FraudError::Inputs)
    }

    fn check_openings(&self, task: &Task) -> Result<(), FraudError> {
        self.accumulator.verify().map_err(FraudError::Accumulator)?;
        if let Some(inputs) = &self.inputs {
            inputs.verify().map_err(FraudError::Inputs)?;
        }
        if let (Some(weights), Kernel::Infer { network, .. }) = (&self.weights, task.spec.kernel) {
            if network_digest(task.spec.inputs, &task.spec.layers, self.weight_roots) != network {
                return Err(FraudError::Network);
            }
            weights.verify().map_err(FraudError::Weights)?;
        }
        Ok(())
    }

    fn claimed(&self) -> Result<i32, FraudError> {
        let bytes = self.accumulator.opening.bytes().first_chunk().ok_or(FraudError::Truncated)?;
        Ok(i32::from_le_bytes(*bytes))
    }

    /// The sum of products. It cannot overflow: the width is at most [`MAX_INPUTS`](crate::spec::MAX_INPUTS).
    fn recompute(&self, task: &Task, id: &Hash) -> i32 {
        let mut sum = 0i32;
        let mut left = self.width as usize;
        for number in 0..self.width.div_ceil(BLOCK as u32) {
            let (inputs, weights) = (self.inputs(task, id, number), self.weights(id, number));
            let count = left.min(BLOCK);
            for (input, weight) in inputs.iter().zip(&weights).take(count) {
                sum = sum.wrapping_add(i32::from(*input) * i32::from(*weight));
            }
            left -= count;
        }
        sum
    }

    /// The `number`-th 64 inputs.
    fn inputs(&self, task: &Task, id: &Hash, number: u32) -> [i8; BLOCK] {
        let opened = self.inputs.as_ref().map(|inputs| inputs.opening.bytes()).unwrap_or_default();
        let start = number as usize * BLOCK;
        let previous = usize::from(self.layer).checked_sub(1).and_then(|layer| task.spec.layers.get(layer));
        match previous {
            Some(layer) => requantised(opened.as_chunks().0.get(start..).unwrap_or_default(), layer),
            None => {
                let mut elements = block(id, Tensor::Inputs, self.row, number);
                if self.inputs.is_some() {
                    let items = opened.get(start..).unwrap_or_default();
                    for (element, item) in elements.iter_mut().zip(items) {
                        *element = noisy(*item as i8, *element);
                    }
                }
                elements
            }
        }
    }

    /// The `number`-th 64 weights.
    fn weights(&self, id: &Hash, number: u32) -> [i8; BLOCK] {
        let Some(weights) = &self.weights else {
            return block(id, Tensor::Weights(self.layer), self.column, number);
        };
        let mut elements = [0; BLOCK];
        let opened = weights.opening.bytes().get(number as usize * BLOCK..).unwrap_or_default();
        for (element, byte) in elements.iter_mut().zip(opened) {
            *element = *byte as i8;
        }
        elements
    }
}

fn requantised(accumulators: &[[u8; 4]], layer: &Layer) -> [i8; BLOCK] {
    let mut elements = [0; BLOCK];
    for (element, bytes) in elements.iter_mut().zip(accumulators) {
        *element = requantise(i32::from_le_bytes(*bytes), layer);
    }
    elements
}

fn nth(roots: &[u8], layer: u8) -> Result<Hash, FraudError> {
    roots.as_chunks::<32>().0.get(usize::from(layer)).copied().ok_or(FraudError::OutOfRange)
}
