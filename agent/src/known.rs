//! What is known of the log besides the log. Whoever opens it to look at it measures it against this first: a log that lacks what was signed
//! or anchored is neither shown nor signed.

use crate::{head::Head, identity::Identity, journal::Journal, state_dir::StateDir, tally::Tally};
use anyhow::{Context, Result, bail};
use attest::record::{Body, GapReason};
use log_store::{LogError, LogStore};

/// Identity, attestations and signed head.
#[derive(Debug, Default)]
pub struct Known {
    /// Who the machine is.
    pub identity: Option<Identity>,
    /// Attestations made.
    pub journal: Journal,
    /// The head that was signed last.
    pub head: Option<Head>,
}

impl Known {
    /// Reads it all. To be read before the log, since a running agent writes on.
    pub fn read(state: &StateDir) -> Result<Self> {
        let identity = Identity::of(state)?;
        let journal = Journal::read(&state.anchors())?;
        let head = Head::read(state, identity.as_ref())?;
        Ok(Self { identity, journal, head })
    }

    /// How many records the log must hold.
    pub fn wanted(&self) -> u64 {
        wanted(self.head.as_ref(), &self.journal)
    }

    /// Opens the log to look at it, if it is the one that this is known of.
    pub fn open_log(&self, state: &StateDir) -> Result<LogStore> {
        let (folder, wanted) = (state.log(), self.wanted());
        let missing = |held| LogError::Missing { folder: folder.clone(), held, wanted };
        if !folder.try_exists().with_context(|| format!("cannot look into {}", state.path().display()))? {
            if wanted > 0 {
                return Err(missing(0).into());
            }
            bail!("there is no log in {} yet; start the agent (matrixai-agent run)", state.path().display());
        }
        let log = LogStore::open_read_only(&folder)?;
        if log.size() < wanted {
            return Err(missing(log.size()).into());
        }
        self.head.iter().try_for_each(|head| head.check(&log))?;
        Ok(log)
    }
}

/// As many records as the signed head and every attestation cover.
pub fn wanted(head: Option<&Head>, journal: &Journal) -> u64 {
    journal.largest().max(head.map_or(0, |head| head.size))
}

/// What the log tells of an anchor whose attestation is not in the list: that is on disk first, so somebody took it away.
pub fn lost_attestations(log: &LogStore, journal: &Journal) -> Option<String> {
    let told = Tally::of(log).anchor?;
    let kept = journal.all().iter().any(|anchor| anchor.made.counter == told.counter);
    (!kept).then(|| {
        format!(
            "the log tells of an anchor with counter {}, but its attestation is not in anchors.jsonl: that file was removed or cut \
             short, and what it held can be shown to nobody; put it back if you can",
            told.counter
        )
    })
}

/// Whether the log begins with saying that the one before it was lost.
pub fn follows_a_lost_one(log: &LogStore) -> Result<bool, LogError> {
    let told = |body: &Body| matches!(body, Body::Gap(gap) if gap.reason == GapReason::LogLost);
    Ok(log.size() > 1 && told(&log.read(1)?.body))
}

/// That in words, for who reads the log or an export of it.
pub fn loss_in_words(log: &LogStore, identity: Option<&Identity>) -> Result<Option<String>, LogError> {
    if !follows_a_lost_one(log)? {
        return Ok(None);
    }
    let lost = identity.and_then(|identity| identity.lost);
    let what = lost.map_or_else(String::new, |lost| format!(": {lost}"));
    Ok(Some(format!("this log follows one that was lost, as its record 1 says{what}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        failure::is_damage,
        head::tests::{known_device, log_of},
        identity::Keeper,
        recorder::{Recorder, end_mark},
    };
    use attest::record::{Anchor, Gap};
    use std::fs;

    #[test]
    fn a_log_that_lacks_what_was_signed_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let (key, identity) = known_device(7);
        Keeper::new(state.identity(), identity.clone()).change(|_| {}).unwrap();
        assert!(
            !is_damage(&Known::read(&state).unwrap().open_log(&state).unwrap_err()),
            "there was none yet"
        );
        let log = log_of(&state.log(), 5);
        Head::leave(&state, &identity.origin(), 5, log.root(), &key).unwrap();
        let known = Known::read(&state).unwrap();
        assert_eq!((known.wanted(), known.open_log(&state).unwrap().size()), (5, 5));
        fs::remove_dir_all(state.log()).unwrap();
        let gone = known.open_log(&state).unwrap_err();
        assert!(is_damage(&gone) && gone.to_string().contains("5 were signed or anchored"), "{gone}");
        log_of(&state.log(), 4);
        assert!(is_damage(&known.open_log(&state).unwrap_err()));
        log_of(&state.log(), 2);
        let other = known.open_log(&state).unwrap_err();
        assert!(is_damage(&other) && other.to_string().contains("rewritten or replaced"), "{other}");
    }

    #[test]
    fn an_anchor_without_its_attestation_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(LogStore::open(&dir.path().join("log")).unwrap(), 1);
        let lost = || recorder.look(|log| lost_attestations(log, &Journal::default()));
        recorder.append(vec![end_mark()]).unwrap();
        assert_eq!(lost(), None);
        let anchor = Anchor { block_number: 1, block_hash: [0; 32], size: 1, root: [0; 32], counter: 9 };
        recorder.append(vec![Body::Anchor(anchor)]).unwrap();
        assert!(lost().unwrap().contains("counter 9"));
    }

    #[test]
    fn the_loss_of_an_earlier_log_is_told_from_a_log_that_was_never_lost() {
        let dir = tempfile::tempdir().unwrap();
        let log = |name: &str, reason| {
            let recorder = Recorder::new(LogStore::open(&dir.path().join(name)).unwrap(), 1);
            let gap = Body::Gap(Gap { from_ms: 0, to_ms: 1, reason });
            recorder.append(vec![end_mark(), gap]).unwrap();
            recorder.look(|log| loss_in_words(log, None).unwrap())
        };
        assert!(log("lost", GapReason::LogLost).unwrap().contains("record 1"));
        assert_eq!(log("crashed", GapReason::Crashed), None);
    }
}
