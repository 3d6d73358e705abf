//! Compute power as weights of the block lottery.

use alloc::vec::Vec;

/// The weights of a set add up to this at most. Clients compute with 64-bit floating point, which is exact to 2^53.
pub const MOST: u64 = 1 << 48;

/// Most members of a set, so that sums of what [`scaled`] takes cannot overflow.
pub const MEMBERS: u32 = 1 << 11;

/// Weights in proportion to powers; at least 1 each, since a weight of zero stops clients.
///
/// ```
/// use pallet_authorities::{MOST, scaled};
///
/// assert_eq!(scaled(&[0, 0]), [1, 1], "nobody has computed anything yet");
/// let weights = scaled(&[3_000_000, 1_000_000, 0]);
/// assert_eq!((weights[0] / weights[1], weights[2]), (3, 1));
/// assert!(weights.iter().sum::<u64>() <= MOST);
/// ```
pub fn scaled(powers: &[u128]) -> Vec<u64> {
    let most = u128::MAX / u128::from(MEMBERS);
    let total: u128 = powers.iter().map(|power| (*power).min(most)).fold(0, u128::saturating_add);
    // What the minimum of 1 adds must have room as well.
    let room = u128::from(MOST).saturating_sub(powers.len() as u128).max(1);
    let shift = 48u32.saturating_sub(total.leading_zeros());
    let whole = (total >> shift).max(1);
    let weight = |power: &u128| {
        let share = ((*power).min(most) >> shift).saturating_mul(room) / whole;
        u64::try_from(share).unwrap_or(MOST).clamp(1, MOST)
    };
    powers.iter().map(weight).collect()
}
