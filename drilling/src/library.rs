//! Published data at hand: what `infer` runs over, found by digest.
//!
//! A folder holds files named `DIGEST.network` and `DIGEST.shard`, with the digest in hex. The network that comes with this crate
//! ([`crate::digits`]) is at hand everywhere. Nothing is fetched: a digest says what is wanted, and not whom to trust with a connection.

use crate::{
    digits,
    hash::Hash,
    published::{Network, Published, PublishedError, Shard},
    spec::{Kernel, Spec},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// The largest network that the chain takes, 16 layers of 32,768 × 32,768 weights, with its head; a larger shard is of no use either, B.
pub const LONGEST: u64 = (16 << 30) + (1 << 20);

/// A folder of published data. Clones share what was read last.
#[derive(Debug, Clone)]
pub struct Library {
    folder: PathBuf,
    last: Arc<Mutex<Option<Held>>>,
}

/// Data in memory, and what they are named.
#[derive(Debug)]
struct Held {
    names: (Hash, Hash),
    published: Arc<Published>,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A network.
    Network,
    /// A shard.
    Shard,
}

impl Part {
    /// The end of its files' names.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Shard => "shard",
        }
    }

    /// The name of the file with these data.
    pub fn file_name(self, digest: &Hash) -> String {
        format!("{}.{}", blake3::Hash::from_bytes(*digest).to_hex(), self.extension())
    }

    fn shipped(self, digest: &Hash) -> Option<&'static [u8]> {
        let (bytes, known) = match self {
            Self::Network => (digits::NETWORK, digits::NETWORK_DIGEST),
            Self::Shard => (digits::SHARD, digits::SHARD_DIGEST),
        };
        (known == *digest).then_some(bytes)
    }
}

/// A file that a task needs is not at hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it runs over published data, and {path} is not there: get it from the publisher", path = .0.display())]
pub struct Missing(pub PathBuf);

/// Why a task's data cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A file is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A file cannot be read.
    #[error("{path}: {1}", path = .0.display())]
    Io(PathBuf, io::Error),
    /// A file holds something else than its name says.
    #[error("{path}: {1}; get it anew from the publisher", path = .0.display())]
    Damaged(PathBuf, PublishedError),
}

impl Library {
    /// The data in this folder, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), last: Arc::default() }
    }

    /// The first file that this computation needs and that is not there. A look at names only.
    pub fn missing(&self, spec: &Spec) -> Option<Missing> {
        let (network, shard) = names(spec)?;
        let lacks = |(part, digest): &(Part, Hash)| {
            part.shipped(digest).is_none() && !self.path(*part, digest).is_file()
        };
        let wanted = [(Part::Network, network), (Part::Shard, shard)];
        wanted.into_iter().find(lacks).map(|(part, digest)| Missing(self.path(part, &digest)))
    }

    /// The data that this computation names, checked against their digests; none where it needs none. Those of the last call are kept in
    /// memory: tasks come in batches.
    pub fn open(&self, spec: &Spec) -> Result<Option<Arc<Published>>, LibraryError> {
        let Some(names) = names(spec) else { return Ok(None) };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = last.as_ref().filter(|held| held.names == names) {
            return Ok(Some(held.published.clone()));
        }
        // Two networks in memory may be one too many.
        *last = None;
        let network = self.read(Part::Network, &names.0, Network::parse, Network::digest)?;
        let shard = self.read(Part::Shard, &names.1, Shard::parse, Shard::digest)?;
        let published = Arc::new(Published { network, shard });
        *last = Some(Held { names, published: published.clone() });
        Ok(Some(published))
    }

    fn read<T>(
        &self,
        part: Part,
        digest: &Hash,
        parse: impl FnOnce(&[u8]) -> Result<T, PublishedError>,
        digest_of: impl FnOnce(&T) -> Result<Hash, PublishedError>,
    ) -> Result<T, LibraryError> {
        let path = self.path(part, digest);
        let bytes = match part.shipped(digest) {
            Some(bytes) => bytes.to_vec(),
            None => plain_io::read(&path, LONGEST).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Missing(path.clone()).into(),
                _ => LibraryError::Io(path.clone(), error),
            })?,
        };
        let read = parse(&bytes).and_then(|read| match digest_of(&read)? {
            found if found == *digest => Ok(read),
            _ => Err(PublishedError::WrongContent),
        });
        read.map_err(|error| LibraryError::Damaged(path, error))
    }

    fn path(&self, part: Part, digest: &Hash) -> PathBuf {
        self.folder.join(part.file_name(digest))
    }
}

