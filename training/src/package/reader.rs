//! Opening a package, a folder or an archive, without believing any of it.

use super::{Checkpoint, Manifest, PackageError, Part, chunks, manifest::FileEntry, names, part::open_plain};
use crate::{digest::Digest, terms::Terms};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// The largest graph in bytes: its parameters are not in it.
pub const MAX_GRAPH: u64 = 64 << 20;
/// The largest terms in bytes.
pub const MAX_TERMS: u64 = 1 << 20;
/// The largest extended header of an archive in bytes.
const MAX_EXTENSION: u64 = 64 << 10;

#[derive(Debug)]
enum Files {
    Folder(PathBuf),
    Archive(BTreeMap<String, Part>),
}

impl Files {
    fn part(&self, name: &str) -> Result<Part, PackageError> {
        names::check(name)?;
        match self {
            Self::Folder(path) => {
                // The folder of checkpoints must not be a link either.
                let parent = path.join(name).parent().map(Path::to_path_buf).unwrap_or_default();
                if std::fs::symlink_metadata(&parent).is_ok_and(|found| !found.is_dir()) {
                    return Err(PackageError::NotPlain(name.into()));
                }
                Part::closed(&path.join(name), name)
            }
            Self::Archive(parts) => {
                parts.get(name).cloned().ok_or_else(|| PackageError::Missing(name.into()))
            }
        }
    }
}

/// A package with its manifest read and its sizes checked. Contents are checked by [`Package::check_file`].
#[derive(Debug)]
pub struct Package {
    /// The manifest and all that it names.
    parts: BTreeMap<String, Part>,
    manifest: Manifest,
    terms: Terms,
}

impl Package {
    /// Opens a folder or a tar archive.
    pub fn open(path: &Path) -> Result<Self, PackageError> {
        let found = std::fs::metadata(path).map_err(PackageError::io(path))?;
        let files = if found.is_dir() {
            Files::Folder(path.into())
        } else if found.is_file() {
            Files::Archive(archive(path)?)
        } else {
            return Err(PackageError::NotAPackage(path.into()));
        };
        let part = files.part(names::MANIFEST).map_err(|error| match error {
            PackageError::Missing(_) => PackageError::NoManifest,
            other => other,
        })?;
        let manifest = Manifest::decode(&part.read_all(super::MAX_MANIFEST)?)?;
        let mut parts = BTreeMap::from([(part.name().to_string(), part)]);
        for entry in entries(&manifest) {
            parts.insert(entry.name.clone(), sized(files.part(&entry.name)?, entry)?);
        }
        // Before anything of it is hashed.
        let FileEntry { bytes, name, .. } = &manifest.graph;
        if *bytes > MAX_GRAPH {
            return Err(PackageError::TooLarge { name: name.clone(), bytes: *bytes, most: MAX_GRAPH });
        }
        // The terms decide what everything else must be, so they are checked to the byte at once.
        let terms = part_of(&parts, &manifest.terms)?;
        let bytes = terms.read_all(MAX_TERMS)?;
        check_root(terms, &manifest.terms)?;
        Ok(Self { terms: Terms::decode(&bytes)?, parts, manifest })
    }

    /// What the package holds.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What the order fixed.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Number of checkpoints.
    pub fn len(&self) -> usize {
        self.manifest.checkpoints.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The n-th checkpoint's header.
    pub fn checkpoint(&self, index: usize) -> Result<Checkpoint, PackageError> {
        let missing = || PackageError::Order(format!("there is no checkpoint {index}"));
        let entry = self.manifest.checkpoints.get(index).ok_or_else(missing)?;
        Checkpoint::open(part_of(&self.parts, &entry.file)?.clone())
    }

    /// The graph's bytes, checked against the manifest.
    pub fn graph(&self) -> Result<Vec<u8>, PackageError> {
        let part = part_of(&self.parts, &self.manifest.graph)?;
        let bytes = part.read_all(MAX_GRAPH)?;
        check_root(part, &self.manifest.graph)?;
        Ok(bytes)
    }

    /// Every file that the manifest names.
    pub fn entries(&self) -> impl Iterator<Item = &FileEntry> {
        entries(&self.manifest)
    }

    /// Reads and hashes one file, and compares with the manifest.
    pub fn check_file(&self, entry: &FileEntry) -> Result<(), PackageError> {
        check_root(part_of(&self.parts, entry)?, entry)
    }

    /// Whether every file still is what it was when the package was opened: what was hashed then is what was read since.
    pub fn check_unchanged(&self) -> Result<(), PackageError> {
        self.parts.values().try_for_each(Part::check_unchanged)
    }

    /// A file by its name, for serving chunks of it.
    pub fn part(&self, name: &str) -> Result<Part, PackageError> {
        names::check(name)?;
        if name == names::MANIFEST {
            return Err(PackageError::NoRoot);
        }
        self.parts.get(name).cloned().ok_or_else(|| PackageError::Missing(name.into()))
    }

    /// The commitment: SHA-256 of the manifest.
    pub fn commitment(&self) -> Result<Digest, PackageError> {
        self.manifest.commitment()
    }
}

fn entries(manifest: &Manifest) -> impl Iterator<Item = &FileEntry> {
    let fixed = [&manifest.terms, &manifest.graph];
    fixed.into_iter().chain(manifest.checkpoints.iter().map(|entry| &entry.file))
}

fn sized(part: Part, entry: &FileEntry) -> Result<Part, PackageError> {
    if part.len() != entry.bytes {
        let (name, expected) = (entry.name.clone(), entry.bytes);
        return Err(PackageError::WrongSize { name, expected, found: part.len() });
    }
    Ok(part)
}

fn part_of<'a>(parts: &'a BTreeMap<String, Part>, entry: &FileEntry) -> Result<&'a Part, PackageError> {
    parts.get(&entry.name).ok_or_else(|| PackageError::Missing(entry.name.clone()))
}

