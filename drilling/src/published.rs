//! Published networks and shards as files: what `infer` runs.

use crate::{
    hash::Hash,
    layers::{Layers, WrongDepth},
    network::{network_digest, shard_tree, weights_tree},
    reader::{Reader, Truncated},
    result::layer_number,
    spec::{Kernel, Layer, Spec, SpecError, layer_bytes},
    tree::TreeError,
};

const NETWORK: &[u8] = b"matrixai:network:v1";
const SHARD: &[u8] = b"matrixai:shard:v1";

/// Why a file is no network or shard, or not the one a task names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishedError {
    /// It begins with something else.
    #[error("this is no such file")]
    WrongKind,
    /// It ends early.
    #[error("the file ends early")]
    Truncated,
    /// More follows.
    #[error("bytes follow the end")]
    TrailingBytes,
    /// The number of layers is out of range.
    #[error(transparent)]
    Depth(#[from] WrongDepth),
    /// A size is out of range.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It is too large or empty.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Items have another length than the network's inputs.
    #[error("the shard's items are not as long as the network's inputs")]
    Lengths,
    /// The task names other data.
    #[error("the task names another network or shard")]
    AnotherDigest,
    /// Its content has another digest than its name says.
    #[error("the file's content is not what its name says")]
    WrongContent,
}

impl From<Truncated> for PublishedError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// A network: shape and weights.
///
/// In a file: `matrixai:network:v1`, inputs (u32), depth (u8), each layer (outputs u32, multiplier u32, shift u8), each layer's weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Inputs of the first layer.
    pub inputs: u32,
    /// Its layers.
    pub layers: Layers,
    /// For each layer its weights, one row for each output, each an s8.
    pub weights: Vec<Vec<u8>>,
}

impl Network {
    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, PublishedError> {
        let mut file = Reader::new(bytes.strip_prefix(NETWORK).ok_or(PublishedError::WrongKind)?);
        let inputs = file.u32()?;
        let mut layers = Vec::new();
        for _ in 0..file.u8()? {
            layers.push(Layer { outputs: file.u32()?, multiplier: file.u32()?, shift: file.u8()? });
        }
        let layers = Layers::new(&layers)?;
        let kernel = Kernel::Infer { network: [0; 32], shard: [0; 32], items: 1 };
        Spec { kernel, rows: 1, inputs, layers }.check()?;
        let mut width = inputs as usize;
        let mut weights = Vec::new();
        for layer in layers.iter() {
            weights.push(file.take(width * layer.outputs as usize)?.to_vec());
            width = layer.outputs as usize;
        }
        if !file.is_empty() {
            return Err(PublishedError::TrailingBytes);
        }
        Ok(Self { inputs, layers, weights })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = [NETWORK, &self.inputs.to_le_bytes(), &[self.layers.depth() as u8]].concat();
        file.extend(self.layers.iter().flat_map(layer_bytes));
        file.extend(self.weights.iter().flatten());
        file
    }

    /// The roots of its layers' weights.
    pub fn weight_roots(&self) -> Result<Vec<Hash>, PublishedError> {
        let mut width = self.inputs;
        let mut roots = Vec::new();
        for (number, (layer, weights)) in self.layers.iter().zip(&self.weights).enumerate() {
            let tree = weights_tree(layer_number(number), width, layer.outputs)?;
            if tree.bytes() != weights.len() as u64 {
                return Err(PublishedError::Truncated);
            }
            roots.push(tree.root(weights));
            width = layer.outputs;
        }
        Ok(roots)
    }

    /// Its digest.
    pub fn digest(&self) -> Result<Hash, PublishedError> {
        Ok(network_digest(self.inputs, &self.layers, self.weight_roots()?.as_flattened()))
    }
}

/// A shard of data: items of equal length.
///
/// In a file: `matrixai:shard:v1`, items (u32), inputs (u32), item after item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// How many items.
    pub items: u32,
    /// Elements of one.
    pub inputs: u32,
    /// Item after item, each element an s8.
    pub data: Vec<u8>,
}

impl Shard {
    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, PublishedError> {
        let mut file = Reader::new(bytes.strip_prefix(SHARD).ok_or(PublishedError::WrongKind)?);
        let (items, inputs) = (file.u32()?, file.u32()?);
        let bytes = shard_tree(items, inputs)?.bytes();
        let data = file.take(usize::try_from(bytes).map_err(|_| PublishedError::Truncated)?)?.to_vec();
        if !file.is_empty() {
            return Err(PublishedError::TrailingBytes);
        }
        Ok(Self { items, inputs, data })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        [SHARD, &self.items.to_le_bytes(), &self.inputs.to_le_bytes(), &self.data].concat()
    }

    /// Its digest.
    pub fn digest(&self) -> Result<Hash, PublishedError> {
        let tree = shard_tree(self.items, self.inputs)?;
        if tree.bytes() != self.data.len() as u64 {
            return Err(PublishedError::Truncated);
        }
        Ok(tree.root(&self.data))
    }

    /// One item's elements.
    pub fn item(&self, item: u32) -> Option<&[u8]> {
        let width = self.inputs as usize;
        self.data.get(item as usize * width..)?.get(..width)
    }
}

/// A network and the shard it runs over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The network.
    pub network: Network,
    /// The shard.
    pub shard: Shard,
}

impl Published {
    /// The specification of running the network over a batch of `rows` rows: row `r` is item `r mod items` with noise on it.
    pub fn spec(&self, rows: u32) -> Result<Spec, PublishedError> {
        if self.shard.inputs != self.network.inputs {
            return Err(PublishedError::Lengths);
        }
        let (network, shard) = (self.network.digest()?, self.shard.digest()?);
        let kernel = Kernel::Infer { network, shard, items: self.shard.items };
        let spec = Spec { kernel, rows, inputs: self.network.inputs, layers: self.network.layers };
        spec.check()?;
        Ok(spec)
    }

    /// Checks that this is what a specification names.
    pub fn check(&self, spec: &Spec) -> Result<(), PublishedError> {
        if self.spec(spec.rows)? == *spec { Ok(()) } else { Err(PublishedError::AnotherDigest) }
    }
}
