//! Regular files of a stated size.

use rustix::fs::OFlags;
use std::{
    fs::File,
    io::{Error, ErrorKind, Read, Result},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Opens a regular file, which may lie behind a link. Anything else is an error of the kind `InvalidInput`: opening it never waits for
/// another program, as a pipe would.
pub fn open(path: &Path) -> Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// Reads a regular file of no more than `most` bytes; a larger one is an error of the kind `FileTooLarge`, and costs no memory.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    let within = |bytes: u64| if bytes > most { Err(too_large(most)) } else { Ok(()) };
    within(file.metadata()?.len())?;
    let mut bytes = Vec::new();
    // A byte more than may be there: a file can grow while it is read, and those of the kernel say that they are empty.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    within(bytes.len() as u64)?;
    Ok(bytes)
}

/// The same for text in UTF-8; other bytes are an error of the kind `InvalidData`.
pub fn read_to_string(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

fn too_large(most: u64) -> Error {
    let (amount, unit) = match most {
        1 => (1, "byte"),
        _ if most >= 1 << 20 && most.is_multiple_of(1 << 20) => (most >> 20, "MiB"),
        _ if most >= 1 << 10 && most.is_multiple_of(1 << 10) => (most >> 10, "KiB"),
        _ => (most, "bytes"),
    };
    Error::new(ErrorKind::FileTooLarge, format!("it is larger than the {amount} {unit} allowed here"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::fs;

    #[test]
    fn files_of_the_size_allowed_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "four").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read(&link, 4).unwrap(), b"four");
        assert_eq!(read(&file, 3).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read(&dir.path().join("none"), 3).unwrap_err().kind(), ErrorKind::NotFound);
        fs::write(&file, [0xFF]).unwrap();
        assert_eq!(read_to_string(&file, 4).unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn a_file_of_terabytes_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sparse");
        File::create(&file).unwrap().set_len(1 << 42).unwrap();
        let error = read(&file, 16 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than the 16 MiB allowed here");
    }

    #[test]
    fn what_has_no_end_or_no_writer_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for path in [&pipe, Path::new("/dev/zero"), dir.path()] {
            assert_eq!(read(path, 1 << 20).unwrap_err().to_string(), "it is not a regular file", "{path:?}");
        }
    }

    #[test]
    fn files_of_the_kernel_are_read_though_they_call_themselves_empty() {
        assert!(!read_to_string(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
        assert_eq!(read(Path::new("/proc/self/status"), 10).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
