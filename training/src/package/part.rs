//! One file of a package: a file of its own, or a stretch of an archive.

use super::PackageError;
use std::{fs::File, io, os::unix::fs::FileExt, path::Path, sync::Arc};

/// A stretch of an open file. Copies share the file; reads carry their own position, so any thread can read any part.
#[derive(Debug, Clone)]
pub struct Part {
    name: String,
    file: Arc<File>,
    start: u64,
    len: u64,
}

impl Part {
    /// A whole file. Links are not followed: a package must not reach out of itself.
    pub fn open(path: &Path, name: &str) -> Result<Self, PackageError> {
        let found = std::fs::symlink_metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => PackageError::Missing(name.into()),
            _ => PackageError::Io(path.into(), error),
        })?;
        if !found.is_file() {
            return Err(PackageError::NotPlain(name.into()));
        }
        let file = File::open(path).map_err(PackageError::io(path))?;
        let len = file.metadata().map_err(PackageError::io(path))?.len();
        Ok(Self { name: name.into(), file: Arc::new(file), start: 0, len })
    }

    pub(super) fn within(name: String, file: Arc<File>, start: u64, len: u64) -> Self {
        Self { name, file, start, len }
    }

    /// Its name in the package.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills the buffer from a position in the part.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<(), PackageError> {
        let truncated = || PackageError::Truncated { name: self.name.clone(), at: self.len };
        let end = at.checked_add(buffer.len() as u64).ok_or_else(truncated)?;
        if end > self.len {
            return Err(truncated());
        }
        self.file.read_exact_at(buffer, self.start + at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => truncated(),
            _ => PackageError::Io(self.name.clone().into(), error),
        })
    }

    /// All of it, where it is no larger than `most` bytes.
    pub fn read_all(&self, most: u64) -> Result<Vec<u8>, PackageError> {
        if self.len > most {
            return Err(PackageError::TooLarge { name: self.name.clone(), bytes: self.len, most });
        }
        let mut bytes = vec![0; self.len as usize];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }
}
