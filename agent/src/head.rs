//! The signed head that lies beside the log: what the log has at least, whatever becomes of its files.
//!
//! It is written durably, though once a block or so: the log itself is synced more often. What a power cut leaves is then the head
//! before or the new one, whole. Anything else is damage, and never "none": that would be a way around the check of the log against it.

use crate::{agent, failure::Failure, files, identity::Identity, state_dir::StateDir};
use anyhow::{Context, Result, anyhow};
use attest::{
    Hash,
    checkpoint::{self, CheckpointError},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use light_client::Key;
use log_store::LogStore;
use std::path::PathBuf;

/// A head, and what vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The C2SP checkpoint.
    pub note: String,
    /// Records of the log.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// Whether the device key in use signed it. One of an earlier boot state is known by its root alone.
    pub by_device: bool,
    file: PathBuf,
}

impl Head {
    /// The head that an agent left, if there is one.
    pub fn read(state: &StateDir, identity: Option<&Identity>) -> Result<Option<Self>> {
        let file = state.checkpoint();
        let Some(note) = files::read(&file, checkpoint::MAX_NOTE as u64)? else { return Ok(None) };
        let damaged = |why: CheckpointError| {
            Failure::Damaged(anyhow!(
                "{} is damaged ({why}), so it does not tell how many records were signed; put that very file back, or move it away: \
                 the log is then measured against its anchors alone",
                file.display()
            ))
        };
        let note = String::from_utf8(note).map_err(|_| damaged(CheckpointError::Malformed))?;
        let by_device = match identity {
            None => false,
            Some(identity) => match checkpoint::verify(&note, &identity.origin(), &identity.device.public) {
                Ok(_) => true,
                Err(CheckpointError::NotSigned) => false,
                Err(why) => return Err(damaged(why).into()),
            },
        };
        let (size, root) = parse(&note).ok_or_else(|| damaged(CheckpointError::Malformed))?;
        Ok(Some(Self { note, size, root, by_device, file }))
    }

    /// Signs a head and leaves it beside the log.
    pub fn leave(state: &StateDir, origin: &str, size: u64, root: Hash, device: &Key) -> Result<()> {
        let (note, file) = (agent::sign(origin, size, root, device)?, state.checkpoint());
        files::replace(&file, note.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Whether it is a head of this log, which has as many records.
    pub fn check(&self, log: &LogStore) -> Result<()> {
        if log.root_at(self.size)? == self.root {
            return Ok(());
        }
        let (file, size) = (self.file.display(), self.size);
        let what = if self.by_device {
            anyhow!(
                "the first {size} records of the log are not those whose head this machine signed ({file}): it was rewritten or \
                 replaced; put that very log back, or move the folder away and enrol anew"
            )
        } else {
            anyhow!(
                "{file} is neither signed by this machine's device key nor a head of its log; put that very file back, or move it \
                 away: the log is then measured against its anchors alone"
            )
        };
        Err(Failure::Damaged(what).into())
    }
}

/// Size and root, whoever signed them.
fn parse(note: &str) -> Option<(u64, Hash)> {
    let mut lines = note.lines().skip(1);
    let (size, root) = (lines.next()?.parse().ok()?, BASE64_STANDARD.decode(lines.next()?).ok()?);
    Some((size, root.try_into().ok()?))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{failure::is_damage, identity::tests::made_up, recorder};
    use std::{fs, path::Path};

    /// A device key, and an identity that has it.
    pub fn known_device(seed: u8) -> (Key, Identity) {
        let key = Key::ed25519(&[seed; 32]);
        let mut identity = made_up();
        identity.device.public = key.public();
        (key, identity)
    }

    /// A log of so many records.
    pub fn log_of(folder: &Path, records: usize) -> LogStore {
        let log = LogStore::open(folder).unwrap();
        recorder::Recorder::new(log, 1).append(vec![recorder::end_mark(); records]).unwrap();
        LogStore::open_read_only(folder).unwrap()
    }

    #[test]
    fn a_head_is_read_back_and_is_of_its_log_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let (key, identity) = known_device(7);
        assert_eq!(Head::read(&state, Some(&identity)).unwrap(), None);
        let log = log_of(&state.log(), 5);
        Head::leave(&state, &identity.origin(), 3, log.root_at(3).unwrap(), &key).unwrap();
        let head = Head::read(&state, Some(&identity)).unwrap().unwrap();
        assert!((head.size, head.by_device) == (3, true) && head.check(&log).is_ok());
        let other = log_of(&dir.path().join("other"), 6);
        assert!(is_damage(&head.check(&other).unwrap_err()));
        // The device key is another one after a change of the boot state; the log vouches for the head.
        let (_, later) = known_device(8);
        let head = Head::read(&state, Some(&later)).unwrap().unwrap();
        assert!(!head.by_device && head.check(&log).is_ok());
        assert!(head.check(&other).unwrap_err().to_string().contains("neither signed"));
    }

    #[test]
    fn whatever_is_no_head_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let (key, identity) = known_device(7);
        let log = log_of(&state.log(), 5);
        Head::leave(&state, &identity.origin(), 5, log.root(), &key).unwrap();
        let whole = fs::read_to_string(state.checkpoint()).unwrap();
        let zeros = "\0".repeat(whole.len());
        let more = whole.replacen("\n5\n", "\n4\n", 1);
        for text in ["", "x\n", &zeros, &whole[..whole.len() / 2], &more] {
            fs::write(state.checkpoint(), text).unwrap();
            let error = Head::read(&state, Some(&identity)).unwrap_err();
            assert!(
                is_damage(&error) && error.to_string().contains("checkpoint is damaged"),
                "{text:?}: {error}"
            );
        }
        fs::write(state.checkpoint(), "x\n").unwrap();
        assert!(is_damage(&Head::read(&state, None).unwrap_err()));
    }
}
