//! Questions about a result, drawn after it is known, and the check of answers on any processor.

use super::{BLOCK, Block, END, Memory, Roots, block, reference};
use drilling::{
    Hash,
    tree::{Tree, TreeError},
};

/// What an inspector wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    /// Blocks, each with what it was mixed from.
    pub blocks: Vec<u32>,
    /// Walks, each with all that it read.
    pub walks: Vec<u32>,
}

/// Answers to questions. Each is a sequence of openings, whose number and lengths follow from the challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// What the result commits to.
    pub roots: Roots,
    /// Of each block: its opening; where it is not its lane's first, those of the one before it and of its references.
    pub blocks: Vec<Vec<u8>>,
    /// Of each walk: its end's opening, then those of the blocks that it read, in order.
    pub walks: Vec<Vec<u8>>,
}

/// Why answers were refused. Each is evidence against who gave them, since nobody else can have made the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Roots do not hash to the result.
    #[error("the roots are not those of the result")]
    Roots,
    /// There are more or fewer answers than questions.
    #[error("{given} answers to {asked} questions")]
    Count {
        /// Questions.
        asked: usize,
        /// Answers.
        given: usize,
    },
    /// A block's answer is cut short, too long, or not in the tree.
    #[error("block {0}: {1}")]
    Block(u32, TreeError),
    /// A walk's answer is cut short, too long, or not in the tree.
    #[error("walk {0}: {1}")]
    Walk(u32, TreeError),
    /// A block is not what its predecessor and references give.
    #[error("block {0} is not mixed from what it should be")]
    WrongBlock(u32),
    /// A walk does not end where its blocks lead.
    #[error("walk {0} does not end where it should")]
    WrongWalk(u32),
    /// The challenge has no tree: it is no challenge.
    #[error("no such challenge: {0}")]
    Challenge(TreeError),
}

impl Questions {
    /// Draws questions from randomness that nobody knew when the result was committed. A result of which a share `f` of blocks is wrong
    /// passes `blocks` questions with probability (1 − f)^blocks.
    pub fn draw(challenge: &Memory, result: &Hash, randomness: &Hash, blocks: usize, walks: usize) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"matrixai:memory:questions:v1").update(result).update(randomness);
        let mut words = hasher.finalize_xof();
        let mut some = |count, among| {
            let mut word = [0; 4];
            (0..count)
                .map(|_| {
                    words.fill(&mut word);
                    block::choose(u32::from_le_bytes(word), among)
                })
                .collect()
        };
        Self { blocks: some(blocks, challenge.blocks()), walks: some(walks, challenge.walks()) }
    }

    /// Puts answers together: `open` appends a block's opening to a proof, `end` a walk's end's.
    pub(crate) fn answer<E>(
        &self,
        challenge: &Memory,
        roots: &Roots,
        mut open: impl FnMut(u32, &mut Vec<u8>) -> Result<(), E>,
        mut end: impl FnMut(u32, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Disclosure, E> {
        let mut opened = |index, proof: &mut Vec<u8>| {
            let from = proof.len();
            open(index, proof)?;
            Ok(block::from_bytes(proof.get(from..).unwrap_or_default()))
        };
        let (mut blocks, mut walks) = (Vec::new(), Vec::new());
        for &index in &self.blocks {
            let mut proof = Vec::new();
            opened(index, &mut proof)?;
            if let Some((before, step, lane)) = before(challenge, index) {
                let before = opened(before, &mut proof)?;
                for index in challenge.references(step, lane, &before) {
                    opened(index, &mut proof)?;
                }
            }
            blocks.push(proof);
        }
        let key = challenge.walk_key(&roots.blocks);
        for &walk in &self.walks {
            let mut proof = Vec::new();
            end(walk, &mut proof)?;
            reference::walked(challenge, &key, walk, |index| opened(index, &mut proof))?;
            walks.push(proof);
        }
        Ok(Disclosure { roots: *roots, blocks, walks })
    }
}

/// The block before this one, this one's step and lane; none where it is its lane's first.
fn before(challenge: &Memory, index: u32) -> Option<(u32, u32, u32)> {
    let before = index.checked_sub(challenge.lanes())?;
    Some((before, index / challenge.lanes(), index % challenge.lanes()))
}

impl Memory {
    /// Checks answers against a committed result. What it takes is some microseconds for each opening, whatever the challenge's size.
    pub fn verify(&self, result: &Hash, questions: &Questions, given: &Disclosure) -> Result<(), Refusal> {
        if self.digest(&given.roots) != *result {
            return Err(Refusal::Roots);
        }
        let asked = questions.blocks.len() + questions.walks.len();
        let answers = given.blocks.len() + given.walks.len();
        if asked != answers || questions.blocks.len() != given.blocks.len() {
            return Err(Refusal::Count { asked, given: answers });
        }
        let blocks = self.blocks_tree().map_err(Refusal::Challenge)?;
        let ends = self.ends_tree().map_err(Refusal::Challenge)?;
        for (&index, proof) in questions.blocks.iter().zip(&given.blocks) {
            let mut proof = Openings { tree: &blocks, root: &given.roots.blocks, rest: proof };
            self.check_block(index, &mut proof)?;
        }
        let key = self.walk_key(&given.roots.blocks);
        for (&walk, proof) in questions.walks.iter().zip(&given.walks) {
            let refused = |error| Refusal::Walk(walk, error);
            let mut proof = Openings { tree: &ends, root: &given.roots.walks, rest: proof };
            let end = proof.take(u64::from(walk) * END, END).map_err(refused)?;
            let mut proof = Openings { tree: &blocks, root: &given.roots.blocks, rest: proof.rest };
            let state = reference::walked(self, &key, walk, |index| proof.block(index)).map_err(refused)?;
            proof.finish().map_err(refused)?;
            if end != reference::end_of(&state) {
                return Err(Refusal::WrongWalk(walk));
            }
        }
        Ok(())
    }

    fn check_block(&self, index: u32, proof: &mut Openings<'_>) -> Result<(), Refusal> {
        let refused = |error| Refusal::Block(index, error);
        let opened = proof.block(index).map_err(refused)?;
        let made = match before(self, index) {
            None => block::first(&self.id(), index),
            Some((before, step, lane)) => {
                let before = proof.block(before).map_err(refused)?;
                let [first, second, third] = self.references(step, lane, &before);
                let mut open = |index| proof.block(index).map_err(refused);
                block::mix(&before, &[open(first)?, open(second)?, open(third)?])
            }
        };
        proof.finish().map_err(refused)?;
        if opened == made { Ok(()) } else { Err(Refusal::WrongBlock(index)) }
    }
}

/// Openings in one tree, one after the other.
struct Openings<'a> {
    tree: &'a Tree,
    root: &'a Hash,
    rest: &'a [u8],
}

impl<'a> Openings<'a> {
    fn take(&mut self, from: u64, count: u64) -> Result<&'a [u8], TreeError> {
        let (opening, rest) = self.tree.split(self.rest, from, count)?;
        self.tree.verify(&opening, self.root)?;
        self.rest = rest;
        Ok(opening.bytes())
    }

    fn block(&mut self, index: u32) -> Result<Block, TreeError> {
        self.take(u64::from(index) * BLOCK, BLOCK).map(block::from_bytes)
    }

    fn finish(&self) -> Result<(), TreeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TreeError::TooLong) }
    }
}
