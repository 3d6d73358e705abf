//! The kernels, loaded: PTX for any chip since sm_80, and what only Hopper has.
//!
//! `cargo xtask ptx` makes the PTX from `kernels/`, `--check` compares. The driver assembles it for its chip when it is loaded,
//! and keeps what came of it in its own cache.

use crate::{
    arguments::{Finish, NODES, Rescale, Shape, Trees, Words8},
    error::{Doing, GpuError},
    memory::Matrix,
    tensor_map::TensorMap,
};
use cudarc::{
    driver::{
        CudaContext, CudaFunction, CudaStream, LaunchConfig, PushKernelArg,
        sys::{CUdeviceptr, CUfunction_attribute},
    },
    nvrtc::Ptx,
};
use std::sync::Arc;

const BASELINE: &str = include_str!("../ptx/baseline.ptx");
const HOPPER: &str = include_str!("../ptx/hopper.ptx");

/// Rows and columns of a tile, in both products.
const TILE: (u32, u32) = (128, 256);
/// `product`: its stages in shared memory.
pub(crate) const BASELINE_SHARED: u32 = 4 * (128 + 256) * 64;
/// `hopper.cu`: four stages, and what rounds their address up.
const HOPPER_SHARED: u32 = 4 * (128 + 256) * 128 + 4 * 8192 + 1024;
/// Blocks of threads that share weights.
const CLUSTER: u32 = 2;
/// Blocks of threads that generate elements: a few for each multiprocessor of the largest chips.
const GENERATORS: u32 = 2048;
/// The most blocks along a grid's second side.
const MOST_DOWN: u32 = 65_535;

/// Which instructions do the products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// `mma.sync`: any chip since compute capability 8.0.
    Baseline,
    /// `wgmma`, compute capability 9.0.
    Hopper,
}

/// Functions on one GPU, and the stream that they run in.
#[derive(Debug)]
pub(crate) struct Kernels {
    pub stream: Arc<CudaStream>,
    generate: CudaFunction,
    add_items: CudaFunction,
    chunks: CudaFunction,
    merge: CudaFunction,
    requantise_rows: CudaFunction,
    product: CudaFunction,
    hopper: Option<Hopper>,
}

#[derive(Debug)]
struct Hopper {
    product: CudaFunction,
    store: CudaFunction,
    layer: CudaFunction,
    /// Blocks of threads at one time: one for each multiprocessor, in pairs.
    blocks: u32,
}

fn grid(across: u32, down: u32, threads: u32, shared_mem_bytes: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (across, down, 1), block_dim: (threads, 1, 1), shared_mem_bytes }
}

fn with_shared(function: CudaFunction, bytes: u32) -> Result<CudaFunction, GpuError> {
    let most = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
    function.set_attribute(most, bytes as i32).doing("reserving shared memory")?;
    Ok(function)
}

/// Shared memory as `product` has it.
pub(crate) fn with_shared_of_product(function: CudaFunction) -> Result<CudaFunction, GpuError> {
    with_shared(function, BASELINE_SHARED)
}

impl Kernels {
    /// Loads what this chip can run; `path` asks for less than that.
    pub fn load(context: &Arc<CudaContext>, path: Option<Path>) -> Result<Self, GpuError> {
        let (major, minor) = context.compute_capability().doing("reading the compute capability")?;
        if major < 8 {
            return Err(GpuError::TooOld(major, minor));
        }
        let doing = "loading kernels";
        let stream = context.new_stream().doing(doing)?;
        let module = context.load_module(Ptx::from_src(BASELINE)).doing(doing)?;
        let function = |name| module.load_function(name).doing(doing);
        let hopper = match path {
            Some(Path::Baseline) => None,
            // An old driver may not know the instructions: the other path is right as well.
            _ if (major, minor) == (9, 0) => Hopper::load(context).ok(),
            _ => None,
        };
        Ok(Self {
            stream,
            generate: function("generate")?,
            add_items: function("add_items")?,
            chunks: function("chunks")?,
            merge: function("merge")?,
            requantise_rows: function("requantise_rows")?,
            product: with_shared(function("product")?, BASELINE_SHARED)?,
            hopper,
        })
    }

    pub fn path(&self) -> Path {
        if self.hopper.is_some() { Path::Hopper } else { Path::Baseline }
    }

