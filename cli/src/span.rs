//! Spans of time as people write them, and as blocks.

use std::{str::FromStr, time::Duration};

/// A span such as `7d`, `12h`, `30m` or `90s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// Not a span.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a span of time: write a number and one of s, m, h, d or w, as in 7d")]
pub struct NoSpan;

impl FromStr for Span {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, NoSpan> {
        let at = text.find(|letter: char| !letter.is_ascii_digit()).ok_or(NoSpan)?;
        let (number, unit) = text.split_at_checked(at).ok_or(NoSpan)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return Err(NoSpan),
        };
        let number: u64 = number.parse().map_err(|_| NoSpan)?;
        number.checked_mul(seconds).filter(|span| *span > 0).map(Duration::from_secs).map(Self).ok_or(NoSpan)
    }
}

impl Span {
    /// How many blocks that is, rounded up, at the chain's expected pace; none if more than can be counted.
    pub fn blocks(self, block_millis: u64) -> Option<u32> {
        let blocks = self.0.as_millis().div_ceil(u128::from(block_millis.max(1)));
        u32::try_from(blocks).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_blocks() {
        let week: Span = "7d".parse().unwrap();
        assert_eq!(week.blocks(6_000), Some(100_800));
        assert_eq!("1s".parse::<Span>().unwrap().blocks(6_000), Some(1));
        assert_eq!(Span(Duration::MAX).blocks(1), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "d", "7", "0d", "7 d", "-1d", "7y", "1d2h", "99999999999999999999d", "7é"] {
            assert_eq!(text.parse::<Span>(), Err(NoSpan), "{text}");
        }
    }
}
