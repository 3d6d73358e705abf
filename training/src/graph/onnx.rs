//! The ONNX form of a network of known layers. The same layers always give the same bytes, so a verifier makes the graph again and
//! compares.

use super::GraphError;
use crate::{
    engine::{Kind, Node, Plan},
    terms::Parameter,
};
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};

/// LayerNormalization came with 17.
const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;
const EPSILON: f32 = 1e-5;

/// The graph's bytes: input `input`, output `logits`, every parameter an input of its own.
pub fn export(plan: &Plan) -> Result<Vec<u8>, GraphError> {
    let mut builder = Builder { plan, nodes: Vec::new(), constants: Vec::new(), values: 0 };
    let last = builder.layers(&plan.nodes, "input".into());
    builder.node("Identity", vec![last], "logits".into(), vec![]);
    let mut inputs = vec![value("input", plan.input(), true)];
    inputs.extend(plan.tensors().map(|tensor| value(&tensor.name, &tensor.shape, false)));
    let graph = GraphProto {
        node: builder.nodes,
        name: "matrixai".into(),
        initializer: builder.constants,
        input: inputs,
        output: vec![value("logits", &[plan.outputs()], true)],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        graph: Some(graph),
        ..ModelProto::default()
    };
    Ok(model.encode_to_vec())
}

fn value(name: &str, shape: &[usize], batched: bool) -> ValueInfoProto {
    let fixed = |&size: &usize| Dimension {
        value: Some(dimension::Value::DimValue(size as i64)),
        ..Dimension::default()
    };
    let batch = Dimension { value: Some(dimension::Value::DimParam("batch".into())), ..Dimension::default() };
    let dim = batched.then_some(batch).into_iter().chain(shape.iter().map(fixed)).collect();
    let tensor =
        type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..ValueInfoProto::default() }
}

struct Builder<'a> {
    plan: &'a Plan,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    values: usize,
}

