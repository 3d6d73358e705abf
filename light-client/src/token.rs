//! A join token as the owner hands it out: a file with the token's seed.

use crate::{Key, seed};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// No token file is longer, comments included.
const LONGEST: u64 = 64 * 1024;

/// Why a file gives no token. What stands in it is never repeated.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read the join token {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// It is something else.
    #[error("{} is no join token: {why}. Have the owner make one with `matrixai token create`", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: &'static str,
    },
}

/// Reads the token's key.
pub fn read(path: &Path) -> Result<Key, TokenError> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .map_err(|cause| TokenError::Unreadable { path: path.into(), cause })?;
    let seed = seed::parse(&text).map_err(|why| TokenError::NoToken { path: path.into(), why })?;
    Ok(Key::ed25519(&seed))
}
