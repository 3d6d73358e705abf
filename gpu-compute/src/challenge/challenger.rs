//! The memory challenge on one GPU. The bits are the [reference](super::memory::Filled)'s.

use super::{
    fingerprint,
    memory::{BLOCK, Disclosure, END, Memory, Questions, Roots},
    path::path,
};
use crate::{
    arguments::{NODES, Tree, Trees, Words8},
    device::{self, Facts},
    drill::download,
    error::{Doing, GpuError},
    kernels::{Kernels, Path},
    memory::Room,
};
use cudarc::{
    driver::{
        CudaContext, CudaEvent, CudaFunction, LaunchConfig, PushKernelArg,
        sys::{CUdeviceptr, CUevent_flags},
    },
    nvrtc::Ptx,
};
use drilling::Hash;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const CHALLENGE: &str = include_str!("../../ptx/challenge.ptx");
/// `WARPS` of `memory.cu`.
const WARPS: u32 = 4;
/// Blocks of threads that walk at one time on each multiprocessor.
const WALKERS: u32 = 10;

/// A GPU that is challenged. It keeps its memory until it is dropped, and what the last challenge left in it, for questions.
#[derive(Debug)]
pub struct Challenger {
    context: Arc<CudaContext>,
    pub(super) kernels: Kernels,
    facts: Facts,
    functions: Functions,
    pub(super) measures: fingerprint::Functions,
    rooms: Rooms,
    pub(super) fingerprint_rooms: fingerprint::Rooms,
    done: Option<Done>,
}

#[derive(Debug)]
struct Functions {
    fill: CudaFunction,
    leaves: CudaFunction,
    walk: CudaFunction,
}

#[derive(Debug, Default)]
struct Rooms {
    blocks: Room,
    leaves: Room,
    nodes: Room,
    ends: Room,
    end_leaves: Room,
    end_nodes: Room,
}

/// What questions are answered from.
#[derive(Debug)]
struct Done {
    challenge: Memory,
    roots: Roots,
    blocks: Levels,
    ends: Levels,
}

/// A tree on the device, each level 512 nodes to one: where its nodes are, and how many. The last holds the root.
#[derive(Debug, Default)]
struct Levels {
    key: Hash,
    data: CUdeviceptr,
    bytes: u64,
    nodes: Vec<(CUdeviceptr, u32)>,
}

/// A result and how long it took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Committed {
    /// What it commits to.
    pub roots: Roots,
    /// The result.
    pub digest: Hash,
    /// Where time went.
    pub spans: Spans,
}

/// Times, without the reservation of memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spans {
    /// The fill by the GPU's clock, ms.
    pub fill_ms: f32,
    /// The tree over all blocks, ms.
    pub hash_ms: f32,
    /// Walks and the tree over their ends, ms.
    pub walk_ms: f32,
    /// All of it by the host's clock.
    pub host: Duration,
}

impl Challenger {
    /// Opens a GPU and loads the kernels for it.
    pub fn open(index: usize) -> Result<Self, GpuError> {
        let context = device::open(index)?;
        // One path for all chips: what is compared is the chip.
        let kernels = Kernels::load(&context, Some(Path::Baseline))?;
        let doing = "loading kernels";
        let module = context.load_module(Ptx::from_src(CHALLENGE)).doing(doing)?;
        let function = |name| module.load_function(name).doing(doing);
        let functions = Functions {
            fill: function("memory_fill")?,
            leaves: function("memory_leaves")?,
            walk: function("memory_walk")?,
        };
        Ok(Self {
            facts: device::facts_of(&context)?,
            measures: fingerprint::Functions::load(&module)?,
            context,
            kernels,
            functions,
            rooms: Rooms::default(),
            fingerprint_rooms: fingerprint::Rooms::default(),
            done: None,
        })
    }

    /// What CUDA says of the GPU.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Bytes of GPU memory that are free, what this challenger holds not among them.
    pub fn free(&self) -> Result<u64, GpuError> {
        self.bind()?;
        self.context.mem_get_info().doing("asking for free memory").map(|(free, _)| free as u64)
    }

