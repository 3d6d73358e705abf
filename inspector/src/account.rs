//! The inspector's key: a development account, or a seed in a file that only its owner may read.
//!
//! A daemon cannot ask for a password, so the file holds the bare seed: `matrixai key export` writes one.

use light_client::{Key, seed};
use std::path::{Path, PathBuf};

/// Which key to act with.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Account {
    /// The account `//NAME` of development chains: Alice, Bob, …
    #[arg(long, value_name = "NAME", env = "MATRIXAI_DEV_ACCOUNT")]
    dev_account: Option<String>,
    /// File with the account's sr25519 seed in hex, mode 0600
    #[arg(long, value_name = "FILE", env = "MATRIXAI_KEY")]
    key: Option<PathBuf>,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Neither option was given.
    #[error("no account: give --dev-account or --key")]
    None,
    /// The file cannot be read.
    #[error("key file {path}: {1}", path = .0.display())]
    Read(PathBuf, std::io::Error),
    /// Others may read the file.
    #[error("key file {path} may be read by others (mode {1:o}): run `chmod 600` on it", path = .0.display())]
    Exposed(PathBuf, u32),
    /// The file holds something else.
    #[error("key file {path} holds no seed: {1}. `matrixai key export` writes one", path = .0.display())]
    NoSeed(PathBuf, &'static str),
}

impl Account {
    /// The key.
    pub fn key(&self) -> Result<Key, AccountError> {
        match (&self.dev_account, &self.key) {
            (Some(name), _) => Ok(Key::development(name)),
            (None, Some(file)) => read(file),
            (None, None) => Err(AccountError::None),
        }
    }
}

fn read(file: &Path) -> Result<Key, AccountError> {
    let unreadable = |error| AccountError::Read(file.into(), error);
    if let Some(mode) = seed::exposed(file).map_err(unreadable)? {
        return Err(AccountError::Exposed(file.into(), mode));
    }
    let text = seed::read_file(file).map_err(unreadable)?;
    let seed = seed::parse(&text).map_err(|why| AccountError::NoSeed(file.into(), why))?;
    Ok(Key::sr25519(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("seed");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        (dir, file)
    }

    #[test]
    fn a_seed_is_read_past_comments() {
        let (_dir, path) = file(&format!("# inspector\n0x{}\n", "07".repeat(32)), 0o600);
        assert_eq!(read(&path).unwrap().public(), Key::sr25519(&[7; 32]).public());
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let (_dir, path) = file(&"07".repeat(32), 0o644);
        assert!(matches!(read(&path), Err(AccountError::Exposed(_, 0o644))));
    }

    #[test]
    fn anything_else_is_no_seed() {
        for text in ["", "zz", "0707", &"07".repeat(33)] {
            let (_dir, path) = file(text, 0o600);
            assert!(matches!(read(&path), Err(AccountError::NoSeed(..))), "{text}");
        }
    }
}
