//! What a task computes: kernel, shape and, once the chain has drawn it, the seed.

use crate::{
    class::Class,
    hash::{Hash, blake3},
    layers::{Layers, MAX_LAYERS},
    spread::{FRACTION, SHIFT, Spread, spreads},
};

/// The longest sum of s8×s8 products that cannot leave an i32: 128·128·131,071 < 2^31.
pub const MAX_INPUTS: u32 = 131_071;
/// The most outputs of a layer, and the most inputs of a layer whose inputs have to be opened to the chain.
pub const MAX_WIDTH: u32 = 32_768;
/// The most rows of a batch.
pub const MAX_ROWS: u32 = 65_536;
/// The most items of a shard.
pub const MAX_ITEMS: u32 = 1 << 24;
/// The fewest inputs of a published layer: through fewer, rows come out alike, and one product serves many.
pub const MIN_PUBLISHED_INPUTS: u32 = 32;
/// The fewest inputs of a generated layer after the first, in a network of up to [`SHALLOW`] layers.
pub const MIN_PUBLISHED_INNER: u32 = 256;
/// The fewest in a deeper one. Each ReLU makes rows a little more alike, the more so the narrower the layer is; after some layers there are
/// columns that are 0 in every row, and a wide layer after narrow ones makes many of them.
pub const MIN_PUBLISHED_DEEP: u32 = 8192;
/// Up to so many layers a network is too short for that.
pub const SHALLOW: usize = 4;
/// How far what a generated layer hands on spreads: its standard deviation, as [`spreads`] tells it, before it is clamped to s8. A factor
/// of two about 64, which fills the range. Below, inputs have few values, and after some layers one: 0. Above, many are 127.
///
/// Within it more than a fifth of all inputs is not 0, and less than a sixth is 127, whatever the layers before are: a test tries the
/// extremes. Neither needs a rule of its own.
pub const SPREAD: core::ops::RangeInclusive<u64> = 32..=128;

#[cfg(feature = "codec")]
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};

/// One layer: outputs, and how its accumulators become the next layer's inputs.
///
/// The last layer's accumulators are the result, so its `multiplier` and `shift` are used by nobody; they count in the task's
/// identifier like all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "codec",
    derive(Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, scale_info::TypeInfo)
)]
pub struct Layer {
    /// Columns of accumulators.
    pub outputs: u32,
    /// The factor of the requantisation, 1 to 2^31 − 1.
    pub multiplier: u32,
    /// Its shift, 1 to 62.
    pub shift: u8,
}

impl Layer {
    pub(crate) const NONE: Self = Self { outputs: 0, multiplier: 0, shift: 0 };
}

/// Where weights and inputs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "codec",
    derive(Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, scale_info::TypeInfo)
)]
pub enum Kernel {
    /// Both are generated from the seed.
    Mlp,
    /// A published network over a published shard of data, to which the seed adds noise.
    Infer {
        /// The network's digest ([`crate::network::network_digest`]).
        network: Hash,
        /// The shard's digest ([`crate::network::shard_tree`]).
        shard: Hash,
        /// Items in the shard.
        items: u32,
    },
}

/// A computation as a publisher publishes it: everything but the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "codec",
    derive(Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, scale_info::TypeInfo)
)]
pub struct Spec {
    /// Where weights and inputs come from.
    pub kernel: Kernel,
    /// Rows of the batch: every layer has as many rows of accumulators.
    pub rows: u32,
    /// Inputs of the first layer, one row's elements.
    pub inputs: u32,
    /// The layers.
    pub layers: Layers,
}

/// Why a specification describes no task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No rows, or more than [`MAX_ROWS`].
    #[error("a batch has 1 to {MAX_ROWS} rows")]
    Rows,
    /// No inputs, or more than [`MAX_INPUTS`] (generated) or [`MAX_WIDTH`] (published).
    #[error("the first layer has 1 to {MAX_INPUTS} inputs, 1 to {MAX_WIDTH} where they are published")]
    Inputs,
    /// No outputs, or more than [`MAX_WIDTH`].
    #[error("a layer has 1 to {MAX_WIDTH} outputs")]
    Outputs,
    /// A multiplier or shift outside its range.
    #[error("a layer's multiplier is 1 to 2^31-1 and its shift 1 to 62")]
    Rescale,
    /// No items, or more than [`MAX_ITEMS`].
    #[error("a shard has 1 to {MAX_ITEMS} items")]
    Items,
    /// A layer so narrow that rows come out alike.
    #[error(
        "a published layer has at least {MIN_PUBLISHED_INPUTS} inputs; where weights are generated, layers after the first have {MIN_PUBLISHED_INNER}, \
         in networks of more than {SHALLOW} layers {MIN_PUBLISHED_DEEP}: through fewer, rows come out alike"
    )]
    Narrow,
    /// A requantisation that leaves few values.
    #[error(
        "what layer {layer} (the first is 0) hands on has a standard deviation below {} or above {}: it would have few values. Its right multiplier \
         is {multiplier}, with a shift of {SHIFT}",
        SPREAD.start(),
        SPREAD.end()
    )]
    Spread {
        /// The first layer that hands on too little or too much, counted from 0.
        layer: u8,
        /// The multiplier that fills the range after the layers before it, at a shift of [`SHIFT`].
        multiplier: u32,
    },
    /// More memory than a machine of the class has to have.
    #[error("a layer's inputs and sums take more memory than a task of this class may: {} bytes", .0.room())]
    Room(Class),
}