    /// Fills a matrix with the elements of a tensor.
    pub fn generate(&self, matrix: &Matrix, key: &Words8, tensor: u32) -> Result<(), GpuError> {
        let row = (matrix.pitch / 64) as u32;
        // At most 65,536 rows of 2,048 blocks.
        let blocks = row * matrix.rows;
        let grid = grid(blocks.div_ceil(256).min(GENERATORS), 1, 256, 0);
        let mut launch = self.stream.launch_builder(&self.generate);
        launch.arg(&matrix.at).arg(&blocks).arg(&row).arg(&matrix.width).arg(key).arg(&tensor);
        // SAFETY: the kernel writes `rows` rows of `pitch` bytes, which is what a matrix has.
        unsafe { launch.launch(grid) }.doing("generating elements").map(drop)
    }

    /// Adds items to the noise in a matrix; `items` holds `count` tight rows of its width.
    pub fn add_items(&self, matrix: &Matrix, items: CUdeviceptr, count: u32) -> Result<(), GpuError> {
        let grid = grid(matrix.width.div_ceil(256), matrix.rows.min(MOST_DOWN), 256, 0);
        let mut launch = self.stream.launch_builder(&self.add_items);
        let Matrix { at, rows, width, pitch } = matrix;
        launch.arg(at).arg(pitch).arg(rows).arg(width).arg(&items).arg(&count);
        // SAFETY: it stays within the matrix and the items.
        unsafe { launch.launch(grid) }.doing("adding items").map(drop)
    }

    /// Chaining values of `count` chunks from `first` on, of a tree over `bytes` bytes; `data` begins with the first.
    pub fn chunks(
        &self,
        data: CUdeviceptr,
        bytes: u64,
        (first, count): (u64, u32),
        values: CUdeviceptr,
        key: &Words8,
    ) -> Result<(), GpuError> {
        let mut launch = self.stream.launch_builder(&self.chunks);
        launch.arg(&data).arg(&bytes).arg(&first).arg(&count).arg(&values).arg(key);
        // SAFETY: `values` has room for all chunks of the tree, `data` holds those that are asked for.
        unsafe { launch.launch(grid(count.div_ceil(128), 1, 128, 0)) }.doing("hashing").map(drop)
    }

    /// One round of several trees.
    pub fn merge(&self, trees: &Trees) -> Result<(), GpuError> {
        let widest = trees.0.iter().map(|tree| tree.count).max().unwrap_or(0);
        let grid = grid(widest.div_ceil(NODES).max(1), trees.0.len() as u32, 256, 0);
        let mut launch = self.stream.launch_builder(&self.merge);
        launch.arg(trees);
        // SAFETY: each tree's `above` has room for a node of each block.
        unsafe { launch.launch(grid) }.doing("hashing").map(drop)
    }

    /// Tight rows of sums into rows of the next layer's inputs.
    pub fn requantise(&self, sums: CUdeviceptr, next: &Matrix, by: &Rescale) -> Result<(), GpuError> {
        let columns = (next.pitch / 4) as u32;
        let grid = grid(columns.div_ceil(256), next.rows.min(MOST_DOWN), 256, 0);
        let mut launch = self.stream.launch_builder(&self.requantise_rows);
        launch.arg(&sums).arg(&next.rows).arg(&next.width).arg(&next.at).arg(&next.pitch).arg(by);
        // SAFETY: as many sums as the matrix has elements; it writes whole rows of the matrix.
        unsafe { launch.launch(grid) }.doing("requantising").map(drop)
    }

    /// Sums, rows tight.
    pub fn product(&self, inputs: &Matrix, weights: &Matrix, sums: CUdeviceptr) -> Result<(), GpuError> {
        match &self.hopper {
            Some(hopper) => hopper.product(&self.stream, inputs, weights, sums),
            None => self.product_baseline(inputs, weights, sums),
        }
    }

    fn product_baseline(&self, a: &Matrix, w: &Matrix, sums: CUdeviceptr) -> Result<(), GpuError> {
        let grid = grid(w.rows.div_ceil(TILE.1), a.rows.div_ceil(TILE.0), 256, BASELINE_SHARED);
        let mut launch = self.stream.launch_builder(&self.product);
        launch.arg(&a.at).arg(&a.pitch).arg(&a.rows).arg(&w.at).arg(&w.pitch).arg(&w.rows).arg(&sums);
        // SAFETY: pitches are equal, as widths are, and multiples of 64; `sums` has room for rows times rows.
        unsafe { launch.launch(grid) }.doing("multiplying").map(drop)
    }

