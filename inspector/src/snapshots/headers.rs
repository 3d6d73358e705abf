//! Blocks' headers, as a node tells them, chained by their hashes: who trusts the last hash trusts them all, and the randomness in them.

use crate::error::Error;
use light_client::randomness::{Header, hash, vrf_output};
use serde::Deserialize;
use std::{collections::HashMap, fs::File, io::BufReader, path::Path};

/// One header, bare or as the answer of a JSON-RPC server.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Answer { result: Header },
    Bare(Header),
}

/// Headers of blocks that follow each other.
#[derive(Debug, Default)]
pub struct Headers {
    first: u64,
    blocks: Vec<([u8; 32], Option<[u8; 32]>)>,
    numbers: HashMap<[u8; 32], u64>,
}

impl Headers {
    /// Reads a file of them, one JSON value after the other, oldest first.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::File { path: path.into(), source })?;
        let mut headers = Self::default();
        for line in serde_json::Deserializer::from_reader(BufReader::new(file)).into_iter::<Line>() {
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
