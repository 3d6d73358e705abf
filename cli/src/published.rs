//! `matrixai tasks data`: what files of networks and shards are, and by which names machines look for them.

use crate::{
    arguments::Global,
    error::Error,
    output::{self, Report},
};
use drilling::{
    Layer,
    library::{LONGEST, Part},
    published::{Network, PublishedError, Shard},
};
use serde::Serialize;
use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// How much of a file tells what it is.
const HEAD: u64 = 32;

/// Why a file is none of these.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read, or its copy cannot be written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// It is damaged, or something else altogether.
    #[error("neither a network nor a shard: {0}")]
    Content(#[from] PublishedError),
}

/// A file.
#[derive(Debug, Serialize)]
struct Described {
    file: PathBuf,
    kind: &'static str,
    digest: String,
    inputs: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Shape>,
    /// How machines look for it.
    name: String,
}

#[derive(Debug, Serialize)]
struct Shape {
    outputs: u32,
    multiplier: u32,
    shift: u8,
}

impl Described {
    fn read(file: &Path) -> Result<Self, DataError> {
        let mut head = Vec::new();
        plain_io::open(file)?.take(HEAD).read_to_end(&mut head)?;
        let another = |parsed| matches!(parsed, Err(PublishedError::WrongKind));
        if another(Network::parse(&head).map(drop)) && another(Shard::parse(&head).map(drop)) {
            // Not read whole: it can be of any size.
            return Err(PublishedError::WrongKind.into());
        }
        let bytes = plain_io::read(file, LONGEST)?;
        match Shard::parse(&bytes) {
            Err(PublishedError::WrongKind) => Self::of_network(file, &Network::parse(&bytes)?),
            shard => Self::of_shard(file, &shard?),
        }
    }

    fn of_network(file: &Path, network: &Network) -> Result<Self, DataError> {
        let digest = network.digest()?;
        let shape = |&Layer { outputs, multiplier, shift }: &Layer| Shape { outputs, multiplier, shift };
        Ok(Self {
            file: file.into(),
            kind: Part::Network.extension(),
            digest: hex::encode(digest),
            inputs: network.inputs,
            items: None,
            layers: network.layers.iter().map(shape).collect(),
            name: Part::Network.file_name(&digest),
        })
    }

    fn of_shard(file: &Path, shard: &Shard) -> Result<Self, DataError> {
        let digest = shard.digest()?;
        Ok(Self {
            file: file.into(),
            kind: Part::Shard.extension(),
            digest: hex::encode(digest),
            inputs: shard.inputs,
            items: Some(shard.items),
            layers: Vec::new(),
            name: Part::Shard.file_name(&digest),
        })
    }

    fn copy(&self, into: &Path) -> io::Result<()> {
        fs::create_dir_all(into)?;
        let target = into.join(&self.name);
        // Whole or not at all: a machine may be looking.
        let draft = target.with_added_extension("new");
        fs::copy(&self.file, &draft)?;
        fs::rename(draft, target)
    }
}

impl fmt::Display for Described {
    /// As lines of a batch's file.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, kind, digest, inputs, items, layers, name } = self;
        writeln!(out, "# {}: {name}, {inputs} inputs", file.display())?;
        if !layers.is_empty() {
            writeln!(out, "inputs = {inputs}")?;
            let shape = |Shape { outputs, multiplier, shift }: &Shape| {
                format!("  {{ outputs = {outputs}, multiplier = {multiplier}, shift = {shift} }},\n")
            };
            writeln!(out, "layers = [\n{}]", layers.iter().map(shape).collect::<String>())?;
        }
        writeln!(out, "infer.{kind} = \"{digest}\"")?;
        items.map_or(Ok(()), |items| writeln!(out, "infer.items = {items}"))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct All(Vec<Described>);

impl fmt::Display for All {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|one| one.fmt(out))
    }
}

/// Describes files, and copies them where that is asked for.
pub fn run(files: &[PathBuf], into: Option<&Path>, global: &Global) -> Result<(), Error> {
    output::print(&describe(files, into)?, global.json)
}

fn describe(files: &[PathBuf], into: Option<&Path>) -> Result<impl Report + use<>, Error> {
    let trouble = |file: &Path| {
        let file = file.to_path_buf();
        move |error: DataError| Error::Data(file, error)
    };
    let read = |file: &PathBuf| Described::read(file).map_err(trouble(file));
    let all = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for one in &all {
        into.map_or(Ok(()), |into| one.copy(into)).map_err(|error| trouble(&one.file)(error.into()))?;
    }
    Ok(All(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use drilling::{Library, digits};

    #[test]
    fn copies_are_found_by_their_digests() {
        let dir = tempfile::tempdir().unwrap();
        let (network, shard, into) = (dir.path().join("n"), dir.path().join("s"), dir.path().join("data"));
        let mut published = digits::published().unwrap();
        published.network.weights[1][0] ^= 1;
        fs::write(&network, published.network.to_bytes()).unwrap();
        published.shard.data[0] ^= 1;
        fs::write(&shard, published.shard.to_bytes()).unwrap();
        let text = describe(&[network, shard], Some(&into)).unwrap().to_string();
        assert!(text.contains("inputs = 784\nlayers = [\n  { outputs = 96,"), "{text}");
        assert!(text.contains("infer.items = 240"), "{text}");
        let spec = published.spec(7).unwrap();
        assert_eq!(*Library::new(&into).open(&spec).unwrap().unwrap(), published);
    }

    #[test]
    fn anything_else_is_refused_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cat.jpg");
        let error = describe(std::slice::from_ref(&file), None).err().unwrap();
        assert!(matches!(error, Error::Data(_, DataError::File(_))), "{error}");
        for content in [b"cat".as_slice(), &digits::NETWORK[..1000], &digits::SHARD[..1000]] {
            fs::write(&file, content).unwrap();
            let error = describe(std::slice::from_ref(&file), None).err().unwrap();
            assert!(error.to_string().contains("cat.jpg: neither a network nor a shard"), "{error}");
        }
        // Larger than any memory: only its head is read.
        fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
        let error = describe(std::slice::from_ref(&file), None).err().unwrap();
        assert!(matches!(error, Error::Data(_, DataError::Content(PublishedError::WrongKind))), "{error}");
        fs::write(&file, &digits::SHARD[..1000]).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_len(1 << 40).unwrap();
        let error = describe(std::slice::from_ref(&file), None).err().unwrap();
        assert!(error.to_string().contains("cat.jpg: it is larger than the 16385 MiB"), "{error}");
        let error = describe(&["/dev/zero".into()], None).err().unwrap();
        assert_eq!(error.to_string(), "/dev/zero: it is not a regular file");
    }
}
