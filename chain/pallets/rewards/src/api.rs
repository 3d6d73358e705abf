//! What light clients ask.

use crate::{Config, Ledgers, Pallet, Pot, Power};
use codec::{Decode, Encode};
use pallet_ecp::Account;
use polkadot_sdk::*;
use scale_info::TypeInfo;

use frame_support::pallet_prelude::Get;

/// What an owner has earned, at one block.
#[derive(Encode, Decode, Clone, PartialEq, Eq, Debug, Default, TypeInfo)]
pub struct Earnings {
    /// May be claimed.
    pub free: u128,
    /// Comes free evenly until `until`.
    pub locked: u128,
    /// A block.
    pub until: u32,
    /// Claimed so far.
    pub claimed: u128,
}

sp_api::decl_runtime_apis! {
    /// Earnings, at one block.
    pub trait RewardsApi {
        /// What an owner has earned and not claimed.
        fn earnings(owner: Account) -> Earnings;
        /// What this block brings into the world.
        fn issue() -> u128;
    }
}

impl<T: Config> Pallet<T> {
    /// What an owner has earned and not claimed.
    pub fn earnings(owner: &Account) -> Earnings {
        let mut ledger = Ledgers::<T>::get(owner);
        let (mut earned, _) = Self::earned(owner, Self::time());
        // Its part of what waits in the pot: nothing is written for a question.
        let (pot, all) = (Pot::<T>::get().0, T::Power::all());
        let own = T::Power::of(owner).min(all);
        let each = pot.checked_div(all).unwrap_or(0).saturating_mul(own);
        let rest = pot.checked_rem(all).unwrap_or(0).saturating_mul(own).checked_div(all).unwrap_or(0);
        earned = earned.saturating_add(each).saturating_add(rest);
        ledger.release.earn(Self::height(), earned, T::Release::get());
        let release = ledger.release;
        Earnings { free: release.free, locked: release.locked, until: release.until, claimed: ledger.claimed }
    }
}
