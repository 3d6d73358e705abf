//! Training as an order says, into a package. What `training train` does, and what every experiment begins with.

use crate::{
    engine::{Plan, State, step_seen},
    package::{Origin, PackageError, Writer},
    terms::{DataError, Dataset, Terms, TermsError},
    trace,
};
use std::path::Path;

/// Why a training could not be done.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The terms.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// Layers that only other frameworks have.
    #[error(
        "the terms name no layers that this engine knows: train with the framework that the graph came from"
    )]
    NotReplayable,
}

/// Takes the order's next step.
pub fn next_step(
    plan: &Plan,
    terms: &Terms,
    state: &mut State,
    batches: &mut crate::terms::Batches,
    data: &Dataset,
) -> Result<f32, DataError> {
    next_step_seen(plan, terms, state, batches, data, &mut |_| {})
}

/// The same; `seen` is shown the gradients.
pub fn next_step_seen(
    plan: &Plan,
    terms: &Terms,
    state: &mut State,
    batches: &mut crate::terms::Batches,
    data: &Dataset,
    seen: &mut dyn FnMut(&[Vec<f32>]),
) -> Result<f32, DataError> {
    let at = state.step;
    let (x, labels) = data.take(batches.step(at), terms.classes)?;
    let rate = terms.schedule.rate(at, terms.steps());
    Ok(step_seen(plan, state, &terms.optimiser, rate, (x, &labels), seen))
}

/// The plan of terms that can be trained and replayed here.
pub fn plan_of(terms: &Terms) -> Result<Plan, TrainError> {
    let architecture = terms.architecture.as_ref().ok_or(TrainError::NotReplayable)?;
    Ok(Plan::new(&terms.input, architecture)?)
}

/// Trains into a folder, or goes on where a crash left it. `told` hears each step's number and loss.
pub fn train(
    terms: &Terms,
    graph: &[u8],
    data: &Dataset,
    folder: &Path,
    origin: &Origin,
    mut told: impl FnMut(u64, f32),
) -> Result<Writer, TrainError> {
    let plan = plan_of(terms)?;
    let optimiser = &terms.optimiser;
    let (mut writer, mut state) = match Writer::create(folder, terms, graph, origin) {
        Ok(writer) => (writer, None),
        Err(PackageError::Exists(_)) => {
            let resumed = Writer::resume(folder, terms)?;
            let state =
                resumed.last.map(|(step, last)| State::load(&plan, optimiser, &last, step)).transpose()?;
            (resumed.writer, state)
        }
        Err(error) => return Err(error.into()),
    };
    if state.is_none() {
        let first = State::initial(&plan, optimiser, &terms.randomness);
        writer.add(0, &first.tensors(&plan, optimiser))?;
        state = Some(first);
    }
    let mut batches = terms.batches();
    let Some(mut state) = state else { return Ok(writer) };
    let (mut before, mut sketches) = (state.parameters.clone(), Vec::new());
    while state.step < terms.steps() {
        let loss = next_step(&plan, terms, &mut state, &mut batches, data)?;
        told(state.step, loss);
        sketches.extend(trace::sketch(&before, &state.parameters));
        if terms.is_checkpoint(state.step) {
            let mut tensors = state.tensors(&plan, optimiser);
            tensors.push((
                trace::TENSOR.into(),
                vec![sketches.len() / trace::WIDTH, trace::WIDTH],
                &sketches,
            ));
            writer.add(state.step, &tensors)?;
            before.clone_from(&state.parameters);
            sketches.clear();
        }
    }
    Ok(writer)
}

/// Writes the untrained model of an order as a checkpoint, for frameworks that cannot make it themselves.
pub fn write_initial(terms: &Terms, graph: &[u8], path: &Path) -> Result<(), crate::graph::GraphError> {
    let parameters = crate::graph::parameters(graph)?;
    let values: Vec<Vec<f32>> =
        parameters.iter().map(|parameter| crate::terms::initial(&terms.randomness, parameter)).collect();
    let tensors: Vec<_> = parameters
        .iter()
        .zip(&values)
        .map(|(parameter, values)| (parameter.tensor(), parameter.shape.clone(), &values[..]))
        .collect();
    // safetensors keeps no order: names in the graph's order are told beside.
    let names: Vec<String> = tensors.iter().map(|(name, _, _)| format!("\"{name}\"")).collect();
    let metadata = [("order".to_string(), format!("[{}]", names.join(",")))].into();
    Ok(crate::package::save(path, &tensors, Some(metadata))?)
}
