//! The state folder: what lies where, and who may write there.

use crate::failure::Failure;
use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The folder that holds everything that outlives the process.
#[derive(Debug, Clone)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// The folder, whether it exists or not.
    pub fn new(folder: &Path) -> Self {
        Self(folder.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Who the machine is and how far its enrolment got.
    pub fn identity(&self) -> PathBuf {
        self.0.join("identity.json")
    }

    /// Keeps a copy of the identity before its keys are replaced.
    pub fn keep_old_identity(&self) -> std::io::Result<()> {
        fs::copy(self.identity(), self.0.join("identity.json.old")).map(drop)
    }

    /// The log is gone, so what attests to it goes aside, as `….lost.1`, `….lost.2`: a new log is not to be measured against it.
    pub fn put_aside_attestations(&self) -> std::io::Result<()> {
        let files = [self.anchors(), self.checkpoint()];
        let aside = |file: &PathBuf, time: u32| file.with_added_extension(format!("lost.{time}"));
        let taken = |time: &u32| files.iter().any(|file| aside(file, *time).exists());
        let time = (1..).find(|time| !taken(time)).unwrap_or(u32::MAX);
        for file in &files {
            match fs::rename(file, aside(file, time)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The activity log.
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// What is owed to the chain.
    pub fn outbox(&self) -> PathBuf {
        self.0.join("outbox.redb")
    }

    /// The light client's database.
    pub fn chain(&self) -> PathBuf {
        self.0.join("chain")
    }

    /// Every attestation made for an anchor, and which of them are final.
    pub fn anchors(&self) -> PathBuf {
        self.0.join("anchors.jsonl")
    }

    /// The last boot's quote.
    pub fn quote(&self) -> PathBuf {
        self.0.join("quote.json")
    }

    /// What the GPUs reported about themselves over the last boot's statement.
    pub fn gpu_reports(&self) -> PathBuf {
        self.0.join("gpu-reports.json")
    }

    /// Results of tasks that the chain has not seen yet.
    pub fn drills(&self) -> PathBuf {
        self.0.join("drills.json")
    }

    /// How far draws of jobs' weights are told.
    pub fn jobs(&self) -> PathBuf {
        self.0.join("jobs.json")
    }

    /// How far draws of challenges of the GPUs are told, and what the last one found.
    pub fn challenges(&self) -> PathBuf {
        self.0.join("challenges.json")
    }

    /// Published networks and shards that tasks run over, unless the configuration names another folder.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// While this file is there, no task is worked on.
    pub fn drill_pause(&self) -> PathBuf {
        self.0.join("drill.paused")
    }

    /// What the running agent last said of itself.
    pub fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }

    /// The log's head, signed by the device key.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint")
    }

    fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// Creates the folder if need be and takes the right to write to it.
    pub fn lock(&self) -> Result<Lock> {
        let trouble = || format!("cannot use the state folder {}", self.0.display());
        DirBuilder::new().recursive(true).mode(0o750).create(&self.0).with_context(trouble)?;
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.lock_file())
            .with_context(trouble)?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            Errno::EWOULDBLOCK => {
                anyhow::Error::from(Failure::AnotherAgent { folder: self.0.clone(), pid: self.noted_pid() })
            }
            errno => anyhow::Error::from(errno).context(trouble()),
        })?;
        note_pid(&lock).with_context(trouble)?;
        Ok(Lock(lock))
    }

    /// Room for files of this user, in bytes.
    pub fn room(&self) -> Option<u64> {
        let stat = nix::sys::statvfs::statvfs(&self.0).ok()?;
        Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
    }

    /// What is to be said of a folder that everybody may write to.
    pub fn writable_by_all(&self) -> Option<String> {
        let mode = fs::metadata(&self.0).ok()?.mode();
        let all = mode & 0o002 != 0;
        all.then(|| {
            format!(
                "everybody may write to {}: chmod o-w it, for whoever does can take the log away",
                self.0.display()
            )
        })
    }

    /// The agent that works on this folder. Looks without touching the lock, so that a look never keeps an agent from starting.
    pub fn running(&self) -> Option<i32> {
        let pid = self.noted_pid()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        is_agent(&stat).then_some(pid)
    }

    /// Why it cannot be told whether an agent works on this folder, if it cannot.
    pub fn running_unknown(&self) -> Option<std::io::Error> {
        let error = File::open(self.lock_file()).err()?;
        (error.kind() != std::io::ErrorKind::NotFound).then_some(error)
    }

    fn noted_pid(&self) -> Option<i32> {
        plain_io::read_to_string(&self.lock_file(), 64).ok()?.trim().parse().ok()
    }
}

/// Whether this process is `matrixai-agent enroll`.
pub fn is_enrolling(pid: i32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).skip(1).any(|argument| argument == b"enroll")
}

/// Whether that is an agent that runs, by a process's `stat` (proc(5)): its name in parentheses, then its state. One that has ended and
/// whose parent has not asked yet (`Z`) runs no more.
fn is_agent(stat: &str) -> bool {
    let told = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(") "));
    told.is_some_and(|(name, rest)| name.starts_with("matrixai-agent") && !rest.starts_with(['Z', 'X']))
}

fn note_pid(mut file: &File) -> std::io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

/// The right to write to the state folder, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock(Flock<File>);

impl Drop for Lock {
    fn drop(&mut self) {
        // Nobody to name any more; a process that was killed is told by its absence.
        let _ = self.0.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_is_refused_and_told_the_pid() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(&dir.path().join("deep/state"));
        let lock = state.lock().unwrap();
        let error = state.lock().unwrap_err();
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(
            matches!(error.downcast_ref(), Some(Failure::AnotherAgent { pid: Some(p), .. }) if *p == pid)
        );
        drop(lock);
        state.lock().unwrap();
    }

    #[test]
    fn what_attests_to_a_lost_log_is_kept_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        for loss in ["first", "second"] {
            fs::write(state.anchors(), loss).unwrap();
            state.put_aside_attestations().unwrap();
        }
        state.put_aside_attestations().unwrap();
        let kept = |time: u32| fs::read_to_string(dir.path().join(format!("anchors.jsonl.lost.{time}")));
        assert_eq!((kept(1).unwrap(), kept(2).unwrap()), ("first".into(), "second".into()));
        assert!(kept(3).is_err() && !state.anchors().exists());
    }

    #[test]
    fn who_has_ended_runs_no_more() {
        assert!(is_agent("7 (matrixai-agent) S 1 7 7"));
        assert!(is_agent("7 (matrixai-agent ) R) R 1 7 7"));
        assert!(!is_agent("7 (matrixai-agent) Z 1 7 7"));
        assert!(!is_agent("7 (bash) S 1 7 7"));
        assert!(!is_agent(""));
    }

    #[test]
    fn a_folder_that_everybody_may_write_to_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        assert_eq!(state.writable_by_all(), None);
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(state.writable_by_all().unwrap().contains("chmod o-w"));
        assert!(state.room().is_some_and(|room| room > 0));
    }

    #[test]
    fn nobody_runs_on_a_fresh_folder() {
        assert_eq!(StateDir::new(Path::new("/nonexistent")).running(), None);
    }
}
