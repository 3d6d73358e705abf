//! The orders of the experiments: three architectures, two optimisers.

use crate::{
    order::Order,
    terms::{Architecture, Decimal, Layer, Optimiser, Schedule},
};

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Model {
    /// Two dense layers.
    Mlp,
    /// Convolutions with BatchNorm.
    Cnn,
    /// A small transformer over patches: LayerNorm, attention, GELU.
    Transformer,
}

/// An optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Optimisation {
    /// Momentum 0.9, a cosine.
    Momentum,
    /// AdamW, a constant rate.
    Adamw,
}

/// An order for images of this shape.
pub fn order(model: Model, optimisation: Optimisation, input: &[usize], classes: u64, epochs: u64) -> Order {
    let (optimiser, schedule) = match optimisation {
        Optimisation::Momentum => (
            Optimiser::Sgd { momentum: Decimal::fixed("0.9"), weight_decay: Decimal::fixed("0.0005") },
            Schedule::Cosine { rate: Decimal::fixed("0.02"), last: Decimal::fixed("0") },
        ),
        Optimisation::Adamw => (
            Optimiser::Adamw {
                beta1: Decimal::fixed("0.9"),
                beta2: Decimal::fixed("0.999"),
                epsilon: Decimal::fixed("0.00000001"),
                weight_decay: Decimal::fixed("0.01"),
            },
            Schedule::Constant { rate: Decimal::fixed("0.001") },
        ),
    };
    Order {
        order: format!("{model:?}-{optimisation:?}").to_lowercase(),
        batch: 64,
        epochs,
        classes,
        input: input.into(),
        checkpoint_every: 0,
        optimiser,
        schedule,
        layers: Some(Architecture(layers(model, classes as usize))),
    }
}

fn layers(model: Model, classes: usize) -> Vec<Layer> {
    let name = |name: &str| name.to_string();
    let dense = |at: &str, outputs| Layer::Dense { name: name(at), outputs };
    let conv = |at: &str, outputs, kernel, stride, padding| Layer::Conv {
        name: name(at),
        outputs,
        kernel,
        stride,
        padding,
    };
    match model {
        Model::Mlp => vec![Layer::Flatten, dense("fc1", 128), Layer::Relu, dense("fc2", classes)],
        Model::Cnn => vec![
            conv("conv1", 8, 3, 2, 1),
            Layer::BatchNorm { name: name("bn1") },
            Layer::Relu,
            conv("conv2", 16, 3, 2, 1),
            Layer::BatchNorm { name: name("bn2") },
            Layer::Relu,
            Layer::Flatten,
            dense("fc", classes),
        ],
        Model::Transformer => vec![
            conv("patch", 32, 4, 4, 0),
            Layer::Tokens,
            Layer::Positions { name: name("place") },
            Layer::Residual {
                layers: vec![
                    Layer::LayerNorm { name: name("ln1") },
                    Layer::Attention { name: name("attn"), heads: 2 },
                ],
            },
            Layer::Residual {
                layers: vec![
                    Layer::LayerNorm { name: name("ln2") },
                    dense("up", 64),
                    Layer::Gelu,
                    dense("down", 32),
                ],
            },
            Layer::LayerNorm { name: name("ln3") },
            Layer::MeanTokens,
            dense("head", classes),
        ],
    }
}
