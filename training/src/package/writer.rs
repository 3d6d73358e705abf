//! Writing a package while training runs.
//!
//! The order on disk is what makes a crash harmless: a checkpoint's file is written under another name, synced and renamed; only then
//! does a new manifest, itself renamed into place, name it. So the manifest is whole at any moment and says how far training got.

use super::{
    Checkpoint, CheckpointEntry, FORMAT, FileEntry, LogPosition, Manifest, Package, PackageError, Part,
    checkpoint_name, chunks, names,
};
use crate::{digest::Digest, terms::Terms};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use safetensors::{
    SafeTensorError,
    tensor::{Dtype, TensorView},
};
use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

/// A tensor to be written: its name, shape and elements.
pub type TensorData<'a> = (String, Vec<usize>, &'a [f32]);

/// Who trains, as told in the manifest.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Hardware and software in words.
    pub hardware: String,
    /// The machine's identity.
    pub machine: Option<Digest>,
}

/// Writes one package.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    manifest: Manifest,
    /// The folder, locked (flock) for as long as this writes: two trainings in one would take each other's files for leftovers.
    _held: File,
}

/// A package that was left unfinished, opened to go on.
#[derive(Debug)]
pub struct Resumed {
    /// Goes on behind the last whole checkpoint.
    pub writer: Writer,
    /// That checkpoint and its step; none where training had not begun.
    pub last: Option<(u64, Checkpoint)>,
}

impl Writer {
    /// Begins a package in a folder that has none.
    pub fn create(folder: &Path, terms: &Terms, graph: &[u8], origin: &Origin) -> Result<Self, PackageError> {
        fs::create_dir_all(folder.join(names::CHECKPOINTS)).map_err(PackageError::io(folder))?;
        let held = hold(folder)?;
        if folder.join(names::MANIFEST).exists() {
            return Err(PackageError::Exists(folder.into()));
        }
        let write = |name: &str, bytes: &[u8]| {
            put(folder, name, |path| fs::write(path, bytes).map_err(PackageError::io(path)))?;
            entry(folder, name)
        };
        let manifest = Manifest {
            checkpoints: Vec::new(),
            finished: false,
            format: FORMAT.into(),
            graph: write(names::GRAPH, graph)?,
            hardware: origin.hardware.clone(),
            log: None,
            machine: origin.machine,
            terms: write(names::TERMS, &terms.encode()?)?,
        };
        manifest.check()?;
        let writer = Self { folder: folder.into(), manifest, _held: held };
        writer.publish()?;
        Ok(writer)
    }

    /// Opens a package that a crash has left. Files that the manifest does not name are removed: they may be half written.
    pub fn resume(folder: &Path, terms: &Terms) -> Result<Resumed, PackageError> {
        let held = hold(folder)?;
        let package = Package::open(folder)?;
        if package.terms() != terms {
            return Err(PackageError::OtherTerms);
        }
        if package.manifest().finished {
            return Err(PackageError::Finished);
        }
        let last = match package.manifest().checkpoints.last() {
            Some(entry) => {
                package.check_file(&entry.file)?;
                Some((entry.step, package.checkpoint(package.len() - 1)?))
            }
            None => None,
        };
        let writer = Self { folder: folder.into(), manifest: package.manifest().clone(), _held: held };
        writer.remove_leftovers()?;
        Ok(Resumed { writer, last })
    }

    /// Adds a checkpoint after `step` steps. When this returns, the checkpoint survives a crash.
    pub fn add(&mut self, step: u64, tensors: &[TensorData<'_>]) -> Result<(), PackageError> {
        let expected = self.manifest.checkpoints.last().map(|entry| entry.step);
        if self.manifest.finished {
            return Err(PackageError::Finished);
        }
        if expected.map_or(step != 0, |last| step <= last) {
            return Err(PackageError::Order(format!("step {step} after {expected:?}: steps rise from 0")));
        }
        let name = checkpoint_name(step);
        put(&self.folder, &name, |path| save(path, tensors, None))?;
        let file = entry(&self.folder, &name)?;
        self.manifest.checkpoints.push(CheckpointEntry { file, step });
        self.publish()
    }

    /// Ends the package, and gives the commitment to publish.
    pub fn finish(mut self, log: Option<LogPosition>) -> Result<Digest, PackageError> {
        self.manifest.finished = true;
        self.manifest.log = log;
        self.publish()?;
        self.manifest.commitment()
    }

    fn publish(&self) -> Result<(), PackageError> {
        let bytes = self.manifest.encode()?;
        put(&self.folder, names::MANIFEST, |path| fs::write(path, &bytes).map_err(PackageError::io(path)))
    }

    fn remove_leftovers(&self) -> Result<(), PackageError> {
        let folder = self.folder.join(names::CHECKPOINTS);
        for found in fs::read_dir(&folder).map_err(PackageError::io(&folder))? {
            let path = found.map_err(PackageError::io(&folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let name = format!("{}/{name}", names::CHECKPOINTS);
            if !self.manifest.checkpoints.iter().any(|entry| entry.file.name == name) {
                fs::remove_file(&path).map_err(PackageError::io(&path))?;
            }
        }
        Ok(())
    }
}

/// The right to write to a folder.
fn hold(folder: &Path) -> Result<File, PackageError> {
    let file = File::open(folder).map_err(PackageError::io(folder))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(PackageError::Busy(folder.into())),
        // Where the file system has no locks, nobody is kept out.
        _ => Ok(file),
    }
}

/// Writes beside, syncs, renames, syncs the folder.
fn put(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&Path) -> Result<(), PackageError>,
) -> Result<(), PackageError> {
    let path = folder.join(name);
    let beside = path.with_extension("partial");
    // A disk that is full gets its room back.
    write(&beside).inspect_err(|_| drop(fs::remove_file(&beside)))?;
    File::open(&beside).and_then(|file| file.sync_all()).map_err(PackageError::io(&beside))?;
    fs::rename(&beside, &path).map_err(PackageError::io(&path))?;
    let parent = path.parent().unwrap_or(folder);
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(PackageError::io(parent))
}

/// Writes a file that is there as a whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), PackageError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    put(folder, name, |path| fs::write(path, bytes).map_err(PackageError::io(path)))
}

fn entry(folder: &Path, name: &str) -> Result<FileEntry, PackageError> {
    let part = Part::open(&folder.join(name), name)?;
    Ok(FileEntry { bytes: part.len(), name: name.into(), root: chunks::root_of(&part)? })
}

/// Writes tensors of 32-bit floats as safetensors.
pub fn save(
    path: &Path,
    tensors: &[TensorData<'_>],
    metadata: Option<HashMap<String, String>>,
) -> Result<(), PackageError> {
    let malformed = |error: SafeTensorError| match error {
        SafeTensorError::IoError(error) => PackageError::Io(path.into(), error),
        error => PackageError::BadHeader { name: path.display().to_string(), cause: error.to_string() },
    };
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, shape, values)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
            Ok((name.as_str(), view.map_err(malformed)?))
        })
        .collect::<Result<_, PackageError>>()?;
    // The library's file is for its owner alone; a package is for others, as far as the user's mask lets them.
    let usual =
        File::create(path).and_then(|file| file.metadata()).map_err(PackageError::io(path))?.permissions();
    safetensors::serialize_to_file(views, metadata, path).map_err(malformed)?;
    fs::set_permissions(path, usual).map_err(PackageError::io(path))
}
