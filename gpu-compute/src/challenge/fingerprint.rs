//! The ratio fingerprint: how fast a chip multiplies bytes and halves, and reads its memory and its cache, in one short run.
//!
//! Inputs are generated from a seed, and what comes out is checked at drawn places, so work cannot be skipped. A power cap or heat slows all
//! of it alike; another chip has other ratios.

use super::challenger::{Challenger, of_threads};
use crate::{
    arguments::Words8,
    drill::download,
    error::{Doing, GpuError},
    kernels::with_shared_of_product,
    memory::{Matrix, Room},
};
use cudarc::driver::{CudaFunction, CudaModule, LaunchConfig, PushKernelArg, sys::CUdeviceptr};
use drilling::{
    Hash, blake3,
    element::{self, Tensor},
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// Rows and columns of sums.
const SIDE: u32 = 4096;
/// Bytes in a row: as many products of s8, half as many of halves.
const WIDTH: u32 = 8192;
/// Bytes that are read from memory, once.
const LARGE: u64 = 1 << 30;
/// Bytes that every chip's cache holds, and how often they are read.
const SMALL: (u64, u32) = (8 << 20, 256);
/// Times that each speed is taken; the best counts, since whatever disturbs makes it slower.
const ROUNDS: u32 = 5;
/// Threads that read: `read_over` has each round divide by four times as many.
const READERS: (u32, u32) = (512, 256);

/// Speeds, a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// int8 operations.
    pub int8: f64,
    /// fp16 operations, added in fp32.
    pub fp16: f64,
    /// Bytes from memory.
    pub memory: f64,
    /// Bytes from the last cache.
    pub cache: f64,
}

impl Rates {
    /// int8 operations, fp16 operations and bytes from the cache, each for a byte from memory.
    pub fn ratios(&self) -> [f64; 3] {
        [self.int8, self.fp16, self.cache].map(|rate| rate / self.memory)
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [int8, fp16, cache] = self.ratios();
        let Self { int8: a, fp16: b, memory: m, cache: c } = self;
        let (a, b, m, c) = (a / 1e12, b / 1e12, m / 1e12, c / 1e12);
        write!(
            f,
            "int8 {a:.0} T/s, fp16 {b:.0} T/s, memory {m:.2} TB/s, cache {c:.2} TB/s ({int8:.0} : {fp16:.0} : 1 : {cache:.2})"
        )
    }
}

/// Whether what came out is what the seed gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// At every place that was looked at.
    Right,
    /// Somewhere it is not.
    Wrong,
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fingerprint {
    /// By the GPU's clock.
    pub rates: Rates,
    /// Whether the work was done.
    pub verified: Verified,
    /// The best times of the four kernels by the GPU's clock, together, ms.
    pub gpu_ms: f32,
    /// All of it by the host's clock, inputs and checks included.
    pub host: Duration,
}

/// int8 and fp16 operations of one run, for energy.
pub const OPERATIONS: f64 = 3.0 * ROUNDS as f64 * SIDE as f64 * SIDE as f64 * WIDTH as f64;

#[derive(Debug)]
pub(super) struct Functions {
    halves: CudaFunction,
    product_half: CudaFunction,
    read_over: CudaFunction,
}

