//! Inclusion and consistency proofs (RFC 6962 §2.1.1 and §2.1.2; verification as RFC 9162 §2.1.3.2 and §2.1.4.2 spell it out).

use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use heapless::Vec;

/// No proof over at most 2^64 records is longer.
pub const MAX_PROOF: usize = 65;

/// A proof: hashes from the leaf's side upwards.
pub type Proof = Vec<Hash, MAX_PROOF>;

/// Why a proof was refused or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index or the older size lies outside the log.
    #[error("the proof asks for something outside the log")]
    OutOfRange,
    /// Hashes are missing.
    #[error("the proof is too short")]
    TooShort,
    /// There are more hashes than the proof needs.
    #[error("the proof is too long")]
    TooLong,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root")]
    WrongRoot,
    /// A node's hash is not at hand.
    #[error("a node of the tree is missing")]
    MissingNode,
}

/// Checks that a leaf stands at `index` in the log of `size` records with this root.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::TooLong);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    settle(last == 0, hash == *root)
}

/// Checks that the log of `new_size` records begins with the log of `old_size` records.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == new_size || old_size == 0 {
        let same = if old_size == 0 { *old_root == EMPTY_ROOT } else { old_root == new_root };
        let same = same && (old_size != new_size || old_root == new_root);
        return if proof.is_empty() { settle(true, same) } else { Err(ProofError::TooLong) };
    }
    // A perfect older tree is its own first node.
    let mut hashes = proof.iter();
    let first =
        if old_size.is_power_of_two() { old_root } else { hashes.next().ok_or(ProofError::TooShort)? };
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    let climb = node.trailing_ones();
    (node, last) = (node.checked_shr(climb).unwrap_or(0), last.checked_shr(climb).unwrap_or(0));
    let (mut old, mut new) = (*first, *first);
    for sibling in hashes {
        if last == 0 {
            return Err(ProofError::TooLong);
        }
        if node & 1 == 1 || node == last {
            (old, new) = (node_hash(sibling, &old), node_hash(sibling, &new));
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    settle(last == 0, old == *old_root && new == *new_root)
}

fn settle(complete: bool, equal: bool) -> Result<(), ProofError> {
    match (complete, equal) {
        (false, _) => Err(ProofError::TooShort),
        (true, false) => Err(ProofError::WrongRoot),
        (true, true) => Ok(()),
    }
}

/// Roots of perfect subtrees: node `index` of `level` covers records `index·2^level` up to `(index+1)·2^level`.
pub trait Nodes {
    /// The node's hash, if the log reaches that far.
    fn node(&self, level: u8, index: u64) -> Option<Hash>;
}

/// The root over records `from` up to `to`, where `from` is a multiple of the largest power of two below the width.
fn range_root(nodes: &impl Nodes, from: u64, to: u64) -> Result<Hash, ProofError> {
    let mut root: Option<Hash> = None;
    let mut end = to;
    // From the right: the smallest perfect subtree first.
    while end > from {
        let level = (end - from).trailing_zeros().min(63);
        let width = 1u64 << level;
        let start = end - width;
        let hash = nodes.node(level as u8, start >> level).ok_or(ProofError::MissingNode)?;
        root = Some(root.map_or(hash, |right| node_hash(&hash, &right)));
        end = start;
    }
    Ok(root.unwrap_or(EMPTY_ROOT))
}

/// The log's root when it held `size` records.
pub fn root_at(nodes: &impl Nodes, size: u64) -> Result<Hash, ProofError> {
    range_root(nodes, 0, size)
}

/// Proves that record `index` is in the log of `size` records.
pub fn prove_inclusion(nodes: &impl Nodes, index: u64, size: u64) -> Result<Proof, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    path(size, |_| false, index, |from, to| range_root(nodes, from, to))
}

/// Proves that the log of `new_size` records begins with the log of `old_size` records.
pub fn prove_consistency(nodes: &impl Nodes, old_size: u64, new_size: u64) -> Result<Proof, ProofError> {
    if old_size > new_size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == 0 || old_size == new_size {
        return Ok(Proof::new());
    }
    let mut proof =
        path(new_size, |to| to == old_size, old_size - 1, |from, to| range_root(nodes, from, to))?;
    // A perfect older tree is the verifier's own root: it needs no telling.
    if old_size.is_power_of_two() && proof.pop_front_hash().is_none() {
        return Err(ProofError::MissingNode);
    }
    Ok(proof)
}

trait PopFront {
    fn pop_front_hash(&mut self) -> Option<Hash>;
}

impl PopFront for Proof {
    fn pop_front_hash(&mut self) -> Option<Hash> {
        (!self.is_empty()).then(|| self.remove(0))
    }
}

/// Walks down from the root to `index`, then tells the siblings from the bottom up. The walk ends where `whole` says that the
/// left edge's subtree is wanted as it is; its root then comes first.
fn path(
    size: u64,
    whole: impl Fn(u64) -> bool,
    index: u64,
    root: impl Fn(u64, u64) -> Result<Hash, ProofError>,
) -> Result<Proof, ProofError> {
    let (mut from, mut to) = (0, size);
    let mut siblings: Vec<(u64, u64), MAX_PROOF> = Vec::new();
    while to - from > 1 && !whole(to) {
        let middle = from + split(to - from);
        let (sibling, inside) =
            if index < middle { ((middle, to), (from, middle)) } else { ((from, middle), (middle, to)) };
        siblings.push(sibling).map_err(|_| ProofError::OutOfRange)?;
        (from, to) = inside;
    }
    let mut proof = Proof::new();
    if whole(to) {
        proof.push(root(from, to)?).map_err(|_| ProofError::OutOfRange)?;
    }
    for (from, to) in siblings.into_iter().rev() {
        proof.push(root(from, to)?).map_err(|_| ProofError::OutOfRange)?;
    }
    Ok(proof)
}

/// The largest power of two smaller than `width` (RFC 6962's k); width ≥ 2.
fn split(width: u64) -> u64 {
    1 << (63 - (width - 1).leading_zeros())
}
