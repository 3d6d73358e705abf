//! The writer's whole state: a size, and the roots of the perfect subtrees that the log is made of.

use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use heapless::Vec;
use serde::{Deserialize, Serialize};

/// The log holds 2^64 − 1 records, more than anyone writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log is full")]
pub struct LogFull;

/// At most 64 hashes, so a microcontroller can hold it. Largest subtree first.
///
/// ```
/// use attest::{Frontier, leaf_hash};
/// let mut frontier = Frontier::new();
/// frontier.append(leaf_hash(b"record")).unwrap();
/// assert_eq!(frontier.root(), leaf_hash(b"record"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Hash, 64>,
}

impl Frontier {
    /// The empty log.
    pub const fn new() -> Self {
        Self { size: 0, subtrees: Vec::new() }
    }

    /// Number of records.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a record's leaf hash. One hash on average, 64 at most.
    pub fn append(&mut self, leaf: Hash) -> Result<(), LogFull> {
        let size = self.size.checked_add(1).ok_or(LogFull)?;
        let mut subtree = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.subtrees.pop().ok_or(LogFull)?;
            subtree = node_hash(&left, &subtree);
        }
        self.subtrees.push(subtree).map_err(|_| LogFull)?;
        self.size = size;
        Ok(())
    }

    /// The log's root (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev();
        let Some(smallest) = subtrees.next() else { return EMPTY_ROOT };
        subtrees.fold(*smallest, |right, left| node_hash(left, &right))
    }
}
