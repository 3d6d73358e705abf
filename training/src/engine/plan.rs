//! Layers with their shapes and the numbers of their parameters: checked once, so that the engine needs no checks.

use crate::terms::{Architecture, Layer, Parameter, TermsError};

/// The most values that one sample may have between layers.
const MAX_VALUES: usize = 1 << 26;
/// The most layers, nested ones counted.
const MAX_LAYERS: usize = 1024;

/// A layer, ready to run. Numbers point into the parameters and buffers of a [`super::State`].
#[derive(Debug, Clone)]
pub struct Node {
    /// What it does.
    pub kind: Kind,
    /// Shape of one sample going in.
    pub input: Vec<usize>,
    /// Shape of one sample coming out.
    pub output: Vec<usize>,
}

impl Node {
    /// Multiply-adds of one sample.
    fn products(&self) -> u128 {
        let size = |shape: &[usize]| shape.iter().map(|&size| size as u128).product::<u128>();
        match &self.kind {
            Kind::Dense { .. } => size(&self.output) * self.input.last().map_or(0, |&width| width as u128),
            Kind::Conv { kernel, .. } => size(&self.output) * (self.input[0] * kernel * kernel) as u128,
            Kind::Attention { .. } => {
                let (tokens, width) = (self.input[0] as u128, self.input[1] as u128);
                4 * tokens * width * width + 2 * tokens * tokens * width
            }
            Kind::Residual { nodes } => nodes.iter().map(Self::products).sum(),
            _ => 0,
        }
    }
}

/// What a layer does.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Kind {
    Dense { weight: usize, bias: Option<usize> },
    Conv { weight: usize, bias: Option<usize>, kernel: usize, stride: usize, padding: usize },
    BatchNorm { weight: usize, bias: usize, mean: usize, variance: usize },
    LayerNorm { weight: usize, bias: usize },
    Attention { qkv: usize, out: (usize, usize), heads: usize },
    Relu,
    Gelu,
    Flatten,
    MaxPool { size: usize },
    GlobalAverage,
    Tokens,
    Positions { weight: usize },
    MeanTokens,
    Residual { nodes: Vec<Node> },
}

/// A whole network.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Layers in order.
    pub nodes: Vec<Node>,
    /// Trained tensors.
    pub parameters: Vec<Parameter>,
    /// Running statistics.
    pub buffers: Vec<Parameter>,
    input: Vec<usize>,
}

impl Plan {
    /// Checks that the layers fit one another, and numbers their parameters.
    pub fn new(input: &[usize], architecture: &Architecture) -> Result<Self, TermsError> {
        let mut plan =
            Self { nodes: Vec::new(), parameters: Vec::new(), buffers: Vec::new(), input: input.into() };
        plan.nodes = plan.lay(input, &architecture.0, 0)?;
        let names: std::collections::BTreeSet<&str> = plan.tensors().map(|tensor| &*tensor.name).collect();
        if names.len() != plan.tensors().count() {
            return Err(TermsError::Layer("names".into(), "two layers have the same".into()));
        }
        if plan.output().len() != 1 {
            return Err(TermsError::Layer("last".into(), "must give one value for each class".into()));
        }
        Ok(plan)
    }

    /// Shape of one sample.
    pub fn input(&self) -> &[usize] {
        &self.input
    }

    /// Width of the last layer.
    pub fn outputs(&self) -> usize {
        self.output().iter().product()
    }

    /// Every tensor, trained or not.
    pub fn tensors(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().chain(&self.buffers)
    }

    /// FLOP of one sample's way through: two for each multiply-add in products of matrices; all else is left out.
    pub fn flop(&self) -> u128 {
        2 * self.nodes.iter().map(Node::products).sum::<u128>()
    }

    fn output(&self) -> &[usize] {
        self.nodes.last().map_or(&self.input, |node| &node.output)
    }

