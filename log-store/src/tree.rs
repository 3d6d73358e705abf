//! Perfect subtrees' roots, so that any proof is a matter of look-ups.
//!
//! In memory are the roots of all subtrees of 256 leaves or more, a quarter of a byte for each record, and every node above the last,
//! unfinished 256. What lies below an older one is hashed from its records when a proof wants it.

use attest::{EMPTY_ROOT, Hash, LogFull, Nodes, leaf_hash, node_hash};

/// Levels below this one are kept of the last group only.
const KEPT: u8 = 8;
/// Leaves of a group: a tile's.
pub const GROUP: u64 = 1 << KEPT;

/// Nodes by level, from some level on; each pair has its parent.
#[derive(Debug, Default)]
struct Levels(Vec<Vec<Hash>>);

impl Levels {
    fn push(&mut self, mut hash: Hash) {
        for level in 0.. {
            if self.0.len() <= level {
                self.0.push(Vec::new());
            }
            let Some(nodes) = self.0.get_mut(level) else { break };
            nodes.push(hash);
            match nodes.as_slice() {
                [.., left, right] if nodes.len() % 2 == 0 => hash = node_hash(left, right),
                _ => break,
            }
        }
    }

    fn run(&self, level: u8, first: u64, count: u64) -> Option<&[Hash]> {
        let (first, count) = (usize::try_from(first).ok()?, usize::try_from(count).ok()?);
        self.0.get(usize::from(level))?.get(first..first.checked_add(count)?)
    }
}

/// The log's tree, without the lowest levels of what is old.
#[derive(Debug, Default)]
pub struct Tree {
    size: u64,
    /// From level [`KEPT`] on.
    high: Levels,
    last: Levels,
}

impl Tree {
    pub fn push(&mut self, leaf: Hash) -> Result<(), LogFull> {
        self.size = self.size.checked_add(1).ok_or(LogFull)?;
        self.last.push(leaf);
        if let Some([root]) = self.last.run(KEPT, 0, 1) {
            self.high.push(*root);
            self.last = Levels::default();
        }
        Ok(())
    }

    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The group that is being filled.
    const fn filling(&self) -> u64 {
        self.size / GROUP
    }

    /// The root (RFC 6962 §2.1): the perfect subtrees that the log is made of, smallest first, are the last nodes of the levels whose
    /// length is odd.
    pub fn root(&self) -> Hash {
        let odd = self.last.0.iter().chain(&self.high.0).filter(|nodes| nodes.len() % 2 == 1);
        let mut subtrees = odd.filter_map(|nodes| nodes.last());
        let Some(smallest) = subtrees.next() else { return EMPTY_ROOT };
        subtrees.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

/// The tree with the groups that somebody wants.
#[derive(Debug)]
pub struct View<'a> {
    tree: &'a Tree,
    groups: Vec<(u64, Levels)>,
}

impl<'a> View<'a> {
    pub const fn of(tree: &'a Tree) -> Self {
        Self { tree, groups: Vec::new() }
    }

    /// Whether the group of this record is lacking: it must be hashed anew.
    pub fn lacks(&self, seq: u64) -> bool {
        let group = seq / GROUP;
        group < self.tree.filling() && self.group(group).is_none()
    }

    /// Adds the group of this record, from the group's records. False where they are not those that the tree grew from.
    #[must_use]
    pub fn add<'r>(&mut self, seq: u64, records: impl Iterator<Item = &'r [u8]>) -> bool {
        let mut nodes = Levels::default();
        records.for_each(|record| nodes.push(leaf_hash(record)));
        let group = seq / GROUP;
        let known = self.tree.high.run(0, group, 1);
        let right = known.is_some() && nodes.run(KEPT, 0, 1) == known;
        if right {
            self.groups.push((group, nodes));
        }
        right
    }

    fn group(&self, number: u64) -> Option<&Levels> {
        if number == self.tree.filling() {
            return Some(&self.tree.last);
        }
        self.groups.iter().find(|(group, _)| *group == number).map(|(_, nodes)| nodes)
    }

    /// `count` hashes of a level, from `first`; below level 8 of one group only.
    pub fn run(&self, level: u8, first: u64, count: u64) -> Option<&[Hash]> {
        match KEPT.checked_sub(level) {
            None | Some(0) => self.tree.high.run(level.saturating_sub(KEPT), first, count),
            // So many nodes of this level has each group.
            Some(bits) => self.group(first >> bits)?.run(level, first % (1 << bits), count),
        }
    }
}

impl Nodes for View<'_> {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        self.run(level, index, 1)?.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::proof;

    fn leaf(seq: u64) -> [u8; 8] {
        seq.to_be_bytes()
    }

    fn tree(size: u64) -> Tree {
        let mut tree = Tree::default();
        (0..size).for_each(|seq| tree.push(leaf_hash(&leaf(seq))).unwrap());
        tree
    }

    fn view<'a>(tree: &'a Tree, wanted: &[u64]) -> View<'a> {
        let mut view = View::of(tree);
        for seq in wanted {
            if view.lacks(*seq) {
                let first = seq / GROUP * GROUP;
                let leaves: Vec<_> = (first..first + GROUP).map(leaf).collect();
                assert!(view.add(*seq, leaves.iter().map(<[u8; 8]>::as_slice)));
            }
        }
        view
    }

    #[test]
    fn every_size_and_place_can_be_proven() {
        let sizes = [1, 2, 255, 256, 257, 511, 512, 513, 700, 768, 1000, 1024];
        let tree = tree(1024);
        for size in sizes {
            let root = self::tree(size).root();
            assert_eq!(proof::root_at(&view(&tree, &[size]), size).unwrap(), root, "{size}");
            for seq in [0, 1, 100, 254, 255, 256, 300, 511, 512, 699, 1023] {
                if seq < size {
                    let proof = proof::prove_inclusion(&view(&tree, &[seq, size]), seq, size).unwrap();
                    proof::verify_inclusion(&leaf_hash(&leaf(seq)), seq, size, &proof, &root).unwrap();
                }
            }
            for old in sizes.into_iter().filter(|old| *old <= size) {
                let proof = proof::prove_consistency(&view(&tree, &[old, size]), old, size).unwrap();
                let old_root = self::tree(old).root();
                proof::verify_consistency(old, &old_root, size, &root, &proof).unwrap();
            }
        }
    }

    #[test]
    fn what_was_not_added_is_missing_and_not_made_up() {
        let tree = tree(600);
        assert!(View::of(&tree).run(0, 10, 1).is_none());
        assert!(View::of(&tree).run(8, 1, 1).is_some());
        assert!(View::of(&tree).run(0, 512, 88).is_some());
        assert!(View::of(&tree).run(0, 512, 89).is_none());
        assert!(view(&tree, &[10]).run(0, 0, 256).is_some());
    }

    #[test]
    fn other_records_than_those_that_were_appended_are_noticed() {
        let tree = tree(600);
        let exchanged: Vec<_> = (0..GROUP).map(|seq| leaf(seq ^ 1)).collect();
        let mut view = View::of(&tree);
        assert!(!view.add(0, exchanged.iter().map(<[u8; 8]>::as_slice)));
        assert!(view.lacks(0));
        assert!(!view.add(600, exchanged.iter().map(<[u8; 8]>::as_slice)), "a group that is not full yet");
    }
}