impl Spec {
    /// Checks that this is a computation that back ends and the chain can handle.
    pub fn check(&self) -> Result<(), SpecError> {
        within(self.rows, MAX_ROWS, SpecError::Rows)?;
        let most_inputs = match self.kernel {
            Kernel::Mlp => MAX_INPUTS,
            Kernel::Infer { .. } => MAX_WIDTH,
        };
        within(self.inputs, most_inputs, SpecError::Inputs)?;
        if let Kernel::Infer { items, .. } = self.kernel {
            within(items, MAX_ITEMS, SpecError::Items)?;
        }
        for layer in self.layers.iter() {
            within(layer.outputs, MAX_WIDTH, SpecError::Outputs)?;
            within(layer.multiplier, i32::MAX as u32, SpecError::Rescale)?;
            within(u32::from(layer.shift), 62, SpecError::Rescale)?;
        }
        Ok(())
    }

    /// Checks that the network may give it out: nothing in its shape makes products that need not be done, and machines of its class have
    /// room for it. What a publisher's own weights are, nobody can tell from a specification.
    pub fn check_published(&self) -> Result<(), SpecError> {
        self.check()?;
        let class = Class::of(self);
        if self.too_narrow() {
            return Err(SpecError::Narrow);
        }
        if self.room() > class.room() {
            return Err(SpecError::Room(class));
        }
        for (layer, Spread { deviation, multiplier, .. }) in (0..).zip(spreads(self)) {
            if !(SPREAD.start() << FRACTION..=SPREAD.end() << FRACTION).contains(&deviation) {
                return Err(SpecError::Spread { layer, multiplier });
            }
        }
        Ok(())
    }

    fn too_narrow(&self) -> bool {
        let fewest_inside = match self.kernel {
            Kernel::Mlp if self.layers.depth() > SHALLOW => MIN_PUBLISHED_DEEP,
            Kernel::Mlp => MIN_PUBLISHED_INNER,
            Kernel::Infer { .. } => MIN_PUBLISHED_INPUTS,
        };
        self.inputs < MIN_PUBLISHED_INPUTS || self.widths().skip(1).any(|inputs| inputs < fewest_inside)
    }

    /// The most bytes that one layer's inputs, of 1 byte, and accumulators, of 4, take.
    pub fn room(&self) -> u64 {
        let row = |(inputs, layer): (u32, &Layer)| u64::from(inputs) + 4 * u64::from(layer.outputs);
        let widest = self.widths().zip(self.layers.iter()).map(row).max().unwrap_or_default();
        u64::from(self.rows).saturating_mul(widest)
    }

    /// Inputs of the layer, that is products in one of its accumulators.
    pub fn inputs_of(&self, layer: usize) -> Option<u32> {
        match layer.checked_sub(1) {
            None => Some(self.inputs),
            Some(previous) => self.layers.get(previous).map(|layer| layer.outputs),
        }
    }

    /// Inputs of each layer, first to last.
    pub fn widths(&self) -> impl Iterator<Item = u32> {
        core::iter::once(self.inputs)
            .chain(self.layers.iter().map(|layer| layer.outputs))
            .take(self.layers.depth())
    }

    /// Bytes of the layer's accumulators, 4 each.
    pub fn bytes_of(&self, layer: usize) -> Option<u64> {
        self.layers
            .get(layer)
            .map(|layer| (u64::from(self.rows) * u64::from(layer.outputs)).saturating_mul(4))
    }

    /// Multiplications and additions of one run, each counted.
    pub fn operations(&self) -> u128 {
        let mut inputs = self.inputs;
        let mut products = 0u128;
        for layer in self.layers.iter() {
            products += u128::from(self.rows) * u128::from(inputs) * u128::from(layer.outputs);
            inputs = layer.outputs;
        }
        2 * products
    }
}

fn within(value: u32, most: u32, error: SpecError) -> Result<(), SpecError> {
    if (1..=most).contains(&value) { Ok(()) } else { Err(error) }
}

/// A specification and its drawn seed: one computation, one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "codec",
    derive(Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, scale_info::TypeInfo)
)]
pub struct Task {
    /// What is computed.
    pub spec: Spec,
    /// The chain's draw; never the publisher's choice.
    pub seed: Hash,
}

impl Task {
    /// The identifier. It is the generator's key and part of every hash below, so nothing computed for one task serves another.
    pub fn id(&self) -> Hash {
        let spec = &self.spec;
        let mut layers = [0u8; MAX_LAYERS * 9];
        for (bytes, layer) in layers.chunks_exact_mut(9).zip(spec.layers.iter()) {
            bytes.copy_from_slice(&layer_bytes(layer));
        }
        let layers = layers.get(..spec.layers.depth() * 9).unwrap_or_default();
        let (kind, published) = match &spec.kernel {
            Kernel::Mlp => (0u8, None),
            Kernel::Infer { network, shard, items } => (1, Some((network, shard, items.to_le_bytes()))),
        };
        let none: &[u8] = &[];
        let (network, shard, items) = published
            .as_ref()
            .map_or((none, none, none), |(network, shard, items)| (*network, *shard, items));
        blake3(&[
            b"matrixai:drill:task:v1",
            &[kind],
            &spec.rows.to_le_bytes(),
            &spec.inputs.to_le_bytes(),
            &[spec.layers.depth() as u8],
            layers,
            network,
            shard,
            items,
            &self.seed,
        ])
    }
}

/// A layer as hashes see it.
pub(crate) fn layer_bytes(layer: &Layer) -> [u8; 9] {
    let mut bytes = [0; 9];
    let (outputs, rest) = bytes.split_at_mut(4);
    outputs.copy_from_slice(&layer.outputs.to_le_bytes());
    let (multiplier, shift) = rest.split_at_mut(4);
    multiplier.copy_from_slice(&layer.multiplier.to_le_bytes());
    shift.copy_from_slice(&[layer.shift]);
    bytes
}
