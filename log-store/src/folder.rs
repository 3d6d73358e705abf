//! The folder: its lock, its segments by name, and files that appear whole or not at all.

use crate::LogError;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The exclusive right to write, until it is dropped or the process ends.
pub fn lock(folder: &Path) -> Result<Flock<File>, LogError> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| LogError::io(&path, error))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => LogError::InUse(folder.into()),
        errno => LogError::io(&path, errno.into()),
    })
}

/// Where the segment lies that begins with this record.
pub fn segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.log"))
}

/// The first record of each segment, in order.
pub fn segments(folder: &Path) -> Result<Vec<u64>, LogError> {
    let list = || {
        let mut firsts = Vec::new();
        for entry in fs::read_dir(folder)? {
            firsts.extend(entry?.file_name().to_str().and_then(segment_of));
        }
        firsts.sort_unstable();
        Ok(firsts)
    };
    list().map_err(|error| LogError::io(folder, error))
}

fn segment_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Makes names in the folder durable.
pub fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a file that is there whole or not at all, whatever happens.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<File, LogError> {
    let draft = path.with_added_extension("new");
    let write = || {
        let mut file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), sync)?;
        Ok(file)
    };
    write().map_err(|error| {
        // A draft left behind means nothing to anybody; the cause is what the caller needs to know.
        let _ = fs::remove_file(&draft);
        LogError::io(path, error)
    })
}
