//! BLAKE3's own tree as the Merkle tree: the root over some bytes is their keyed BLAKE3 hash, and any stretch of them opens.
//!
//! Leaves are BLAKE3's chunks of 1,024 bytes; a row of a matrix is a stretch of chunks. What a path holds are chaining values of whole
//! subtrees. Chunk counter, root flag and the key (which names the purpose) keep leaves, nodes, places and purposes apart.

use blake3::{
    Hasher,
    hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root},
};

use crate::{
    hash::Hash,
    reader::{Reader, Truncated},
};

/// Bytes in a chunk.
pub const CHUNK: u64 = 1024;
/// How many levels one answer about a node skips.
pub const FAN_LEVELS: u8 = 8;

/// A tree over `len` bytes under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    key: Hash,
    len: u64,
}

/// Why an opening was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The stretch or node lies outside the tree, or is empty.
    #[error("the opening asks for something outside the tree")]
    OutOfRange,
    /// Bytes are missing.
    #[error("the opening is too short")]
    TooShort,
    /// There are more bytes than it needs.
    #[error("the opening is too long")]
    TooLong,
    /// The bytes do not lead to the root.
    #[error("the opening does not lead to the root")]
    WrongRoot,
}

impl From<Truncated> for TreeError {
    fn from(_: Truncated) -> Self {
        Self::TooShort
    }
}

/// A stretch of bytes as it lies in a proof: the chunks that cover it, then the other subtrees' chaining values, left to right.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    first: u64,
    end: u64,
    chunks: &'a [u8],
    others: &'a [u8],
    skip: usize,
    wanted: usize,
}

impl<'a> Opening<'a> {
    /// The bytes that were asked for. They mean something once [`Tree::verify`] has accepted the opening.
    pub fn bytes(&self) -> &'a [u8] {
        self.chunks.get(self.skip..).and_then(|rest| rest.get(..self.wanted)).unwrap_or_default()
    }
}

impl Tree {
    /// The tree over `len` bytes, at least one.
    pub fn new(key: Hash, len: u64) -> Result<Self, TreeError> {
        if len == 0 || len > 1 << 48 { Err(TreeError::OutOfRange) } else { Ok(Self { key, len }) }
    }

    /// Bytes under it.
    pub fn bytes(&self) -> u64 {
        self.len
    }

    /// Chunks under it.
    pub fn chunks(&self) -> u64 {
        self.len.div_ceil(CHUNK)
    }

    /// The level of the root: a node of level `h` covers up to 2^h chunks.
    pub fn height(&self) -> u8 {
        self.chunks().next_power_of_two().trailing_zeros() as u8
    }

    /// The chunks that cover a stretch of bytes.
    pub fn covering(&self, from: u64, count: u64) -> Result<(u64, u64), TreeError> {
        let end = from.checked_add(count).ok_or(TreeError::OutOfRange)?;
        if count == 0 || end > self.len {
            return Err(TreeError::OutOfRange);
        }
        Ok((from / CHUNK, end.div_ceil(CHUNK)))
    }