    /// Gives back all memory, and what the last challenge left in it.
    pub fn forget(&mut self) -> Result<(), GpuError> {
        (self.done, self.rooms) = (None, Rooms::default());
        self.fingerprint_rooms = fingerprint::Rooms::default();
        self.wait("freeing memory")
    }

    fn wait(&self, doing: &'static str) -> Result<(), GpuError> {
        self.kernels.stream.synchronize().doing(doing)
    }

    pub(super) fn bind(&self) -> Result<(), GpuError> {
        self.context.bind_to_thread().doing("using the GPU")
    }

    /// Milliseconds that the work took on the GPU.
    pub(super) fn timed(&self, work: impl FnOnce() -> Result<(), GpuError>) -> Result<f32, GpuError> {
        let before = self.event()?;
        work()?;
        let after = self.event()?;
        self.wait("measuring")?;
        before.elapsed_ms(&after).doing("timing")
    }

    /// Does a challenge.
    pub fn memory(&mut self, challenge: &Memory) -> Result<Committed, GpuError> {
        self.bind()?;
        self.done = None;
        let (mut blocks, mut ends) = self.reserve(challenge)?;
        self.wait("reserving memory")?;
        let begun = Instant::now();
        let start = self.event()?;
        self.fill(challenge, blocks.data)?;
        let filled = self.event()?;
        self.leaves(&blocks)?;
        let root = self.climb(&mut blocks)?;
        let hashed = self.event()?;
        let root = self.fetch(root)?;
        let walking = self.event()?;
        self.walk(challenge, &challenge.walk_key(&root), blocks.data, ends.data)?;
        let (values, count) = ends.nodes.first().copied().unwrap_or_default();
        self.kernels.chunks(ends.data, ends.bytes, (0, count), values, &Words8::from(&ends.key))?;
        let walks = self.climb(&mut ends)?;
        let walked = self.event()?;
        let roots = Roots { blocks: root, walks: self.fetch(walks)? };
        let host = begun.elapsed();
        let between = |from: &CudaEvent, to: &CudaEvent| from.elapsed_ms(to).doing("timing");
        let spans = Spans {
            fill_ms: between(&start, &filled)?,
            hash_ms: between(&filled, &hashed)?,
            walk_ms: between(&walking, &walked)?,
            host,
        };
        self.done = Some(Done { challenge: *challenge, roots, blocks, ends });
        Ok(Committed { roots, digest: challenge.digest(&roots), spans })
    }

    /// Answers questions about the last challenge; none where there was none.
    pub fn disclose(&self, questions: &Questions) -> Result<Option<Disclosure>, GpuError> {
        let Some(done) = &self.done else { return Ok(None) };
        self.bind()?;
        let open = |index: u32, proof: &mut Vec<u8>| self.open_chunk(&done.blocks, index, proof);
        let end = |walk: u32, proof: &mut Vec<u8>| {
            self.open_chunk(&done.ends, (u64::from(walk) * END / BLOCK) as u32, proof)
        };
        questions.answer(&done.challenge, &done.roots, open, end).map(Some)
    }

    /// Memory for blocks and ends, and for their trees.
    fn reserve(&mut self, challenge: &Memory) -> Result<(Levels, Levels), GpuError> {
        let (stream, rooms) = (&self.kernels.stream, &mut self.rooms);
        let levels = |key, bytes: u64, data: &mut Room, leaves: &mut Room, above: &mut Room| {
            let count = bytes.div_ceil(BLOCK) as u32;
            let data = data.sized(stream, bytes)?;
            let mut nodes = vec![(leaves.sized(stream, 32 * u64::from(count))?, count)];
            let mut at = above.sized(stream, 32 * (u64::from(count / (NODES - 1)) + 8))?;
            let mut count = count;
            while count > 1 {
                count = count.div_ceil(NODES);
                nodes.push((at, count));
                at += 32 * u64::from(count);
            }
            Ok::<_, GpuError>(Levels { key, data, bytes, nodes })
        };
        let Rooms { blocks, leaves, nodes, ends, end_leaves, end_nodes } = rooms;
        let blocks = levels(challenge.blocks_key(), challenge.bytes(), blocks, leaves, nodes)?;
        let walks = u64::from(challenge.walks()) * END;
        Ok((blocks, levels(challenge.ends_key(), walks, ends, end_leaves, end_nodes)?))
    }