impl Functions {
    pub fn load(module: &Arc<CudaModule>) -> Result<Self, GpuError> {
        let function = |name| module.load_function(name).doing("loading kernels");
        Ok(Self {
            halves: function("halves")?,
            product_half: with_shared_of_product(function("product_half")?)?,
            read_over: function("read_over")?,
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct Rooms {
    matrices: [Room; 4],
    sums: Room,
    words: Room,
    ends: Room,
}

/// What a run works on.
struct Inputs {
    bytes: [Matrix; 2],
    halves: [Matrix; 2],
    sums: CUdeviceptr,
    words: Matrix,
    ends: CUdeviceptr,
}

/// Tensors: inputs and weights of the products, and words that are read.
const TENSORS: [u32; 3] = [0, 1, 2];

impl Challenger {
    /// Measures the chip. Some milliseconds of its time; `spots` places of each result are checked on the processor.
    pub fn fingerprint(&mut self, seed: &Hash, spots: u32) -> Result<Fingerprint, GpuError> {
        self.bind()?;
        let key = blake3(&[b"matrixai:fingerprint:v1", seed]);
        let mut rooms = std::mem::take(&mut self.fingerprint_rooms);
        let begun = Instant::now();
        let measured = self.measure(&mut rooms, &key, spots);
        self.fingerprint_rooms = rooms;
        let (rates, verified, gpu_ms) = measured?;
        Ok(Fingerprint { rates, verified, gpu_ms, host: begun.elapsed() })
    }

    fn measure(&self, rooms: &mut Rooms, key: &Hash, spots: u32) -> Result<(Rates, Verified, f32), GpuError> {
        let inputs = self.inputs(rooms, key)?;
        let mut right = true;
        let [a, w] = &inputs.bytes;
        let int8 = self.best(|| self.kernels.product(a, w, inputs.sums))?;
        right &= self.spots(&inputs, key, spots, Spot::Bytes)?;
        let fp16 = self.best(|| self.product_half(&inputs))?;
        right &= self.spots(&inputs, key, spots, Spot::Halves)?;
        let memory = self.best(|| self.read_over(&inputs, LARGE, 1))?;
        right &= self.ends(&inputs, key, spots, (LARGE, 1))?;
        let cache = self.best(|| self.read_over(&inputs, SMALL.0, SMALL.1))?;
        right &= self.ends(&inputs, key, spots.min(2), SMALL)?;
        let (products, second) = (2.0 * f64::from(SIDE) * f64::from(SIDE) * f64::from(WIDTH), 1e-3);
        let rates = Rates {
            int8: products / (f64::from(int8) * second),
            fp16: products / 2.0 / (f64::from(fp16) * second),
            memory: LARGE as f64 / (f64::from(memory) * second),
            cache: (SMALL.0 * u64::from(SMALL.1)) as f64 / (f64::from(cache) * second),
        };
        Ok((rates, if right { Verified::Right } else { Verified::Wrong }, int8 + fp16 + memory + cache))
    }

    fn best(&self, work: impl Fn() -> Result<(), GpuError>) -> Result<f32, GpuError> {
        let mut best = f32::INFINITY;
        for _ in 0..ROUNDS {
            best = best.min(self.timed(&work)?);
        }
        Ok(best)
    }

    fn inputs(&self, rooms: &mut Rooms, key: &Hash) -> Result<Inputs, GpuError> {
        let stream = &self.kernels.stream;
        let [a, w, half_a, half_w] = &mut rooms.matrices;
        let matrix = |room: &mut Room| Matrix::within(room, stream, SIDE, WIDTH);
        let inputs = Inputs {
            bytes: [matrix(a)?, matrix(w)?],
            halves: [matrix(half_a)?, matrix(half_w)?],
            sums: rooms.sums.sized(stream, u64::from(SIDE) * u64::from(SIDE) * 4)?,
            words: Matrix::within(&mut rooms.words, stream, (LARGE / u64::from(WIDTH)) as u32, WIDTH)?,
            ends: rooms.ends.sized(stream, u64::from(READERS.0 * READERS.1) * 4)?,
        };
        let words = Words8::from(key);
        let [a, w] = &inputs.bytes;
        for (matrix, tensor) in [a, w, &inputs.words].into_iter().zip(TENSORS) {
            self.kernels.generate(matrix, &words, tensor)?;
        }
        for (bytes, halves) in inputs.bytes.iter().zip(&inputs.halves) {
            let count = u64::from(SIDE) * u64::from(WIDTH / 2);
            let mut launch = stream.launch_builder(&self.measures.halves);
            // The first half of a matrix's bytes, in order, become all of the other's halves.
            launch.arg(&bytes.at).arg(&count).arg(&halves.at);
            // SAFETY: as many bytes are there, and room for as many halves.
            unsafe { launch.launch(of_threads(2048, 256)) }.doing("making halves")?;
        }
        Ok(inputs)
    }

    fn product_half(&self, inputs: &Inputs) -> Result<(), GpuError> {
        let [a, w] = &inputs.halves;
        let mut launch = self.kernels.stream.launch_builder(&self.measures.product_half);
        launch.arg(&a.at).arg(&a.pitch).arg(&a.rows).arg(&w.at).arg(&w.pitch).arg(&w.rows).arg(&inputs.sums);
        let config = LaunchConfig {
            grid_dim: (SIDE / 256, SIDE / 128, 1),
            block_dim: (256, 1, 1),
            shared_mem_bytes: crate::kernels::BASELINE_SHARED,
        };
        // SAFETY: pitches are equal and multiples of 64; `sums` has room for rows times rows.
        unsafe { launch.launch(config) }.doing("multiplying halves").map(drop)
    }

    fn read_over(&self, inputs: &Inputs, bytes: u64, rounds: u32) -> Result<(), GpuError> {
        let count = (bytes / 16) as u32;
        let mut launch = self.kernels.stream.launch_builder(&self.measures.read_over);
        launch.arg(&inputs.words.at).arg(&count).arg(&rounds).arg(&inputs.ends);
        // SAFETY: reads stay within `count`, a power of two; `ends` has a word for each thread.
        unsafe { launch.launch(of_threads(READERS.0, READERS.1)) }.doing("reading").map(drop)
    }

    /// Whether sums at drawn places are those of the inputs.
    fn spots(&self, inputs: &Inputs, key: &Hash, spots: u32, kind: Spot) -> Result<bool, GpuError> {
        for spot in 0..spots {
            let [row, column] = draw(key, spot).map(|word| word % SIDE);
            let at = inputs.sums + (u64::from(row) * u64::from(SIDE) + u64::from(column)) * 4;
            let mut found = [0u8; 4];
            download(&self.kernels, at, &mut found)?;
            let expected = kind.sum(key, row, column);
            let same = match kind {
                Spot::Bytes => i32::from_le_bytes(found) == expected,
                Spot::Halves => f32::from_le_bytes(found) == expected as f32,
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether drawn threads ended in what they should have read.
    fn ends(
        &self,
        inputs: &Inputs,
        key: &Hash,
        spots: u32,
        (bytes, rounds): (u64, u32),
    ) -> Result<bool, GpuError> {
        for spot in 0..spots {
            let [thread, _] = draw(key, spot).map(|word| word % (READERS.0 * READERS.1));
            let mut found = [0u8; 4];
            download(&self.kernels, inputs.ends + u64::from(thread) * 4, &mut found)?;
            if u32::from_le_bytes(found) != end_of(key, thread, bytes, rounds) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Places are drawn from what the prover has anyway; an inspector draws his own afterwards.
fn draw(key: &Hash, spot: u32) -> [u32; 2] {
    let hash = blake3(&[b"matrixai:fingerprint:spot:v1", key, &spot.to_le_bytes()]);
    let mut words = hash.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
    [words.next().unwrap_or_default(), words.next().unwrap_or_default()]
}

#[derive(Clone, Copy)]
enum Spot {
    Bytes,
    Halves,
}

impl Spot {
    /// One sum, by its definition.
    fn sum(self, key: &Hash, row: u32, column: u32) -> i32 {
        let products = match self {
            Self::Bytes => WIDTH,
            Self::Halves => WIDTH / 2,
        };
        let (inputs, weights) = (Tensor::Inputs, Tensor::Weights(0));
        let element = |tensor, row: u32| self.row(key, tensor, row, products);
        element(inputs, row).zip(element(weights, column)).map(|(a, w)| a * w).sum()
    }

    /// A row's elements: bytes as they are; halves of the bytes in their order, whatever the rows of bytes.
    fn row(self, key: &Hash, tensor: Tensor, row: u32, products: u32) -> impl Iterator<Item = i32> + use<> {
        let first = u64::from(row) * u64::from(products);
        let (key, shift) = (*key, if matches!(self, Self::Halves) { 4 } else { 0 });
        (first..first + u64::from(products)).step_by(element::BLOCK).flat_map(move |at| {
            let (row, byte) = ((at / u64::from(WIDTH)) as u32, (at % u64::from(WIDTH)) as u32);
            element::block(&key, tensor, row, byte / element::BLOCK as u32)
                .map(|byte| i32::from(byte) >> shift)
        })
    }
}

/// What a thread of `read_over` ends in.
fn end_of(key: &Hash, thread: u32, bytes: u64, rounds: u32) -> u32 {
    let (count, threads) = ((bytes / 16) as u32, READERS.0 * READERS.1);
    let mut end = thread;
    for round in 0..rounds {
        let shift = thread.wrapping_add(round.wrapping_mul(4099));
        for at in (0..count).step_by(threads as usize) {
            let index = at.wrapping_add(shift) & (count - 1);
            end = end.rotate_right(7).wrapping_add(folded(key, index));
        }
    }
    end
}

/// The four words at a place, folded into one.
fn folded(key: &Hash, index: u32) -> u32 {
    let blocks_of_row = WIDTH / element::BLOCK as u32;
    let (block, part) = (index / 4, index as usize % 4);
    let bytes = element::block(key, Tensor::Weights(1), block / blocks_of_row, block % blocks_of_row);
    let words = bytes.as_chunks::<16>().0.get(part).copied().unwrap_or_default().map(|byte| byte as u8);
    words.as_chunks::<4>().0.iter().fold(0, |folded, word| folded ^ u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_generators_elements() {
        let (key, tensor) = ([5; 32], Tensor::Inputs);
        let row: Vec<i32> = Spot::Bytes.row(&key, tensor, 9, WIDTH).collect();
        assert_eq!(row.len(), WIDTH as usize);
        assert_eq!(row[100], i32::from(element::element(&key, tensor, 9, 100)));
        // Row 9 of halves begins in the middle of row 4 of bytes.
        let row: Vec<i32> = Spot::Halves.row(&key, tensor, 9, WIDTH / 2).collect();
        assert_eq!(row[100], i32::from(element::element(&key, tensor, 4, WIDTH / 2 + 100)) >> 4);
        assert!(row.iter().all(|half| (-8..8).contains(half)));
    }

    #[test]
    fn ends_depend_on_the_seed_and_the_rounds() {
        let end = end_of(&[5; 32], 17, SMALL.0, 2);
        assert_ne!(end, end_of(&[6; 32], 17, SMALL.0, 2));
        assert_ne!(end, end_of(&[5; 32], 17, SMALL.0, 1));
        assert_ne!(end, end_of(&[5; 32], 18, SMALL.0, 2));
    }
}
