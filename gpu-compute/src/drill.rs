//! A drilling task on one GPU. The bits are the [reference](drilling::reference)'s, whatever the chip.

use crate::{
    arguments::{Finish, Rescale, Tree, Trees, Words8},
    device::{self, Facts},
    error::{Doing, GpuError},
    kernels::{Kernels, Path},
    memory::{Matrix, Room},
    tree::Forest,
};
use cudarc::driver::{CudaContext, sys::CUdeviceptr};
use drilling::{
    Hash, Layer, MAX_LAYERS, Outcome, Task, WorkError, cpu::Control, element::Tensor, layer_key,
    published::Published, task_data,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Sums in memory at one time, where a chip has no kernel that does without: rows of them, bytes.
const SLAB: u64 = 1 << 30;

/// Products that are handed to the GPU at one time: some 10 ms of a large one. Nobody can pause what it was handed.
const QUEUED: u64 = 1 << 43;

/// What a task gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Its result.
    pub outcome: Outcome,
    /// The accumulators of the layers that were asked for.
    pub layers: BTreeMap<u8, Vec<i32>>,
}

/// A GPU that does tasks, one at a time. It keeps its memory until it is dropped.
#[derive(Debug)]
pub struct Driller {
    context: Arc<CudaContext>,
    pub(crate) kernels: Kernels,
    rooms: Rooms,
}

/// Device memory, by what it holds.
#[derive(Debug, Default)]
struct Rooms {
    inputs: Room,
    next: Room,
    weights: Room,
    items: Room,
    sums: Room,
    /// Of each layer: its tree is made in the end, with the others.
    values: [Room; MAX_LAYERS],
    above: Room,
    roots: Room,
}

impl Driller {
    /// Opens a GPU and loads the kernels for it.
    pub fn open(index: usize) -> Result<Self, GpuError> {
        Self::open_with(index, None)
    }

    /// As [`open`](Self::open), by less than the chip's best path where one is named.
    pub fn open_with(index: usize, path: Option<Path>) -> Result<Self, GpuError> {
        let context = device::open(index)?;
        let kernels = Kernels::load(&context, path)?;
        Ok(Self { context, kernels, rooms: Rooms::default() })
    }

    /// What CUDA says of the GPU.
    pub fn facts(&self) -> Result<Facts, GpuError> {
        device::facts_of(&self.context)
    }

    /// The instructions in use.
    pub fn path(&self) -> Path {
        self.kernels.path()
    }

    /// Does a task. `wanted` asks for these layers' accumulators too. Pausing and cancelling take effect between layers, some 10 ms apart or a layer.
    pub fn run(
        &mut self,
        task: &Task,
        published: Option<&Published>,
        control: &Control,
        wanted: &BTreeSet<u8>,
    ) -> Result<Done, GpuError> {
        let published = task_data(task, published)?;
        self.context.bind_to_thread().doing("using the GPU")?;
        let id = task.id();
        let mut work = Work {
            kernels: &self.kernels,
            rooms: &mut self.rooms,
            task,
            published,
            id,
            wanted,
            trees: Trees::default(),
        };
        work.first_inputs()?;
        let mut layers = BTreeMap::new();
        let mut queued = 0;
        for (number, (width, shape)) in task.spec.widths().zip(task.spec.layers.iter()).enumerate() {
            if queued > QUEUED {
                self.kernels.stream.synchronize().doing("working")?;
                queued = 0;
            }
            control.check().map_err(WorkError::from)?;
            queued += u64::from(task.spec.rows) * u64::from(width) * u64::from(shape.outputs);
            let number = number as u8; // at most 16
            if let Some(accumulators) = work.layer(number, width, shape)? {
                layers.insert(number, accumulators);
            }
        }
        Ok(Done { outcome: Outcome::new(&id, work.roots()?), layers })
    }
}

struct Work<'a> {
    kernels: &'a Kernels,
    rooms: &'a mut Rooms,
    task: &'a Task,
    published: Option<&'a Published>,
    id: Hash,
    wanted: &'a BTreeSet<u8>,
    trees: Trees,
}