    /// Takes the opening of a stretch of bytes from a proof. Its length follows from the tree and the stretch.
    pub(crate) fn read<'a>(
        &self,
        proof: &mut Reader<'a>,
        from: u64,
        count: u64,
    ) -> Result<Opening<'a>, TreeError> {
        let (first, end) = self.covering(from, count)?;
        let covered = (end * CHUNK).min(self.len) - first * CHUNK;
        let chunks = proof.take(usize::try_from(covered).map_err(|_| TreeError::OutOfRange)?)?;
        let others = proof.take(32 * others(0, self.chunks(), first, end))?;
        let wanted = usize::try_from(count).map_err(|_| TreeError::OutOfRange)?;
        Ok(Opening { first, end, chunks, others, skip: (from % CHUNK) as usize, wanted })
    }

    /// Takes the opening of a stretch of bytes off the front of `proof`, and gives what follows it.
    pub fn split<'a>(
        &self,
        proof: &'a [u8],
        from: u64,
        count: u64,
    ) -> Result<(Opening<'a>, &'a [u8]), TreeError> {
        let mut reader = Reader::new(proof);
        let opening = self.read(&mut reader, from, count)?;
        Ok((opening, reader.rest()))
    }

    /// Checks an opening against the root.
    pub fn verify(&self, opening: &Opening<'_>, root: &Hash) -> Result<(), TreeError> {
        let mut walk = Walk { tree: self, opening, others: Reader::new(opening.others) };
        if self.chunks() == 1 {
            return equal(&self.single_chunk(opening.chunks), root);
        }
        let left = left_width(self.chunks());
        let (left, right) = (walk.subtree(0, left)?, walk.subtree(left, self.chunks() - left)?);
        equal(&self.join(&left, &right, true), root)
    }

    /// Checks that `answer` is what lies under a node: the chunk's bytes at level 0, else the chaining values of the nodes
    /// [`FAN_LEVELS`] further down, left to right. `expected` is the root if the node is the root, else its chaining value.
    pub fn verify_node(
        &self,
        level: u8,
        index: u64,
        expected: &Hash,
        answer: &[u8],
    ) -> Result<(), TreeError> {
        let (first, end) = self.node(level, index)?;
        let length = self.answer_len(level, index)?;
        match answer.len() {
            given if given < length => return Err(TreeError::TooShort),
            given if given > length => return Err(TreeError::TooLong),
            _ => {}
        }
        let whole = first == 0 && end == self.chunks();
        if level == 0 {
            let hash = if whole { self.single_chunk(answer) } else { self.chunk(first, answer) };
            return equal(&hash, expected);
        }
        let count = length as u64 / 32;
        if count == 1 {
            return equal(&nth(answer, 0)?, expected);
        }
        let left = left_width(count);
        let (left, right) = (self.fold(answer, 0, left)?, self.fold(answer, left, count - left)?);
        equal(&self.join(&left, &right, whole), expected)
    }

    /// How many bytes an answer about the node has.
    pub fn answer_len(&self, level: u8, index: u64) -> Result<usize, TreeError> {
        let (first, end) = self.node(level, index)?;
        let bytes = if level == 0 {
            (end * CHUNK).min(self.len) - first * CHUNK
        } else {
            32 * (end - first).div_ceil(1 << level.saturating_sub(FAN_LEVELS))
        };
        usize::try_from(bytes).map_err(|_| TreeError::OutOfRange)
    }

    /// The chunks under a node.
    pub(crate) fn node(&self, level: u8, index: u64) -> Result<(u64, u64), TreeError> {
        if level > self.height() {
            return Err(TreeError::OutOfRange);
        }
        let first = index.checked_mul(1 << level).filter(|first| *first < self.chunks());
        let first = first.ok_or(TreeError::OutOfRange)?;
        Ok((first, (first + (1 << level)).min(self.chunks())))
    }

    pub(crate) fn fold(&self, nodes: &[u8], first: u64, count: u64) -> Result<Hash, TreeError> {
        if count <= 1 {
            return nth(nodes, first);
        }
        let left = left_width(count);
        let (left, right) = (self.fold(nodes, first, left)?, self.fold(nodes, first + left, count - left)?);
        Ok(self.join(&left, &right, false))
    }

    fn join(&self, left: &Hash, right: &Hash, root: bool) -> Hash {
        let mode = Mode::KeyedHash(&self.key);
        if root {
            merge_subtrees_root(left, right, mode).into()
        } else {
            merge_subtrees_non_root(left, right, mode)
        }
    }

    /// Chaining value of a subtree that begins at chunk `first`; `bytes` are not empty.
    pub(crate) fn chunk(&self, first: u64, bytes: &[u8]) -> Hash {
        let mut hasher = Hasher::new_keyed(&self.key);
        hasher.set_input_offset(first * CHUNK);
        if bytes.is_empty() {
            return Hash::default();
        }
        hasher.update(bytes);
        hasher.finalize_non_root()
    }

    fn single_chunk(&self, bytes: &[u8]) -> Hash {
        blake3::keyed_hash(&self.key, bytes).into()
    }
}