fn names(spec: &Spec) -> Option<(Hash, Hash)> {
    match spec.kernel {
        Kernel::Mlp => None,
        Kernel::Infer { network, shard, .. } => Some((network, shard)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, Layer, Layers, Task, cpu, reference};
    use std::fs;

    /// A small network over two items that are in no crate.
    fn small() -> Published {
        let layers = Layers::new(&[Layer { outputs: 3, multiplier: 1, shift: 1 }]).unwrap();
        let weights = vec![(0..12).collect()];
        let network = Network { inputs: 4, layers, weights };
        Published { network, shard: Shard { items: 2, inputs: 4, data: (0..8).collect() } }
    }

    fn write(folder: &Path, published: &Published) {
        let Published { network, shard } = published;
        let file = |part: Part, digest: Hash| folder.join(part.file_name(&digest));
        fs::write(file(Part::Network, network.digest().unwrap()), network.to_bytes()).unwrap();
        fs::write(file(Part::Shard, shard.digest().unwrap()), shard.to_bytes()).unwrap();
    }

    #[test]
    fn the_digits_are_at_hand_everywhere() {
        let published = digits::published().unwrap();
        assert_eq!(published.network.digest(), Ok(digits::NETWORK_DIGEST));
        assert_eq!(published.shard.digest(), Ok(digits::SHARD_DIGEST));
        let spec = published.spec(16).unwrap();
        let library = Library::new(Path::new("/nonexistent"));
        assert_eq!(library.missing(&spec), None);
        assert_eq!(*library.open(&spec).unwrap().unwrap(), published);
    }

    #[test]
    fn generated_tasks_need_nothing() {
        let library = Library::new(Path::new("/nonexistent"));
        assert_eq!(library.missing(&Class::Tiny.mlp()), None);
        assert!(library.open(&Class::Tiny.mlp()).unwrap().is_none());
    }

    #[test]
    fn a_task_is_done_over_files_found_by_digest() {
        let (dir, published) = (tempfile::tempdir().unwrap(), small());
        let task = Task { spec: published.spec(5).unwrap(), seed: [7; 32] };
        let library = Library::new(dir.path());
        assert!(library.missing(&task.spec).unwrap().0.to_string_lossy().ends_with(".network"));
        assert!(matches!(library.open(&task.spec), Err(LibraryError::Missing(_))));
        write(dir.path(), &published);
        assert_eq!(library.missing(&task.spec), None);
        let found = library.open(&task.spec).unwrap();
        let done = cpu::run(&task, found.as_deref(), &cpu::Options::default(), |_, _| {}).unwrap();
        assert_eq!(done, reference::run(&task, Some(&published), |_, _| {}).unwrap());
        // What was read last stays in memory.
        fs::remove_dir_all(dir.path()).unwrap();
        assert!(library.open(&task.spec).is_ok());
        assert!(Library::new(dir.path()).open(&task.spec).is_err());
    }

    #[test]
    fn a_file_that_is_not_what_its_name_says_is_refused() {
        let (dir, published) = (tempfile::tempdir().unwrap(), small());
        let spec = published.spec(5).unwrap();
        let mut other = small();
        other.network.weights[0][0] ^= 1;
        let name = Part::Network.file_name(&published.network.digest().unwrap());
        write(dir.path(), &published);
        for (content, why) in [
            (other.network.to_bytes(), PublishedError::WrongContent),
            (published.network.to_bytes()[..30].to_vec(), PublishedError::Truncated),
            (b"something".to_vec(), PublishedError::WrongKind),
        ] {
            fs::write(dir.path().join(&name), content).unwrap();
            let error = Library::new(dir.path()).open(&spec).unwrap_err();
            assert!(matches!(error, LibraryError::Damaged(_, found) if found == why), "{error}");
        }
    }
}
