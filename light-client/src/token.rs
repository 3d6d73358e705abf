//! A join token as the owner hands it out: a file with the token's seed in hex on a line of its own; `#` begins a comment.

use crate::Key;
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
    parse(&text).map_err(|why| TokenError::NoToken { path: path.into(), why })
}

fn parse(text: &str) -> Result<Key, &'static str> {
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let line = lines.find(|line| !line.is_empty()).ok_or("it is empty")?;
    if lines.any(|line| !line.is_empty()) {
        return Err("it has more than one line");
    }
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(line.trim_start_matches("0x"), seed.as_mut())
        .map_err(|_| "it is not 64 hexadecimal digits")?;
    Ok(Key::ed25519(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_have_comments() {
        let seed = "07".repeat(32);
        let public = Key::ed25519(&[7; 32]).public();
        for text in [format!("{seed}\n"), format!("# for the lab\n\n0x{seed} # twenty machines\n")] {
            assert_eq!(parse(&text).unwrap().public(), public);
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_repeated() {
        let seed = "07".repeat(31);
        for text in ["", "# nothing", &seed, "zz", &format!("{seed}07\n{seed}07")] {
            assert!(!parse(text).unwrap_err().contains("0707"));
        }
    }
}
