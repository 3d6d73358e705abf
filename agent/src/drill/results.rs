//! Results that the chain has not seen yet. Each is on disk before its commitment leaves: who commits and cannot reveal is taken for a liar.

use crate::{files, hex32::Hex32};
use anyhow::{Context, Result};
use attest::record::{Body, Drill};
use log_store::{LogError, LogStore};
use rand::{RngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Some hundred tasks at most, each with a root for each part.
const LARGEST: u64 = 256 << 20;

/// A task's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its digest.
    pub digest: Hex32,
    /// What hides the digest in the commitment.
    pub salt: Hex32,
    /// What the digest hashes.
    pub roots: Vec<Hex32>,
    /// What the log says of the work: a crash may come before it does. Earlier versions did not keep it.
    #[serde(default)]
    pub effort: Option<Effort>,
}

/// What the work took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Records in the log when the result was kept: its own comes later.
    pub after: u64,
    /// What the task is worth.
    pub micro_ut: u64,
    /// How long it took, ms.
    pub span_ms: u64,
    /// What the processors used, mJ.
    pub energy_mj: Option<u64>,
    /// Threads.
    pub threads: u16,
}

impl Kept {
    /// A result with a fresh salt.
    pub fn new(outcome: &drilling::Outcome) -> Self {
        let mut salt = [0; 32];
        OsRng.fill_bytes(&mut salt);
        let roots = outcome.roots.iter().copied().map(Hex32).collect();
        Self { digest: Hex32(outcome.digest), salt: Hex32(salt), roots, effort: None }
    }

    /// The log's record of the work, where it is known what it took.
    pub fn record(&self, task: [u8; 32], machine: &[u8; 32]) -> Option<Drill> {
        let Effort { after: _, micro_ut, span_ms, energy_mj, threads } = self.effort?;
        let (digest, commitment) = (self.digest.0, self.commitment(machine));
        Some(Drill { task, digest, commitment, micro_ut, span_ms, energy_mj, threads })
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
        let kept = match files::read(path, LARGEST)? {
            Some(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!("{} is damaged; move it away: tasks under way are lost", path.display())
            })?,
            None => BTreeMap::new(),
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

    /// Records of kept results that the log lacks: what a crash between the two left.
    pub fn unrecorded(&self, machine: &[u8; 32], log: &LogStore) -> Result<Vec<Drill>, LogError> {
        let kept = self.kept.iter().filter_map(|(task, kept)| {
            let mut id = [0; 32];
            hex::decode_to_slice(task, &mut id).ok()?;
            Some((kept.effort?.after, kept.record(id, machine)?))
        });
        let (starts, mut records): (Vec<u64>, Vec<Drill>) = kept.unzip();
        let Some(from) = starts.into_iter().min() else { return Ok(records) };
        // A log that was begun anew is shorter.
        let from = if from > log.size() { 0 } else { from };
        let mut told = BTreeSet::new();
        for entry in log.iter_from(from) {
            if let Body::Drill(drill) = entry?.1.body {
                told.insert(drill.task);
            }
        }
        records.retain(|record| !told.contains(&record.task));
        Ok(records)
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
    use crate::recorder::{Recorder, end_mark};
    use std::fs;

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

    const MACHINE: [u8; 32] = [9; 32];

    /// Everything as a start of the agent finds it, and what it then does.
    fn start(dir: &tempfile::TempDir) -> (Results, Recorder) {
        let results = Results::open(&dir.path().join("drills.json")).unwrap();
        let recorder = Recorder::new(LogStore::open(&dir.path().join("log")).unwrap(), 1);
        let lacking = recorder.look(|log| results.unrecorded(&MACHINE, log)).unwrap();
        if !lacking.is_empty() {
            recorder.append(lacking.into_iter().map(Body::Drill).collect()).unwrap();
        }
        (results, recorder)
    }

    fn drills(recorder: &Recorder) -> Vec<Drill> {
        let drill = |body| if let Body::Drill(drill) = body { Some(drill) } else { None };
        recorder.look(|log| log.iter_from(0).filter_map(|entry| drill(entry.unwrap().1.body)).collect())
    }

    #[test]
    fn a_crash_between_result_and_record_costs_no_record_and_doubles_none() {
        let dir = tempfile::tempdir().unwrap();
        let (mut results, recorder) = start(&dir);
        recorder.append(vec![end_mark(), end_mark()]).unwrap();
        let effort = |recorder: &Recorder| Effort {
            after: recorder.head().0,
            micro_ut: 622,
            span_ms: 8,
            energy_mj: None,
            threads: 1,
        };
        let told = Kept { effort: Some(effort(&recorder)), ..result(1) };
        results.keep(&[1; 32], told.clone()).unwrap();
        recorder.append(vec![Body::Drill(told.record([1; 32], &MACHINE).unwrap())]).unwrap();
        let untold = Kept { effort: Some(effort(&recorder)), ..result(2) };
        results.keep(&[2; 32], untold.clone()).unwrap();
        // One of a version that kept no effort.
        results.keep(&[3; 32], result(3)).unwrap();
        drop((results, recorder));
        for _ in 0..3 {
            let (_, recorder) = start(&dir);
            let expected = [(told.clone(), [1; 32]), (untold.clone(), [2; 32])];
            let expected = expected.map(|(kept, task)| kept.record(task, &MACHINE).unwrap());
            assert_eq!(drills(&recorder), expected);
        }
        // A log that was lost and begun anew has none of them.
        fs::remove_dir_all(dir.path().join("log")).unwrap();
        assert_eq!(drills(&start(&dir).1).len(), 2);
    }

    #[test]
    fn a_result_that_cannot_be_written_is_not_believed() {
        let mut results = Results::open(Path::new("/nonexistent/drills.json")).unwrap();
        assert!(results.keep(&[1; 32], result(1)).is_err());
        assert_eq!(results.get(&[1; 32]), None);
    }
}
