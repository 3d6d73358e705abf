//! `matrixai tasks`: batches of tasks for the network, from a file.

use crate::{
    arguments::{Global, TasksCommand},
    chain,
    config::Config,
    error::Error,
    output::{self, Done},
    published, session,
};
use drilling::{
    Class, Kernel, Layer, Layers, Library, LibraryError, Spec, SpecError, WrongDepth, difficulty,
    published::{Published, PublishedError},
};
use figment::{
    Figment,
    providers::{Format, Toml},
};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path};

/// A batch as its publisher writes it.
///
/// ```toml
/// rows = 1024
/// inputs = 8192
/// count = 100
/// replicas = 2
/// difficulty = 59652                # micro-ut; may be left out
/// source = ""                       # where published data can be had
/// [[layers]]
/// outputs = 4096
/// multiplier = 556100
/// shift = 32
/// [infer]                           # left out where everything is generated
/// network = "…64 hex digits…"
/// shard = "…64 hex digits…"
/// items = 100
/// ```
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rows: u32,
    inputs: u32,
    layers: Vec<WrittenLayer>,
    infer: Option<Infer>,
    count: u32,
    #[serde(default = "two")]
    replicas: u8,
    difficulty: Option<u64>,
    #[serde(default)]
    source: String,
}

const fn two() -> u8 {
    2
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLayer {
    outputs: u32,
    multiplier: u32,
    shift: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Infer {
    #[serde(with = "hex")]
    network: [u8; 32],
    #[serde(with = "hex")]
    shard: [u8; 32],
    items: u32,
}

/// A file that describes no batch.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// It cannot be read.
    #[error("{0}")]
    File(std::io::Error),
    /// It does not parse.
    #[error("{0}")]
    Parse(Box<figment::Error>),
    /// Too few or too many layers.
    #[error(transparent)]
    Depth(#[from] WrongDepth),
    /// It is no task.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The chain will count otherwise.
    #[error(
        "difficulty says {said} micro-ut, but one of these tasks is worth {counted}: the chain would refuse the batch"
    )]
    Difficulty {
        /// In the file.
        said: u64,
        /// By the chain's rule.
        counted: u128,
    },
    /// A number out of its range.
    #[error("{0}")]
    Range(&'static str),
    /// The published data that it names cannot be had.
    #[error(transparent)]
    Data(#[from] LibraryError),
    /// They are no network and shard for each other.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// They are others than it says.
    #[error(
        "{what} is not as the published {part} has it: `matrixai tasks data` says what it has. Nobody could do these tasks"
    )]
    Mismatch {
        /// What the file says wrongly.
        what: &'static str,
        /// Of what.
        part: &'static str,
    },
}

/// A batch that the chain will take.
pub struct Batch {
    /// What is computed.
    pub spec: Spec,
    /// Tasks.
    pub count: u32,
    /// Replicas of each.
    pub replicas: u8,
    /// Micro-ut of each.
    pub worth: u128,
    /// Where its data can be had.
    pub source: Vec<u8>,
}

impl Batch {
    fn read(file: &Path) -> Result<Self, BatchError> {
        let text = std::fs::read_to_string(file).map_err(BatchError::File)?;
        let read = Figment::from(Toml::string(&text)).extract();
        Self::check(read.map_err(|error| BatchError::Parse(Box::new(error)))?)
    }

    fn check(read: Written) -> Result<Self, BatchError> {
        let Written { rows, inputs, layers, infer, count, replicas, difficulty: said, source } = read;
        let layer = |WrittenLayer { outputs, multiplier, shift }| Layer { outputs, multiplier, shift };
        let layers = Layers::new(&layers.into_iter().map(layer).collect::<Vec<_>>())?;
        let kernel = infer.map_or(Kernel::Mlp, |Infer { network, shard, items }| Kernel::Infer {
            network,
            shard,
            items,
        });
        let spec = Spec { kernel, rows, inputs, layers };
        spec.check()?;
        let worth = difficulty(&spec);
        if let Some(said) = said.filter(|said| u128::from(*said) != worth) {
            return Err(BatchError::Difficulty { said, counted: worth });
        }
        if worth == 0 {
            return Err(BatchError::Range(
                "a task below 1,728,000 operations is worth nothing: give it more rows",
            ));
        }
        if !(1..=1_000_000).contains(&count) {
            return Err(BatchError::Range("count must be 1 to 1,000,000"));
        }
        if !(2..=3).contains(&replicas) {
            return Err(BatchError::Range("replicas must be 2 or 3: one result alone shows nothing"));
        }
        if source.len() > 256 {
            return Err(BatchError::Range("source may have 256 bytes"));
        }
        if source.is_empty() && kernel != Kernel::Mlp {
            return Err(BatchError::Range(
                "source must say where the network and the shard can be had: machines pass over tasks without their data",
            ));
        }
        Ok(Self { spec, count, replicas, worth, source: source.into_bytes() })
    }
}

