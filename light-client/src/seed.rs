//! A seed as people keep it in a file: 64 hexadecimal digits on one line, `0x` before them or not; `#` begins a comment.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};
use zeroize::Zeroizing;

/// The mode of a file with a secret where others than its owner may use it. Pipes and the like keep nothing, and have none.
///
/// # Errors
///
/// If the file cannot be looked at.
pub fn exposed(file: &Path) -> io::Result<Option<u32>> {
    let metadata = fs::metadata(file)?;
    let mode = metadata.permissions().mode() & 0o777;
    Ok((metadata.is_file() && mode & 0o077 != 0).then_some(mode))
}

/// Reads it.
///
/// # Errors
///
/// What the text is instead, with nothing repeated that stands in it.
pub fn parse(text: &str) -> Result<Zeroizing<[u8; 32]>, &'static str> {
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let line = lines.find(|line| !line.is_empty()).ok_or("it is empty")?;
    if lines.any(|line| !line.is_empty()) {
        return Err("it has more than one line");
    }
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(line.strip_prefix("0x").unwrap_or(line), seed.as_mut())
        .map_err(|_| "it is not 64 hexadecimal digits")?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_may_use_is_exposed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("seed");
        fs::write(&file, "").unwrap();
        for (mode, found) in [(0o600, None), (0o400, None), (0o640, Some(0o640)), (0o602, Some(0o602))] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposed(&file).unwrap(), found);
        }
        assert_eq!(exposed(Path::new("/dev/null")).unwrap(), None, "nothing is kept there");
        assert!(exposed(&dir.path().join("absent")).is_err());
    }

    #[test]
    fn a_seed_may_have_comments() {
        let seed = "07".repeat(32);
        for text in [format!("{seed}\n"), format!("# for the lab\n\n0x{seed} # twenty machines\n")] {
            assert_eq!(*parse(&text).unwrap(), [7; 32]);
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_repeated() {
        let (short, seed) = ("07".repeat(31), "07".repeat(32));
        for text in ["", "# nothing", &short, "zz", &format!("{seed}\n{seed}"), &format!("0x0x{seed}")] {
            assert!(!parse(text).unwrap_err().contains("0707"));
        }
    }
}
