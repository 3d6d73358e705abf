//! Running a graph with a checkpoint's parameters, by tract: accuracy as the verifier measures it.

use super::GraphError;
use crate::{
    package::Checkpoint,
    terms::{Dataset, Parameter},
};
use prost::Message;
use std::sync::Arc;
use tract_onnx::{
    pb::{
        GraphProto, ModelProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
        tensor_shape_proto::dimension, type_proto,
    },
    prelude::*,
};

/// Samples that are run together.
const BATCH: usize = 256;

/// A graph, ready to take parameters.
pub struct Evaluator {
    model: ModelProto,
    parameters: Vec<Parameter>,
    input: Vec<usize>,
}

impl Evaluator {
    /// From a graph whose first input is a batch of samples of this shape and whose other inputs are parameters.
    pub fn new(graph: &[u8], input: &[usize]) -> Result<Self, GraphError> {
        let model = decode(graph)?;
        let parameters = parameters(graph)?;
        Ok(Self { model, parameters, input: input.into() })
    }

    /// The share of samples whose class the model finds. Every processor of this machine works on a stretch of them.
    pub fn accuracy(&self, checkpoint: &Checkpoint, data: &Dataset, classes: u64) -> Result<f64, GraphError> {
        guarded(|| self.measured(checkpoint, data, classes))
    }

    fn measured(&self, checkpoint: &Checkpoint, data: &Dataset, classes: u64) -> Result<f64, GraphError> {
        let model = self.filled(checkpoint, BATCH)?;
        let firsts: Vec<u64> = (0..data.samples()).step_by(BATCH).collect();
        let right = |&first: &u64| {
            let samples: Vec<u64> = (first..data.samples().min(first + BATCH as u64)).collect();
            let (x, labels) = data.take(&samples, classes)?;
            let logits = self.run(&model, x)?;
            let rows = logits.chunks_exact((classes as usize).max(1));
            Ok(rows.zip(labels).filter(|(row, label)| best(row) == Some(*label)).count())
        };
        use rayon::prelude::*;
        let counts: Vec<usize> = firsts.par_iter().map(right).collect::<Result<_, GraphError>>()?;
        Ok(counts.iter().sum::<usize>() as f64 / data.samples() as f64)
    }

    /// The logits of some samples, for comparison with other engines.
    pub fn logits(
        &self,
        checkpoint: &Checkpoint,
        x: Vec<f32>,
        samples: usize,
    ) -> Result<Vec<f32>, GraphError> {
        let model = self.filled(checkpoint, BATCH)?;
        let logits = self.run(&model, x)?;
        let width = logits.len() / BATCH;
        Ok(logits[..samples.min(BATCH) * width].to_vec())
    }

    fn run(&self, model: &Arc<TypedRunnableModel>, mut x: Vec<f32>) -> Result<Vec<f32>, GraphError> {
        x.resize(BATCH * self.input.iter().product::<usize>(), 0.0);
        let shape = [&[BATCH], &self.input[..]].concat();
        let input = Tensor::from_shape(&shape, &x).map_err(run)?;
        let outputs = model.run(tvec!(input.into())).map_err(run)?;
        let logits = outputs.first().ok_or_else(|| GraphError::Form("has no output".into()))?;
        Ok(logits.to_plain_array_view::<f32>().map_err(run)?.iter().copied().collect())
    }

    fn filled(&self, checkpoint: &Checkpoint, batch: usize) -> Result<Arc<TypedRunnableModel>, GraphError> {
        let mut model = self.model.clone();
        let graph = model.graph.get_or_insert_default();
        open_parameters(graph);
        for parameter in &self.parameters {
            checkpoint.floats_of(&parameter.tensor(), &parameter.shape)?;
            let values = checkpoint.read_tensor(&parameter.tensor())?;
            graph.initializer.push(TensorProto {
                dims: parameter.shape.iter().map(|&size| size as i64).collect(),
                data_type: DataType::Float as i32,
                name: parameter.name.clone(),
                raw_data: bytemuck::cast_slice(&values).to_vec(),
                ..TensorProto::default()
            });
        }
        typed(&model, &self.input, batch)?
            .into_optimized()
            .and_then(|model| model.into_runnable())
            .map_err(run)
    }
}