impl Batch {
    /// Checks that the published data, where it needs any, are at hand and are what it says of them.
    fn check_data(&self, library: &Library) -> Result<(), BatchError> {
        match library.open(&self.spec)? {
            Some(published) => fits(&self.spec, &published),
            None => Ok(()),
        }
    }
}

/// Checks that a specification says of its data what they are.
fn fits(said: &Spec, published: &Published) -> Result<(), BatchError> {
    let spec = published.spec(said.rows)?;
    let wrong = |what, part| Err(BatchError::Mismatch { what, part });
    match () {
        () if said.inputs != spec.inputs => wrong("inputs", "network"),
        () if said.layers != spec.layers => wrong("layers", "network"),
        () if said.kernel != spec.kernel => wrong("items", "shard"),
        () => Ok(()),
    }
}

/// A batch as the chain has it.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its number.
    pub batch: u32,
    /// Whose.
    pub publisher: String,
    /// Its class.
    pub class: String,
    /// Micro-ut of one task.
    pub worth: u128,
    /// Tasks.
    pub count: u32,
    /// Of those, nobody's yet.
    pub left: u32,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Supply(Vec<Listed>);

impl fmt::Display for Supply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:>8}  {:6}  {:>14}  {:>9}  {:>9}  publisher",
            "batch", "class", "micro-ut", "tasks", "left"
        )?;
        self.0.iter().try_for_each(|Listed { batch, publisher, class, worth, count, left }| {
            writeln!(out, "{batch:>8}  {class:6}  {worth:>14}  {count:>9}  {left:>9}  {publisher}")
        })
    }
}

/// What a file describes.
#[derive(Serialize)]
struct Checked {
    class: String,
    worth: u128,
    operations: u128,
    count: u32,
    /// What its published data are worth knowing; none where it needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, worth, operations, count, data } = self;
        writeln!(
            out,
            "{count} tasks of class {class}, each {operations} int8 operations, worth {worth} micro-ut"
        )?;
        data.as_ref().map_or(Ok(()), |data| writeln!(out, "its data: {data}"))
    }
}

/// Carries out a command about tasks.
pub async fn run(command: &TasksCommand, config: &Config, global: &Global) -> Result<(), Error> {
    match command {
        TasksCommand::Check { file, data } => output::print(&checked(file, data.as_deref())?, global.json),
        TasksCommand::Publish { file, data } => {
            let batch = batch(file)?;
            let at_hand = batch.check_data(&library(file, data.as_deref()));
            at_hand.map_err(|error| Error::Batch(file.into(), error))?;
            called(config, global, "publishing", chain::publish(&batch), "the batch is published").await
        }
        TasksCommand::Data { files, into } => published::run(files, into.as_deref(), global),
        TasksCommand::Vote { batch, against } => {
            called(config, global, "voting", chain::vote(*batch, !against), "the vote counts").await
        }
        TasksCommand::End { batch } => {
            let done = "the batch has ended; the price of what nobody was given is back";
            called(config, global, "ending the batch", chain::end_batch(*batch), done).await
        }
        TasksCommand::List => {
            let supply = session::with(config, global, async |session| {
                Ok(chain::supply(&session.latest().await?).await?)
            });
            output::print(&Supply(supply.await?), global.json)
        }
    }
}

fn batch(file: &Path) -> Result<Batch, Error> {
    Batch::read(file).map_err(|error| Error::Batch(file.into(), error))
}

/// Where a batch's data lie: in the folder that is named, or beside its file.
fn library(file: &Path, data: Option<&Path>) -> Library {
    Library::new(data.unwrap_or_else(|| file.parent().unwrap_or(Path::new(""))))
}

