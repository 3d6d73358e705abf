//! A log held against the chain's headers: does it tell of every block that drew, and of no other? What the draws are for - jobs' weights,
//! challenges of GPUs - is another file's.

use crate::snapshots::Headers;
use attest::{
    Hash,
    record::{Outcome, Snapshot},
    snapshot,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// What a log says of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// From the next block on draws count, with this mean.
    Counts(u32),
    /// From the next block on they do not.
    Ends,
    /// It drew, and that was answered.
    Kept,
    /// It drew, and why that was not answered has a name.
    Missed,
    /// Nobody looked whether this block and those back to this one drew.
    Unwatched(u64),
}

/// A block that a log tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// What is said of it.
    pub word: Word,
}

impl From<&Snapshot> for Said {
    fn from(told: &Snapshot) -> Self {
        let word = match told.outcome {
            Outcome::Watching => Word::Counts(told.mean_blocks),
            Outcome::Ended => Word::Ends,
            Outcome::Taken(_) | Outcome::Unchanged(_) => Word::Kept,
            Outcome::Missed(_) => Word::Missed,
            Outcome::Unwatched { from } => Word::Unwatched(from),
        };
        Self { number: told.block_number, hash: told.block_hash, word }
    }
}

impl Said {
    /// Whether it is said that the block drew.
    const fn drew(&self) -> bool {
        matches!(self.word, Word::Kept | Word::Missed)
    }
}

/// Draws by the chain's headers.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Draws {
    /// Blocks among the headers for which draws counted.
    pub blocks: u64,
    /// Of them, those that drew.
    pub drawn: u64,
    /// Of those, the ones that were answered.
    pub kept: u64,
    /// Missed, by name.
    pub missed: u64,
    /// Among blocks that nobody looked at, as the log says.
    pub unwatched: u64,
    /// After the last block that the log has to tell of.
    pub open: u64,
    /// Blocks that drew and of which the log says nothing.
    pub silent: Vec<u64>,
    /// Blocks of which the log says that they drew, and they did not.
    pub not_drawn: Vec<u64>,
    /// Blocks that have another hash on the chain.
    pub of_another_chain: Vec<u64>,
    /// Records about blocks whose headers were not given.
    pub without_header: u64,
}

impl Draws {
    /// Draws anew: `watch` is what the draws are for, and up to `to_block` the log has to tell of each. Where the watch takes inspectors'
    /// `questions`, they count like draws.
    pub fn of(
        machine: &Hash,
        watch: &Hash,
        told: &[Said],
        to_block: u64,
        headers: &Headers,
        questions: bool,
    ) -> Self {
        let rates = rates(told);
        let drew = |number: u64, randomness: Option<Hash>| {
            let mean = rates.range(..=number).next_back().and_then(|(_, mean)| *mean)?;
            let asked = questions && headers.asks(number, machine);
            let drawn = |lot: Hash| snapshot::is_drawn(machine, watch, number, &lot, mean);
            Some(asked || randomness.is_some_and(drawn))
        };
        let mut draws = Self::default();
        let mut records: BTreeMap<u64, Word> = BTreeMap::new();
        let mut unwatched = Vec::new();
        for said in told {
            let number = said.number;
            match headers.get(number) {
                // Such as the last block before the headers begin.
                None if !said.drew() => {}
                None => draws.without_header += 1,
                Some((hash, _)) if hash != said.hash => draws.of_another_chain.push(number),
                Some((_, randomness)) if said.drew() && drew(number, randomness) != Some(true) => {
                    draws.not_drawn.push(number)
                }
                Some(_) => {}
            }
            match said.word {
                Word::Unwatched(from) => unwatched.push(from..=number),
                Word::Kept | Word::Missed => {
                    records.insert(number, said.word);
                }
                Word::Counts(_) | Word::Ends => {}
            }
        }
        for (number, randomness) in headers.iter() {
            let Some(drawn) = drew(number, randomness) else { continue };
            draws.blocks += 1;
            if !drawn {
                continue;
            }
            draws.drawn += 1;
            match records.get(&number) {
                Some(Word::Missed) => draws.missed += 1,
                Some(_) => draws.kept += 1,
                None if unwatched.iter().any(|range| range.contains(&number)) => draws.unwatched += 1,
                None if number > to_block => draws.open += 1,
                None => draws.silent.push(number),
            }
        }
        draws
    }

    /// Whether the log is as the headers want it.
    pub const fn are_kept(&self) -> bool {
        self.silent.is_empty() && self.not_drawn.is_empty() && self.of_another_chain.is_empty()
    }
}

/// From which block on draws counted with which mean; none: they did not.
fn rates(told: &[Said]) -> BTreeMap<u64, Option<u32>> {
    let mut rates = BTreeMap::new();
    for said in told {
        let mean = match said.word {
            Word::Counts(mean) => Some(mean),
            Word::Ends => None,
            _ => continue,
        };
        rates.insert(said.number.saturating_add(1), mean);
    }
    rates
}

impl fmt::Display for Draws {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "            of {} blocks {} drew: {} kept, {} missed by name, {} not looked at, {} after the last record",
            self.blocks, self.drawn, self.kept, self.missed, self.unwatched, self.open
        )?;
        let bad = [
            ("drew, and the log says nothing", &self.silent),
            ("did not draw, and the log says so", &self.not_drawn),
            ("have another hash on the chain", &self.of_another_chain),
        ];
        for (what, blocks) in bad.iter().filter(|(_, blocks)| !blocks.is_empty()) {
            writeln!(out, "            BLOCKS THAT {what}: {blocks:?}")?;
        }
        if self.without_header > 0 {
            writeln!(out, "            {} records about blocks without header here", self.without_header)?;
        }
        Ok(())
    }
}
