//! A join token as the owner hands it out: a file with the token's seed.

use crate::{Key, seed};
use std::{
    io,
    path::{Path, PathBuf},
};

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
    let text = seed::read_file(path).map_err(|cause| TokenError::Unreadable { path: path.into(), cause })?;
    let seed = seed::parse(&text).map_err(|why| TokenError::NoToken { path: path.into(), why })?;
    Ok(Key::ed25519(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_file_that_ends() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token.key");
        std::fs::write(&file, format!("# of the lab\n{}\n", "07".repeat(32))).unwrap();
        assert_eq!(read(&file).unwrap().account(), Key::ed25519(&[7; 32]).account());
        for other in [Path::new("/dev/zero"), dir.path()] {
            let said = read(other).unwrap_err().to_string();
            assert!(said.ends_with(&format!("{}: it is not a regular file", other.display())), "{said}");
        }
        std::fs::File::options().write(true).open(&file).unwrap().set_len(1 << 40).unwrap();
        let said = read(&file).unwrap_err().to_string();
        assert!(said.contains("token.key: it is larger than the 64 KiB"), "{said}");
    }
}
