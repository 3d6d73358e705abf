//! A seed as people keep it in a file: 64 hexadecimal digits on one line, `0x` before them or not; `#` begins a comment.

use std::{
    fs,
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use zeroize::Zeroizing;

/// No file with a secret is longer, comments included: wallets' key files have a kilobyte.
const LONGEST: usize = 64 * 1024;

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

/// The text of a file with a secret.
///
/// # Errors
///
/// If it cannot be read, is no regular file, or is longer than any of these.
pub fn read_file(file: &Path) -> io::Result<Zeroizing<String>> {
    read(plain_io::open(file)?)
}

/// The same from a stream.
///
/// # Errors
///
/// If it cannot be read, or is longer than any of these.
pub fn read(from: impl Read) -> io::Result<Zeroizing<String>> {
    // All the room that it may need: a text that outgrew its room would leave a copy behind, which nothing wipes.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST + 1));
    from.take(LONGEST as u64 + 1).read_to_string(&mut text)?;
    if text.len() > LONGEST {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            "it is larger than the 64 KiB that a secret may have",
        ));
    }
    Ok(text)
}

/// Reads a seed.
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
    fn a_secret_has_an_end_and_its_copies_are_wiped() {
        let text = read("07".repeat(32).as_bytes()).unwrap();
        assert_eq!((text.len(), text.capacity()), (64, LONGEST + 1));
        let longest = "#".repeat(LONGEST);
        let text = read(longest.as_bytes()).unwrap();
        assert_eq!((text.len(), text.capacity()), (LONGEST, LONGEST + 1), "it was copied");
        for endless in [read(io::repeat(b'0')), read(format!("{longest}#").as_bytes())] {
            assert_eq!(endless.unwrap_err().kind(), ErrorKind::FileTooLarge);
        }
        assert_eq!(read_file(Path::new("/dev/zero")).unwrap_err().to_string(), "it is not a regular file");
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