fn checked(file: &Path, data: Option<&Path>) -> Result<Checked, Error> {
    let batch = batch(file)?;
    let data = match batch.check_data(&library(file, data)) {
        Ok(()) => (batch.spec.kernel != Kernel::Mlp).then(|| "at hand, and as the batch says".to_string()),
        // A batch can be looked at without them; it is published with them only.
        Err(BatchError::Data(LibraryError::Missing(missing))) => Some(format!("not checked: {missing}")),
        Err(error) => return Err(Error::Batch(file.into(), error)),
    };
    let Batch { spec, count, worth, .. } = batch;
    let class = format!("{:?}", Class::of(&spec)).to_lowercase();
    Ok(Checked { class, worth, operations: spec.operations(), count, data })
}

async fn called(
    config: &Config,
    global: &Global,
    what: &str,
    call: impl light_client::subxt::tx::Payload,
    done: &'static str,
) -> Result<(), Error> {
    let done = session::with_key(config, global, async |session, key| {
        Ok(Done { done, block: session.call(what, &call, key).await?.block.number })
    });
    output::print(&done.await?, global.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "rows = 256\ninputs = 8192\ncount = 5\n\
        layers = [{ outputs = 256, multiplier = 556100, shift = 32 }, { outputs = 16, multiplier = 5332051, shift = 32 }]\n";

    fn read(text: &str) -> Result<Batch, BatchError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("batch.toml");
        std::fs::write(&file, text).unwrap();
        Batch::read(&file)
    }

    #[test]
    fn a_batch_is_worth_what_the_chain_counts() {
        let batch = read(GOOD).unwrap();
        assert_eq!((batch.spec, batch.worth, batch.replicas), (Class::Tiny.mlp(), 622, 2));
        assert!(read(&format!("{GOOD}difficulty = 622\n")).is_ok());
        let overstated = read(&format!("{GOOD}difficulty = 6220\n"));
        assert!(matches!(overstated, Err(BatchError::Difficulty { said: 6220, counted: 622 })));
    }

    /// The shipped example, as a publisher would write it.
    const DIGITS: &str = include_str!("../../drilling/data/digits.toml");

    fn check(text: &str) -> Result<Checked, Error> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("batch.toml");
        std::fs::write(&file, text).unwrap();
        checked(&file, None)
    }

    #[test]
    fn a_batch_over_published_data_is_checked_against_them() {
        let good = check(DIGITS).unwrap();
        assert_eq!((good.class.as_str(), good.count), ("tiny", 100));
        assert_eq!(good.data.as_deref(), Some("at hand, and as the batch says"));
        for (from, to, why) in [
            ("items = 240", "items = 239", "items is not"),
            ("inputs = 784", "inputs = 783", "inputs is not"),
            ("outputs = 96", "outputs = 95", "layers is not"),
            ("source = \"", "source = \"\" # ", "source must say"),
        ] {
            assert!(DIGITS.contains(from), "{from}");
            let text = DIGITS.replace(from, to).replace("difficulty = 5781", "");
            let error = check(&text).err().unwrap().to_string();
            assert!(error.contains(why), "{error}");
        }
        // Somebody else's data: the batch may be sound, and is not published unseen.
        let digest = hex::encode(drilling::digits::NETWORK_DIGEST);
        let other = DIGITS.replace(&digest, &"ab".repeat(32));
        assert!(check(&other).unwrap().data.unwrap().contains("not checked"));
        let library = Library::new(Path::new("/nonexistent"));
        let error = read(&other).unwrap().check_data(&library).unwrap_err();
        assert!(matches!(error, BatchError::Data(LibraryError::Missing(_))));
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        for (change, why) in [
            ("replicas = 1", "2 or 3"),
            ("difficulty = 1", "worth 622"),
            ("rows_ = 3", "unknown field"),
            ("infer = { network = \"00\", shard = \"00\", items = 1 }", "network"),
        ] {
            let error = read(&format!("{GOOD}{change}\n")).err().unwrap().to_string();
            assert!(error.contains(why), "{change}: {error}");
        }
        assert!(matches!(read("="), Err(BatchError::Parse(_))));
        assert!(matches!(read(&GOOD.replace("256", "0")), Err(BatchError::Spec(_))));
        let worthless = GOOD.replace("rows = 256", "rows = 1").replace("8192", "1");
        for text in
            [worthless, GOOD.replace("count = 5", "count = 0"), GOOD.replace("count = 5", "count = 1000001")]
        {
            assert!(matches!(read(&text), Err(BatchError::Range(_))), "{text}");
        }
    }
}