    fn lay(&mut self, input: &[usize], layers: &[Layer], depth: usize) -> Result<Vec<Node>, TermsError> {
        let mut nodes: Vec<Node> = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            let input = nodes.last().map_or_else(|| input.to_vec(), |node| node.output.clone());
            // BatchNorm takes a bias away again: its gradient would be rounding alone, which AdamW makes steps of.
            let biased = !matches!(layers.get(at + 1), Some(Layer::BatchNorm { .. }));
            let (kind, output) = self.place(layer, &input, biased, depth)?;
            let values = output.iter().try_fold(1usize, |all, &one| all.checked_mul(one));
            if values.is_none_or(|values| values == 0 || values > MAX_VALUES) {
                return Err(TermsError::Layer(label(layer), "no output, or more than 2^26 values".into()));
            }
            if self.parameters.len() > MAX_LAYERS * 4 || nodes.len() > MAX_LAYERS {
                return Err(TermsError::Layer(label(layer), "too many layers".into()));
            }
            nodes.push(Node { kind, input, output });
        }
        Ok(nodes)
    }

    fn place(
        &mut self,
        layer: &Layer,
        input: &[usize],
        biased: bool,
        depth: usize,
    ) -> Result<(Kind, Vec<usize>), TermsError> {
        let wrong = |what: &str| Err(TermsError::Layer(label(layer), format!("{what}, but gets {input:?}")));
        let bad = |what: &str| Err(TermsError::Layer(label(layer), what.into()));
        if name_of(layer).is_some_and(|name| !is_name(name)) {
            return bad("names are letters, digits, points and underscores, 64 at most");
        }
        Ok(match (layer, input) {
            (Layer::Dense { name, outputs }, [before @ .., width]) if before.len() < 2 && *outputs > 0 => {
                let (weight, bias) = self.affine(name, [*outputs, *width], biased)?;
                (Kind::Dense { weight, bias }, [before, &[*outputs]].concat())
            }
            (Layer::Conv { name, outputs, kernel, stride, padding }, &[channels, height, width]) => {
                let (outputs, kernel, stride, padding) = (*outputs, *kernel, *stride, *padding);
                if [outputs, kernel, stride].contains(&0)
                    || outputs.max(kernel).max(stride) > 1 << 16
                    || padding >= kernel
                {
                    return bad(
                        "outputs, kernel and stride are 1 to 65,536, and padding is less than the kernel",
                    );
                }
                let side =
                    |side: usize| (side + 2 * padding).checked_sub(kernel).map(|rest| rest / stride + 1);
                let (Some(high), Some(wide)) = (side(height), side(width)) else {
                    return wrong("the kernel must fit");
                };
                let (weight, bias) = self.affine(name, [outputs, channels, kernel, kernel], biased)?;
                (Kind::Conv { weight, bias, kernel, stride, padding }, vec![outputs, high, wide])
            }
            (Layer::BatchNorm { name }, &[channels] | &[channels, _, _]) => {
                let [weight, bias] =
                    ["weight", "bias"].map(|part| self.parameter(name, part, vec![channels]));
                let [mean, variance] = ["running_mean", "running_var"].map(|part| {
                    self.buffers.push(Parameter::new(format!("{name}.{part}"), [channels]));
                    self.buffers.len() - 1
                });
                (Kind::BatchNorm { weight, bias, mean, variance }, input.into())
            }
            (Layer::LayerNorm { name }, &[width] | &[_, width]) => {
                let [weight, bias] = ["weight", "bias"].map(|part| self.parameter(name, part, vec![width]));
                (Kind::LayerNorm { weight, bias }, input.into())
            }
            (Layer::Attention { name, heads }, &[_, width]) => {
                if *heads == 0 || width % heads != 0 {
                    return wrong("heads must divide the width");
                }
                let (qkv, _) = self.affine(&format!("{name}.qkv"), [3 * width, width], false)?;
                let out = self.affine(&format!("{name}.out"), [width, width], false)?.0;
                let out = (out, self.parameter(&format!("{name}.out"), "bias", vec![width]));
                (Kind::Attention { qkv, out, heads: *heads }, input.into())
            }
            (Layer::Relu, _) => (Kind::Relu, input.into()),
            (Layer::Gelu, _) => (Kind::Gelu, input.into()),
            (Layer::Flatten, _) => (Kind::Flatten, vec![input.iter().product()]),
            (Layer::MaxPool { size }, &[channels, height, width]) => {
                if *size == 0 || height % size != 0 || width % size != 0 {
                    return wrong("the side must divide height and width");
                }
                (Kind::MaxPool { size: *size }, vec![channels, height / size, width / size])
            }
            (Layer::GlobalAverage, &[channels, _, _]) => (Kind::GlobalAverage, vec![channels]),
            (Layer::Tokens, &[channels, height, width]) => (Kind::Tokens, vec![height * width, channels]),
            (Layer::Positions { name }, &[tokens, width]) => {
                let weight = self.parameter(name, "weight", vec![tokens, width]);
                (Kind::Positions { weight }, input.into())
            }
            (Layer::MeanTokens, &[_, width]) => (Kind::MeanTokens, vec![width]),
            (Layer::Residual { layers }, _) => {
                if depth > 3 {
                    return bad("residual layers are nested too deep");
                }
                let nodes = self.lay(input, layers, depth + 1)?;
                if nodes.last().is_some_and(|node| node.output != input) {
                    return wrong("what is gone around must keep the shape");
                }
                (Kind::Residual { nodes }, input.into())
            }
            _ => return wrong("takes another shape"),
        })
    }

    fn affine(
        &mut self,
        name: &str,
        shape: impl Into<Vec<usize>>,
        biased: bool,
    ) -> Result<(usize, Option<usize>), TermsError> {
        let shape = shape.into();
        let elements = shape.iter().try_fold(1usize, |all, &one| all.checked_mul(one));
        if elements.is_none_or(|all| all > 1 << 32) {
            return Err(TermsError::Layer(name.into(), "more than 2^32 weights".into()));
        }
        let outputs = shape.first().copied().unwrap_or(0);
        let weight = self.parameter(name, "weight", shape);
        Ok((weight, biased.then(|| self.parameter(name, "bias", vec![outputs]))))
    }

    fn parameter(&mut self, layer: &str, part: &str, shape: Vec<usize>) -> usize {
        self.parameters.push(Parameter::new(format!("{layer}.{part}"), shape));
        self.parameters.len() - 1
    }
}

fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(known)
}

fn name_of(layer: &Layer) -> Option<&str> {
    match layer {
        Layer::Dense { name, .. }
        | Layer::Conv { name, .. }
        | Layer::BatchNorm { name }
        | Layer::LayerNorm { name }
        | Layer::Attention { name, .. }
        | Layer::Positions { name } => Some(name),
        _ => None,
    }
}

fn label(layer: &Layer) -> String {
    name_of(layer).map_or_else(|| format!("{layer:?}"), str::to_string)
}
