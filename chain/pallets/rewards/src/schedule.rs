//! How much each block brings into the world, and the last block that does.

/// An amount per block that halves again and again, and ends.
///
/// ```
/// use pallet_rewards::Schedule;
///
/// let schedule = Schedule { first: 100, halving: 10, halvings: 3 };
/// assert_eq!([0, 9, 10, 29, 30].map(|block| schedule.issue(block)), [100, 100, 50, 25, 0]);
/// assert_eq!(schedule.total(), 10 * (100 + 50 + 25), "all there will ever be");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// What the first block brings.
    pub first: u128,
    /// Blocks until a block brings half of it.
    pub halving: u32,
    /// How many such periods there are.
    pub halvings: u32,
}

impl Schedule {
    /// What a block brings.
    pub fn issue(&self, block: u32) -> u128 {
        let period = block.checked_div(self.halving).unwrap_or(u32::MAX);
        if period < self.halvings { self.first.checked_shr(period).unwrap_or(0) } else { 0 }
    }

    /// What all blocks together bring.
    pub fn total(&self) -> u128 {
        let periods = (0..self.halvings).map(|period| self.first.checked_shr(period).unwrap_or(0));
        periods.fold(0, u128::saturating_add).saturating_mul(u128::from(self.halving))
    }
}
