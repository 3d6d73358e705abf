//! What a checkpoint of an order holds, and so how large it can be: known before any of it is read.

use super::{Checkpoint, FileEntry, MAX_HEADER, PackageError};
use crate::{
    terms::{Optimiser, Parameter},
    trace,
};
use std::collections::BTreeMap;

/// What a header may have beside its tensors: padding, and words about who wrote it.
const HEADER_ROOM: u64 = 64 << 10;
/// What a header says of one tensor beside its name: type, shape and place.
const ENTRY_ROOM: u64 = 512;
/// Values of a trace that are looked at together.
const CHUNK: usize = 1 << 16;

/// The tensors of one order's checkpoints.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Parameters and running statistics, which every checkpoint has.
    model: BTreeMap<String, Vec<usize>>,
    /// The optimiser's. Only a replay needs them.
    moments: BTreeMap<String, Vec<usize>>,
}

impl Layout {
    /// Of a graph with these parameters, trained by this optimiser.
    pub fn new(parameters: &[Parameter], optimiser: &Optimiser) -> Self {
        let trained = parameters.iter().filter(|one| !one.is_buffer());
        let moments = trained.flat_map(|one| {
            optimiser.state().iter().map(move |moment| (one.moment(moment), one.shape.clone()))
        });
        Self {
            model: parameters.iter().map(|one| (one.tensor(), one.shape.clone())).collect(),
            moments: moments.collect(),
        }
    }

    /// Refuses a file that is larger than all that it can hold, by what the manifest says of it. `steps` have passed since the checkpoint
    /// before.
    pub fn check_size(&self, entry: &FileEntry, steps: u64) -> Result<(), PackageError> {
        let (mut header, mut data) =
            (HEADER_ROOM + ENTRY_ROOM, steps.saturating_mul(trace::WIDTH as u64 * 4));
        for (name, shape) in self.model.iter().chain(&self.moments) {
            // In JSON a character can take six times its room.
            header = header.saturating_add(ENTRY_ROOM + 6 * name.len() as u64);
            let bytes = shape.iter().fold(4u64, |all, &one| all.saturating_mul(one as u64));
            data = data.saturating_add(bytes);
        }
        let most = header.min(MAX_HEADER).saturating_add(8).saturating_add(data);
        if entry.bytes > most {
            return Err(PackageError::TooLarge { name: entry.name.clone(), bytes: entry.bytes, most });
        }
        Ok(())
    }

    /// Refuses tensors that are not the order's, by name, and those of another shape; nothing but the trace is read.
    pub fn check(&self, checkpoint: &Checkpoint, steps: u64) -> Result<(), PackageError> {
        let mut trace = false;
        for (name, _) in checkpoint.tensors() {
            if name == trace::TENSOR {
                trace = true;
            } else if let Some(shape) = self.model.get(name).or_else(|| self.moments.get(name)) {
                checkpoint.floats_of(name, shape)?;
            } else {
                let file = checkpoint.name().into();
                return Err(PackageError::UnknownTensor { file, tensor: name.into() });
            }
        }
        self.model.keys().try_for_each(|name| checkpoint.tensor(name).map(drop))?;
        if trace { check_trace(checkpoint, steps) } else { Ok(()) }
    }
}

/// A trace has a row for each step, and is read by a chunk: of many steps, it is no small thing.
fn check_trace(checkpoint: &Checkpoint, steps: u64) -> Result<(), PackageError> {
    let rows = usize::try_from(steps).unwrap_or(usize::MAX);
    let all = checkpoint.floats_of(trace::TENSOR, &[rows, trace::WIDTH])?.elements();
    let mut values = vec![0.0; CHUNK.min(all as usize)];
    for from in (0..all).step_by(CHUNK) {
        let count = (all - from).min(CHUNK as u64) as usize;
        checkpoint.read_floats(trace::TENSOR, from, &mut values[..count])?;
    }
    Ok(())
}
