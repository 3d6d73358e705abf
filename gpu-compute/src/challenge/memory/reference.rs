//! The challenge done on a processor, block by block: what every other implementation has to agree with.

use super::{
    BLOCK, Block, END, Memory, Roots, STEPS_OF_A_WALK, block,
    proof::{Disclosure, Questions},
};
use drilling::{Hash, tree::TreeError};

/// A challenge that was done.
#[derive(Debug)]
pub struct Filled {
    challenge: Memory,
    /// As they lie in memory.
    bytes: Vec<u8>,
    ends: Vec<u8>,
    roots: Roots,
}

impl Filled {
    /// Does the challenge.
    pub fn new(challenge: &Memory) -> Result<Self, TreeError> {
        Self::over(challenge, fill(challenge, |_, _| {}))
    }

    /// As memory holds it, and what walks end in.
    #[cfg(test)]
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.bytes, &self.ends)
    }

    fn over(challenge: &Memory, bytes: Vec<u8>) -> Result<Self, TreeError> {
        let blocks = challenge.blocks_tree()?.root(&bytes);
        let (ends, walks) = walk_all(challenge, &blocks, &bytes)?;
        Ok(Self { challenge: *challenge, bytes, ends, roots: Roots { blocks, walks } })
    }

    /// What the result commits to.
    pub fn roots(&self) -> Roots {
        self.roots
    }

    /// The result.
    pub fn digest(&self) -> Hash {
        self.challenge.digest(&self.roots)
    }

    /// Answers questions.
    pub fn disclose(&self, questions: &Questions) -> Result<Disclosure, TreeError> {
        let (blocks, ends) = (self.challenge.blocks_tree()?, self.challenge.ends_tree()?);
        let open = |index: u32, proof: &mut Vec<u8>| {
            blocks.open(&self.bytes, u64::from(index) * BLOCK, BLOCK, proof)
        };
        questions.answer(&self.challenge, &self.roots, open, |walk, proof| {
            ends.open(&self.ends, u64::from(walk) * END, END, proof)
        })
    }
}

fn block_at(bytes: &[u8], index: u32) -> Block {
    let from = index as usize * BLOCK as usize;
    block::from_bytes(bytes.get(from..from + BLOCK as usize).unwrap_or_default())
}

/// All blocks, in memory's order. `change` is what a cheat does to each, and nothing else uses.
fn fill(challenge: &Memory, mut change: impl FnMut(u32, &mut Block)) -> Vec<u8> {
    let id = challenge.id();
    let mut bytes = Vec::new();
    for step in 0..challenge.steps {
        for lane in 0..challenge.lanes {
            let mut made = match step {
                0 => block::first(&id, lane),
                step => {
                    let before = block_at(&bytes, (step - 1) * challenge.lanes + lane);
                    let read = challenge.references(step, lane, &before);
                    block::mix(&before, &read.map(|index| block_at(&bytes, index)))
                }
            };
            change(step * challenge.lanes + lane, &mut made);
            bytes.extend(block::bytes(&made));
        }
    }
    bytes
}

/// All walks: where they end, and the root over that.
fn walk_all(challenge: &Memory, root: &Hash, bytes: &[u8]) -> Result<(Vec<u8>, Hash), TreeError> {
    let key = challenge.walk_key(root);
    let mut ends = Vec::new();
    for walk in 0..challenge.walks {
        let state = walked(challenge, &key, walk, |index| Ok::<_, TreeError>(block_at(bytes, index)))?;
        ends.extend(end_of(&state));
    }
    let root = challenge.ends_tree()?.root(&ends);
    Ok((ends, root))
}

/// A walk's last state, given blocks as they are asked for.
pub(super) fn walked<E>(
    challenge: &Memory,
    key: &Hash,
    walk: u32,
    mut at: impl FnMut(u32) -> Result<Block, E>,
) -> Result<Block, E> {
    let mut state = block::first(key, walk);
    for _ in 0..STEPS_OF_A_WALK {
        let [first, second, third] = block::heads(&state).map(|word| block::choose(word, challenge.blocks()));
        state = block::mix(&state, &[at(first)?, at(second)?, at(third)?]);
    }
    Ok(state)
}

/// What a walk ends in.
pub(super) fn end_of(state: &Block) -> [u8; END as usize] {
    let mut end = [0; END as usize];
    for (bytes, word) in end.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_le_bytes();
    }
    end
}

#[cfg(test)]
impl Filled {
    /// Done with blocks that were changed as they were made.
    pub fn forged(challenge: &Memory, change: impl FnMut(u32, &mut Block)) -> Result<Self, TreeError> {
        Self::over(challenge, fill(challenge, change))
    }

    /// With other walks, over blocks that were changed when they were read.
    pub fn with_walks(&self, change: impl Fn(u32, &mut Block)) -> Result<Self, TreeError> {
        let changed = self.bytes.chunks(BLOCK as usize).zip(0..).flat_map(|(bytes, index)| {
            let mut block = block::from_bytes(bytes);
            change(index, &mut block);
            block::bytes(&block)
        });
        let (challenge, changed): (_, Vec<u8>) = (self.challenge, changed.collect());
        let (ends, walks) = walk_all(&challenge, &self.roots.blocks, &changed)?;
        let roots = Roots { blocks: self.roots.blocks, walks };
        Ok(Self { challenge, bytes: self.bytes.clone(), ends, roots })
    }

    /// One of its blocks.
    pub fn block(&self, index: u32) -> Block {
        block_at(&self.bytes, index)
    }

    /// What it was made for.
    pub fn challenge(&self) -> Memory {
        self.challenge
    }

    /// What a walk ends in.
    pub fn end(&self, walk: u32) -> [u8; END as usize] {
        self.ends.as_chunks().0[walk as usize]
    }
}
