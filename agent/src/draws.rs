//! Draws of the chain's randomness that the log has to answer: which finalised blocks drew, up to which of them that is told, and that what
//! nobody looked at is told as such. What is drawn - a job's weights (docs/snapshots.md), a challenge of the GPUs (docs/gpu-challenges.md) -
//! this file does not know. An inspector's question, which stands in a block's header, counts like a draw where the watch takes questions.

use crate::hex32::Hex32;
use attest::{
    Hash, question,
    record::{Body, Outcome, Snapshot},
    snapshot,
};
use light_client::{Block, randomness::Drawing};
use serde::{Deserialize, Serialize};

/// A draw that the agent sees so many blocks later is none: what answers it could have been chosen to fit.
pub const LATE: u64 = 8;

/// How far a watch's draws are told; on disk between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The last block that is told of.
    pub block: u64,
    /// Its hash.
    pub hash: Hex32,
    /// Blocks between two draws, on average.
    pub mean_blocks: u32,
}

/// A block that drew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The block.
    pub block: Block,
    /// The block before it, up to which everything is told.
    pub before: Block,
    /// By how many blocks finality was past it.
    pub behind: u16,
    /// Whether an inspector asks in it.
    pub asked: bool,
}

/// What new blocks gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Those that drew, oldest first.
    pub draws: Vec<Draw>,
    /// How many there were that nobody looked at.
    pub unwatched: u64,
}

/// Looks what blocks draw of one thing.
#[derive(Debug)]
pub struct Follow {
    /// The thing: what tells its draws from all others.
    pub watch: Hash,
    /// Whether inspectors' questions are for it.
    takes_questions: bool,
    /// Up to where its draws were looked for; none before the first look.
    pub seen: Option<Told>,
}

impl Follow {
    /// Goes on from what earlier runs have told.
    pub const fn new(watch: Hash, seen: Option<Told>) -> Self {
        Self { watch, takes_questions: false, seen }
    }

    /// Inspectors' questions count too.
    pub const fn with_questions(self) -> Self {
        Self { takes_questions: true, ..self }
    }

    /// Looks at new blocks: oldest first, the last is the latest finalised. What has to be told of the watch itself goes to `bodies`.
    pub fn look(
        &mut self,
        machine: &Hash,
        mean_blocks: u32,
        drawings: &[Drawing],
        head: Block,
        bodies: &mut Vec<Body>,
    ) -> Seen {
        let from = match self.seen {
            Some(seen) if seen.mean_blocks == mean_blocks => seen,
            known => {
                let from = known.map_or(Told::at(head, mean_blocks), |seen| Told { mean_blocks, ..seen });
                bodies.push(from.body(self.watch, Outcome::Watching));
                *self.seen.insert(from)
            }
        };
        let new: Vec<&Drawing> =
            drawings.iter().filter(|drawing| drawing.block.number > from.block).collect();
        let mut seen = Seen::default();
        let next = from.block.saturating_add(1);
        if let Some(first) = new.first()
            && first.block.number > next
        {
            let last = Block { number: first.block.number.saturating_sub(1), hash: first.parent };
            seen.unwatched = last.number.saturating_sub(from.block);
            let told = Told::at(last, mean_blocks);
            bodies.push(told.body(self.watch, Outcome::Unwatched { from: next }));
        }
        for drawing in new {
            self.seen = Some(Told::at(drawing.block, mean_blocks));
            let is_drawn = |randomness: [u8; 32]| {
                snapshot::is_drawn(machine, &self.watch, drawing.block.number, &randomness, mean_blocks)
            };
            let asked = self.takes_questions && asks(drawing, machine);
            if asked || drawing.randomness.is_some_and(is_drawn) {
                seen.draws.push(Draw { asked, ..Draw::new(drawing, head) });
            }
        }
        seen
    }

    /// Up to where every draw has its record, while `open` has none yet.
    pub fn told(&self, open: Option<&Draw>) -> Option<Told> {
        let seen = self.seen?;
        Some(open.map_or(seen, |draw| Told::at(draw.before, seen.mean_blocks)))
    }

    /// The record that says that draws count no more, if they did.
    pub fn end(&mut self) -> Option<Body> {
        self.seen.take().map(|told| told.body(self.watch, Outcome::Ended))
    }
}

impl Told {
    /// Up to this block.
    pub const fn at(block: Block, mean_blocks: u32) -> Self {
        Self { block: block.number, hash: Hex32(block.hash.0), mean_blocks }
    }

    /// What there is to tell of a watch as of this block.
    pub fn body(self, watch: Hash, outcome: Outcome) -> Body {
        let Self { block: block_number, hash: Hex32(block_hash), mean_blocks } = self;
        Body::Snapshot(Snapshot { job: watch, mean_blocks, block_number, block_hash, outcome })
    }
}

/// Whether an inspector asks the machine in this block.
fn asks(drawing: &Drawing, machine: &Hash) -> bool {
    drawing.notes.iter().any(|note| question::asked(note).as_ref() == Some(machine))
}

impl Draw {
    fn new(drawing: &Drawing, head: Block) -> Self {
        let behind = head.number.saturating_sub(drawing.block.number);
        let before = Block { number: drawing.block.number.saturating_sub(1), hash: drawing.parent };
        let behind = u16::try_from(behind).unwrap_or(u16::MAX);
        Self { block: drawing.block, before, behind, asked: false }
    }

