//! Everybody who multiplies, behind one face.

use std::{
    io::{BufRead, BufReader, Write},
    num::NonZeroUsize,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use drilling::cpu::{Backend, Options, Weights};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions};
use rten_tensor::{Matrix, NdTensorView};
use tract_data::internal::Tensor;
use tract_linalg::{
    mmm::{AsInputValue, FusedSpec},
    multithread::{Executor, multithread_tract_scope},
};

/// A product of two square matrices, done `rounds` times: the best round's seconds.
pub type Product = Box<dyn FnMut(usize) -> f64>;

/// Processor time of this thread, in seconds: other processes on the machine do not count.
pub fn thread_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it fills in the time.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The best round's seconds: processor time where one thread works, the wall clock where several do.
pub fn best(rounds: usize, threads: usize, mut work: impl FnMut()) -> f64 {
    let one = |_| {
        let (start, worked) = (Instant::now(), thread_time());
        work();
        if threads == 1 { thread_time() - worked } else { start.elapsed().as_secs_f64() }
    };
    (0..rounds).map(one).fold(f64::INFINITY, f64::min)
}

fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u8
    };
    (0..count).map(|_| next()).collect()
}

pub fn signed(count: usize, seed: u64) -> Vec<i8> {
    bytes(count, seed).into_iter().map(|byte| byte as i8).collect()
}

/// Room for sums that begins at a multiple of 64 bytes, for everybody alike.
struct Sums(Vec<i32>);

impl Sums {
    fn new(count: usize) -> Self {
        Self(vec![0; count + 16])
    }

    fn aligned(&mut self) -> &mut [i32] {
        let skip = self.0.as_ptr().align_offset(64);
        let count = self.0.len() - 16;
        &mut self.0[skip..skip + count]
    }
}

pub fn options(backend: Backend, threads: usize) -> Options {
    let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
    Options { backend, threads, ..Options::default() }
}

/// Ours: weights packed, inputs packed in the measured time.
pub fn ours(backend: Backend, size: usize, threads: usize) -> Product {
    let mut weights = Weights::pack(&options(backend, threads), &signed(size * size, 1), size).unwrap();
    let inputs = signed(size * size, 2);
    let mut sums = Sums::new(size * size);
    Box::new(move |rounds| best(rounds, threads, || weights.multiply(&inputs, sums.aligned()).unwrap()))
}

/// Whether a product's first row is what it has to be: without VNNI some add pairs of products in 16 bits, which saturate.
fn is_exact(size: usize, inputs: &[u8], weights: &[i8], sums: &[i32]) -> bool {
    let sum = |column: usize| {
        let products = (0..size).map(|k| i32::from(inputs[k]) * i32::from(weights[k * size + column]));
        products.sum::<i32>()
    };
    (0..size).all(|column| sums[column] == sum(column))
}

/// rten-gemm, u8 by s8, weights packed; and whether it is exact here.
pub fn rten(size: usize, threads: usize) -> (Product, bool) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let gemm = GemmExecutor::<u8, i8, i32>::default();
    let (inputs, weights) = (bytes(size * size, 2), signed(size * size, 1));
    let packed = gemm.prepack_b(Matrix::from_data([size, size], &weights[..]));
    let mut sums = Sums::new(size * size);
    let multiply = move |inputs: &[u8], sums: &mut [i32]| {
        let a = NdTensorView::from_data([size, size], inputs);
        let (a, b) = (GemmInputA::Unpacked(a), GemmInputB::Packed(&packed));
        gemm.gemm(sums, a, b, GemmOptions::default()).unwrap();
    };
    multiply(&inputs, sums.aligned());
    let exact = is_exact(size, &inputs, &weights, sums.aligned());
    let product = move |rounds| pool.install(|| best(rounds, threads, || multiply(&inputs, sums.aligned())));
    (Box::new(product), exact)
}

/// tract-linalg's 16×16 kernel, both sides packed, sums not stored: more than is asked of the others.
pub fn tract(size: usize, threads: usize) -> Product {
    let kernel = tract_linalg::x86_64::mmm::avx512vnni_mmm_i32_16x16.mmm();
    let matrix = |seed| Tensor::from_shape(&[size, size], &signed(size * size, seed)).unwrap();
    let (pack_inputs, pack_weights) = &kernel.packings()[1];
    let inputs = pack_inputs.prepare_one(&matrix(2), 1, 0).unwrap();
    let weights = pack_weights.prepare_one(&matrix(1), 0, 1).unwrap();
    let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
    Box::new(move |rounds| {
        let mut scratch = unsafe { kernel.allocate_scratch_space() };
        multithread_tract_scope(executor.clone(), || {
            best(rounds, threads, || {
                let (a, b) = (AsInputValue::Borrowed(&*inputs), AsInputValue::Borrowed(&*weights));
                let product = [FusedSpec::AddMatMul { a, b, packing: 1 }];
                // SAFETY: the operands have the sizes given.
                unsafe { kernel.run_with_scratch_space(size, size, scratch.as_mut(), &product).unwrap() };
            })
        })
    })
}

/// gemmkit, s8 by s8, weights packed.
pub fn gemmkit(size: usize, threads: usize) -> Product {
    use gemmkit::{MatMut, MatRef, Parallelism};
    let (inputs, weights) = (signed(size * size, 2), signed(size * size, 1));
    let packed = gemmkit::prepack_rhs_i8(MatRef::from_row_major(&weights, size, size));
    let mut sums = Sums::new(size * size);
    let parallel = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::Serial };
    Box::new(move |rounds| {
        best(rounds, threads, || {
            let (a, c) = (
                MatRef::from_row_major(&inputs, size, size),
                MatMut::from_col_major(sums.aligned(), size, size),
            );
            gemmkit::gemm_i8_packed_b(1, a, &packed, 0, c, parallel);
        })
    })
}

/// onnxruntime in a Python process of its own.
pub struct Onnx {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub version: String,
}

impl Onnx {
    /// `PYTHON` names a Python that has onnxruntime and onnx.
    pub fn start() -> Option<Self> {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        let mut child = Command::new(python)
            .args(["-c", include_str!("onnx.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (requests, answers) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut onnx = Self { child, requests, answers, version: String::new() };
        onnx.version = onnx.line()?;
        Some(onnx)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim().to_string())
    }

    /// Seconds, and whether it is exact here.
    pub fn product(&mut self, size: usize, threads: usize, rounds: usize) -> Option<(f64, bool)> {
        writeln!(self.requests, "{size} {threads} {rounds}").ok()?;
        let line = self.line()?;
        let (seconds, exact) = line.split_once(' ')?;
        Some((seconds.parse().ok()?, exact == "exact"))
    }
}

impl Drop for Onnx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
