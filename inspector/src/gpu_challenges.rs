//! What an exported log tells of challenges of a machine's GPUs (docs/gpu-challenges.md): how they ended, and with the chain's headers whether every
//! block that drew one has its records. What was found is the machine's own word, in a log that cannot be changed any more.

use crate::{
    draws::{Draws, Said, Word},
    snapshots::Headers,
};
use attest::{
    Hash, Record,
    record::{Body, Check, Finding, Verdict},
};
use evidence::challenge;
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// A draw so many blocks before that of the last anchor in the log has its records: an anchor's block is this old at most when the log is told of
/// it, and a challenge takes two minutes at most. So silence at a log's end is no excuse.
const SETTLED: u64 = 256;

/// What was found in one challenge.
#[derive(Debug, Default)]
struct Answer {
    /// Whether any GPU was measured.
    measured: bool,
    /// Measurements that could not be made.
    failed: u64,
    score: u16,
    why: String,
}

/// What a log tells of challenges, gathered record by record.
#[derive(Debug, Default)]
pub struct Told {
    watch: Vec<Said>,
    /// By the hash of the block that drew.
    answers: BTreeMap<Hash, Answer>,
    /// The block of the last anchor.
    anchored: u64,
}

/// Challenges, as a log tells of them.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ChallengeAccount {
    /// Blocks between two draws on average, as last told.
    pub mean_blocks: u32,
    /// The block after which draws counted first.
    pub from_block: u64,
    /// The last block that the watch itself tells of.
    pub to_block: u64,
    /// Whether the watch has ended.
    pub ended: bool,
    /// Challenges in which at least one GPU was measured.
    pub answered: u64,
    /// Those in which none was, each with its reason in the log.
    pub missed: u64,
    /// Measurements that could not be made, in all of them: others worked on the GPU, or it failed.
    pub not_measured: u64,
    /// The highest score that any check got: 0 speaks not against the machine, 1000: no honest machine does this.
    pub score: u16,
    /// The reason of that check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Blocks that nobody looked at, as the log says.
    pub unwatched_blocks: u64,
    /// Blocks in whose headers an inspector asks this machine; none where no headers were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<u64>,
    /// What the chain says to that; none where no headers were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<Draws>,
}

impl Told {
    /// Takes note of a record.
    pub fn take(&mut self, record: &Record) {
        match &record.body {
            Body::Snapshot(told) if told.job == challenge::watch() => self.watch.push(Said::from(told)),
            Body::Anchor(anchor) => self.anchored = self.anchored.max(anchor.block_number),
            Body::Finding(found) => self.found(found),
            _ => {}
        }
    }

    fn found(&mut self, found: &Finding) {
        let Some(asked) = found.challenge else { return };
        let answer = self.answers.entry(asked.draw).or_default();
        if matches!(found.check, Check::Memory | Check::Fingerprint) {
            match found.verdict {
                Verdict::Failed => answer.failed += 1,
                _ => answer.measured = true,
            }
        }
        if found.score > answer.score {
            (answer.score, answer.why) = (found.score, found.reason.to_string());
        }
    }

    /// An account of all of it; none where the log tells of no challenge and nobody asked.
    pub fn account(&self, machine: &Hash, headers: Option<&Headers>) -> Option<ChallengeAccount> {
        let asks = |headers: &Headers| {
            headers.iter().filter(|(number, _)| headers.asks(*number, machine)).count() as u64
        };
        let asked = headers.map(asks);
        if self.watch.is_empty() && self.answers.is_empty() && asked.is_none_or(|count| count == 0) {
            return None;
        }
        let mean = |said: &Said| match said.word {
            Word::Counts(mean) => Some(mean),
            _ => None,
        };
        let answered = self.answers.values().filter(|answer| answer.measured).count() as u64;
        let worst = self.answers.values().max_by_key(|answer| answer.score).filter(|worst| worst.score > 0);
        Some(ChallengeAccount {
            mean_blocks: self.watch.iter().rev().find_map(mean).unwrap_or(0),
            from_block: self.watch.first().map_or(0, |said| said.number),
            to_block: self.watch.iter().map(|said| said.number).max().unwrap_or(0),
            ended: self.has_ended(),
            answered,
            missed: (self.answers.len() as u64).saturating_sub(answered),
            not_measured: self.answers.values().map(|answer| answer.failed).sum(),
            score: worst.map_or(0, |worst| worst.score),
            why: worst.map(|worst| worst.why.clone()),
            unwatched_blocks: self.watch.iter().map(unwatched).fold(0, u64::saturating_add),
            asked,
            draws: headers.map(|headers| self.draws(machine, headers)),
        })
    }

    fn has_ended(&self) -> bool {
        let turns = |said: &&Said| matches!(said.word, Word::Counts(_) | Word::Ends);
        self.watch.iter().rev().find(turns).is_some_and(|said| said.word == Word::Ends)
    }

