//! Files that are there whole or not at all, and that only their owner reads.

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// A file of the state folder, of no more than `most` bytes; nothing where there is none.
pub fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    match plain_io::read(path, most) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Replaces a file; when this returns, the new content survives a power cut.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, true)
}

/// Replaces a file that can be made anew: readers see the old or the new content, a power cut may take both.
pub fn replace_fleeting(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, false)
}

/// What [`keep`] has kept of a watch; nothing where there is none, or it cannot be understood any more.
pub fn kept<T: DeserializeOwned + Default>(path: &Path, most: u64, what: &str) -> Result<T> {
    let Some(bytes) = read(path, most)? else { return Ok(T::default()) };
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        let path = path.display();
        tracing::warn!(%error, %path, "what was told of {what} is unreadable; the log says that they are watched anew");
        T::default()
    }))
}

/// Replaces such a file where what it is to hold has changed. What cannot be written is tried again at the next change or call: `written` is
/// what the file holds.
pub fn keep<T: Serialize + PartialEq>(path: &Path, now: T, written: &mut T) {
    if now == *written {
        return;
    }
    let replaced =
        serde_json::to_vec(&now).map_err(io::Error::other).and_then(|bytes| replace_fleeting(path, &bytes));
    match replaced {
        Ok(()) => *written = now,
        Err(error) => tracing::warn!(%error, path = %path.display(), "not written; trying again"),
    }
}

fn write(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let draft = path.with_added_extension("new");
    let result = draft_and_rename(path, &draft, bytes, durable);
    if result.is_err() {
        // A draft left behind means nothing to anybody.
        let _ = fs::remove_file(&draft);
    }
    result
}

fn draft_and_rename(path: &Path, draft: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(draft)?;
    file.write_all(bytes)?;
    if durable {
        file.sync_all()?;
    }
    fs::rename(draft, path)?;
    match path.parent() {
        Some(folder) if durable => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_kept_is_read_back_and_garbage_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jobs.json");
        let read = || kept::<Vec<u64>>(&path, 99, "jobs");
        assert!(read().unwrap().is_empty());
        keep(&path, vec![1, 2], &mut Vec::new());
        assert_eq!(read().unwrap(), [1, 2]);
        fs::write(&path, "garbage").unwrap();
        assert!(read().unwrap().is_empty());
        assert!(kept::<Vec<u64>>(&path, 3, "jobs").is_err(), "too large is no reason to begin anew");
    }

    #[test]
    fn what_is_no_file_or_too_long_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.json");
        assert_eq!(read(&path, 3).unwrap(), None);
        fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap().as_deref(), Some(&b"four"[..]));
        for (path, most) in [(path.as_path(), 3), (Path::new("/dev/zero"), 3), (dir.path(), 3)] {
            let error = read(path, most).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn a_failure_leaves_no_draft() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"one").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