impl Work<'_> {
    fn first_inputs(&mut self) -> Result<(), GpuError> {
        let (stream, spec) = (&self.kernels.stream, &self.task.spec);
        let inputs = Matrix::within(&mut self.rooms.inputs, stream, spec.rows, spec.inputs)?;
        self.kernels.generate(&inputs, &(&self.id).into(), Tensor::Inputs.number())?;
        let Some(published) = self.published else { return Ok(()) };
        let items = upload(self.kernels, &mut self.rooms.items, &published.shard.data)?;
        self.kernels.add_items(&inputs, items, published.shard.items)
    }

    fn weights(&mut self, layer: u8, outputs: u32, width: u32) -> Result<Matrix, GpuError> {
        let matrix = Matrix::within(&mut self.rooms.weights, &self.kernels.stream, outputs, width)?;
        let Some(published) = self.published else {
            self.kernels.generate(&matrix, &(&self.id).into(), Tensor::Weights(layer).number())?;
            return Ok(matrix);
        };
        let tight = published.network.weights.get(usize::from(layer)).map(Vec::as_slice).unwrap_or_default();
        let mut padded = vec![0; matrix.pitch as usize * outputs as usize];
        for (row, weights) in
            padded.chunks_exact_mut(matrix.pitch as usize).zip(tight.chunks_exact(width as usize))
        {
            row[..weights.len()].copy_from_slice(weights);
        }
        upload(self.kernels, &mut self.rooms.weights, &padded)?;
        Ok(matrix)
    }

    /// One layer: its root stays on the device; the inputs become the next layer's.
    fn layer(&mut self, number: u8, width: u32, shape: &Layer) -> Result<Option<Vec<i32>>, GpuError> {
        let (rows, columns) = (self.task.spec.rows, shape.outputs);
        let weights = self.weights(number, columns, width)?;
        let stream = &self.kernels.stream;
        let inputs = Matrix::within(&mut self.rooms.inputs, stream, rows, width)?;
        let last = usize::from(number) + 1 == self.task.spec.layers.depth();
        let next =
            if last { None } else { Some(Matrix::within(&mut self.rooms.next, stream, rows, columns)?) };
        let bytes = u64::from(rows) * u64::from(columns) * 4;
        let key = Words8::from(&layer_key(&self.id, number));
        let values = self.rooms.values[usize::from(number)].sized(stream, bytes.div_ceil(1024) * 32)?;
        let mut kept = None;
        match self.kernels.layer_room(rows, columns).filter(|_| !self.wanted.contains(&number)) {
            Some(room) => {
                let room = self.rooms.sums.sized(stream, room)?;
                let (at, pitch) = next.map_or((0, 0), |next| (next.at, next.pitch));
                let finish = Finish { key, values, next: at, pitch, by: shape.into(), room };
                self.kernels.layer(&inputs, &weights, &finish)?;
            }
            None => {
                kept =
                    self.by_slabs(number, &inputs, &weights, next.as_ref(), (&shape.into(), &key, values))?
            }
        }
        self.trees.0[usize::from(number)] =
            Tree { values, above: 0, key, count: bytes.div_ceil(1024) as u32 };
        std::mem::swap(&mut self.rooms.inputs, &mut self.rooms.next);
        Ok(kept)
    }

    /// Sums in memory, some rows at a time: whole chunks, so a multiple of 256.
    fn by_slabs(
        &mut self,
        number: u8,
        inputs: &Matrix,
        weights: &Matrix,
        next: Option<&Matrix>,
        (by, key, values): (&Rescale, &Words8, CUdeviceptr),
    ) -> Result<Option<Vec<i32>>, GpuError> {
        let (kernels, row_bytes) = (self.kernels, u64::from(weights.rows) * 4);
        let rows =
            (SLAB / row_bytes / 256 * 256).clamp(256, u64::from(inputs.rows.next_multiple_of(256))) as u32;
        let sums = self.rooms.sums.sized(&kernels.stream, row_bytes * u64::from(rows.min(inputs.rows)))?;
        let total = row_bytes * u64::from(inputs.rows);
        let mut kept = self.wanted.contains(&number).then(Vec::new);
        for first in (0..inputs.rows).step_by(rows as usize) {
            let count = rows.min(inputs.rows - first);
            kernels.product(&inputs.rows(first, count), weights, sums)?;
            let (from, bytes) = (u64::from(first) * row_bytes, u64::from(count) * row_bytes);
            kernels.chunks(sums, total, (from / 1024, bytes.div_ceil(1024) as u32), values, key)?;
            if let Some(next) = next {
                kernels.requantise(sums, &next.rows(first, count), by)?;
            }
            if let Some(kept) = &mut kept {
                let mut slab = vec![0; (bytes / 4) as usize];
                download(kernels, sums, &mut slab)?;
                kept.append(&mut slab);
            }
        }
        Ok(kept)
    }

    /// From chunks' values to the roots, all layers at once.
    fn roots(self) -> Result<Vec<Hash>, GpuError> {
        let (kernels, depth) = (self.kernels, self.task.spec.layers.depth());
        let at = self.rooms.roots.sized(&kernels.stream, 32 * depth as u64)?;
        let above = self.rooms.above.sized(&kernels.stream, Forest::room(&self.trees))?;
        let mut forest = Forest::new(self.trees, at, above);
        while let Some(round) = forest.round() {
            kernels.merge(&round)?;
        }
        let mut roots = vec![[0; 32]; depth];
        download(kernels, at, roots.as_flattened_mut())?;
        Ok(roots)
    }
}

/// Copies bytes into a room.
fn upload(kernels: &Kernels, room: &mut Room, bytes: &[u8]) -> Result<CUdeviceptr, GpuError> {
    let at = room.sized(&kernels.stream, bytes.len() as u64)?;
    // SAFETY: the room has as many bytes; the copy has ended when it returns.
    unsafe { cudarc::driver::result::memcpy_htod_async(at, bytes, kernels.stream.cu_stream()) }
        .doing("copying to the GPU")?;
    kernels.stream.synchronize().doing("copying to the GPU")?;
    Ok(at)
}

/// Copies what was written at `from`, once all before it has been done. Errors of kernels show here.
pub(crate) fn download<T>(kernels: &Kernels, from: CUdeviceptr, to: &mut [T]) -> Result<(), GpuError> {
    // SAFETY: plain numbers; as many bytes were allocated and written; the copy has ended when this returns.
    unsafe { cudarc::driver::result::memcpy_dtoh_async(to, from, kernels.stream.cu_stream()) }
        .doing("working")?;
    kernels.stream.synchronize().doing("working")
}