impl Builder<'_> {
    fn layers(&mut self, nodes: &[Node], input: String) -> String {
        nodes.iter().fold(input, |x, node| self.layer(node, x))
    }

    fn layer(&mut self, node: &Node, x: String) -> String {
        let shape = &node.input;
        match &node.kind {
            Kind::Dense { weight, bias } => self.dense(x, *weight, *bias, shape.len()),
            Kind::Conv { weight, bias, kernel, stride, padding } => {
                let bias = bias.map(|at| self.name(at));
                let inputs = [x, self.name(*weight)].into_iter().chain(bias).collect();
                let square = |name, side: usize, times| ints(name, &vec![side as i64; times]);
                let attributes = vec![
                    square("kernel_shape", *kernel, 2),
                    square("strides", *stride, 2),
                    square("pads", *padding, 4),
                ];
                self.op("Conv", inputs, attributes)
            }
            Kind::BatchNorm { weight, bias, mean, variance } => {
                let buffer = |at: usize| self.plan.buffers[at].name.clone();
                let inputs = vec![x, self.name(*weight), self.name(*bias), buffer(*mean), buffer(*variance)];
                self.op("BatchNormalization", inputs, vec![float("epsilon", EPSILON)])
            }
            Kind::LayerNorm { weight, bias } => {
                let inputs = vec![x, self.name(*weight), self.name(*bias)];
                self.op("LayerNormalization", inputs, vec![int("axis", -1), float("epsilon", EPSILON)])
            }
            Kind::Attention { qkv, out, heads } => self.attention(x, *qkv, *out, *heads, shape),
            Kind::Relu => self.op("Relu", vec![x], vec![]),
            Kind::Gelu => self.gelu(x),
            Kind::Flatten => self.op("Flatten", vec![x], vec![int("axis", 1)]),
            Kind::MaxPool { size } => {
                let side = [*size as i64; 2];
                self.op("MaxPool", vec![x], vec![ints("kernel_shape", &side), ints("strides", &side)])
            }
            Kind::GlobalAverage => {
                let mean = self.op("GlobalAveragePool", vec![x], vec![]);
                self.op("Flatten", vec![mean], vec![int("axis", 1)])
            }
            Kind::Tokens => {
                let flat = self.reshape(x, &[0, shape[0] as i64, (shape[1] * shape[2]) as i64]);
                self.transpose(flat, &[0, 2, 1])
            }
            Kind::Positions { weight } => {
                let rows = self.name(*weight);
                self.op("Add", vec![x, rows], vec![])
            }
            Kind::MeanTokens => self.op("ReduceMean", vec![x], vec![ints("axes", &[1]), int("keepdims", 0)]),
            Kind::Residual { nodes } => {
                let around = self.layers(nodes, x.clone());
                self.op("Add", vec![x, around], vec![])
            }
        }
    }

    fn dense(&mut self, x: String, weight: usize, bias: Option<usize>, rank: usize) -> String {
        let (weight, bias) = (self.name(weight), bias.map(|at| self.name(at)));
        if rank == 1 {
            let inputs = [x, weight].into_iter().chain(bias).collect();
            return self.op("Gemm", inputs, vec![int("transB", 1)]);
        }
        let weight = self.transpose(weight, &[1, 0]);
        let product = self.op("MatMul", vec![x, weight], vec![]);
        match bias {
            Some(bias) => self.op("Add", vec![product, bias], vec![]),
            None => product,
        }
    }

    fn attention(
        &mut self,
        x: String,
        qkv: usize,
        out: (usize, usize),
        heads: usize,
        shape: &[usize],
    ) -> String {
        let (tokens, width) = (shape[0] as i64, shape[1] as i64);
        let head = width / heads as i64;
        let all = self.dense(x, qkv, None, 2);
        let all = self.reshape(all, &[0, tokens, 3, heads as i64, head]);
        let mut part = |which: i64, perm: &[i64]| {
            let at = self.integers(&[], &[which]);
            let part = self.op("Gather", vec![all.clone(), at], vec![int("axis", 2)]);
            self.transpose(part, perm)
        };
        let (q, k, v) = (part(0, &[0, 2, 1, 3]), part(1, &[0, 2, 3, 1]), part(2, &[0, 2, 1, 3]));
        let scores = self.op("MatMul", vec![q, k], vec![]);
        let scale = self.scalar(1.0 / (head as f32).sqrt());
        let scores = self.op("Mul", vec![scores, scale], vec![]);
        let shares = self.op("Softmax", vec![scores], vec![int("axis", -1)]);
        let mixed = self.op("MatMul", vec![shares, v], vec![]);
        let mixed = self.transpose(mixed, &[0, 2, 1, 3]);
        let mixed = self.reshape(mixed, &[0, tokens, width]);
        self.dense(mixed, out.0, Some(out.1), 2)
    }

    fn gelu(&mut self, x: String) -> String {
        let [root, one, half] = [std::f32::consts::FRAC_1_SQRT_2, 1.0, 0.5].map(|value| self.scalar(value));
        let scaled = self.op("Mul", vec![x.clone(), root], vec![]);
        let error = self.op("Erf", vec![scaled], vec![]);
        let shifted = self.op("Add", vec![error, one], vec![]);
        let product = self.op("Mul", vec![x, shifted], vec![]);
        self.op("Mul", vec![product, half], vec![])
    }

    fn reshape(&mut self, x: String, shape: &[i64]) -> String {
        let shape = self.integers(&[shape.len() as i64], shape);
        self.op("Reshape", vec![x, shape], vec![])
    }

    fn transpose(&mut self, x: String, perm: &[i64]) -> String {
        self.op("Transpose", vec![x], vec![ints("perm", perm)])
    }

    fn name(&self, parameter: usize) -> String {
        self.plan.parameters.get(parameter).map_or_else(String::new, |Parameter { name, .. }| name.clone())
    }

    fn op(&mut self, kind: &str, inputs: Vec<String>, attributes: Vec<AttributeProto>) -> String {
        let output = format!("v{}", self.values);
        self.values += 1;
        self.node(kind, inputs, output.clone(), attributes);
        output
    }

    fn node(&mut self, kind: &str, input: Vec<String>, output: String, attribute: Vec<AttributeProto>) {
        let (name, op_type) = (format!("{kind}.{output}"), kind.into());
        self.nodes.push(NodeProto {
            input,
            output: vec![output],
            name,
            op_type,
            attribute,
            ..NodeProto::default()
        });
    }

    fn integers(&mut self, dims: &[i64], values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(dims, DataType::Int64, raw_data)
    }

    fn scalar(&mut self, value: f32) -> String {
        self.constant(&[], DataType::Float, value.to_le_bytes().into())
    }

    fn constant(&mut self, dims: &[i64], kind: DataType, raw_data: Vec<u8>) -> String {
        let name = format!("c{}", self.constants.len());
        let constant = TensorProto {
            dims: dims.into(),
            data_type: kind as i32,
            name: name.clone(),
            raw_data,
            ..TensorProto::default()
        };
        self.constants.push(constant);
        name
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: kind as i32, ..AttributeProto::default() }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: value, ..attribute(name, AttributeType::Int) }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.into(), ..attribute(name, AttributeType::Ints) }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: value, ..attribute(name, AttributeType::Float) }
}
