//! Doing a task on the processor, as fast as it can.
//!
//! Whatever the back end and however many the threads, the bits are the [reference](crate::reference)'s. Low priority is the
//! caller's business; pausing is [`Control`]'s.
//!
//! ```
//! use drilling::{Class, Task, cpu};
//!
//! let task = Task { spec: Class::Tiny.mlp(), seed: [7; 32] };
//! let outcome = cpu::run(&task, None, &cpu::Options::default(), |_layer, _accumulators| {})?;
//! assert_eq!(outcome.roots.len(), task.spec.layers.depth());
//! # Ok::<(), drilling::WorkError>(())
//! ```

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod control;
mod crew;
mod hashing;
mod kit;
mod lanes;
mod matrix;
#[cfg(target_arch = "aarch64")]
mod neon;
mod panel;
mod product;
mod scalar;

use std::{num::NonZeroUsize, sync::Arc, thread};

pub use control::{Cancelled, Control};
pub use kit::Backend;
pub use matrix::Weights;

use crate::{
    element::{Tensor, noisy},
    hash::Hash,
    published::Published,
    result::layer_number,
    spec::{Layer, Task},
    work::{Outcome, WorkError, task_data},
};
use crew::Crew;
use kit::Kit;
use panel::Aligned;
use product::{Inputs, Team, multiply};

impl From<Cancelled> for WorkError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

/// How to work.
#[derive(Debug, Clone)]
pub struct Options {
    /// With which instructions. One that the processor lacks is replaced by [`Backend::Scalar`].
    pub backend: Backend,
    /// On how many threads.
    pub threads: NonZeroUsize,
    /// Who may pause and cancel.
    pub control: Arc<Control>,
}

impl Default for Options {
    /// The fastest back end on all cores.
    fn default() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { backend: Backend::fastest(), threads, control: Arc::default() }
    }
}

impl Options {
    pub(crate) fn kit(&self) -> Kit {
        self.backend.kit().unwrap_or_else(scalar::kit)
    }
}

/// Does the task. `observe` sees each layer's accumulators, row after row.
pub fn run(
    task: &Task,
    published: Option<&Published>,
    options: &Options,
    mut observe: impl FnMut(u8, &[i32]),
) -> Result<Outcome, WorkError> {
    let published = task_data(task, published)?;
    let kit = options.kit();
    let mut crew = Crew::new(options.threads);
    let team = &mut Team { kit: &kit, crew: &mut crew, control: &options.control };
    let work = Work { id: task.id(), task, published, kit: &kit };
    let rows = task.spec.rows as usize;
    let mut inputs = Inputs::new();
    let mut width = task.spec.inputs as usize;
    inputs.prepare(team, rows, width, |first, out| {
        work.first_inputs(first, out);
        None
    })?;
    // On lines: a vector that lies across two costs twice.
    let mut buffer = Aligned::default();
    let mut bytes = 0;
    let mut roots = Vec::new();
    let mut before: Option<Layer> = None;
    for (number, layer) in task.spec.layers.iter().enumerate() {
        let number = layer_number(number);
        if let Some(before) = before {
            let sums: &[i32] = bytemuck::cast_slice(&buffer.bytes()[..bytes]);
            inputs.prepare(team, rows, width, |first, out| {
                (kit.requantise)(&sums[first * width..][..out.len()], &before, out);
                None
            })?;
        }
        let outputs = layer.outputs as usize;
        bytes = 4 * rows * outputs;
        let sums: &mut [i32] = bytemuck::cast_slice_mut(buffer.sized(bytes));
        let panel = |column: usize, out: &mut [u8]| work.weights(number, column, outputs, width, out);
        multiply(team, &inputs, outputs, panel, sums)?;
        observe(number, sums);
        roots.push(hashing::layer_root(team, task, &work.id, number, sums)?);
        (width, before) = (outputs, Some(*layer));
    }
    Ok(Outcome::new(&work.id, roots))
}

/// What a task's matrices are made from.
struct Work<'a> {
    id: Hash,
    task: &'a Task,
    published: Option<&'a Published>,
    kit: &'a Kit,
}

impl Work<'_> {
    /// The first layer's inputs, whole rows from `first` on.
    fn first_inputs(&self, first: usize, out: &mut [i8]) {
        let width = self.task.spec.inputs as usize;
        let kit = self.kit;
        for (number, rows) in out.chunks_mut(width * kit.lanes).enumerate() {
            let first = (first + number * kit.lanes) as u32;
            (kit.fill)(&self.id, Tensor::Inputs, first, width, rows);
        }
        let Some(published) = self.published else { return };
        for (row, elements) in out.chunks_exact_mut(width).enumerate() {
            let item = published.shard.item((first + row) as u32 % published.shard.items);
            for (element, byte) in elements.iter_mut().zip(item.unwrap_or_default()) {
                *element = noisy(*byte as i8, *element);
            }
        }
    }

    /// One packed panel of a layer's weights, from `column` on.
    fn weights(&self, layer: u8, column: usize, outputs: usize, width: usize, panel: &mut [u8]) {
        let kit = self.kit;
        let tensor = Tensor::Weights(layer);
        let rows = kit.weights.rows.min(outputs - column);
        if let Some(published) = self.published {
            let weights = published.network.weights.get(usize::from(layer)).map(Vec::as_slice);
            let weights = weights.and_then(|weights| weights.get(column * width..)).unwrap_or_default();
            let weights: &[i8] = bytemuck::cast_slice(weights);
            kit.weights.pack(&weights[..rows * width], width, kit.weights.rows, panel);
        } else if let Some(generate) = kit.weights_panel {
            generate(&self.id, tensor, column as u32, width, panel);
        } else {
            let mut elements = vec![0; rows * width];
            for (number, rows) in elements.chunks_mut(width * kit.lanes).enumerate() {
                (kit.fill)(&self.id, tensor, (column + number * kit.lanes) as u32, width, rows);
            }
            kit.weights.pack(&elements, width, kit.weights.rows, panel);
        }
    }
}
