//! What each accused has answered so far. The chain keeps the last answer only, and the proof needs all: they are on disk.

use super::{Accused, AuditError, Case};
use crate::durable;
use light_client::AccountId32;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// An accused answers four or five times, 8 KiB each (`drilling::disclosure`) and twice that in hex: room for sixty answers.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Answers(Vec<String>);

/// Answers by task and machine, in files of a folder.
#[derive(Debug)]
pub struct Trails {
    folder: PathBuf,
    known: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Trails {
    /// Those in a folder, which is created if missing. A file that cannot be read is passed over: questions are asked again.
    pub fn open(folder: &Path) -> Result<Self, AuditError> {
        let trouble = |error| AuditError::Io(folder.into(), error);
        fs::create_dir_all(folder).map_err(trouble)?;
        let mut known = BTreeMap::new();
        for file in fs::read_dir(folder).map_err(trouble)?.flatten() {
            let bytes = plain_io::read(&file.path(), LONGEST).ok();
            let answers = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let Some(Answers(answers)) = answers else { continue };
            let answers: Option<Vec<_>> = answers.iter().map(|answer| hex::decode(answer).ok()).collect();
            if let (Some(answers), Ok(name)) = (answers, file.file_name().into_string()) {
                known.insert(name, answers);
            }
        }
        Ok(Self { folder: folder.into(), known })
    }

    /// The answers of one accused, the roots first.
    pub fn answers(&self, task: &[u8; 32], machine: &[u8; 32]) -> &[Vec<u8>] {
        self.known.get(&name(task, machine)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Takes what the chain shows and is not known yet.
    pub fn learn(&mut self, case: &Case, accused: &Accused, me: &AccountId32) -> Result<(), AuditError> {
        let mut answers = self.answers(&case.id, &accused.machine).to_vec();
        let before = answers.len();
        if let (true, Some(roots)) = (answers.is_empty(), &accused.roots) {
            answers.push(roots.clone());
        }
        // The first answer after the roots is to question 1.
        if let Some(chain) = accused.chain_of(me)
            && usize::from(chain.asked) == answers.len()
            && let Some(answer) = &chain.answer
        {
            answers.push(answer.clone());
        }
        if answers.len() == before {
            return Ok(());
        }
        let name = name(&case.id, &accused.machine);
        let text =
            serde_json::to_vec(&Answers(answers.iter().map(hex::encode).collect())).unwrap_or_default();
        let file = self.folder.join(&name);
        durable::replace(&file, &text).map_err(|error| AuditError::Io(file, error))?;
        self.known.insert(name, answers);
        Ok(())
    }

    /// Lets go of all but these tasks' answers.
    pub fn retain(&mut self, tasks: &[[u8; 32]]) -> Result<(), AuditError> {
        let open = |name: &String| tasks.iter().any(|task| name.starts_with(&hex::encode(task)));
        let gone: Vec<String> = self.known.keys().filter(|name| !open(name)).cloned().collect();
        for name in gone {
            let file = self.folder.join(&name);
            fs::remove_file(&file).map_err(|error| AuditError::Io(file, error))?;
            self.known.remove(&name);
        }
        Ok(())
    }
}

fn name(task: &[u8; 32], machine: &[u8; 32]) -> String {
    format!("{}-{}", hex::encode(task), hex::encode(machine))
}