    fn event(&self) -> Result<CudaEvent, GpuError> {
        self.kernels.stream.record_event(Some(CUevent_flags::CU_EVENT_DEFAULT)).doing("timing")
    }

    fn fill(&self, challenge: &Memory, blocks: CUdeviceptr) -> Result<(), GpuError> {
        let (key, lanes) = (Words8::from(&challenge.id()), challenge.lanes());
        for (from, to) in challenge.segments() {
            let mut launch = self.kernels.stream.launch_builder(&self.functions.fill);
            launch.arg(&blocks).arg(&lanes).arg(&from).arg(&to).arg(&key);
            // SAFETY: there is room for all lanes' steps; references lead to earlier ones.
            unsafe { launch.launch(of_threads(lanes.div_ceil(WARPS), 32 * WARPS)) }
                .doing("filling memory")?;
        }
        Ok(())
    }

    fn leaves(&self, tree: &Levels) -> Result<(), GpuError> {
        let (values, count) = tree.nodes.first().copied().unwrap_or_default();
        let key = Words8::from(&tree.key);
        let mut launch = self.kernels.stream.launch_builder(&self.functions.leaves);
        launch.arg(&tree.data).arg(&count).arg(&values).arg(&key);
        // SAFETY: as many blocks lie there, and `values` has room for as many values.
        unsafe { launch.launch(of_threads(count.div_ceil(128), 128)) }.doing("hashing").map(drop)
    }

    /// From leaves to the root; where that lies.
    fn climb(&self, tree: &mut Levels) -> Result<CUdeviceptr, GpuError> {
        for pair in tree.nodes.windows(2) {
            let [(values, count), (above, _)] = *pair else { continue };
            let mut trees = Trees::default();
            trees.0[0] = Tree { values, above, key: Words8::from(&tree.key), count };
            self.kernels.merge(&trees)?;
        }
        Ok(tree.nodes.last().map_or(0, |(at, _)| *at))
    }

    fn walk(
        &self,
        challenge: &Memory,
        key: &Hash,
        blocks: CUdeviceptr,
        ends: CUdeviceptr,
    ) -> Result<(), GpuError> {
        let (count, walks, key, from) = (challenge.blocks(), challenge.walks(), Words8::from(key), 0u32);
        let walkers = walks.div_ceil(WARPS).min(WALKERS * self.facts.multiprocessors.max(1));
        let mut launch = self.kernels.stream.launch_builder(&self.functions.walk);
        launch.arg(&blocks).arg(&count).arg(&key).arg(&from).arg(&walks).arg(&ends);
        // SAFETY: reads stay within `count` blocks; `ends` has 32 bytes for each walk.
        unsafe { launch.launch(of_threads(walkers, 32 * WARPS)) }.doing("walking").map(drop)
    }

    fn fetch(&self, at: CUdeviceptr) -> Result<Hash, GpuError> {
        let mut hash = [0; 32];
        download(&self.kernels, at, &mut hash)?;
        Ok(hash)
    }

    /// Appends a chunk and the chaining values of all subtrees beside it, left to right.
    fn open_chunk(&self, tree: &Levels, chunk: u32, proof: &mut Vec<u8>) -> Result<(), GpuError> {
        let from = u64::from(chunk) * BLOCK;
        let mut bytes = vec![0; (tree.bytes - from).min(BLOCK) as usize];
        download(&self.kernels, tree.data + from, &mut bytes)?;
        proof.append(&mut bytes);
        let counts: Vec<u32> = tree.nodes.iter().map(|(_, count)| *count).collect();
        let fetch = |level: usize, first: u32, count: u32| {
            let (at, _) = tree.nodes.get(level).copied().unwrap_or_default();
            let mut group = vec![[0; 32]; count as usize];
            download(&self.kernels, at + 32 * u64::from(first), group.as_flattened_mut())?;
            Ok::<_, GpuError>(group)
        };
        proof.extend(path(&tree.key, &counts, chunk, fetch)?.as_flattened());
        Ok(())
    }
}

pub(super) fn of_threads(blocks: u32, threads: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (threads, 1, 1), shared_mem_bytes: 0 }
}
