//! Questions that a machine must answer about its own result, once its result is in doubt.
//!
//! A digest alone convicts nobody: a liar could have posted any 32 bytes. So whoever revealed a digest has to open it: first the layers'
//! roots, then, on the way to one chunk of one layer, what lies under each node. Every answer is checked against the hash that the answer
//! before it gave, so there is one true answer to a question, or none that anybody knows. Who cannot answer has not done the work, just as
//! who commits and does not reveal. An inspector who has the true accumulators asks on where answers differ from his own; at the end he
//! holds the chunk that a [`fraud`](crate::fraud) proof needs. Four or five answers of at most [`MAX_ANSWER`] bytes reach any accumulator.

use crate::{
    hash::Hash,
    result::{digest_of_bytes, layer_number, layer_tree},
    spec::Task,
    tree::{FAN_LEVELS, TreeError},
};

#[cfg(feature = "codec")]
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};

/// The longest answer, in bytes.
pub const MAX_ANSWER: usize = 32 << FAN_LEVELS;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "codec",
    derive(Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, scale_info::TypeInfo)
)]
pub enum Question {
    /// The layers' roots, 32 bytes each: what the digest hashes.
    Roots,
    /// What lies under a node of a layer's tree: the chunk's bytes at level 0, chaining values above.
    Node {
        /// The layer, from 0.
        layer: u8,
        /// The node covers up to 2^level chunks.
        level: u8,
        /// It begins at chunk `index`·2^level.
        index: u32,
    },
}

impl Question {
    /// Checks an answer against what the previous one gave for it: the digest for [`Question::Roots`].
    pub fn check(&self, task: &Task, expected: &Hash, answer: &[u8]) -> Result<(), TreeError> {
        let id = task.id();
        match *self {
            Self::Roots => {
                let length = 32 * task.spec.layers.depth();
                if answer.len() < length {
                    Err(TreeError::TooShort)
                } else if answer.len() > length {
                    Err(TreeError::TooLong)
                } else if digest_of_bytes(&id, answer) == *expected {
                    Ok(())
                } else {
                    Err(TreeError::WrongRoot)
                }
            }
            Self::Node { layer, level, index } => {
                layer_tree(task, &id, layer)?.verify_node(level, u64::from(index), expected, answer)
            }
        }
    }

    /// The question about the `place`-th hash in this one's checked answer, and that hash: what the next answer is checked against.
    pub fn descend(&self, task: &Task, answer: &[u8], place: u32) -> Result<(Question, Hash), TreeError> {
        let hash = answer.as_chunks::<32>().0.get(place as usize).copied().ok_or(TreeError::OutOfRange)?;
        let next = match *self {
            Self::Roots => {
                let layer = u8::try_from(place).map_err(|_| TreeError::OutOfRange)?;
                let level = layer_tree(task, &task.id(), layer)?.height();
                Self::Node { layer, level, index: 0 }
            }
            Self::Node { level: 0, .. } => return Err(TreeError::OutOfRange),
            Self::Node { layer, level, index } => {
                let next = level.saturating_sub(FAN_LEVELS);
                let first = index.checked_shl(u32::from(level - next)).ok_or(TreeError::OutOfRange)?;
                let index = first.checked_add(place).ok_or(TreeError::OutOfRange)?;
                Self::Node { layer, level: next, index }
            }
        };
        Ok((next, hash))
    }

    /// The layer that is asked about, if any.
    pub fn layer(&self) -> Option<usize> {
        match self {
            Self::Roots => None,
            Self::Node { layer, .. } => Some(usize::from(*layer)),
        }
    }
}

/// The first layer whose roots differ, given two answers to [`Question::Roots`].
pub fn first_difference(ours: &[u8], theirs: &[u8]) -> Option<u8> {
    let pairs = ours.as_chunks::<32>().0.iter().zip(theirs.as_chunks::<32>().0);
    pairs.enumerate().find(|(_, (ours, theirs))| ours != theirs).map(|(layer, _)| layer_number(layer))
}
