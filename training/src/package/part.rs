//! One file of a package: a file of its own, or a stretch of an archive.

use super::PackageError;
use rustix::fs::OFlags;
use std::{
    fs::{File, Metadata},
    io::{self, ErrorKind},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A stretch of a file. Copies share the file; reads carry their own position, so any thread can read any part.
#[derive(Debug, Clone)]
pub struct Part {
    name: String,
    source: Source,
    stamp: Stamp,
    start: u64,
    len: u64,
}

#[derive(Debug, Clone)]
enum Source {
    Open(Arc<File>),
    /// Opened for every read: a package can have more files than a process may hold open.
    Closed(PathBuf),
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            len: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

impl Part {
    /// A whole file, held open. Links are not followed: a package must not reach out of itself.
    pub fn open(path: &Path, name: &str) -> Result<Self, PackageError> {
        let part = Self::closed(path, name)?;
        let file = part.file()?;
        Ok(Self { source: Source::Open(file), ..part })
    }

    /// A whole file, opened when it is read, and refused then if it has changed.
    pub(super) fn closed(path: &Path, name: &str) -> Result<Self, PackageError> {
        let found = std::fs::symlink_metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => PackageError::Missing(name.into()),
            _ => PackageError::Io(path.into(), error),
        })?;
        if !found.is_file() {
            return Err(PackageError::NotPlain(name.into()));
        }
        let source = Source::Closed(path.into());
        Ok(Self { name: name.into(), source, stamp: Stamp::of(&found), start: 0, len: found.len() })
    }

    /// A whole file that is open already.
    pub(super) fn of(file: &File, name: &str) -> Result<Self, PackageError> {
        let found = file.metadata().map_err(PackageError::io(name))?;
        let source = Source::Open(Arc::new(file.try_clone().map_err(PackageError::io(name))?));
        Ok(Self { name: name.into(), source, stamp: Stamp::of(&found), start: 0, len: found.len() })
    }

    /// A stretch of this part, which becomes a file of its own name.
    pub(super) fn within(&self, name: String, start: u64, len: u64) -> Self {
        Self { name, start, len, ..self.clone() }
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
        self.file()?.read_exact_at(buffer, self.start + at).map_err(|error| match error.kind() {
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

    /// Whether the file is as it was when the part was made. Times are the file system's: they tell of accidents and of other programs,
    /// not of whoever owns the machine.
    pub fn check_unchanged(&self) -> Result<(), PackageError> {
        match &self.source {
            Source::Open(file) => self.check_stamp(&file.metadata().map_err(PackageError::io(&self.name))?),
            Source::Closed(_) => self.file().map(drop),
        }
    }

    fn file(&self) -> Result<Arc<File>, PackageError> {
        match &self.source {
            Source::Open(file) => Ok(file.clone()),
            Source::Closed(path) => {
                let file = opened(path).map_err(|error| self.not_opened(path, error))?;
                self.check_stamp(&file.metadata().map_err(PackageError::io(path))?)?;
                Ok(Arc::new(file))
            }
        }
    }

    /// It was a regular file: if it is a link or a socket now, somebody has changed it.
    fn not_opened(&self, path: &Path, error: io::Error) -> PackageError {
        let other = [rustix::io::Errno::LOOP, rustix::io::Errno::NXIO].map(|code| Some(code.raw_os_error()));
        match error.kind() {
            io::ErrorKind::NotFound => PackageError::Missing(self.name.clone()),
            _ if other.contains(&error.raw_os_error()) => PackageError::Changed(self.name.clone()),
            _ => PackageError::Io(path.into(), error),
        }
    }

    fn check_stamp(&self, found: &Metadata) -> Result<(), PackageError> {
        if found.is_file() && Stamp::of(found) == self.stamp {
            Ok(())
        } else {
            Err(PackageError::Changed(self.name.clone()))
        }
    }
}

/// Opens a file to read, and no link. Whatever has come to lie there in the meantime, opening it never waits for another program, as a pipe
/// would.
fn opened(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits();
    File::options().read(true).custom_flags(flags.cast_signed()).open(path)
}

/// Opens a regular file of the user's own, which may lie behind a link.
pub(super) fn open_plain(path: &Path) -> Result<File, PackageError> {
    plain_io::open(path).map_err(|error| refused(path, error, u64::MAX))
}

/// Reads a regular file of the user's own, of no more than `most` bytes.
pub fn read_plain(path: &Path, most: u64) -> Result<Vec<u8>, PackageError> {
    plain_io::read(path, most).map_err(|error| refused(path, error, most))
}

fn refused(path: &Path, error: io::Error, most: u64) -> PackageError {
    let name = || path.display().to_string();
    // One that grew while it was read may not say its size now.
    let bytes = || std::fs::metadata(path).map_or(0, |found| found.len()).max(most.saturating_add(1));
    match error.kind() {
        ErrorKind::InvalidInput => PackageError::NotPlain(name()),
        ErrorKind::FileTooLarge => PackageError::TooLarge { name: name(), bytes: bytes(), most },
        _ => PackageError::Io(path.into(), error),
    }
}
