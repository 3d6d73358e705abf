//! How long a gap lasted, as far as its two times can tell.
//!
//! A gap whose beginning nobody knows is written as one from the epoch; one that ends before it began, by a clock that was set back. Neither
//! difference is a length of time, so neither is shown as one or added up.

use crate::views::words;
use attest::record::Gap;

/// What the two times of a gap tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many ms.
    Known(u64),
    /// It began at a time that nobody knows.
    BeginningUnknown,
    /// The clock was set back meanwhile, by so many ms at least.
    SetBack(u64),
}

impl Length {
    /// Of this gap.
    pub const fn of(gap: &Gap) -> Self {
        match gap.to_ms.checked_sub(gap.from_ms) {
            None => Self::SetBack(gap.from_ms - gap.to_ms),
            Some(_) if gap.from_ms == 0 => Self::BeginningUnknown,
            Some(ms) => Self::Known(ms),
        }
    }

    /// In ms, where it is one.
    pub const fn ms(self) -> Option<u64> {
        match self {
            Self::Known(ms) => Some(ms),
            Self::BeginningUnknown | Self::SetBack(_) => None,
        }
    }
}

impl std::fmt::Display for Length {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(ms) => out.write_str(&words::span(*ms)),
            Self::BeginningUnknown => out.write_str("since when is not known"),
            Self::SetBack(ms) => write!(out, "not known: the clock was set back by {}", words::span(*ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::record::GapReason;

    fn length(from_ms: u64, to_ms: u64) -> Length {
        Length::of(&Gap { from_ms, to_ms, reason: GapReason::Stopped })
    }

    #[test]
    fn a_difference_is_not_always_a_length() {
        assert_eq!(length(1_000, 3_000).ms(), Some(2_000));
        assert_eq!(length(0, 1_796_024_632_000).ms(), None);
        assert_eq!(length(172_800_000, 0).ms(), None);
    }

    #[test]
    fn it_is_told_in_words() {
        assert_eq!(length(1_000, 3_000).to_string(), "2 s");
        assert_eq!(length(0, 1_796_024_632_000).to_string(), "since when is not known");
        assert_eq!(length(172_800_000, 0).to_string(), "not known: the clock was set back by 2 d 0 h");
    }
}
