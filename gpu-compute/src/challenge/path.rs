//! A leaf's path in a tree of which a GPU has kept the leaves, and every ninth level above them.

use crate::arguments::NODES;
use blake3::hazmat::{Mode, merge_subtrees_non_root};
use drilling::Hash;

/// Chaining values of all subtrees beside a chunk, left to right, as [`drilling::tree::Tree`] takes them. `counts` are the nodes of each level
/// that was kept; `fetch` gives some of a level's, from one on.
pub fn path<E>(
    key: &Hash,
    counts: &[u32],
    chunk: u32,
    mut fetch: impl FnMut(usize, u32, u32) -> Result<Vec<Hash>, E>,
) -> Result<Vec<Hash>, E> {
    let (mut lefts, mut rights, mut index) = (Vec::new(), Vec::new(), chunk);
    for (level, count) in counts.iter().enumerate() {
        let first = index / NODES * NODES;
        let mut group = fetch(level, first, count.saturating_sub(first).min(NODES))?;
        let mut place = (index - first) as usize;
        while group.len() > 1 {
            match group.get(place ^ 1) {
                Some(left) if place % 2 == 1 => lefts.push(*left),
                Some(right) => rights.push(*right),
                None => {}
            }
            (group, place) = (above(key, &group), place / 2);
        }
        index /= NODES;
    }
    Ok(lefts.into_iter().rev().chain(rights).collect())
}

/// A level's nodes in pairs; one without a sibling rises as it is.
fn above(key: &Hash, nodes: &[Hash]) -> Vec<Hash> {
    let join = |pair: &[Hash]| match pair {
        [left, right] => merge_subtrees_non_root(left, right, Mode::KeyedHash(key)),
        rest => rest.first().copied().unwrap_or_default(),
    };
    nodes.chunks(2).map(join).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use blake3::{Hasher, hazmat::HasherExt};
    use drilling::tree::Tree;

    #[test]
    fn paths_are_those_of_the_tree() {
        let key = [3; 32];
        for chunks in [1u32, 2, 3, 511, 512, 513, 1025, 2600] {
            let bytes: Vec<u8> = (0..chunks * 1024).map(|i| (u64::from(i).pow(2) >> 5) as u8).collect();
            let tree = Tree::new(key, bytes.len() as u64).unwrap();
            let leaf = |(index, chunk): (usize, &[u8])| {
                let mut hasher = Hasher::new_keyed(&key);
                hasher.set_input_offset(index as u64 * 1024).update(chunk);
                hasher.finalize_non_root()
            };
            let mut levels: Vec<Vec<Hash>> = vec![bytes.chunks(1024).enumerate().map(leaf).collect()];
            while levels.last().unwrap().len() > 1 {
                let groups = levels.last().unwrap().chunks(NODES as usize);
                let up = groups.map(|group| {
                    let mut group = group.to_vec();
                    while group.len() > 1 {
                        group = above(&key, &group);
                    }
                    group[0]
                });
                levels.push(up.collect());
            }
            let counts: Vec<u32> = levels.iter().map(|level| level.len() as u32).collect();
            for chunk in [0, 1, 2, 510, 511, 512, chunks / 2, chunks.saturating_sub(2), chunks - 1] {
                if chunk >= chunks {
                    continue;
                }
                let fetch = |level: usize, first: u32, count: u32| {
                    Ok::<_, ()>(levels[level][first as usize..][..count as usize].to_vec())
                };
                let mut expected = Vec::new();
                tree.open(&bytes, u64::from(chunk) * 1024, 1024, &mut expected).unwrap();
                let path = path(&key, &counts, chunk, fetch).unwrap();
                assert_eq!(path.as_flattened(), &expected[1024..], "{chunk} of {chunks}");
            }
        }
    }
}