    /// A layer in one kernel, where chip and shape allow it: chunks' values and the next inputs, without sums in memory.
    pub fn layer(&self, inputs: &Matrix, weights: &Matrix, finish: &Finish) -> Result<(), GpuError> {
        match &self.hopper {
            Some(hopper) => hopper.layer(&self.stream, inputs, weights, finish),
            None => Ok(()),
        }
    }

    /// Bytes of [`Finish::room`]: sums of one tile for each block of threads. `None` where there is no such kernel, or this
    /// shape is none for it: rows of sums have to be whole chunks, and more than one in all.
    pub fn layer_room(&self, rows: u32, columns: u32) -> Option<u64> {
        let hopper = self.hopper.as_ref()?;
        let chunks =
            columns.is_multiple_of(TILE.1) && u64::from(rows) * u64::from(columns) > u64::from(TILE.1);
        chunks.then_some(u64::from(hopper.blocks) * u64::from(TILE.0 * TILE.1) * 4)
    }
}

impl Hopper {
    fn load(context: &Arc<CudaContext>) -> Result<Self, GpuError> {
        let doing = "loading Hopper's kernels";
        let module = context.load_module(Ptx::from_src(HOPPER)).doing(doing)?;
        let function = |name| with_shared(module.load_function(name).doing(doing)?, HOPPER_SHARED);
        let blocks = crate::device::facts_of(context)?.multiprocessors / CLUSTER * CLUSTER;
        Ok(Self {
            product: function("product_hopper")?,
            store: function("store_hopper")?,
            layer: function("layer_hopper")?,
            blocks,
        })
    }

    fn maps(inputs: &Matrix, weights: &Matrix) -> Result<(TensorMap, TensorMap, Shape), GpuError> {
        let shape = Shape { rows: inputs.rows, columns: weights.rows, width: inputs.width };
        // Each block of a cluster brings its part of the weights for all.
        Ok((TensorMap::new(inputs, TILE.0)?, TensorMap::new(weights, TILE.1 / CLUSTER)?, shape))
    }

    fn grid(&self, shape: &Shape) -> LaunchConfig {
        let tiles = shape.rows.div_ceil(TILE.0 * CLUSTER) * shape.columns.div_ceil(TILE.1);
        grid((tiles * CLUSTER).min(self.blocks), 1, 384, HOPPER_SHARED)
    }

    fn product(
        &self,
        stream: &CudaStream,
        inputs: &Matrix,
        weights: &Matrix,
        sums: CUdeviceptr,
    ) -> Result<(), GpuError> {
        let (inputs, weights, shape) = Self::maps(inputs, weights)?;
        // The copy engine wants rows of whole 16 bytes.
        if shape.columns.is_multiple_of(4) {
            let out = TensorMap::of_sums(sums, shape.rows, shape.columns)?;
            let mut launch = stream.launch_builder(&self.store);
            launch.arg(&inputs).arg(&weights).arg(&shape).arg(&out);
            // SAFETY: the maps keep reads and writes within the matrices.
            return unsafe { launch.launch(self.grid(&shape)) }.doing("multiplying").map(drop);
        }
        let mut launch = stream.launch_builder(&self.product);
        launch.arg(&inputs).arg(&weights).arg(&shape).arg(&sums);
        // SAFETY: `sums` has room for rows times columns; the maps keep reads within the matrices.
        unsafe { launch.launch(self.grid(&shape)) }.doing("multiplying").map(drop)
    }

    fn layer(
        &self,
        stream: &CudaStream,
        inputs: &Matrix,
        weights: &Matrix,
        finish: &Finish,
    ) -> Result<(), GpuError> {
        let (inputs, weights, shape) = Self::maps(inputs, weights)?;
        let mut launch = stream.launch_builder(&self.layer);
        launch.arg(&inputs).arg(&weights).arg(&shape).arg(finish);
        // SAFETY: `finish` has room for the chunks of all rows, for the next inputs, and for a tile of each block of threads.
        unsafe { launch.launch(self.grid(&shape)) }.doing("doing a layer").map(drop)
    }
}