/// Recomputes the root from an opening.
struct Walk<'a> {
    tree: &'a Tree,
    opening: &'a Opening<'a>,
    others: Reader<'a>,
}

impl Walk<'_> {
    /// The chaining value of the subtree of `count` chunks from `first` on. Recursion is as deep as the tree: 38 at most.
    fn subtree(&mut self, first: u64, count: u64) -> Result<Hash, TreeError> {
        if first >= self.opening.end || first + count <= self.opening.first {
            return Ok(self.others.hash()?);
        }
        if count == 1 {
            let at = ((first - self.opening.first) * CHUNK) as usize;
            let rest = self.opening.chunks.get(at..).ok_or(TreeError::TooShort)?;
            let chunk = rest.get(..CHUNK as usize).unwrap_or(rest);
            return Ok(self.tree.chunk(first, chunk));
        }
        let left = left_width(count);
        let (left, right) = (self.subtree(first, left)?, self.subtree(first + left, count - left)?);
        Ok(self.tree.join(&left, &right, false))
    }
}

/// How many subtrees stand beside a stretch of chunks.
fn others(first: u64, count: u64, from: u64, end: u64) -> usize {
    if first >= end || first + count <= from {
        return 1;
    }
    // Inside the stretch there is nothing beside it.
    if count == 1 || (from <= first && first + count <= end) {
        return 0;
    }
    let left = left_width(count);
    others(first, left, from, end) + others(first + left, count - left, from, end)
}

/// The largest power of two below `count`; `count` ≥ 2.
pub(crate) fn left_width(count: u64) -> u64 {
    1 << (63 - count.saturating_sub(1).max(1).leading_zeros())
}

fn nth(hashes: &[u8], index: u64) -> Result<Hash, TreeError> {
    let index = usize::try_from(index).map_err(|_| TreeError::OutOfRange)?;
    hashes.as_chunks::<32>().0.get(index).copied().ok_or(TreeError::TooShort)
}

fn equal(hash: &Hash, expected: &Hash) -> Result<(), TreeError> {
    if hash == expected { Ok(()) } else { Err(TreeError::WrongRoot) }
}

#[cfg(feature = "alloc")]
mod build {
    use super::{CHUNK, Hash, Tree, TreeError, left_width};
    use alloc::vec::Vec;

    impl Tree {
        /// The root over these bytes.
        pub fn root(&self, bytes: &[u8]) -> Hash {
            blake3::keyed_hash(&self.key, bytes).into()
        }

        #[cfg(feature = "std")]
        /// The root over a whole tree, given the chaining values of all nodes of one level below it, 32 bytes each.
        pub(crate) fn root_of(&self, nodes: &[u8]) -> Result<Hash, TreeError> {
            let count = nodes.len() as u64 / 32;
            if count < 2 {
                return Err(TreeError::OutOfRange);
            }
            let left = left_width(count);
            let (left, right) = (self.fold(nodes, 0, left)?, self.fold(nodes, left, count - left)?);
            Ok(self.join(&left, &right, true))
        }

        /// Appends the opening of a stretch of `bytes` to a proof.
        pub fn open(
            &self,
            bytes: &[u8],
            from: u64,
            count: u64,
            proof: &mut Vec<u8>,
        ) -> Result<(), TreeError> {
            if bytes.len() as u64 != self.len {
                return Err(TreeError::OutOfRange);
            }
            let (first, end) = self.covering(from, count)?;
            proof.extend_from_slice(self.slice(bytes, first, end));
            self.others(bytes, (0, self.chunks()), (first, end), proof);
            Ok(())
        }

