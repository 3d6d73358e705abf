//! How much work a training is, counted from the graph and never told by a trainer.
//!
//! Of known layers a formula counts products of matrices; of other graphs tract counts, and a few pointwise operations besides.

use super::{
    GraphError,
    evaluate::{decode, guarded, open_parameters, typed},
};
use crate::{engine::Plan, terms::Parameter};
use tract_onnx::{
    pb::{TensorProto, tensor_proto::DataType},
    prelude::*,
    tract_core::internal::Cost,
};

/// FLOP of one sample's way through: two for each multiply-add.
pub fn forward_flop(plan: Option<&Plan>, graph: &[u8], input: &[usize]) -> Result<u128, GraphError> {
    plan.map_or_else(|| counted(graph, input), |plan| Ok(plan.flop()))
}

/// The same as tract counts it, whatever the layers. All parameters are in memory meanwhile.
pub fn counted(graph: &[u8], input: &[usize]) -> Result<u128, GraphError> {
    guarded(|| count(graph, input))
}

fn count(graph: &[u8], input: &[usize]) -> Result<u128, GraphError> {
    let mut model = decode(graph)?;
    let parameters = super::parameters(graph)?;
    // Values do not matter for the count, but some operators want constants. Whoever calls has bounded the shapes.
    let graph = model.graph.get_or_insert_default();
    open_parameters(graph);
    graph.initializer.extend(parameters.iter().map(zeros));
    let model = typed(&model, input, 1)?;
    let mut total = 0u128;
    for node in model.nodes() {
        let facts = model.node_input_facts(node.id).map_err(counting)?;
        for (cost, times) in
            node.op.as_typed().map_or_else(|| Ok(tvec!()), |op| op.cost(&facts)).map_err(counting)?
        {
            if matches!(cost, Cost::FMA(_)) {
                let times = times.to_i64().map_err(|error| GraphError::Run(error.to_string()))?;
                total = total.saturating_add(2 * u128::from(times.unsigned_abs()));
            }
        }
    }
    Ok(total)
}

/// FLOP of a whole training: forward, and twice that backward, for every sample of every step.
pub const fn training_flop(forward: u128, batch: u64, steps: u64) -> u128 {
    forward.saturating_mul(3).saturating_mul(batch as u128).saturating_mul(steps as u128)
}

fn zeros(parameter: &Parameter) -> TensorProto {
    TensorProto {
        dims: parameter.shape.iter().map(|&size| size as i64).collect(),
        data_type: DataType::Float as i32,
        name: parameter.name.clone(),
        raw_data: vec![0; parameter.elements() * 4],
        ..TensorProto::default()
    }
}

fn counting(error: TractError) -> GraphError {
    GraphError::Run(format!("{error:#}"))
}
