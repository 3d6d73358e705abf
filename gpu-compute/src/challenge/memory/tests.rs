//! Honest answers pass, every cheat is named, and what keeping less costs is counted.

use super::*;
use drilling::tree::TreeError;
use std::collections::HashMap;

const SEED: Hash = [7; 32];

fn challenge(lanes: u32, steps: u32, walks: u32) -> Memory {
    Memory::new(lanes, steps, walks, SEED).unwrap()
}

#[test]
fn honest_answers_pass_at_every_size() {
    for (lanes, steps, walks) in [(1, 1, 1), (1, 2, 1), (3, 5, 2), (2, 16, 33), (7, 37, 64), (32, 64, 100)] {
        let challenge = challenge(lanes, steps, walks);
        let filled = Filled::new(&challenge).unwrap();
        let questions = Questions::draw(&challenge, &filled.digest(), &[1; 32], 20, 3);
        let given = filled.disclose(&questions).unwrap();
        assert_eq!(challenge.verify(&filled.digest(), &questions, &given), Ok(()), "{challenge:?}");
    }
}

/// A second implementation has to give this.
#[test]
fn the_documents_vector() {
    let challenge = challenge(4, 40, 10);
    let digest = Filled::new(&challenge).unwrap().digest();
    assert_eq!(hex(&digest), VECTOR);
}

const VECTOR: &str = "8b9fd8f6e15ccab48d2f7b208ea58a20d499c2598eaeff6cf6920b15d1c3ae11";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_no_challenge_is_named() {
    assert_eq!(Memory::new(0, 1, 1, SEED), Err(ShapeError::Nothing));
    assert_eq!(Memory::new(1, 1, 0, SEED), Err(ShapeError::Nothing));
    assert_eq!(Memory::new(1 << 16, 1 << 16, 1, SEED), Err(ShapeError::TooMany(1 << 32)));
    let large = Memory::filling(130_000_000_000, 4, SEED).unwrap();
    assert!(large.bytes() > 129_990_000_000 && large.bytes() <= 130_000_000_000);
    assert_eq!(large.lanes(), 4096);
    assert_eq!(Memory::filling(1, 1, SEED), Err(ShapeError::Nothing));
}

#[test]
fn answers_that_are_cut_lengthened_or_foreign_are_named() {
    let challenge = challenge(4, 40, 40);
    let filled = Filled::new(&challenge).unwrap();
    let result = filled.digest();
    let questions = Questions { blocks: vec![150, 2], walks: vec![39] };
    let given = filled.disclose(&questions).unwrap();
    let refused = |change: &dyn Fn(&mut Disclosure)| {
        let mut given = given.clone();
        change(&mut given);
        challenge.verify(&result, &questions, &given).unwrap_err()
    };
    assert_eq!(refused(&|given| given.roots.walks[0] ^= 1), Refusal::Roots);
    assert_eq!(refused(&|given| drop(given.blocks.pop())), Refusal::Count { asked: 3, given: 2 });
    assert_eq!(refused(&|given| given.blocks[0].truncate(3000)), Refusal::Block(150, TreeError::TooShort));
    assert_eq!(refused(&|given| given.blocks[0].push(0)), Refusal::Block(150, TreeError::TooLong));
    assert_eq!(refused(&|given| given.blocks[1].clear()), Refusal::Block(2, TreeError::TooShort));
    assert_eq!(refused(&|given| given.blocks[0][5] ^= 1), Refusal::Block(150, TreeError::WrongRoot));
    assert_eq!(refused(&|given| given.walks[0][5] ^= 1), Refusal::Walk(39, TreeError::WrongRoot));
    assert_eq!(refused(&|given| given.walks[0].truncate(60_000)), Refusal::Walk(39, TreeError::TooShort));
    assert_eq!(refused(&|given| given.walks[0].push(9)), Refusal::Walk(39, TreeError::TooLong));
    // What another seed's memory holds opens in another tree.
    let other = Filled::new(&Memory::new(4, 40, 40, [8; 32]).unwrap()).unwrap();
    let foreign = other.disclose(&questions).unwrap();
    assert_eq!(challenge.verify(&result, &questions, &foreign), Err(Refusal::Roots));
    let mixed = Disclosure { roots: given.roots, ..foreign };
    let error = challenge.verify(&result, &questions, &mixed).unwrap_err();
    assert_eq!(error, Refusal::Block(150, TreeError::WrongRoot));
}

/// Blocks that are wrong, and committed to all the same: found with probability 1 − (1 − f)^k.
#[test]
fn wrong_blocks_are_found_as_often_as_they_should() {
    let challenge = challenge(8, 64, 16);
    let (share, asked, draws) = (0.1f64, 7, 400);
    let wrong = |index: u32| index % 10 == 3;
    let forged = Filled::forged(&challenge, |index, block| block[9] ^= u32::from(wrong(index))).unwrap();
    let mut found = 0;
    for draw in 0..draws {
        let mut randomness = [0; 32];
        randomness[..4].copy_from_slice(&u32::to_le_bytes(draw));
        let questions = Questions::draw(&challenge, &forged.digest(), &randomness, asked, 0);
        let verdict = challenge.verify(&forged.digest(), &questions, &forged.disclose(&questions).unwrap());
        assert!(matches!(verdict, Ok(()) | Err(Refusal::WrongBlock(_))), "{verdict:?}");
        found += u32::from(verdict.is_err());
    }
    let (found, expected) = (f64::from(found) / f64::from(draws), 1.0 - (1.0 - share).powi(asked as i32));
    assert!((found - expected).abs() < 0.08, "{found} of {expected}");
}

