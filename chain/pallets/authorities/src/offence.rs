//! Equivocation: two blocks for one slot, or two votes in one round. It costs stake and the place in the set.

use crate::{Config, Event, HoldReason, OnSlash, Pallet, Registry, Reports};
use alloc::vec::Vec;
use codec::Encode;
use polkadot_sdk::*;

use frame_support::{pallet_prelude::Get, traits::fungible::BalancedHold};
use sp_runtime::traits::Zero;
use sp_staking::offence::{Offence, OffenceError, ReportOffence};

impl<T: Config, O: Offence<T::AccountId>> ReportOffence<T::AccountId, T::AccountId, O> for Pallet<T> {
    fn report_offence(reporters: Vec<T::AccountId>, offence: O) -> Result<(), OffenceError> {
        let mut known = true;
        for offender in offence.offenders() {
            let id = report_id::<T, O>(&offender, &offence.slot());
            // Who has nothing left at stake could report itself for ever, free of charge.
            let stake = Registry::<T>::get(&offender).map_or(0, |authority| authority.stake);
            if Reports::<T>::contains_key(id) || stake.is_zero() {
                continue;
            }
            known = false;
            Reports::<T>::insert(id, ());
            let part = offence.slash_fraction(1).max(T::LeastSlash::get());
            Self::slash(&offender, part * stake, reporters.first());
        }
        if known { Err(OffenceError::DuplicateReport) } else { Ok(()) }
    }

    fn is_known_offence(offenders: &[T::AccountId], slot: &O::Slot) -> bool {
        offenders.iter().all(|offender| Reports::<T>::contains_key(report_id::<T, O>(offender, slot)))
    }
}

fn report_id<T: Config, O: Offence<T::AccountId>>(offender: &T::AccountId, slot: &O::Slot) -> [u8; 32] {
    sp_io::hashing::blake2_256(&(O::ID, offender, slot.encode()).encode())
}

impl<T: Config> Pallet<T> {
    /// Takes stake; what becomes of it is others' business, but never the reporter's alone. Out of the set from the next one on.
    fn slash(offender: &T::AccountId, amount: u128, reporter: Option<&T::AccountId>) {
        let (taken, missing) = T::Currency::slash(&HoldReason::Stake.into(), offender, amount);
        let amount = amount.saturating_sub(missing);
        Registry::<T>::mutate_extant(offender, |authority| {
            authority.stake = authority.stake.saturating_sub(amount);
        });
        T::OnSlash::slashed(offender, taken, reporter);
        Self::deposit_event(Event::Slashed { authority: offender.clone(), amount });
        Self::retire(offender);
    }
}
