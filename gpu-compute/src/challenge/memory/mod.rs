//! The memory challenge: a card's memory is filled so that no part of it can be had again for less than it is worth keeping, then walked over.
//!
//! Lanes of blocks of 1 KiB: each is mixed from the one before it in its lane and from three that its words choose, anywhere in what earlier
//! segments hold. Walks over all of it follow, which nobody can begin before the root over all blocks is known. The result is 32 bytes.
//! An inspector without such a card draws questions from it, and recomputes on a processor what they ask for. To the bit:
//! docs/gpu-challenges.md, Memory.

mod block;
mod proof;
mod reference;
#[cfg(test)]
mod tests;

pub use block::{BLOCK, Block};
pub use proof::{Disclosure, Questions, Refusal};
pub use reference::Filled;

use drilling::{
    Hash, blake3,
    tree::{Tree, TreeError},
};

/// Parts of the fill: references to other lanes lead only into earlier ones.
pub const SEGMENTS: u32 = 64;
/// Blocks that a block is mixed from, besides the one before it. With three, who keeps half of them has to make more than one for each
/// that is missing, and so on through the segments.
pub const REFERENCES: usize = 3;
/// Mixes in a walk. Each reads [`REFERENCES`] blocks.
pub const STEPS_OF_A_WALK: u32 = 16;
/// Blocks that a walk reads.
pub const READS_OF_A_WALK: u32 = STEPS_OF_A_WALK * REFERENCES as u32;
/// Bytes that a walk ends in: the first of its state.
pub const END: u64 = 32;

/// A challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    lanes: u32,
    steps: u32,
    walks: u32,
    seed: Hash,
}

/// Why there is no such challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Lanes, steps or walks are none.
    #[error("a challenge has lanes, steps and walks, at least one of each")]
    Nothing,
    /// 2^32 blocks or more: a word could not choose among them.
    #[error("{0} blocks are too many: a word chooses among fewer than 2^32")]
    TooMany(u64),
}

/// What a result commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roots {
    /// Over all blocks.
    pub blocks: Hash,
    /// Over the ends of all walks.
    pub walks: Hash,
}

impl Memory {
    /// `lanes` times `steps` blocks, and `walks` walks over them. `seed` is of [`seed_of`](super::seed_of).
    pub fn new(lanes: u32, steps: u32, walks: u32, seed: Hash) -> Result<Self, ShapeError> {
        let blocks = u64::from(lanes) * u64::from(steps);
        if blocks == 0 || walks == 0 {
            return Err(ShapeError::Nothing);
        }
        if blocks > u64::from(u32::MAX) {
            return Err(ShapeError::TooMany(blocks));
        }
        Ok(Self { lanes, steps, walks, seed })
    }

    /// About `bytes` bytes, in lanes that keep a chip busy; walks read all of it `passes` times over.
    pub fn filling(bytes: u64, passes: u32, seed: Hash) -> Result<Self, ShapeError> {
        let blocks = bytes / BLOCK;
        let lanes = LANES.min(u32::try_from(blocks / 64).unwrap_or(LANES)).max(1);
        let steps = u32::try_from(blocks / u64::from(lanes)).map_err(|_| ShapeError::TooMany(blocks))?;
        let reads = u64::from(lanes) * u64::from(steps) * u64::from(passes);
        let walks = u32::try_from(reads / u64::from(READS_OF_A_WALK)).unwrap_or(u32::MAX).max(1);
        Self::new(lanes, steps, walks, seed)
    }

    /// Lanes.
    pub fn lanes(&self) -> u32 {
        self.lanes
    }

    /// Blocks in each lane.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Blocks in all.
    pub fn blocks(&self) -> u32 {
        self.lanes * self.steps
    }

    /// Walks.
    pub fn walks(&self) -> u32 {
        self.walks
    }

    /// Bytes of memory that blocks fill.
    pub fn bytes(&self) -> u64 {
        u64::from(self.blocks()) * BLOCK
    }

    /// Bytes that a card's memory moves for it: each block is written once, mixed from three others, and read once to be hashed; walks read.
    pub fn traffic(&self) -> u64 {
        let fill = u64::from(self.blocks()) * (REFERENCES as u64 + 2);
        let walks = u64::from(self.walks) * u64::from(READS_OF_A_WALK);
        (fill + walks) * BLOCK
    }

    /// What names the challenge, and keys its first blocks.
    pub fn id(&self) -> Hash {
        let Self { lanes, steps, walks, seed } = self;
        let numbers = [lanes, steps, walks].map(|number| number.to_le_bytes());
        blake3(&[b"matrixai:memory:v1", &numbers[0], &numbers[1], &numbers[2], seed])
    }

    /// Where segments begin, and where the last one ends.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (u32, u32)> {
        let steps = u64::from(self.steps);
        let edge = move |segment: u32| (u64::from(segment) * steps / u64::from(SEGMENTS)) as u32;
        (0..SEGMENTS).map(move |segment| (edge(segment), edge(segment + 1))).filter(|(from, to)| from < to)
    }

    /// The blocks that a block is mixed from besides the one before it, given that one's first words.
    fn references(&self, step: u32, lane: u32, before: &Block) -> [u32; REFERENCES] {
        let begun =
            self.segments().map(|(from, _)| from).take_while(|from| *from <= step).last().unwrap_or(0);
        block::heads(before).map(|word| match begun {
            0 => block::choose(word, step) * self.lanes + lane,
            begun => block::choose(word, begun * self.lanes),
        })
    }

    pub(crate) fn blocks_key(&self) -> Hash {
        blake3(&[b"matrixai:memory:blocks:v1", &self.id()])
    }

    pub(crate) fn ends_key(&self) -> Hash {
        blake3(&[b"matrixai:memory:ends:v1", &self.id()])
    }

    /// What keys the walks' first states: nobody walks before all blocks are there.
    pub(crate) fn walk_key(&self, blocks: &Hash) -> Hash {
        blake3(&[b"matrixai:memory:walk:v1", &self.id(), blocks])
    }

    fn blocks_tree(&self) -> Result<Tree, TreeError> {
        Tree::new(self.blocks_key(), self.bytes())
    }

    fn ends_tree(&self) -> Result<Tree, TreeError> {
        Tree::new(self.ends_key(), u64::from(self.walks) * END)
    }

    /// The result.
    pub fn digest(&self, roots: &Roots) -> Hash {
        blake3(&[b"matrixai:memory:result:v1", &self.id(), &roots.blocks, &roots.walks])
    }
}

/// Lanes of a large challenge: as many warps as the largest chips hold at one time.
const LANES: u32 = 4096;