    /// Whether it was seen too late to be one.
    pub fn is_late(&self) -> bool {
        u64::from(self.behind) > LATE
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use light_client::H256;

    const MACHINE: Hash = [9; 32];
    const WATCH: Hash = [3; 32];
    const MEAN: u32 = 4;

    /// Any chain's block: who knows those before it cannot tell what it draws.
    pub fn drawing(number: u64) -> Drawing {
        let hash = |number: u64| H256(attest::sha256(&[b"block", &number.to_le_bytes()]));
        let randomness = Some(attest::sha256(&[b"vrf", &number.to_le_bytes()]));
        let block = Block { number, hash: hash(number) };
        Drawing { block, parent: hash(number - 1), randomness, notes: vec![b"of no concern here".to_vec()] }
    }

    /// The same block, in which an inspector asks a machine.
    pub fn asking(number: u64, machine: &Hash) -> Drawing {
        Drawing { notes: vec![question::item(machine).to_vec()], ..drawing(number) }
    }

    /// Looks at these blocks, the last of which is the latest final one.
    fn look(follow: &mut Follow, from: u64, to: u64) -> (Seen, Vec<Outcome>) {
        let drawings: Vec<Drawing> = (from..=to).map(drawing).collect();
        let mut bodies = Vec::new();
        let seen = follow.look(&MACHINE, MEAN, &drawings, drawing(to).block, &mut bodies);
        let outcome = |body| match body {
            Body::Snapshot(snapshot) => snapshot.outcome,
            other => panic!("{other:?}"),
        };
        (seen, bodies.into_iter().map(outcome).collect())
    }

    #[test]
    fn blocks_draw_from_the_first_look_on_and_never_before() {
        let mut follow = Follow::new(WATCH, None);
        assert_eq!(follow.told(None), None);
        let (seen, told) = look(&mut follow, 100, 120);
        assert_eq!((seen, told), (Seen::default(), vec![Outcome::Watching]));
        let (seen, told) = look(&mut follow, 100, 310);
        let drawn = |number: &u64| {
            snapshot::is_drawn(&MACHINE, &WATCH, *number, &drawing(*number).randomness.unwrap(), MEAN)
        };
        let wanted: Vec<u64> = (121..=310).filter(drawn).collect();
        assert!((25..80).contains(&wanted.len()), "{}: a quarter of 190", wanted.len());
        assert_eq!(seen.draws.iter().map(|draw| draw.block.number).collect::<Vec<_>>(), wanted);
        assert_eq!((seen.unwatched, told), (0, Vec::new()));
        let last = seen.draws.last().unwrap();
        assert!(!last.is_late() && seen.draws[0].is_late());
        assert_eq!(follow.told(None).unwrap().block, 310);
        assert_eq!(follow.told(Some(last)), Some(Told::at(last.before, MEAN)), "it has no record yet");
    }

    #[test]
    fn what_nobody_looked_at_is_told_and_an_end_once() {
        let mut follow = Follow::new(WATCH, Some(Told::at(drawing(10).block, MEAN)));
        let (seen, told) = look(&mut follow, 15, 16);
        assert_eq!((seen.unwatched, told), (4, vec![Outcome::Unwatched { from: 11 }]));
        assert!(look(&mut follow, 16, 16).1.is_empty());
        let Some(Body::Snapshot(Snapshot { job, block_number, outcome, .. })) = follow.end() else {
            panic!()
        };
        assert_eq!((job, block_number, outcome), (WATCH, 16, Outcome::Ended));
        assert_eq!(follow.end(), None);
    }

    #[test]
    fn a_question_counts_like_a_draw_where_it_is_for_the_watch() {
        let drawn_or_asked = |follow: Follow, machine: Hash| {
            let mut follow = Follow { seen: Some(Told::at(drawing(10).block, MEAN)), ..follow };
            let idle = (11..).find(|number| {
                !snapshot::is_drawn(&MACHINE, &WATCH, *number, &drawing(*number).randomness.unwrap(), MEAN)
            });
            let drawings: Vec<Drawing> = (11..=idle.unwrap())
                .map(|number| if Some(number) == idle { asking(number, &machine) } else { drawing(number) })
                .collect();
            let head = drawings.last().unwrap().block;
            let draws = follow.look(&MACHINE, MEAN, &drawings, head, &mut Vec::new()).draws;
            draws.iter().any(|draw| draw.block == head && draw.asked)
        };
        assert!(drawn_or_asked(Follow::new(WATCH, None).with_questions(), MACHINE));
        assert!(!drawn_or_asked(Follow::new(WATCH, None).with_questions(), [8; 32]), "another machine's");
        assert!(!drawn_or_asked(Follow::new(WATCH, None), MACHINE), "not for this watch");
    }

    #[test]
    fn another_mean_counts_from_where_the_last_one_ended() {
        let before = Told { mean_blocks: MEAN + 1, ..Told::at(drawing(10).block, MEAN) };
        let mut follow = Follow::new(WATCH, Some(before));
        let (_, told) = look(&mut follow, 11, 11);
        assert_eq!((told, follow.told(None).unwrap().mean_blocks), (vec![Outcome::Watching], MEAN));
    }
}
