//! A join token as the owner hands it out: a file with the token's seed in hex on a line of its own; `#` begins a comment.

use anyhow::{Context, Result, bail};
use light_client::Key;
use std::{fs::File, io::Read, path::Path};
use zeroize::Zeroizing;

/// No token file is longer, comments included.
const LONGEST: u64 = 64 * 1024;

/// Reads the token's key.
pub fn read(path: &Path) -> Result<Key> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .with_context(|| format!("cannot read the join token {}", path.display()))?;
    parse(&text).with_context(|| {
        format!("{} is no join token; have the owner make one with `matrixai token create`", path.display())
    })
}

fn parse(text: &str) -> Result<Key> {
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let Some(line) = lines.find(|line| !line.is_empty()) else { bail!("it is empty") };
    if lines.any(|line| !line.is_empty()) {
        bail!("it has more than one line");
    }
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(line.trim_start_matches("0x"), seed.as_mut())
        .map_err(|_| anyhow::anyhow!("it is not 64 hexadecimal digits"))?;
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
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(!error.contains("0707"), "{error}");
        }
    }
}