    fn draws(&self, machine: &Hash, headers: &Headers) -> Draws {
        let mut said = self.watch.clone();
        // A finding has the block's hash alone.
        let mut without_header = 0;
        for (hash, answer) in &self.answers {
            let word = if answer.measured { Word::Kept } else { Word::Missed };
            match headers.number(hash) {
                Some(number) => said.push(Said { number, hash: *hash, word }),
                None => without_header += 1,
            }
        }
        let told = said.iter().map(|said| said.number).max().unwrap_or(0);
        let to_block = told.max(self.anchored.saturating_sub(SETTLED));
        let draws = Draws::of(machine, &challenge::watch(), &said, to_block, headers, true);
        Draws { without_header: draws.without_header + without_header, ..draws }
    }
}

fn unwatched(said: &Said) -> u64 {
    match said.word {
        Word::Unwatched(from) => said.number.saturating_sub(from).saturating_add(1),
        _ => 0,
    }
}

impl fmt::Display for ChallengeAccount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asked {
            None | Some(0) => {}
            Some(asked) if self.mean_blocks == 0 => {
                let advice = "its agent sees no GPU that computes, or takes no challenges";
                return writeln!(
                    out,
                    "challenges   inspectors asked in {asked} blocks; this log tells of no watch: {advice}"
                );
            }
            Some(asked) => writeln!(out, "questions    inspectors asked in {asked} of the blocks")?,
        }
        let ended = if self.ended { ", ended" } else { "" };
        writeln!(
            out,
            "challenges   blocks {} to {}{ended}, a draw in {} blocks: {} answered, {} came to nothing, {} blocks not looked at",
            self.from_block,
            self.to_block,
            self.mean_blocks,
            self.answered,
            self.missed,
            self.unwatched_blocks
        )?;
        if self.not_measured > 0 {
            writeln!(out, "             {} measurements could not be made", self.not_measured)?;
        }
        if let Some(why) = &self.why {
            writeln!(out, "             the worst score is {} of 1000: {why}", self.score)?;
        }
        self.draws.as_ref().map_or(Ok(()), |draws| write!(out, "{draws}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::tests::{FIRST, MACHINE, chain, headers};
    use attest::{
        question,
        record::{Anchor, Challenge, Outcome, Snapshot, text},
        snapshot,
    };
    use light_client::subxt::config::substrate::DigestItem;

    const MEAN: u32 = 5;

    fn drawn(headers: &Headers) -> Vec<u64> {
        let drew = |(number, randomness): &(u64, Option<Hash>)| {
            snapshot::is_drawn(&MACHINE, &challenge::watch(), *number, &randomness.unwrap(), MEAN)
        };
        headers.iter().filter(drew).map(|(number, _)| number).collect()
    }

    fn watched(headers: &Headers, block_number: u64, outcome: Outcome) -> Body {
        let block_hash = headers.get(block_number).map_or([0; 32], |(hash, _)| hash);
        let job = challenge::watch();
        Body::Snapshot(Snapshot { job, mean_blocks: MEAN, block_number, block_hash, outcome })
    }

    fn found(draw: Hash, check: Check, verdict: Verdict, score: u16) -> Body {
        let challenge = Some(Challenge { draw, result: [7; 32] });
        Body::Finding(Finding { gpu: 0, check, verdict, score, challenge, reason: text("why") })
    }

    /// What is told of a block that drew.
    fn answer(headers: &Headers, number: u64, verdict: Verdict) -> [Body; 2] {
        let (hash, _) = headers.get(number).unwrap();
        [found(hash, Check::Memory, verdict, 0), found(hash, Check::Uuid, Verdict::Consistent, 0)]
    }

    /// A log as it is to be: the watch begins before the first header.
    fn honest(headers: &Headers) -> Vec<Body> {
        let answers = drawn(headers);
        let answers = answers.iter().flat_map(|number| answer(headers, *number, Verdict::Consistent));
        [watched(headers, FIRST - 1, Outcome::Watching)].into_iter().chain(answers).collect()
    }

    fn account(bodies: &[Body], headers: Option<&Headers>) -> ChallengeAccount {
        let mut told = Told::default();
        for (seq, body) in (0..).zip(bodies) {
            told.take(&Record { seq, time_ms: 5, boot: 1, body: body.clone() });
        }
        told.account(&MACHINE, headers).unwrap()
    }

    #[test]
    fn an_honest_log_is_kept() {
        let headers = headers(&chain(200));
        let told = account(&honest(&headers), Some(&headers));
        let count = drawn(&headers).len() as u64;
        assert!((20..60).contains(&count), "{count}: a fifth of 200");
        assert_eq!((told.answered, told.missed, told.score, told.ended), (count, 0, 0, false));
        let wanted = Draws { blocks: 200, drawn: count, kept: count, ..Draws::default() };
        assert_eq!(told.draws, Some(wanted));
        assert!(Told::default().account(&MACHINE, Some(&headers)).is_none(), "a log without any");
    }

    #[test]
    fn an_inspectors_question_must_have_its_record() {
        let mut chain = chain(200);
        let mean = |number: u64| !drawn(&headers(&chain)).contains(&number);
        let idle = (FIRST + 20..).find(|number| mean(*number)).unwrap();
        let position = usize::try_from(idle - FIRST).unwrap();
        let note = |machine: &Hash| DigestItem::Other(question::item(machine).to_vec());
        chain[position].digest.logs.extend([note(&[8; 32]), note(&MACHINE)]);
        // Those after it name its hash.
        for number in position + 1..chain.len() {
            chain[number].parent_hash =
                light_client::H256(light_client::randomness::hash(&chain[number - 1]));
        }
        let headers = headers(&chain);
        let silent = honest(&headers);
        let told = account(&silent, Some(&headers));
        assert_eq!((told.asked, told.draws.unwrap().silent), (Some(1), vec![idle]));
        let mut answered = silent;
        answered.extend(answer(&headers, idle, Verdict::Consistent));
        let told = account(&answered, Some(&headers));
        assert!(told.draws.as_ref().unwrap().are_kept(), "{told}");
        // Whose agent watches no GPUs has nothing to tell, and that is told.
        let told = Told::default().account(&MACHINE, Some(&headers)).unwrap();
        assert!(told.to_string().contains("tells of no watch") && told.draws.unwrap().are_kept());
        assert!(Told::default().account(&[7; 32], Some(&headers)).is_none(), "nobody asked that one");
    }

    #[test]
    fn silence_is_found_also_at_the_logs_end() {
        let headers = headers(&chain(600));
        let drawn = drawn(&headers);
        let (hash, _) = headers.get(drawn[2]).unwrap();
        let mut silent = honest(&headers);
        silent.retain(|body| !matches!(body, Body::Finding(found) if found.challenge.unwrap().draw == hash));
        assert_eq!(account(&silent, Some(&headers)).draws.unwrap().silent, [drawn[2]]);
        // Nothing after the watch began: that may be a log that ends there.
        silent.truncate(1);
        let draws = account(&silent, Some(&headers)).draws.unwrap();
        assert_eq!((draws.open, draws.are_kept()), (drawn.len() as u64, true));
        // It goes on, since it has an anchor.
        let last = FIRST + 599;
        let anchor = Anchor { block_number: last, block_hash: [0; 32], size: 1, root: [0; 32], counter: 1 };
        silent.push(Body::Anchor(anchor));
        let found = account(&silent, Some(&headers)).draws.unwrap().silent;
        let wanted = drawn.iter().copied().filter(|number| *number <= last - SETTLED);
        assert_eq!(found, wanted.collect::<Vec<_>>());
        assert!(!found.is_empty());
    }

    #[test]
    fn what_came_to_nothing_has_a_name_and_nobodys_draw_is_no_draw() {
        let headers = headers(&chain(200));
        let drawn = drawn(&headers);
        let mut bodies = vec![watched(&headers, FIRST - 1, Outcome::Watching)];
        bodies.extend(answer(&headers, drawn[0], Verdict::Failed));
        bodies.push(watched(&headers, drawn[2], Outcome::Unwatched { from: drawn[1] }));
        // One GPU was measured, and is slow; others were at work on the second.
        let (hash, _) = headers.get(drawn[3]).unwrap();
        bodies.push(found(hash, Check::Fingerprint, Verdict::Suspicious, 700));
        bodies.extend(answer(&headers, drawn[3], Verdict::Failed));
        bodies.push(found([0xee; 32], Check::Memory, Verdict::Consistent, 0));
        let told = account(&bodies, Some(&headers));
        assert_eq!((told.answered, told.missed, told.not_measured), (2, 1, 2));
        assert_eq!((told.score, told.why.as_deref()), (700, Some("why")));
        assert_eq!(told.unwatched_blocks, drawn[2] - drawn[1] + 1);
        let draws = told.draws.unwrap();
        assert_eq!((draws.missed, draws.kept, draws.unwatched, draws.without_header), (1, 1, 2, 1));
        assert!(draws.are_kept());
        let idle = (FIRST..).find(|number| !drawn.contains(number)).unwrap();
        bodies.extend(answer(&headers, idle, Verdict::Consistent));
        assert_eq!(account(&bodies, Some(&headers)).draws.unwrap().not_drawn, [idle]);
        bodies.push(watched(&headers, drawn[4], Outcome::Ended));
        let told = account(&bodies, None);
        assert!(told.ended && told.to_string().contains("2 measurements could not be made"), "{told}");
    }
}
