//! Results that the chain has not seen yet. Each is on disk before its commitment leaves: who commits and cannot reveal is taken for a liar.

use crate::{files, hex32::Hex32};
use anyhow::{Context, Result};
use rand::{RngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// A task's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its digest.
    pub digest: Hex32,
    /// What hides the digest in the commitment.
    pub salt: Hex32,
    /// What the digest hashes.
    pub roots: Vec<Hex32>,
}

impl Kept {
    /// A result with a fresh salt.
    pub fn new(outcome: &drilling::Outcome) -> Self {
        let mut salt = [0; 32];
        OsRng.fill_bytes(&mut salt);
        let roots = outcome.roots.iter().copied().map(Hex32).collect();
        Self { digest: Hex32(outcome.digest), salt: Hex32(salt), roots }
    }

    /// What the chain is told first.
    pub fn commitment(&self, machine: &[u8; 32]) -> [u8; 32] {
        drilling::commitment(&self.digest.0, machine, &self.salt.0)
    }
}

/// All of them, and their file, which always agree.
#[derive(Debug)]
pub struct Results {
    path: PathBuf,
    kept: BTreeMap<String, Kept>,
}

impl Results {
    /// Those in a file, or none.
    pub fn open(path: &Path) -> Result<Self> {
        let kept = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!("{} is damaged; move it away: tasks under way are lost", path.display())
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(Self { path: path.into(), kept })
    }

    /// The result of a task.
    pub fn get(&self, task: &[u8; 32]) -> Option<&Kept> {
        self.kept.get(&hex::encode(task))
    }

    /// Keeps a result, durably.
    pub fn keep(&mut self, task: &[u8; 32], kept: Kept) -> Result<()> {
        let mut next = self.kept.clone();
        next.insert(hex::encode(task), kept);
        self.replace(next)
    }

    /// Lets go of all but these tasks' results.
    pub fn retain(&mut self, tasks: &[[u8; 32]]) -> Result<()> {
        let wanted: Vec<String> = tasks.iter().map(hex::encode).collect();
        let mut next = self.kept.clone();
        next.retain(|task, _| wanted.contains(task));
        if next.len() == self.kept.len() { Ok(()) } else { self.replace(next) }
    }

    fn replace(&mut self, next: BTreeMap<String, Kept>) -> Result<()> {
        let text = serde_json::to_vec(&next)?;
        files::replace(&self.path, &text).with_context(|| format!("cannot write {}", self.path.display()))?;
        self.kept = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(seed: u8) -> Kept {
        Kept::new(&drilling::Outcome { digest: [seed; 32], roots: vec![[seed; 32]; 2] })
    }

    #[test]
    fn what_was_kept_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drills.json");
        let mut results = Results::open(&path).unwrap();
        let (one, two) = (result(1), result(2));
        results.keep(&[1; 32], one.clone()).unwrap();
        results.keep(&[2; 32], two).unwrap();
        results.retain(&[[1; 32]]).unwrap();
        let results = Results::open(&path).unwrap();
        assert_eq!(results.get(&[1; 32]), Some(&one));
        assert_eq!(results.get(&[2; 32]), None);
        assert_ne!(result(1).salt, one.salt);
    }

    #[test]
    fn a_result_that_cannot_be_written_is_not_believed() {
        let mut results = Results::open(Path::new("/nonexistent/drills.json")).unwrap();
        assert!(results.keep(&[1; 32], result(1)).is_err());
        assert_eq!(results.get(&[1; 32]), None);
    }
}
