//! The chain database on disk: where the light client resumes instead of starting at the checkpoint.
//!
//! The content is smoldot's and opaque. A digest stands before it, since a damaged database that still
//! reads would make smoldot follow a block that never was; whatever does not check is not used.

use crate::Error;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Larger than smoldot ever writes for our chains; a larger file is not ours.
pub(crate) const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The digest in hexadecimal, and the end of its line.
const DIGEST: u64 = 65;

/// The file that holds the chain database.
#[derive(Debug, Clone)]
pub struct ChainDatabase {
    path: PathBuf,
}

impl ChainDatabase {
    /// The database of one state folder, which is created if missing.
    pub fn open(state_dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(state_dir)
            .map_err(|source| Error::StateFolder { path: state_dir.to_owned(), source })?;
        let database = Self { path: state_dir.join("chain.db") };
        // What a process that was killed had begun.
        database.remove_draft();
        Ok(database)
    }

    /// The saved content, or nothing if there is none that can be trusted.
    pub fn load(&self) -> Option<String> {
        let text = match plain_io::read_to_string(&self.path, MAX_BYTES + DIGEST) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "chain database unreadable: starting from the specification");
                return None;
            }
        };
        let content = checked(&text);
        if content.is_none() {
            tracing::warn!(path = %self.path.display(), "chain database damaged: starting from the specification");
        }
        content.map(str::to_owned)
    }

    /// Replaces the content so that a crash leaves the old or the new one, whole.
    pub fn save(&self, content: &str) -> Result<(), Error> {
        self.replace(content).map_err(|source| Error::StateFolder { path: self.path.clone(), source })
    }

    fn replace(&self, content: &str) -> std::io::Result<()> {
        let written = self.write(content);
        if written.is_err() {
            // This is a cache: on a full disk it must not take the room of what cannot be had again.
            self.remove_draft();
        }
        written
    }

    fn write(&self, content: &str) -> std::io::Result<()> {
        let draft = self.draft();
        let mut file = File::create(&draft)?;
        writeln!(file, "{}", digest(content))?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    fn draft(&self) -> PathBuf {
        self.path.with_extension("db.new")
    }

    fn remove_draft(&self) {
        // Mostly there is none.
        let _ = fs::remove_file(self.draft());
    }
}

fn digest(content: &str) -> String {
    hex::encode(Sha256::digest(content))
}

fn checked(text: &str) -> Option<&str> {
    let (expected, content) = text.split_once('\n')?;
    (digest(content) == expected).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn database() -> (tempfile::TempDir, ChainDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let database = ChainDatabase::open(&folder.path().join("deeper/state")).unwrap();
        (folder, database)
    }

    #[test]
    fn a_fresh_folder_has_nothing() {
        assert_eq!(database().1.load(), None);
    }

    #[test]
    fn the_last_save_wins() {
        let (_folder, database) = database();
        database.save("first, and longer").unwrap();
        database.save("second").unwrap();
        assert_eq!(database.load().as_deref(), Some("second"));
    }

    #[test]
    fn a_torn_draft_is_not_looked_at() {
        let (_folder, database) = database();
        database.save("good").unwrap();
        fs::write(database.draft(), "torn").unwrap();
        assert_eq!(database.load().as_deref(), Some("good"));
        database.save("better").unwrap();
        assert_eq!(database.load().as_deref(), Some("better"));
    }

    #[test]
    fn a_draft_that_was_left_behind_is_removed() {
        let (folder, database) = database();
        database.save("good").unwrap();
        fs::write(database.draft(), "torn").unwrap();
        let database = ChainDatabase::open(&folder.path().join("deeper/state")).unwrap();
        assert!(!database.draft().exists());
        assert_eq!(database.load().as_deref(), Some("good"));
    }

    #[test]
    fn a_save_that_fails_leaves_no_draft() {
        let (_folder, database) = database();
        // The draft is written whole, and cannot take this place.
        fs::create_dir(&database.path).unwrap();
        assert!(database.save("new").is_err());
        assert!(!database.draft().exists());
    }

    #[test]
    fn a_full_disk_is_left_as_it_was() {
        let (_folder, database) = database();
        std::os::unix::fs::symlink("/dev/full", database.draft()).unwrap();
        assert!(database.save("new").is_err());
        assert!(fs::symlink_metadata(database.draft()).is_err());
        assert_eq!(database.load(), None);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_ignored() {
        let (_folder, database) = database();
        File::create(&database.path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(database.load(), None);
        fs::remove_file(&database.path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &database.path).unwrap();
        assert_eq!(database.load(), None);
        database.save("good").unwrap();
        assert_eq!(database.load().as_deref(), Some("good"));
    }

    #[test]
    fn a_file_that_is_not_text_is_ignored() {
        let (_folder, database) = database();
        fs::write(&database.path, [0xff, 0xfe, 0, 1]).unwrap();
        assert_eq!(database.load(), None);
    }

    proptest! {
        #[test]
        fn any_flipped_or_missing_byte_is_noticed(content in "[ -~]{1,80}", at in any::<prop::sample::Index>(), cut in any::<bool>()) {
            let (_folder, database) = database();
            database.save(&content).unwrap();
            let mut bytes = fs::read(&database.path).unwrap();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 }
            fs::write(&database.path, bytes).unwrap();
            prop_assert_eq!(database.load(), None);
        }
    }
}
