//! Amounts of tokens: twelve decimals, written without any rounding.

use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Smallest units in a token.
const TOKEN: u128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// An amount in the smallest unit. Programs read it as a decimal string of that unit; people read tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub u128);

/// Not an amount.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of tokens: write digits with at most 12 decimals, as in 12.5")]
pub struct NoAmount;

impl FromStr for Amount {
    type Err = NoAmount;

    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > DECIMALS {
            return Err(NoAmount);
        }
        let whole: u128 = whole.parse().map_err(|_| NoAmount)?;
        let part: u128 = format!("{part:0<DECIMALS$}").parse().map_err(|_| NoAmount)?;
        whole.checked_mul(TOKEN).and_then(|units| units.checked_add(part)).map(Self).ok_or(NoAmount)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / TOKEN, self.0 % TOKEN);
        let decimals = format!("{part:0DECIMALS$}");
        let decimals = decimals.trim_end_matches('0');
        let dot = if decimals.is_empty() { "" } else { "." };
        out.pad(&format!("{whole}{dot}{decimals}"))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_write_tokens() {
        for (text, units) in
            [("1", TOKEN), ("0.5", TOKEN / 2), ("0.000000000001", 1), ("12.50", TOKEN * 25 / 2)]
        {
            assert_eq!(text.parse(), Ok(Amount(units)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0.0000000000001", "1 ", &"9".repeat(40)]
        {
            assert_eq!(text.parse::<Amount>(), Err(NoAmount), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(units: u128) {
            prop_assert_eq!(Amount(units).to_string().parse(), Ok(Amount(units)));
        }

        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = text.parse::<Amount>();
        }
    }
}
