//! Earnings that come free little by little.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use polkadot_sdk::*;
use scale_info::TypeInfo;
use sp_runtime::Perquintill;

/// Earnings of one owner: what is free, and what still comes free evenly until a block.
///
/// Earnings are many and small. Each is released over the same time, counted from its own block; of all of them only their sum and
/// their mean end are kept, so that an owner costs the chain the same however much it earns.
#[derive(
    Encode, Decode, DecodeWithMemTracking, Clone, Copy, PartialEq, Eq, Debug, Default, TypeInfo, MaxEncodedLen,
)]
pub struct Release {
    /// May be claimed.
    pub free: u128,
    /// Still to come free.
    pub locked: u128,
    /// Since when what is locked was counted.
    pub from: u32,
    /// When all of it is free.
    pub until: u32,
}

impl Release {
    /// Counts what has come free until now.
    pub fn advance(&mut self, now: u32) {
        let (passed, whole) = (now.saturating_sub(self.from), self.until.saturating_sub(self.from));
        let freed = match whole {
            0 => self.locked,
            _ => part(self.locked, passed.min(whole), whole),
        };
        self.free = self.free.saturating_add(freed);
        self.locked = self.locked.saturating_sub(freed);
        self.from = now;
        self.until = self.until.max(now);
    }

    /// Something was earned now, to come free evenly over so many blocks.
    pub fn earn(&mut self, now: u32, amount: u128, over: u32) {
        self.advance(now);
        let left = self.until.saturating_sub(now);
        let whole = self.locked.saturating_add(amount);
        if amount > 0 {
            // The mean of both ends, weighed by amounts.
            let end = match over.checked_sub(left) {
                Some(later) => left.saturating_add(weigh(later, amount, whole)),
                None => left.saturating_sub(weigh(left.saturating_sub(over), amount, whole)),
            };
            self.until = now.saturating_add(end);
        }
        self.locked = whole;
    }

    /// Such a part of what is locked is lost. Returns how much.
    pub fn forfeit(&mut self, now: u32, part: Perquintill) -> u128 {
        self.advance(now);
        let lost = part.mul_ceil(self.locked);
        self.locked = self.locked.saturating_sub(lost);
        lost
    }
}

/// `amount · passed / whole` without overflow.
fn part(amount: u128, passed: u32, whole: u32) -> u128 {
    let (passed, whole) = (u128::from(passed), u128::from(whole).max(1));
    (amount / whole).saturating_mul(passed).saturating_add((amount % whole).saturating_mul(passed) / whole)
}

/// `blocks · amount / whole`, rounded up.
fn weigh(blocks: u32, amount: u128, whole: u128) -> u32 {
    let moved = u128::from(blocks).saturating_mul(amount).div_ceil(whole.max(1));
    u32::try_from(moved).unwrap_or(u32::MAX)
}
