//! Which intervals are redone: some that nobody could foresee, and those where forging would pay or show.
//!
//! What was drawn vouches for all others, and misses a single forged interval of many nearly always. So these are redone, too: the last,
//! whose end is what is delivered; those that moved furthest (Jia 2021); and those that moved furthest beyond their neighbours, because late in
//! a training steps are small, and a leap that changes a model may be small beside its first steps.

use crate::digest::Digest;
use serde::Serialize;
use std::collections::BTreeMap;

/// Intervals to either side that one is compared with.
const NEIGHBOURS: usize = 8;

/// How many intervals are redone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Drawn.
    pub drawn: usize,
    /// Those that moved furthest for their number of steps, and as many that moved furthest beyond their neighbours. Above 0, the last one is among
    /// what is redone.
    pub largest: usize,
}

/// Why an interval is redone; the first reason that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The verifier's randomness drew it.
    Drawn,
    /// It is the last.
    Last,
    /// It moved furthest.
    Largest,
    /// It moved furthest beyond its neighbours.
    Sudden,
}

impl Why {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::Last => "last",
            Self::Largest => "largest",
            Self::Sudden => "sudden",
        }
    }
}

/// The intervals to redo, of `moves.len()` in all, in order. `moves` has each interval's ‖C(i+1) − Ci‖ over the root of its number of steps. Each
/// reason adds to what others have chosen: who makes a package cannot spend one on what is redone anyway.
pub fn choose(choice: Choice, commitment: &Digest, randomness: &Digest, moves: &[f64]) -> Vec<(usize, Why)> {
    let key = |at: usize| {
        Digest::of(&[b"matrixai:replay:v1", &commitment.0, &randomness.0, &(at as u64).to_le_bytes()])
    };
    let mut by_draw: Vec<usize> = (0..moves.len()).collect();
    by_draw.sort_by_cached_key(|&at| key(at));
    let beyond: Vec<f64> = (0..moves.len()).map(|at| moves[at] / neighbours(moves, at)).collect();
    let last = moves.len().checked_sub(1).filter(|_| choice.largest > 0);
    let reasons = [
        (Why::Drawn, choice.drawn, by_draw),
        (Why::Last, 1, last.into_iter().collect()),
        (Why::Largest, choice.largest, furthest_first(moves)),
        (Why::Sudden, choice.largest, furthest_first(&beyond)),
    ];
    let mut chosen: BTreeMap<usize, Why> = BTreeMap::new();
    for (why, count, order) in reasons {
        let more: Vec<usize> = order.into_iter().filter(|at| !chosen.contains_key(at)).take(count).collect();
        chosen.extend(more.into_iter().map(|at| (at, why)));
    }
    chosen.into_iter().collect()
}

fn furthest_first(sizes: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&one, &other| sizes[other].total_cmp(&sizes[one]));
    order
}

/// The median of what an interval's neighbours moved; what is nothing counts as next to nothing.
fn neighbours(moves: &[f64], at: usize) -> f64 {
    let (from, to) = (at.saturating_sub(NEIGHBOURS), moves.len().min(at + NEIGHBOURS + 1));
    let mut around: Vec<f64> = (from..to).filter(|&other| other != at).map(|other| moves[other]).collect();
    around.sort_unstable_by(f64::total_cmp);
    around.get(around.len() / 2).copied().unwrap_or(f64::MIN_POSITIVE).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(choice: Choice, moves: &[f64]) -> Vec<(usize, Why)> {
        choose(choice, &Digest([1; 32]), &Digest([2; 32]), moves)
    }

    #[test]
    fn a_leap_among_small_steps_is_redone_though_others_are_longer() {
        // A cosine's end: ever smaller steps, and a leap in two halves.
        let mut moves: Vec<f64> = (0..100).map(|at| (1.0 - f64::from(at) / 100.0).powi(3)).collect();
        (moves[80], moves[81]) = (0.3, 0.3);
        let choice = Choice { drawn: 0, largest: 2 };
        let expected =
            [(0, Why::Largest), (1, Why::Largest), (80, Why::Sudden), (81, Why::Sudden), (99, Why::Last)];
        assert_eq!(chosen(choice, &moves), expected);
    }

    #[test]
    fn none_is_redone_twice_and_all_is_all() {
        assert_eq!(chosen(Choice { drawn: 9, largest: 9 }, &[1.0, f64::NAN, 0.0]).len(), 3);
        assert_eq!(chosen(Choice { drawn: 0, largest: 2 }, &[0.0]), [(0, Why::Last)]);
        assert_eq!(chosen(Choice { drawn: 3, largest: 2 }, &[]), []);
        assert_eq!(chosen(Choice { drawn: 2, largest: 0 }, &[1.0; 50]).len(), 2);
        assert_eq!(chosen(Choice { drawn: 3, largest: 2 }, &[1.0; 50]).len(), 8);
    }
}
