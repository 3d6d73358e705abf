//! What is left of an average after a time without work: `2^(−t / half-life)`, in integers only.
//!
//! Nodes must agree to the last bit, so there is no floating point here. The fraction of a half-life is taken bit by bit: bit `k` stands
//! for a factor `2^(−2^−k)`, and each factor is the square root of the one before.

/// Half-life of the averages in milliseconds: a week.
pub const HALF_LIFE: u64 = 7 * DAY;
/// A day in milliseconds: averages are per day.
pub const DAY: u64 = 86_400_000;

/// `2^(−2^−k)` for k = 1 … 64, times 2^64.
const FACTORS: [u64; 64] = factors();

const fn factors() -> [u64; 64] {
    let (mut all, mut square, mut at) = ([0; 64], 1u128 << 63, 0);
    while at < 64 {
        square = (square << 64).isqrt();
        all[at] = square as u64;
        at += 1;
    }
    all
}

/// The factor for the time beyond whole half-lives, times 2^64; `None` for one.
fn fraction(after: u64) -> Option<u64> {
    let fraction = (u128::from(after % HALF_LIFE) << 64) / u128::from(HALF_LIFE);
    let mut rest: Option<u64> = None;
    for (bit, factor) in FACTORS.iter().enumerate() {
        if (fraction >> (63 - bit)) & 1 == 1 {
            rest = Some(rest.map_or(*factor, |rest| times(u128::from(rest), *factor) as u64));
        }
    }
    rest
}

/// How often an amount is halved as a whole; 128 times leaves nothing of any.
fn halvings(after: u64) -> u32 {
    u32::try_from(after / HALF_LIFE).unwrap_or(u32::MAX)
}

/// What a time takes of every unit, times 2^64.
pub fn lost(after: u64) -> u128 {
    let whole = 1u128 << 64;
    whole - fraction(after).map_or(whole, u128::from).checked_shr(halvings(after)).unwrap_or(0)
}

/// What is left of an amount, rounded down. Whole half-lives lose nothing to rounding.
pub fn decayed(amount: u128, after: u64) -> u128 {
    let left = fraction(after).map_or(amount, |part| times(amount, part));
    left.checked_shr(halvings(after)).unwrap_or(0)
}

/// `amount · factor / 2^64`, rounded down, without overflow: the factor is below one.
pub fn times(amount: u128, factor: u64) -> u128 {
    let (high, low) = (amount >> 64, amount & u128::from(u64::MAX));
    let factor = u128::from(factor);
    // high · factor < 2^128, and the product as a whole is below `amount`.
    (high * factor).saturating_add((low * factor) >> 64)
}

/// What decays to an amount in a time of less than a half-life; good to nine digits.
pub fn undecayed(amount: u128, before: u64) -> u128 {
    let Some(part) = fraction(before) else { return amount };
    // The factor lies between a half and one: 32 of its bits are left to divide by.
    let (whole, rest) = (amount >> 64, amount & u128::from(u64::MAX));
    let by = u128::from(part >> 32).max(1);
    let whole = (whole << 32).saturating_div(by).saturating_mul(1 << 32).saturating_mul(1 << 32);
    whole.saturating_add((rest << 32) / by)
}