/// Walks that guess at a twentieth of the blocks: nearly all of them end wrong, so two questions are enough.
#[test]
fn one_walk_finds_what_few_blocks_are_missing() {
    let challenge = challenge(8, 64, 64);
    let honest = Filled::new(&challenge).unwrap();
    let lossy = honest
        .with_walks(|index, block| {
            if index % 20 == 7 {
                block[0] = 0
            }
        })
        .unwrap();
    let wrong = (0..64).filter(|walk| {
        let questions = Questions { blocks: vec![], walks: vec![*walk] };
        let verdict = challenge.verify(&lossy.digest(), &questions, &lossy.disclose(&questions).unwrap());
        assert!(matches!(verdict, Ok(()) | Err(Refusal::WrongWalk(_))), "{verdict:?}");
        verdict.is_err()
    });
    assert!(wrong.count() >= 52, "1 − 0.95^48 = 91 % of them touch a missing block");
}

/// Which blocks are kept.
type Keeps = fn(&Memory, u32) -> bool;

/// Keeps some blocks and makes the others again whenever they are needed.
struct Forgetful<'a> {
    filled: &'a Filled,
    keeps: Keeps,
    made: u64,
}

impl Forgetful<'_> {
    /// What it holds meanwhile is freed afterwards: within one block's making nothing is made twice.
    fn block(&mut self, index: u32, meanwhile: &mut HashMap<u32, Block>) -> Block {
        let challenge = &self.filled.challenge();
        if (self.keeps)(challenge, index) {
            return self.filled.block(index);
        }
        if let Some(block) = meanwhile.get(&index) {
            return *block;
        }
        self.made += 1;
        let (lanes, step) = (challenge.lanes(), index / challenge.lanes());
        let made = match step {
            0 => block::first(&challenge.id(), index),
            step => {
                let before = self.block(index - lanes, meanwhile);
                let read = challenge.references(step, index % lanes, &before);
                block::mix(&before, &read.map(|index| self.block(index, meanwhile)))
            }
        };
        meanwhile.insert(index, made);
        made
    }
}

/// Blocks made again for each block that the walks read, by what is kept.
#[test]
fn half_the_memory_costs_many_blocks_for_each_read() {
    let challenge = challenge(8, 256, 6);
    let filled = Filled::new(&challenge).unwrap();
    let key = challenge.walk_key(&filled.roots().blocks);
    let policies: [(&str, Keeps, f64); 4] = [
        ("7 of 8 steps", |c, index| index / c.lanes() % 8 != 7, 0.1),
        ("3 of 4 steps", |c, index| index / c.lanes() % 4 != 3, 0.4),
        ("every other step", |c, index| index / c.lanes() % 2 == 0, 5.0),
        ("the first half", |c, index| index < c.blocks() / 2, 50.0),
    ];
    for (name, keeps, least) in policies {
        let mut cheat = Forgetful { filled: &filled, keeps, made: 0 };
        for walk in 0..challenge.walks() {
            let state = reference::walked(&challenge, &key, walk, |index| {
                Ok::<_, TreeError>(cheat.block(index, &mut HashMap::new()))
            });
            assert_eq!(reference::end_of(&state.unwrap()), filled.end(walk), "the cheat is right, but late");
        }
        let cost = cheat.made as f64 / f64::from(challenge.walks() * READS_OF_A_WALK);
        println!("{name}: {cost:.2} blocks made for each that is read");
        assert!(cost > least, "{name}: {cost}");
    }
}

#[test]
fn kernels_give_the_references_blocks_walks_and_leaves() {
    let host = crate::host::Host::build();
    for (lanes, steps, walks) in [(4, 40, 10), (3, 70, 5), (9, 129, 7), (1, 1, 1)] {
        let challenge = Memory::new(lanes, steps, walks, [7; 32]).unwrap();
        let filled = Filled::new(&challenge).unwrap();
        let (expected, ends) = filled.parts();
        let mut blocks = vec![0; expected.len()];
        for segment in challenge.segments() {
            host.memory_fill(&mut blocks, lanes, segment, &challenge.id());
        }
        assert!(blocks == expected, "{lanes} lanes of {steps} steps");
        let roots = filled.roots();
        assert!(
            host.memory_walk(&blocks, &challenge.walk_key(&roots.blocks), walks) == ends,
            "{walks} walks"
        );
        let mut leaves = vec![[0; 32]; challenge.blocks() as usize];
        let mut chunks = leaves.clone();
        host.memory_leaves(&blocks, &mut leaves, &challenge.blocks_key());
        let words: Vec<u32> =
            blocks.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        host.chunks(&words, blocks.len(), 0, chunks.len(), &mut chunks, &challenge.blocks_key());
        assert!(leaves == chunks, "leaves are BLAKE3's chunks");
    }
}