/// Takes parameters out of the inputs, and out of the values that an exporter may have left beside them: checkpoints fill them in.
pub(super) fn open_parameters(graph: &mut GraphProto) {
    let inputs = std::mem::take(&mut graph.input);
    graph.initializer.retain(|tensor| inputs.iter().all(|input| input.name != tensor.name));
    graph.input = inputs.into_iter().take(1).collect();
}

/// A graph can be anybody's, and its evaluator was not written for enemies: what makes it panic is an error.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, GraphError>) -> Result<T, GraphError> {
    let panicked = |_| Err(GraphError::Run("its evaluator gave up".into()));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(panicked)
}

/// The graph with a fixed number of samples.
pub(super) fn typed(model: &ModelProto, input: &[usize], batch: usize) -> Result<TypedModel, GraphError> {
    let shape: TVec<usize> = [&[batch], input].concat().into();
    let parsed = tract_onnx::onnx().parse(model, None).map_err(run)?;
    parsed
        .model
        .with_input_fact(0, f32::fact(&shape).into())
        .and_then(|model| model.into_typed())
        .map_err(run)
}

/// The parameters that a graph takes, from its inputs after the first.
pub fn parameters(graph: &[u8]) -> Result<Vec<Parameter>, GraphError> {
    let model = decode(graph)?;
    let inputs = model.graph.map(|graph| graph.input).unwrap_or_default();
    if inputs.len() < 2 {
        let why = "takes no parameters: they must be inputs behind the first (in PyTorch, export with keep_initializers_as_inputs=True)";
        return Err(GraphError::Form(why.into()));
    }
    inputs.iter().skip(1).map(parameter).collect()
}

/// Refuses a graph in which one parameter stands for several. PyTorch's exporter merges tensors that are equal when it is called, as
/// untrained scales and variances are, and they would no longer be when trained.
pub fn refuse_merged(graph: &[u8]) -> Result<(), GraphError> {
    let parameters = parameters(graph)?;
    let nodes = decode(graph)?.graph.map(|graph| graph.node).unwrap_or_default();
    let merged = nodes.iter().filter(|node| node.op_type == "Identity").find_map(|node| {
        let from = node.input.first()?;
        parameters.iter().any(|one| one.name == *from).then(|| (node.output.first().cloned(), from.clone()))
    });
    match merged {
        None => Ok(()),
        Some((to, from)) => Err(GraphError::Form(format!(
            "takes {} from {from}: the exporter merged equal tensors; give parameters values that differ before exporting",
            to.unwrap_or_default()
        ))),
    }
}

pub(super) fn decode(graph: &[u8]) -> Result<ModelProto, GraphError> {
    let model = ModelProto::decode(graph).map_err(|error| GraphError::NotOnnx(error.to_string()))?;
    let form = |what: &str| Err(GraphError::Form(what.into()));
    let Some(graph) = &model.graph else { return form("is empty") };
    if graph.input.is_empty() {
        return form("has no input");
    }
    // Tensors in other files would be read from the verifier's disk.
    if graph
        .initializer
        .iter()
        .any(|tensor| !tensor.external_data.is_empty() || tensor.data_location.is_some_and(|at| at != 0))
    {
        return form("keeps tensors in other files");
    }
    Ok(model)
}

fn parameter(input: &ValueInfoProto) -> Result<Parameter, GraphError> {
    let wrong = |what| GraphError::Form(format!("has an input {:?} {what}", input.name));
    let kind = input.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = kind else { return Err(wrong("without a type")) };
    if tensor.elem_type != DataType::Float as i32 {
        return Err(wrong("that is not of 32-bit floats"));
    }
    let dims = tensor.shape.iter().flat_map(|shape| &shape.dim).map(|dim| match dim.value {
        Some(dimension::Value::DimValue(size)) if size > 0 => Ok(size as usize),
        _ => Err(wrong("whose shape is open; parameters have fixed shapes")),
    });
    let shape = dims.collect::<Result<Vec<_>, _>>()?;
    let elements = shape.iter().try_fold(1usize, |all, &one| all.checked_mul(one));
    if elements.is_none_or(|all| all > 1 << 34) {
        return Err(wrong("that is too large"));
    }
    Ok(Parameter::new(input.name.clone(), shape))
}

fn best(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|&one, &other| row[one].total_cmp(&row[other]).then(other.cmp(&one)))
}

fn run(error: TractError) -> GraphError {
    GraphError::Run(format!("{error:#}"))
}
