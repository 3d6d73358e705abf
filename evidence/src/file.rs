//! Files of evidence: read, they may be anybody's; written, they go where something else may lie.

use crate::EvidenceError;
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::Path,
};

/// Reads a regular file of no more than `most` bytes.
pub(crate) fn read(file: &Path, most: u64) -> Result<Vec<u8>, EvidenceError> {
    plain_io::read(file, most).map_err(|error| EvidenceError::Io(file.into(), error))
}

/// Writes a file anew. What lies there is removed first: a link would lead the bytes elsewhere, a pipe would wait for a reader.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
    let written = removed(file).and_then(|()| File::create_new(file)?.write_all(bytes));
    written.map_err(|error| EvidenceError::Io(file.into(), error))
}

fn removed(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_is_written_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, victim) = (dir.path().join("evidence.json"), dir.path().join("victim"));
        for there in [true, false] {
            if there {
                fs::write(&victim, "precious").unwrap();
            } else {
                fs::remove_file(&victim).unwrap();
            }
            let _ = fs::remove_file(&file);
            symlink(&victim, &file).unwrap();
            write(&file, b"evidence").unwrap();
            assert_eq!(fs::read(&file).unwrap(), b"evidence");
            assert_eq!(fs::read_to_string(&victim).ok().as_deref(), there.then_some("precious"));
        }
        write(&file, b"anew").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"anew");
    }

    #[test]
    fn a_folder_in_the_place_of_a_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let refused = write(dir.path(), b"evidence").unwrap_err();
        assert!(refused.to_string().starts_with(dir.path().to_str().unwrap()), "{refused}");
    }
}
