//! Bonds: what owners have at stake for their machines' results, and who gets it when one lied.

use crate::{Bonded, Bonds, Config, Error, Event, HoldReason, Pallet, types::*};
use pallet_machines::types::Account;
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get},
    traits::{
        fungible::{Inspect, Mutate, MutateHold},
        tokens::{Fortitude, Precision, Preservation, Restriction},
    },
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_bond(owner: &Account, amount: u128) -> DispatchResult {
        ensure!(amount > 0, Error::<T>::Nothing);
        T::Currency::hold(&HoldReason::Bond.into(), owner, amount)?;
        let active = Bonds::<T>::mutate(owner, |bond| {
            bond.active = bond.active.saturating_add(amount);
            bond.active
        });
        Bonded::<T>::mutate(|all| *all = all.saturating_add(amount));
        Self::deposit_event(Event::Bonded { owner: owner.clone(), active });
        Ok(())
    }

    pub(crate) fn do_unbond(owner: &Account, amount: u128) -> DispatchResult {
        let free_at = Self::now().saturating_add(T::Unbonding::get());
        let active = Bonds::<T>::try_mutate(owner, |bond| {
            ensure!(amount > 0, Error::<T>::Nothing);
            bond.active = bond.active.checked_sub(amount).ok_or(Error::<T>::NotBonded)?;
            bond.leaving = bond.leaving.saturating_add(amount);
            // All that leaves waits for the last of it: one date is enough to keep.
            bond.free_at = free_at;
            Ok::<_, Error<T>>(bond.active)
        })?;
        Bonded::<T>::mutate(|all| *all = all.saturating_sub(amount));
        Self::deposit_event(Event::Unbonding { owner: owner.clone(), active, free_at });
        Ok(())
    }

    pub(crate) fn do_withdraw(owner: &Account) -> DispatchResult {
        let bond = Bonds::<T>::get(owner);
        ensure!(bond.leaving > 0, Error::<T>::Nothing);
        ensure!(Self::now() >= bond.free_at, Error::<T>::NotYet);
        T::Currency::release(&HoldReason::Bond.into(), owner, bond.leaving, Precision::BestEffort)?;
        Self::keep(owner, Bond { leaving: 0, free_at: 0, ..bond });
        Self::deposit_event(Event::Withdrawn { owner: owner.clone(), amount: bond.leaving });
        Ok(())
    }

    /// Whether the owner's bond covers so many machines.
    pub(crate) fn covers(bond: &Bond, machines: u32) -> bool {
        bond.active >= T::MachineBond::get().saturating_mul(u128::from(machines))
    }

    /// One machine more, or less, that the owner's bond must cover.
    pub(crate) fn count_machine(owner: &Account, more: bool) {
        let mut bond = Bonds::<T>::get(owner);
        bond.machines = if more { bond.machines.saturating_add(1) } else { bond.machines.saturating_sub(1) };
        Self::keep(owner, bond);
    }

    fn keep(owner: &Account, bond: Bond) {
        if bond == Bond::default() { Bonds::<T>::remove(owner) } else { Bonds::<T>::insert(owner, bond) }
    }

    /// Moves a machine's bond into the pot, as far as there is one. Also what is on its way out answers.
    pub(crate) fn slash(owner: &Account) -> u128 {
        let mut bond = Bonds::<T>::get(owner);
        let wanted = T::MachineBond::get().min(bond.at_stake());
        let slashed = Self::to_pot(&HoldReason::Bond, owner, wanted);
        let of_active = slashed.min(bond.active);
        bond.active = bond.active.saturating_sub(of_active);
        bond.leaving = bond.leaving.saturating_sub(slashed.saturating_sub(of_active));
        Self::keep(owner, bond);
        Bonded::<T>::mutate(|all| *all = all.saturating_sub(of_active));
        slashed
    }

    /// Moves held money into the pot; what the pot cannot take is burnt.
    pub(crate) fn to_pot(reason: &HoldReason, from: &Account, amount: u128) -> u128 {
        let (reason, pot) = ((*reason).into(), T::Pot::get());
        let moved = T::Currency::transfer_on_hold(
            &reason,
            from,
            &pot,
            amount,
            Precision::BestEffort,
            Restriction::Free,
            Fortitude::Force,
        );
        moved
            .or_else(|_| {
                T::Currency::burn_held(&reason, from, amount, Precision::BestEffort, Fortitude::Force)
            })
            .unwrap_or(0)
    }

    /// Pays out of the pot, as far as it goes.
    pub(crate) fn pay(to: &Account, amount: u128) -> u128 {
        let pot = T::Pot::get();
        let amount = amount.min(T::Currency::balance(&pot));
        T::Currency::transfer(&pot, to, amount, Preservation::Expendable).unwrap_or(0)
    }

    /// Half of what was slashed goes to those who did nothing wrong, to each the same; the rest stays in the pot.
    pub(crate) fn compensate(id: TaskId, slashed: u128, honest: &[Account]) {
        let share = (slashed / 2).checked_div(honest.len() as u128).unwrap_or(0);
        for owner in honest.iter().filter(|_| share > 0) {
            let amount = Self::pay(owner, share);
            Self::deposit_event(Event::Compensated { task: id, owner: owner.clone(), amount });
        }
    }
}
