//! Every perfect subtree's root, so that any proof is a matter of look-ups.

use attest::{EMPTY_ROOT, Hash, LogFull, Nodes, node_hash};

/// Two hashes a record. Level 0 holds the leaves.
#[derive(Debug, Default)]
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub fn push(&mut self, leaf: Hash) -> Result<(), LogFull> {
        self.size().checked_add(1).ok_or(LogFull)?;
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            let Some(nodes) = self.levels.get_mut(level) else { break };
            nodes.push(hash);
            match nodes.as_slice() {
                [.., left, right] if nodes.len() % 2 == 0 => hash = node_hash(left, right),
                _ => break,
            }
        }
        Ok(())
    }

    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The root (RFC 6962 §2.1): the perfect subtrees that the log is made of, smallest first, are the last nodes of the levels whose
    /// length is odd.
    pub fn root(&self) -> Hash {
        let odd = self.levels.iter().filter(|nodes| nodes.len() % 2 == 1);
        let mut subtrees = odd.filter_map(|nodes| nodes.last());
        let Some(smallest) = subtrees.next() else { return EMPTY_ROOT };
        subtrees.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// `count` hashes of a level, from `first`.
    pub fn run(&self, level: u8, first: u64, count: u64) -> Option<&[Hash]> {
        let (first, count) = (usize::try_from(first).ok()?, usize::try_from(count).ok()?);
        self.levels.get(usize::from(level))?.get(first..first.checked_add(count)?)
    }
}

impl Nodes for Tree {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        self.run(level, index, 1)?.first().copied()
    }
}
