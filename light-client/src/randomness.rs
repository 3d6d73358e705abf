//! What nobody knew of a block before it was there: the output of its author's VRF, by which BABE lets it be the author at all. Beside it in the
//! header lies what pallets write for those who read no more than headers.
//!
//! An author can't choose it, as a block's hash can be chosen by trying: its key and the slot give it. What an author can do is to leave its
//! block out; and it knows, an epoch ahead, what its own blocks would give.

use crate::{Block, Error, LightClient};
use codec::Encode;
use subxt::{
    config::{
        Hasher,
        substrate::{BlakeTwo256, Digest, DigestItem, SubstrateHeader},
    },
    utils::H256,
};

/// A block's header, as nodes tell it.
pub type Header = SubstrateHeader<H256>;

/// Most blocks that are walked back at once.
const MOST: usize = 64;

/// A finalised block and what its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// The block.
    pub block: Block,
    /// Its parent's hash.
    pub parent: H256,
    /// Its author's VRF output; none where the block was not won by a VRF.
    pub randomness: Option<[u8; 32]>,
    /// What pallets wrote into its header: items of the kind "other".
    pub notes: Vec<Vec<u8>>,
}

impl LightClient {
    /// The finalised blocks after `number`, oldest first: as far back as the light client still holds their headers, and 64 at most. The
    /// last is the latest finalised block; empty if that is `number` or before it.
    pub async fn drawings_after(&self, number: u64) -> Result<Vec<Drawing>, Error> {
        let Some(mut block) = self.status().finalized else { return Ok(Vec::new()) };
        let mut drawings = Vec::new();
        while block.number > number && drawings.len() < MOST {
            let header = match self.backend().block_header(block.hash).await {
                Ok(Some(header)) => header,
                Ok(None) if drawings.is_empty() => return Err(Error::UnknownBlock(block.hash)),
                Err(error) if drawings.is_empty() => return Err(Error::chain(error)),
                // What is let go of already.
                Ok(None) | Err(_) => break,
            };
            drawings.push(Drawing {
                block,
                parent: header.parent_hash,
                randomness: vrf_output(&header.digest),
                notes: notes(&header.digest),
            });
            block = Block { number: block.number.saturating_sub(1), hash: header.parent_hash };
        }
        drawings.reverse();
        Ok(drawings)
    }
}

/// The engine that BABE's digests name.
const BABE: [u8; 4] = *b"BABE";

/// The VRF output that made a header's author its author: in BABE's pre-runtime digest, behind kind (1 or 3), authority (u32) and slot (u64).
///
/// ```
/// use light_client::randomness::vrf_output;
/// use light_client::subxt::config::substrate::{Digest, DigestItem};
///
/// let mut primary = vec![1, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
/// primary.extend([7; 32]); // the output
/// primary.extend([8; 64]); // its proof
/// let digest = Digest { logs: vec![DigestItem::PreRuntime(*b"BABE", primary)] };
/// assert_eq!(vrf_output(&digest), Some([7; 32]));
/// ```
pub fn vrf_output(digest: &Digest) -> Option<[u8; 32]> {
    let before = digest.logs.iter().find_map(|item| match item {
        DigestItem::PreRuntime(BABE, bytes) => Some(bytes),
        _ => None,
    })?;
    // A secondary block without VRF (kind 2) was won by nobody's output.
    let ([1 | 3, ..], rest) = before.split_first_chunk::<13>()? else { return None };
    (rest.len() == 96).then(|| rest.first_chunk::<32>().copied()).flatten()
}

/// What pallets wrote into a header.
///
/// ```
/// use light_client::randomness::notes;
/// use light_client::subxt::config::substrate::{Digest, DigestItem};
///
/// let digest = Digest { logs: vec![DigestItem::Seal(*b"BABE", vec![1]), DigestItem::Other(vec![7])] };
/// assert_eq!(notes(&digest), [[7]]);
/// ```
pub fn notes(digest: &Digest) -> Vec<Vec<u8>> {
    let note = |item: &DigestItem| match item {
        DigestItem::Other(bytes) => Some(bytes.clone()),
        _ => None,
    };
    digest.logs.iter().filter_map(note).collect()
}

/// A header's hash: the block's.
pub fn hash(header: &Header) -> [u8; 32] {
    BlakeTwo256.hash(&header.encode()).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: Vec<u8>) -> Digest {
        Digest { logs: vec![DigestItem::Seal(*b"BABE", vec![1]), DigestItem::PreRuntime(*b"BABE", bytes)] }
    }

    #[test]
    fn what_is_no_vrf_gives_nothing() {
        let of = |kind: u8, length: usize| {
            vrf_output(&digest([vec![kind; 1], vec![0; 12], vec![7; length]].concat()))
        };
        assert_eq!(of(1, 96), Some([7; 32]));
        assert_eq!(of(3, 96), Some([7; 32]));
        for (kind, length) in [(2, 0), (2, 96), (1, 95), (1, 97), (1, 0), (0, 96)] {
            assert_eq!(of(kind, length), None, "kind {kind}, {length} bytes");
        }
        assert_eq!(vrf_output(&digest(Vec::new())), None);
        assert_eq!(vrf_output(&Digest::default()), None);
        let other = Digest { logs: vec![DigestItem::PreRuntime(*b"aura", vec![1; 109])] };
        assert_eq!(vrf_output(&other), None);
    }
}