fn check_root(part: &Part, entry: &FileEntry) -> Result<(), PackageError> {
    let found = chunks::root_of(part)?;
    if found != entry.root {
        let (name, expected) = (entry.name.clone(), entry.root);
        return Err(PackageError::WrongRoot { name, expected, found });
    }
    Ok(())
}

/// The index of a tar archive: where each file lies. Nothing is unpacked, so no path can lead anywhere.
fn archive(path: &Path) -> Result<BTreeMap<String, Part>, PackageError> {
    let file = open_plain(path)?;
    refuse_compressed(&file, path)?;
    let whole = Part::of(&file, "the archive")?;
    let size = whole.len();
    let mut archive = tar::Archive::new(file);
    let mut parts = BTreeMap::new();
    let broken = |_| PackageError::NotAPackage(path.into());
    for entry in archive.entries_with_seek().map_err(broken)?.raw(true) {
        refuse_long_extension(&entry.map_err(broken)?)?;
    }
    let mut archive = tar::Archive::new(rewound(archive.into_inner(), path)?);
    for entry in archive.entries_with_seek().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name).to_string();
        match entry.header().entry_type() {
            tar::EntryType::Directory => continue,
            tar::EntryType::Regular => {}
            _ => return Err(PackageError::NotPlain(name)),
        }
        names::check(&name)?;
        let (start, len) = (entry.raw_file_position(), entry.size());
        if start.checked_add(len).is_none_or(|end| end > size) {
            return Err(PackageError::Truncated { name, at: size });
        }
        if parts.len() > super::MAX_CHECKPOINTS + 3 {
            return Err(PackageError::Manifest("more files than a package can hold".into()));
        }
        let part = whole.within(name.clone(), start, len);
        if parts.insert(name.clone(), part).is_some() {
            return Err(PackageError::Duplicate(name));
        }
    }
    if parts.is_empty() { Err(PackageError::NotAPackage(path.into())) } else { Ok(parts) }
}

/// Names and attributes that go before a file are read as a whole by the library: long ones are no archive of ours.
fn refuse_long_extension<R: Read>(entry: &tar::Entry<'_, R>) -> Result<(), PackageError> {
    let kind = entry.header().entry_type();
    let extends = kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_global_extensions()
        || kind.is_pax_local_extensions();
    if extends && entry.size() > MAX_EXTENSION {
        let name = "an extended header of the archive".into();
        return Err(PackageError::TooLarge { name, bytes: entry.size(), most: MAX_EXTENSION });
    }
    Ok(())
}

fn rewound(mut file: File, path: &Path) -> Result<File, PackageError> {
    std::io::Seek::rewind(&mut file).map_err(PackageError::io(path))?;
    Ok(file)
}

fn refuse_compressed(mut file: &File, path: &Path) -> Result<(), PackageError> {
    let mut start = [0; 6];
    let read = file.read(&mut start).map_err(PackageError::io(path))?;
    std::io::Seek::rewind(&mut file).map_err(PackageError::io(path))?;
    let name = path.display().to_string();
    match &start[..read] {
        [0x1f, 0x8b, ..] => Err(PackageError::Compressed(name, "gzip")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Err(PackageError::Compressed(name, "zstd")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Err(PackageError::Compressed(name, "xz")),
        [b'B', b'Z', b'h', ..] => Err(PackageError::Compressed(name, "bzip2")),
        // Torch's own files are zip archives around a pickle.
        [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..] => Err(PackageError::Pickle(name)),
        _ => Ok(()),
    }
}
