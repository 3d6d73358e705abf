//! Blocks' headers, as a node tells them, chained by their hashes: who trusts the last hash trusts them all, and the randomness in them.

use crate::error::Error;
use attest::question;
use light_client::randomness::{Header, hash, notes, vrf_output};
use serde::Deserialize;
use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    io::{self, BufReader, ErrorKind, Read},
    path::Path,
};

/// Most headers take less than 1 KiB of JSON; one that begins an epoch names its authorities, some 100 bytes each: room for thousands.
const LONGEST_HEADER: u64 = 1 << 20;

/// One header, bare or as the answer of a JSON-RPC server.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Answer { result: Header },
    Bare(Header),
}

/// A file that gives out no more than is left of a ration, which whoever reads it renews.
struct Rationed<'a, R> {
    reader: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Rationed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            let why = format!("a header in it is larger than {} MiB", LONGEST_HEADER >> 20);
            return Err(io::Error::new(ErrorKind::FileTooLarge, why));
        }
        let read = self.reader.by_ref().take(self.left.get()).read(buffer)?;
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}

/// Headers of blocks that follow each other.
#[derive(Debug, Default)]
pub struct Headers {
    first: u64,
    blocks: Vec<([u8; 32], Option<[u8; 32]>)>,
    numbers: HashMap<[u8; 32], u64>,
    /// In which block whose GPUs were asked by an inspector.
    asked: HashSet<(u64, [u8; 32])>,
}

impl Headers {
    /// Reads a file of them, one JSON value after the other, oldest first.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let trouble = |source| Error::File { path: path.into(), source };
        let file = plain_io::open(path).map_err(trouble)?;
        // As long as it is now: a node may still be writing it.
        let length = file.metadata().map_err(trouble)?.len();
        let left = Cell::new(LONGEST_HEADER);
        let reader = Rationed { reader: BufReader::new(file.take(length)), left: &left };
        let mut headers = Self::default();
        for line in serde_json::Deserializer::from_reader(reader).into_iter::<Line>() {
            left.set(LONGEST_HEADER);
            let line = line.map_err(|source| Error::Headers { path: path.into(), source })?;
            headers.push(match &line {
                Line::Answer { result } => result,
                Line::Bare(header) => header,
            })?;
        }
        Ok(headers)
    }

    /// Adds the next block's.
    pub fn push(&mut self, header: &Header) -> Result<(), Error> {
        match self.last() {
            None => self.first = header.number,
            Some((number, parent)) => {
                if number.checked_add(1) != Some(header.number) || parent != header.parent_hash.0 {
                    return Err(Error::NotAChain(header.number));
                }
            }
        }
        let hash = hash(header);
        let asked = notes(&header.digest).into_iter().filter_map(|note| question::asked(&note));
        self.asked.extend(asked.map(|machine| (header.number, machine)));
        self.numbers.insert(hash, header.number);
        self.blocks.push((hash, vrf_output(&header.digest)));
        Ok(())
    }

    /// A block's hash and randomness.
    pub fn get(&self, number: u64) -> Option<([u8; 32], Option<[u8; 32]>)> {
        self.blocks.get(usize::try_from(number.checked_sub(self.first)?).ok()?).copied()
    }

    /// Whether a block of this hash is among them.
    pub fn has(&self, hash: &[u8; 32]) -> bool {
        self.number(hash).is_some()
    }

    /// The height of the block of this hash, if it is among them.
    pub fn number(&self, hash: &[u8; 32]) -> Option<u64> {
        self.numbers.get(hash).copied()
    }

    /// Whether an inspector asks this machine's GPUs in a block.
    pub fn asks(&self, number: u64, machine: &[u8; 32]) -> bool {
        self.asked.contains(&(number, *machine))
    }

    /// The last block's number and hash.
    pub fn last(&self) -> Option<(u64, [u8; 32])> {
        let (hash, _) = self.blocks.last()?;
        Some((self.first.saturating_add(self.blocks.len() as u64).saturating_sub(1), *hash))
    }

    /// Every block's number and randomness.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Option<[u8; 32]>)> {
        (self.first..).zip(&self.blocks).map(|(number, (_, randomness))| (number, *randomness))
    }
}
