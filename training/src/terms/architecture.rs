//! The closed list of layers that can be replayed. Dropout is not on it: its masks would have to be the order's as well.

use serde::{Deserialize, Serialize};

/// Layers, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Architecture(pub Vec<Layer>);

/// One layer. Names become prefixes of parameters' names: `fc1.weight`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// Fully connected, over the last dimension: `x·Wᵀ + b`. No bias where BatchNorm follows, which would take it away again.
    Dense {
        /// Prefix of `weight` [outputs, inputs] and `bias`.
        name: String,
        /// Width.
        outputs: usize,
    },
    /// Two-dimensional convolution (cross-correlation, as everywhere), on [channels, height, width]. No bias where BatchNorm follows.
    Conv {
        /// Prefix of `weight` [outputs, inputs, kernel, kernel] and `bias`.
        name: String,
        /// Channels that come out.
        outputs: usize,
        /// Side of the kernel.
        kernel: usize,
        /// Steps between places.
        stride: usize,
        /// Zeros around.
        padding: usize,
    },
    /// Over batch and space, for each channel; momentum 0.1, epsilon 1e-5. In training it takes the batch's statistics.
    BatchNorm {
        /// Prefix of `weight`, `bias`, `running_mean`, `running_var`.
        name: String,
    },
    /// Over the last dimension; epsilon 1e-5.
    LayerNorm {
        /// Prefix of `weight` and `bias`.
        name: String,
    },
    /// Self-attention on [tokens, width], scaled dot product, no mask. No bias of queries, keys and values: a key's has no gradient.
    Attention {
        /// Prefix of `qkv.weight` [3·width, width], `out.weight` [width, width], `out.bias`.
        name: String,
        /// Heads, which divide the width.
        heads: usize,
    },
    /// max(x, 0).
    Relu,
    /// x·Φ(x), by the error function.
    Gelu,
    /// To one dimension.
    Flatten,
    /// The largest of each square; the side divides height and width.
    MaxPool {
        /// Side of the squares.
        size: usize,
    },
    /// The mean over height and width: [channels, height, width] to [channels].
    GlobalAverage,
    /// [channels, height, width] to [height·width, channels]: each place a token.
    Tokens,
    /// Adds a trained vector to each token.
    Positions {
        /// Prefix of `weight` [tokens, width].
        name: String,
    },
    /// The mean over tokens: [tokens, width] to [width].
    MeanTokens,
    /// x + layers(x).
    Residual {
        /// What is gone around.
        layers: Vec<Layer>,
    },
}
