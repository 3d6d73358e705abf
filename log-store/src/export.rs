//! The log as anybody's tools read it: [C2SP tlog-tiles](https://c2sp.org/tlog-tiles).

use crate::{LogError, LogStore};
use attest::tile::{self, Bundle, Tile};
use nix::{
    errno::Errno,
    fcntl::{OFlag, openat, renameat},
    sys::stat::{Mode, mkdirat},
    unistd::{UnlinkatFlags, unlinkat},
};
use std::{
    fs::{self, File},
    io::{self, Write},
    os::fd::OwnedFd,
    path::Path,
};

impl LogStore {
    /// Writes hash tiles and entry bundles of the log's first `size` records below `folder`. The checkpoint is the caller's: it
    /// goes there last, so that it never promises tiles that are not there yet.
    pub fn export(&self, folder: &Path, size: u64) -> Result<(), LogError> {
        self.within(size)?;
        for bundle in tile::bundles_for(size) {
            publish(folder, bundle.path().as_str(), &self.bundle(bundle)?)?;
        }
        for tile in tile::tiles_for(size) {
            publish(folder, tile.path().as_str(), &self.tile(tile)?)?;
        }
        Ok(())
    }

    fn tile(&self, tile: Tile) -> Result<Vec<u8>, LogError> {
        let around = if tile.tree_level() == 0 { &[tile.first()][..] } else { &[] };
        let nodes = self.nodes(around)?;
        let hashes = nodes.run(tile.tree_level(), tile.first(), tile.width.into());
        Ok(hashes.ok_or(attest::ProofError::MissingNode)?.as_flattened().to_vec())
    }

    /// Each entry behind its length, big-endian.
    fn bundle(&self, bundle: Bundle) -> Result<Vec<u8>, LogError> {
        let mut bytes = Vec::new();
        for entry in self.iter_from(bundle.first()).take(bundle.width.into()) {
            let (record, _) = entry?;
            bytes.extend_from_slice(&(record.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&record);
        }
        Ok(bytes)
    }
}

/// Writes a file below a folder, for others to read. Whoever reads the folder meanwhile never sees half a file. Losing one in a power cut is no
/// loss: exports are made anew. Links below the folder are not followed, wherever they lead: a link in the file's place is replaced, one in
/// a folder's place is an error.
pub fn publish(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), LogError> {
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let (within, name) = descend(folder, name)?;
        let draft = format!("{name}.new");
        let draft = draft.as_str();
        let written =
            write_draft(&within, draft, bytes).and_then(|()| Ok(renameat(&within, draft, &within, name)?));
        if written.is_err() {
            // A draft left behind means nothing to anybody.
            let _ = unlinkat(&within, draft, UnlinkatFlags::NoRemoveDir);
        }
        written
    };
    write().map_err(|error| LogError::io(folder.join(name), error))
}

/// The folder that a file below another one is in, made if need be, and the file's own name.
fn descend<'a>(folder: &Path, name: &'a str) -> io::Result<(OwnedFd, &'a str)> {
    let mut within: OwnedFd = File::open(folder)?.into();
    let (folders, name) = name.rsplit_once('/').unwrap_or(("", name));
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        match mkdirat(&within, part, Mode::from_bits_truncate(0o777)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        within = openat(&within, part, flags, Mode::empty())?;
    }
    Ok((within, name))
}

/// A new file, and no other: what lies there, be it a link, is the rest of an export that was cut off.
fn write_draft(within: &OwnedFd, draft: &str, bytes: &[u8]) -> io::Result<()> {
    match unlinkat(within, draft, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = openat(within, draft, flags, Mode::from_bits_truncate(0o666))?;
    File::from(file).write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_in_the_folder_are_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (out, victim) = (dir.path().join("out"), dir.path().join("victim"));
        fs::create_dir_all(out.join("tile")).unwrap();
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("file"), "untouched").unwrap();
        for name in ["checkpoint", "checkpoint.new"] {
            symlink(victim.join("file"), out.join(name)).unwrap();
        }
        publish(&out, "checkpoint", b"head").unwrap();
        assert_eq!(fs::read(out.join("checkpoint")).unwrap(), b"head");
        assert!(!out.join("checkpoint").is_symlink() && !out.join("checkpoint.new").exists());
        symlink(&victim, out.join("tile/0")).unwrap();
        assert!(publish(&out, "tile/0/000", b"tile").is_err());
        assert_eq!(fs::read(victim.join("file")).unwrap(), b"untouched");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 1);
        publish(&out, "tile/1/000", b"one").unwrap();
        publish(&out, "tile/1/000", b"two").unwrap();
        assert_eq!(fs::read(out.join("tile/1/000")).unwrap(), b"two");
    }
}
