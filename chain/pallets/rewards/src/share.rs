//! Sharing out by compute power, without touching anybody who does nothing.
//!
//! All compute power decays alike, so between two events everybody's part of the whole stays the same. What blocks bring is gathered in
//! a pot; when somebody's power is about to change, the pot is divided by everybody's power into *pay per unit of power*, and that
//! somebody is paid its units. Units are power as it was at the start of the *era*, a half-life long, so that they do not decay within
//! it; from era to era they halve.

use crate::{Config, Eras, Ledgers, Pallet, Pot, Power};
use pallet_ecp::Account;
use pallet_ecp::{HALF_LIFE, undecayed};

/// Eras after which power that nobody added to counts for nothing.
const REMEMBERED: u64 = 64;
/// Eras that are looked at, at most: those remembered, and the running one.
pub(crate) const ERAS: u32 = REMEMBERED as u32 + 1;
/// Pay per unit is kept times 2^64.
const SCALE: u32 = 64;

impl<T: Config> Pallet<T> {
    /// The era of a time, and how far into it that is.
    fn era(now: u64) -> (u64, u64) {
        (now / HALF_LIFE, now % HALF_LIFE)
    }

    /// Divides what is in the pot. The pot is of one era: the first block of the next divides it before it adds to it.
    pub(crate) fn divide(now: u64) {
        let (amount, filled) = Pot::<T>::get();
        if amount == 0 {
            return;
        }
        Pot::<T>::put((0, 0));
        // By the power of when the pot was last added to; what decays since is the same for all.
        let (era, into) = Self::era(filled);
        let since = now.saturating_sub(filled);
        let power = undecayed_over(Self::network(), since);
        let units = undecayed(power, into);
        if units > 0 {
            Eras::<T>::mutate(era, |pay| {
                *pay = pay.saturating_add((amount.min(u128::from(u64::MAX)) << SCALE) / units)
            });
        }
    }

    /// What an owner has earned by its power since it was last paid, and up to which pay that is.
    pub(crate) fn earned(owner: &Account, now: u64) -> (u128, (u64, u128)) {
        let (era, into) = Self::era(now);
        let (last, paid) = Ledgers::<T>::get(owner).paid;
        let mut units = undecayed(T::Power::of(owner), into);
        let pay = Eras::<T>::get(era);
        let mut earned = 0u128;
        if units > 0 {
            let first = last.max(era.saturating_sub(REMEMBERED));
            for at in (first..=era).rev() {
                let from = if at == last { paid } else { 0 };
                earned = earned.saturating_add(times(units, Eras::<T>::get(at).saturating_sub(from)));
                units = units.saturating_mul(2);
            }
        }
        (earned, (era, pay))
    }

    fn network() -> u128 {
        T::Power::all()
    }
}

/// What decays to an amount over any time.
fn undecayed_over(amount: u128, time: u64) -> u128 {
    let halvings = u32::try_from(time / HALF_LIFE).unwrap_or(u32::MAX).min(127);
    undecayed(amount, time % HALF_LIFE).saturating_mul(1 << halvings)
}

/// `units · pay / 2^64`, saturating.
fn times(units: u128, pay: u128) -> u128 {
    let low = pay & u128::from(u64::MAX);
    let (high_units, low_units) = (units >> 64, units & u128::from(u64::MAX));
    units
        .saturating_mul(pay >> SCALE)
        .saturating_add(high_units.saturating_mul(low))
        .saturating_add(low_units.saturating_mul(low) >> SCALE)
}
