//! The rounds in which layers' trees are made, all at once: each round is a chain of dependent hashes, and takes as long for one tree.

use crate::arguments::{NODES, Trees};
use cudarc::driver::sys::CUdeviceptr;

/// Trees under way.
#[derive(Debug)]
pub(crate) struct Forest {
    trees: Trees,
    roots: CUdeviceptr,
    above: CUdeviceptr,
    place: u64,
    round: u64,
}

impl Forest {
    /// Bytes for the nodes above the leaves.
    pub fn room(trees: &Trees) -> u64 {
        2 * Self::place(trees) * trees.0.len() as u64
    }

    /// Bytes for one tree's nodes of one round.
    fn place(trees: &Trees) -> u64 {
        32 * u64::from(trees.0.iter().map(|tree| tree.count.div_ceil(NODES)).max().unwrap_or(1))
    }

    /// Trees over leaves; roots go to `roots`, 32 bytes each; `above` has [`room`](Self::room).
    pub fn new(trees: Trees, roots: CUdeviceptr, above: CUdeviceptr) -> Self {
        Self { trees, roots, above, place: Self::place(&trees), round: 0 }
    }

    /// The next round; none once all roots are made. A tree whose round is its last ends in its root.
    pub fn round(&mut self) -> Option<Trees> {
        if self.trees.0.iter().all(|tree| tree.count == 0) {
            return None;
        }
        let (roots, above, place) = (self.roots, self.above, self.place);
        let turn = self.round % 2;
        for (number, tree) in (0..).zip(&mut self.trees.0) {
            let last = tree.count <= NODES;
            tree.above = if last { roots + 32 * number } else { above + place * (2 * number + turn) };
        }
        let round = self.trees;
        for tree in &mut self.trees.0 {
            tree.count = if tree.count <= NODES { 0 } else { tree.count.div_ceil(NODES) };
            tree.values = tree.above;
        }
        self.round += 1;
        Some(round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arguments::{Tree, Words8},
        host::Host,
    };

    #[test]
    fn rounds_end_in_blake3s_roots() {
        let host = Host::build();
        // One round, two, three; odd nodes on every level; a last chunk that is not full.
        let lengths: Vec<usize> =
            [1, 2, 3, 5, 511, 512, 513, 1025, 3000, 262_145].map(|chunks| chunks * 1024 - 4).into();
        let data: Vec<u32> =
            (0..lengths.iter().max().unwrap() / 4).map(|i| (i as u32).wrapping_mul(0x9e37_79b9)).collect();
        let mut trees = Trees::default();
        let mut leaves: Vec<Vec<[u8; 32]>> = Vec::new();
        for (number, length) in lengths.iter().enumerate() {
            let key = [number as u8; 32];
            let count = length.div_ceil(1024);
            let mut values = vec![[0; 32]; count];
            // In two slabs, as a layer comes.
            let first = count / 2;
            host.chunks(&data, *length, 0, first, &mut values, &key);
            host.chunks(&data[first * 256..], *length, first, count - first, &mut values, &key);
            trees.0[number] = Tree {
                values: values.as_ptr() as u64,
                above: 0,
                key: Words8::from(&key),
                count: count as u32,
            };
            leaves.push(values);
        }
        let roots = vec![[0u8; 32]; 16];
        let above = vec![0u8; Forest::room(&trees) as usize];
        let mut forest = Forest::new(trees, roots.as_ptr() as u64, above.as_ptr() as u64);
        let mut rounds = 0;
        while let Some(round) = forest.round() {
            host.merge(&round);
            rounds += 1;
        }
        assert_eq!(rounds, 3);
        let bytes: &[u8] = bytemuck::cast_slice(&data);
        for (number, length) in lengths.iter().enumerate() {
            let expected = drilling::tree::Tree::new([number as u8; 32], *length as u64)
                .unwrap()
                .root(&bytes[..*length]);
            assert_eq!(roots[number], expected, "{length} bytes");
        }
    }
}
