//! Files as Merkle trees over chunks of 1 MiB (RFC 6962, SHA-256, as in the activity log): a verifier who fetches parts can check each.

use super::{PackageError, Part};
use crate::digest::Digest;
use attest::{Frontier, Hash, Nodes, Proof, ProofError, leaf_hash, node_hash, proof};

/// Bytes in a chunk; a file's last one may be shorter.
pub const CHUNK: u64 = 1 << 20;

/// Every node of one file's tree: 64 bytes for each MiB.
#[derive(Debug, Clone)]
pub struct ChunkTree {
    levels: Vec<Vec<Hash>>,
}

impl ChunkTree {
    /// Reads and hashes a file.
    pub fn of(part: &Part) -> Result<Self, PackageError> {
        let mut leaves = Vec::new();
        each_chunk(part, |bytes| leaves.push(leaf_hash(bytes)))?;
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
            levels.push(above);
        }
        Ok(Self { levels })
    }

    /// Number of chunks.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The root, which is what the manifest holds.
    pub fn root(&self) -> Result<Digest, ProofError> {
        proof::root_at(self, self.size()).map(Digest)
    }

    /// Proves that a chunk is in the file.
    pub fn prove(&self, chunk: u64) -> Result<Proof, ProofError> {
        proof::prove_inclusion(self, chunk, self.size())
    }
}

impl Nodes for ChunkTree {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        self.levels.get(usize::from(level))?.get(usize::try_from(index).ok()?).copied()
    }
}

/// Checks one chunk of a file of `bytes` bytes against the file's root.
pub fn verify_chunk(
    chunk: &[u8],
    index: u64,
    bytes: u64,
    proof: &[Hash],
    root: &Digest,
) -> Result<(), ProofError> {
    proof::verify_inclusion(&leaf_hash(chunk), index, bytes.div_ceil(CHUNK), proof, &root.0)
}

/// A file's root in one pass, with one chunk in memory.
pub fn root_of(part: &Part) -> Result<Digest, PackageError> {
    let mut frontier = Frontier::new();
    let mut full = Ok(());
    each_chunk(part, |bytes| full = full.and(frontier.append(leaf_hash(bytes))))?;
    // 2^64 chunks are more bytes than a file can have.
    full.map_err(|_| PackageError::NotPlain(part.name().into()))?;
    Ok(Digest(frontier.root()))
}

fn each_chunk(part: &Part, mut take: impl FnMut(&[u8])) -> Result<(), PackageError> {
    let mut buffer = vec![0; CHUNK.min(part.len()) as usize];
    let mut at = 0;
    while at < part.len() {
        let bytes = &mut buffer[..(part.len() - at).min(CHUNK) as usize];
        part.read_at(at, bytes)?;
        take(bytes);
        at += bytes.len() as u64;
    }
    Ok(())
}
