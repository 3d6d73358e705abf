//! What came of a challenge, its GPUs and checks together, in a word: what views count.

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChallengeOutcome {
    /// All checks were done, and none speaks against the machine.
    Clear,
    /// A check speaks against the machine.
    Suspicious,
    /// None does, but some checks could not be done.
    Incomplete,
    /// No check could be done: the draw came to nothing.
    Missed,
}

impl ChallengeOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Clear, Self::Suspicious, Self::Incomplete, Self::Missed];

    /// Of so many checks, of which so many could not be done; `score` is the highest.
    pub const fn of(checks: usize, failed: usize, score: u16) -> Self {
        match (score, failed) {
            (1.., _) => Self::Suspicious,
            (0, 0) => Self::Clear,
            (0, failed) if failed < checks => Self::Incomplete,
            (0, _) => Self::Missed,
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Suspicious => "suspicious",
            Self::Incomplete => "incomplete",
            Self::Missed => "missed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_counts_most_and_what_was_not_done_is_never_clear() {
        use ChallengeOutcome::{Clear, Incomplete, Missed, Suspicious};
        for (checks, failed, score, outcome) in [
            (16, 0, 0, Clear),
            (16, 0, 1, Suspicious),
            (16, 15, 700, Suspicious),
            (16, 1, 0, Incomplete),
            (2, 2, 0, Missed),
        ] {
            assert_eq!(ChallengeOutcome::of(checks, failed, score), outcome, "{checks} {failed} {score}");
        }
        assert!(ChallengeOutcome::ALL.is_sorted());
    }
}