        /// The answer about a node, as [`Tree::verify_node`] wants it.
        pub fn answer(&self, bytes: &[u8], level: u8, index: u64) -> Result<Vec<u8>, TreeError> {
            if bytes.len() as u64 != self.len {
                return Err(TreeError::OutOfRange);
            }
            let (first, end) = self.node(level, index)?;
            if level == 0 {
                return Ok(self.slice(bytes, first, end).to_vec());
            }
            let width = 1 << level.saturating_sub(super::FAN_LEVELS);
            let starts = (first..end).step_by(width as usize);
            Ok(starts.flat_map(|at| self.chunk(at, self.slice(bytes, at, (at + width).min(end)))).collect())
        }

        fn slice<'a>(&self, bytes: &'a [u8], first: u64, end: u64) -> &'a [u8] {
            let end = (end * CHUNK).min(self.len) as usize;
            bytes.get((first * CHUNK) as usize..end).unwrap_or_default()
        }

        fn others(&self, bytes: &[u8], (first, count): (u64, u64), opened: (u64, u64), proof: &mut Vec<u8>) {
            if first >= opened.1 || first + count <= opened.0 {
                proof.extend_from_slice(&self.chunk(first, self.slice(bytes, first, first + count)));
            } else if count > 1 {
                let left = left_width(count);
                self.others(bytes, (first, left), opened, proof);
                self.others(bytes, (first + left, count - left), opened, proof);
            }
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn opened<'a>(tree: &Tree, proof: &'a [u8], from: u64, count: u64) -> Opening<'a> {
        let (opening, rest) = tree.split(proof, from, count).unwrap();
        assert!(rest.is_empty());
        opening
    }

    proptest! {
        #[test]
        fn every_stretch_opens_and_no_other_bytes_do(
            bytes in proptest::collection::vec(any::<u8>(), 1..9000), from in any::<u64>(), count in any::<u64>(), flip in any::<usize>(),
        ) {
            let len = bytes.len() as u64;
            let (from, tree) = (from % len, Tree::new([9; 32], len).unwrap());
            let count = 1 + count % (len - from);
            let root = tree.root(&bytes);
            let mut proof = Vec::new();
            tree.open(&bytes, from, count, &mut proof).unwrap();
            let opening = opened(&tree, &proof, from, count);
            prop_assert_eq!(opening.bytes(), &bytes[from as usize..(from + count) as usize]);
            prop_assert_eq!(tree.verify(&opening, &root), Ok(()));
            let at = flip % proof.len();
            proof[at] ^= 1;
            prop_assert_eq!(tree.verify(&opened(&tree, &proof, from, count), &root), Err(TreeError::WrongRoot));
        }

        #[test]
        fn a_walk_from_the_root_reaches_every_chunk(len in 1u64..700_000, at in any::<u64>()) {
            let bytes: Vec<u8> = (0..len).map(|i| ((i * i) >> 3) as u8).collect();
            let tree = Tree::new([1; 32], len).unwrap();
            let chunk = at % tree.chunks();
            let (mut level, mut expected) = (tree.height(), tree.root(&bytes));
            loop {
                let index = chunk >> level;
                let answer = tree.answer(&bytes, level, index).unwrap();
                prop_assert_eq!(tree.verify_node(level, index, &expected, &answer), Ok(()));
                prop_assert_eq!(tree.verify_node(level, index, &[0; 32], &answer), Err(TreeError::WrongRoot));
                prop_assert_eq!(tree.verify_node(level, index, &expected, &answer[1..]), Err(TreeError::TooShort));
                if level == 0 {
                    prop_assert_eq!(&answer[..], &bytes[(chunk * CHUNK) as usize..((chunk + 1) * CHUNK).min(len) as usize]);
                    break;
                }
                let next = level.saturating_sub(FAN_LEVELS);
                let place = (chunk >> next) - (index << (level - next));
                expected = nth(&answer, place).unwrap();
                level = next;
            }
        }
    }
}
