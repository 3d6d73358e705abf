//! Join tokens. A token holds, for each machine that may use it, the machine's deposit and the fees of its inspectors.

use crate::{Config, Error, Event, HoldReason, Pallet, Tokens, types::*};
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get},
    traits::{
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Restriction},
    },
};
use sp_runtime::traits::UniqueSaturatedInto;

impl<T: Config> Pallet<T> {
    /// This block's height.
    pub(crate) fn now() -> u32 {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    /// A height in the chain's own type.
    pub(crate) fn height(number: u32) -> frame_system::pallet_prelude::BlockNumberFor<T> {
        number.into()
    }

    /// Hash of the first block.
    pub(crate) fn genesis() -> attest::Hash {
        frame_system::Pallet::<T>::block_hash(Self::height(0)).0
    }

    /// What one machine of a token holds of its owner.
    pub fn hold_per_machine() -> u128 {
        T::Deposit::get().saturating_add(T::InspectionFee::get().saturating_mul(DRAWN.into()))
    }

    pub(crate) fn do_create_token(
        owner: Account,
        key: [u8; 32],
        machines: u32,
        expires: u32,
    ) -> DispatchResult {
        ensure!(machines > 0 && expires > Self::now(), Error::<T>::UselessToken);
        ensure!(!Tokens::<T>::contains_key(key), Error::<T>::TokenExists);
        let held = Self::hold_per_machine().saturating_mul(machines.into());
        T::Currency::hold(&HoldReason::Machine.into(), &owner, held)?;
        Tokens::<T>::insert(key, Token { owner: owner.clone(), left: machines, expires });
        Self::deposit_event(Event::TokenCreated { token: key, owner, machines });
        Ok(())
    }

    pub(crate) fn do_revoke_token(owner: &Account, key: [u8; 32]) -> DispatchResult {
        let token = Tokens::<T>::get(key).ok_or(Error::<T>::UnknownToken)?;
        ensure!(token.owner == *owner, Error::<T>::NotOwner);
        Tokens::<T>::remove(key);
        Self::release(owner, Self::hold_per_machine().saturating_mul(token.left.into()));
        Self::deposit_event(Event::TokenRevoked { token: key });
        Ok(())
    }

    /// Gives held money back.
    pub(crate) fn release(owner: &Account, amount: u128) {
        let released =
            T::Currency::release(&HoldReason::Machine.into(), owner, amount, Precision::BestEffort);
        debug_assert!(released == Ok(amount), "held less than was counted");
    }

    /// Pays an inspector out of what a request holds.
    pub(crate) fn pay(request: &mut Request, inspector: &Account) {
        let fee = T::InspectionFee::get().min(request.held);
        let paid = T::Currency::transfer_on_hold(
            &HoldReason::Machine.into(),
            &request.owner,
            inspector,
            fee,
            Precision::BestEffort,
            Restriction::Free,
            Fortitude::Force,
        );
        request.held = request.held.saturating_sub(paid.unwrap_or(0));
    }

    /// Takes held money out of the world.
    pub(crate) fn burn(reason: HoldReason, owner: &Account, amount: u128) -> u128 {
        T::Currency::burn_held(&reason.into(), owner, amount, Precision::BestEffort, Fortitude::Force)
            .unwrap_or(0)
    }
}
