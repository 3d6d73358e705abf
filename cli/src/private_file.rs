//! Files that hold secrets: readable by their owner only, and never overwritten.

use light_client::seed;
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A secret file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It exists.
    #[error("{path} exists and is not overwritten: choose another name, or move it away", path = .0.display())]
    Exists(PathBuf),
    /// It cannot be read or written.
    #[error("{path}: {1}", path = .0.display())]
    Io(PathBuf, std::io::Error),
    /// Others may read it.
    #[error("{path} may be read by others (mode {1:o}): run `chmod 600` on it", path = .0.display())]
    Exposed(PathBuf, u32),
}

/// Writes a new file. Once this returns, it is on disk.
pub fn write(path: &Path, text: &str) -> Result<(), FileError> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => FileError::Exists(path.into()),
        _ => FileError::Io(path.into(), error),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Reads a file whose content is encrypted, or public.
pub fn read(path: &Path) -> Result<Zeroizing<String>, FileError> {
    seed::read_file(path).map_err(|error| FileError::Io(path.into(), error))
}

/// Reads a file with a bare secret, which others must not be able to read.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, FileError> {
    match seed::exposed(path) {
        Ok(None) => read(path),
        Ok(Some(mode)) => Err(FileError::Exposed(path.into(), mode)),
        Err(error) => Err(FileError::Io(path.into(), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn nothing_is_overwritten_and_nobody_else_reads() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        write(&file, "first").unwrap();
        assert!(matches!(write(&file, "second"), Err(FileError::Exists(_))));
        assert_eq!(read_secret(&file).unwrap().as_str(), "first");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_secret(&file), Err(FileError::Exposed(_, 0o640))));
    }
}
