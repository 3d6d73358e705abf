//! The Merkle tree against the vectors that Certificate Transparency's implementations share, and against itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use attest::{
    EMPTY_ROOT, Frontier, Hash, Nodes, leaf_hash, node_hash,
    proof::{ProofError, prove_consistency, prove_inclusion, root_at, verify_consistency, verify_inclusion},
};
use proptest::prelude::*;

/// The eight leaves of the RFC 6962 reference implementation's tests.
fn leaves() -> Vec<Vec<u8>> {
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        .map(|leaf| hex::decode(leaf).unwrap())
        .into()
}

/// Roots of the first one to eight of them.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

struct Tree(Vec<Hash>);

impl Nodes for Tree {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        if level == 0 {
            return self.0.get(index as usize).copied();
        }
        Some(node_hash(&self.node(level - 1, index * 2)?, &self.node(level - 1, index * 2 + 1)?))
    }
}

fn tree(size: u64) -> Tree {
    Tree((0..size).map(|index| leaf_hash(&index.to_le_bytes())).collect())
}

#[test]
fn the_published_roots_come_out() {
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root(), EMPTY_ROOT);
    for (leaf, root) in leaves().iter().zip(ROOTS) {
        frontier.append(leaf_hash(leaf)).unwrap();
        assert_eq!(hex::encode(frontier.root()), root);
    }
}

#[test]
fn the_published_inclusion_proof_comes_out() {
    let tree = Tree(leaves().iter().map(|leaf| leaf_hash(leaf)).collect());
    let proof: Vec<_> = prove_inclusion(&tree, 0, 8).unwrap().iter().map(hex::encode).collect();
    assert_eq!(
        proof,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
    );
}

#[test]
fn the_published_consistency_proof_comes_out() {
    let tree = Tree(leaves().iter().map(|leaf| leaf_hash(leaf)).collect());
    let proof: Vec<_> = prove_consistency(&tree, 6, 8).unwrap().iter().map(hex::encode).collect();
    assert_eq!(
        proof,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
}

#[test]
fn every_proof_of_small_logs_verifies_and_no_other() {
    for size in 1..=40u64 {
        let tree = tree(size);
        let root = root_at(&tree, size).unwrap();
        for index in 0..size {
            let leaf = leaf_hash(&index.to_le_bytes());
            let proof = prove_inclusion(&tree, index, size).unwrap();
            verify_inclusion(&leaf, index, size, &proof, &root).unwrap();
            for wrong in (0..size).filter(|wrong| *wrong != index) {
                assert!(verify_inclusion(&leaf, wrong, size, &proof, &root).is_err());
            }
        }
        for old in 0..=size {
            let old_root = root_at(&tree, old).unwrap();
            let proof = prove_consistency(&tree, old, size).unwrap();
            verify_consistency(old, &old_root, size, &root, &proof).unwrap();
        }
    }
}

#[test]
fn a_rewritten_log_is_inconsistent() {
    let (old, mut new) = (tree(11), tree(30));
    new.0[4] = leaf_hash(b"rewritten");
    let proof = prove_consistency(&new, 11, 30).unwrap();
    let (old_root, new_root) = (root_at(&old, 11).unwrap(), root_at(&new, 30).unwrap());
    assert_eq!(verify_consistency(11, &old_root, 30, &new_root, &proof), Err(ProofError::WrongRoot));
    assert_eq!(verify_consistency(11, &old_root, 11, &new_root, &[]), Err(ProofError::WrongRoot));
}

proptest! {
    #[test]
    fn frontier_and_tree_agree(size in 0u64..600) {
        let tree = tree(size);
        let mut frontier = Frontier::new();
        for leaf in &tree.0 {
            frontier.append(*leaf).unwrap();
        }
        prop_assert_eq!(frontier.root(), root_at(&tree, size).unwrap());
    }

    #[test]
    fn a_bent_proof_is_refused(size in 2u64..300, index in 0u64..300, at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let tree = tree(size);
        let index = index % size;
        let mut proof = prove_inclusion(&tree, index, size).unwrap();
        let at = at.index(proof.len());
        proof[at][7] ^= 1 << bit;
        let root = root_at(&tree, size).unwrap();
        let leaf = leaf_hash(&index.to_le_bytes());
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Err(ProofError::WrongRoot));
    }

    #[test]
    fn foreign_proofs_never_panic(old: u64, new: u64, index: u64, proof in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
        let _ = verify_consistency(old, &[1; 32], new, &[2; 32], &proof);
        let _ = verify_inclusion(&[1; 32], index, new, &proof, &[2; 32]);
    }
}
