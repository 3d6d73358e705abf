//! The durable list of attestations made for anchors: kept before anybody else sees them, marked once they are final.
//!
//! One JSON value a line, only ever appended. A line that a power cut tore is cut off at the next start: what it told was not relied
//! upon yet.

use crate::{failure::Failure, files};
use anyhow::{Context, Result};
use evidence::Signed;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// A TPM's NV memory lasts some 100,000 anchors, of 2 KiB at most.
const LARGEST: u64 = 512 << 20;

/// One attestation of the counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Name of the attestation key, which changes when the TPM is cleared.
    pub ak: String,
    /// What the counter stood at.
    pub counter: u64,
    /// The evidence.
    pub signed: Signed,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Made(Box<Made>),
    Finalised { counter: u64, at: u64 },
}

/// An attestation and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The attestation.
    pub made: Made,
    /// The finalised block that it is in.
    pub at: Option<u64>,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub struct Journal {
    anchors: Vec<Anchor>,
    file: Option<File>,
}

impl Journal {
    /// Opens the journal for writing.
    pub fn open(path: &Path) -> Result<Self> {
        let trouble = || format!("cannot use {}", path.display());
        let mut journal = Self::read(path)?;
        let file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(path).with_context(trouble)?;
        let whole = plain_io::read(path, LARGEST).with_context(trouble)?;
        file.set_len(whole_lines(&whole).len() as u64)
            .and_then(|()| file.sync_all())
            .with_context(trouble)?;
        journal.file = Some(file);
        Ok(journal)
    }

    /// Reads the journal, also while an agent writes it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path, LARGEST)?.unwrap_or_default();
        let mut journal = Self::default();
        for line in whole_lines(&bytes).split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = serde_json::from_slice(line).with_context(|| {
                format!("{} is damaged; put that very file back, or move it away: then what it held can be shown to nobody", path.display())
            });
            let line = line.map_err(Failure::Damaged)?;
            journal.take(line);
        }
        Ok(journal)
    }

    /// All attestations.
    pub fn all(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Most records that any attestation covers.
    pub fn largest(&self) -> u64 {
        self.anchors.iter().map(|anchor| anchor.made.signed.size).max().unwrap_or(0)
    }

    /// Those that are final, of one attestation key.
    pub fn finalised<'a>(&'a self, ak: &str) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        let ak = ak.to_owned();
        self.anchors.iter().filter(move |anchor| anchor.at.is_some() && anchor.made.ak == ak)
    }

    /// Keeps an attestation.
    pub fn made(&mut self, made: Made) -> Result<()> {
        self.append(Line::Made(Box::new(made)))
    }

    /// Marks as final what the chain shows, and returns the attestation if that is news.
    pub fn mark(&mut self, ak: &str, counter: u64, at: u64) -> Result<Option<Made>> {
        let news =
            |anchor: &&Anchor| anchor.made.counter == counter && anchor.at.is_none() && anchor.made.ak == ak;
        let Some(made) = self.anchors.iter().rev().find(news).map(|anchor| anchor.made.clone()) else {
            return Ok(None);
        };
        self.append(Line::Finalised { counter, at })?;
        Ok(Some(made))
    }

    fn append(&mut self, line: Line) -> Result<()> {
        let file = self.file.as_mut().context("the list of anchors was opened read-only")?;
        let before = file.metadata()?.len();
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        let written = file.write_all(&text).and_then(|()| file.sync_data());
        if written.is_err() {
            // A full disk must not leave half a line for the next one to follow.
            let _ = file.set_len(before);
        }
        written.context("cannot write the list of anchors")?;
        self.take(line);
        Ok(())
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Made(made) => self.anchors.push(Anchor { made: *made, at: None }),
            Line::Finalised { counter, at } => {
                if let Some(anchor) =
                    self.anchors.iter_mut().rev().find(|anchor| anchor.made.counter == counter)
                {
                    anchor.at = Some(at);
                }
            }
        }
    }
}

fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn made(counter: u64) -> Made {
        let signed = Signed {
            block_number: 1,
            block_hash: [1; 32],
            size: counter,
            root: [2; 32],
            device_key: [3; 32],
            message: vec![4],
            signature: [5; 64],
        };
        Made { ak: "ak".into(), counter, signed }
    }

    #[test]
    fn what_is_final_is_marked_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchors.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        journal.made(made(1)).unwrap();
        journal.made(made(2)).unwrap();
        assert_eq!(journal.mark("ak", 2, 9).unwrap(), Some(made(2)));
        assert_eq!(journal.mark("ak", 2, 9).unwrap(), None);
        assert_eq!(journal.mark("ak", 7, 9).unwrap(), None);
        assert_eq!(journal.mark("another", 1, 9).unwrap(), None);
        let again = Journal::read(&path).unwrap();
        assert_eq!(again.all(), journal.all());
        assert_eq!(again.finalised("ak").map(|anchor| anchor.made.counter).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_torn_line_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchors.jsonl");
        Journal::open(&path).unwrap().made(made(1)).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            fs::write(&path, [&whole[..], &whole[..cut]].concat()).unwrap();
            let mut journal = Journal::open(&path).unwrap();
            assert_eq!(journal.all().len(), 1);
            journal.made(made(2)).unwrap();
            assert_eq!(Journal::read(&path).unwrap().all().len(), 2);
        }
    }

    #[test]
    fn reading_does_not_write() {
        assert!(Journal::read(Path::new("/nonexistent")).unwrap().made(made(1)).is_err());
    }
}
