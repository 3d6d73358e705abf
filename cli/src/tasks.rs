//! `matrixai tasks`: batches of tasks for the network, from a file.

use crate::{
    arguments::{Global, TasksCommand},
    batches, chain,
    config::Config,
    error::Error,
    output::{self, Done},
    published,
    session::{self, Session},
};
use drilling::{
    Class, Kernel, Layer, Layers, Library, LibraryError, Spec, SpecError, WrongDepth, difficulty,
    published::{Published, PublishedError},
};
use figment::{
    Figment,
    providers::{Format, Toml},
};
use light_client::Key;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{fmt, path::Path};

/// No batch's file is longer, comments included: with 16 layers it has two kilobytes.
const LONGEST: u64 = 64 * 1024;

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
    #[serde(deserialize_with = "digest")]
    network: [u8; 32],
    #[serde(deserialize_with = "digest")]
    shard: [u8; 32],
    items: u32,
}

/// A digest as `matrixai tasks data` prints it.
fn digest<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
    output::identifier(&String::deserialize(from)?, "digest").map_err(D::Error::custom)
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
        let text = plain_io::read_to_string(file, LONGEST).map_err(BatchError::File)?;
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
        spec.check_published()?;
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

/// A batch that is on chain now.
#[derive(Serialize)]
struct Announced {
    done: &'static str,
    block: u64,
    /// Its number; none where the chain told none.
    batch: Option<u32>,
    /// `voting`, or `approved`: its tasks are given out.
    state: &'static str,
    /// The last block to vote in; none where it is approved already.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

impl Announced {
    fn new(told: Option<(u32, bool)>, block: u64, vote_blocks: u32) -> Self {
        let approved = matches!(told, Some((_, true)));
        Self {
            done: "the batch is published",
            block,
            batch: told.map(|(batch, _)| batch),
            state: if approved { "approved" } else { "voting" },
            until: (!approved).then(|| block.saturating_add(vote_blocks.into())),
        }
    }
}

impl fmt::Display for Announced {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, block, batch, state: _, until } = self;
        let Some(batch) = batch else {
            return writeln!(out, "{done}, in block {block}; `tasks list` shows its number");
        };
        writeln!(out, "{done}: number {batch}, in block {block}")?;
        let Some(until) = until else {
            return writeln!(out, "its tasks are given out now: `tasks show {batch}` says how many are left");
        };
        writeln!(
            out,
            "its tasks are given out once owners with a stake have approved it: until block {until} each of them may\n  \
             matrixai tasks vote {batch}\nMore must be at stake for it than against it, and a tenth of all stakes for it; `tasks show {batch}` \
             shows how\nthe vote stands. Where more is against it, and a tenth of all stakes, its deposit is lost; else\neverything comes back."
        )
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
            let announced =
                session::with_key(config, global, async |session, key| publish(session, key, &batch).await);
            output::print(&announced.await?, global.json)
        }
        TasksCommand::Data { files, into } => published::run(files, into.as_deref(), global),
        TasksCommand::Vote { batch, against } => {
            called(config, global, "voting", chain::vote(*batch, !against), "the vote counts").await
        }
        TasksCommand::End { batch } => {
            let done = "the batch has ended; the price of what nobody was given is back";
            called(config, global, "ending the batch", chain::end_batch(*batch), done).await
        }
        TasksCommand::List => batches::list(config, global).await,
        TasksCommand::Show { batch } => batches::show(*batch, config, global).await,
    }
}

async fn publish(session: &Session, key: &Key, batch: &Batch) -> Result<Announced, Error> {
    // Asked first: once the batch is published, nothing may go wrong that would hide its number.
    let vote_blocks = chain::vote_blocks(&session.latest().await?)?;
    let included = session.call("publishing", &chain::publish(batch), key).await?;
    Ok(Announced::new(chain::announced(&included)?, included.block.number, vote_blocks))
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

    #[test]
    fn a_publisher_is_told_the_number_and_what_comes_next() {
        let voting = Announced::new(Some((7, false)), 100, 14_400);
        let text = voting.to_string();
        assert!(text.contains("number 7") && text.contains("until block 14500"), "{text}");
        assert!(text.contains("\n  matrixai tasks vote 7\n"), "{text}");
        let json = serde_json::to_value(&voting).unwrap();
        assert_eq!(
            (&json["batch"], &json["until"], &json["state"]),
            (&7.into(), &14_500.into(), &"voting".into())
        );
        let approved = Announced::new(Some((8, true)), 100, 14_400);
        assert!(approved.until.is_none() && approved.to_string().contains("tasks show 8"), "{approved}");
        assert!(Announced::new(None, 100, 14_400).to_string().contains("tasks list"));
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
            let text = DIGITS.replace(from, to).replace("difficulty = 2890", "");
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
            ("infer = { network = \"00\", shard = \"00\", items = 1 }", "64 hex digits"),
            ("infer = { network = \"abc\", shard = \"00\", items = 1 }", "\"abc\" is no digest"),
        ] {
            let error = read(&format!("{GOOD}{change}\n")).err().unwrap().to_string();
            assert!(error.contains(why), "{change}: {error}");
        }
        assert!(matches!(read("="), Err(BatchError::Parse(_))));
        assert!(matches!(read(&GOOD.replace("256", "0")), Err(BatchError::Spec(_))));
        let worthless =
            "rows = 1\ninputs = 32\ncount = 5\nlayers = [{ outputs = 16, multiplier = 1, shift = 1 }]\n"
                .to_string();
        for text in
            [worthless, GOOD.replace("count = 5", "count = 0"), GOOD.replace("count = 5", "count = 1000001")]
        {
            assert!(matches!(read(&text), Err(BatchError::Range(_))), "{text}");
        }
    }
}
