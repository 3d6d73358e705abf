//! What calls cost where as many inspectors are registered as the chain takes. Being drawn and fined is measured in the pallets that do it.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up must stop")]

use crate::{Call, Candidate, Candidates, Config, HoldReason, Inspector, Pallet, Registry};
use polkadot_sdk::*;

use frame_benchmarking::v2::*;
use frame_support::{
    pallet_prelude::Get,
    traits::fungible::{Mutate, MutateHold},
};
use frame_system::{Pallet as System, RawOrigin};
use sp_runtime::traits::Bounded;

/// Registers inspectors until `count` are: each with its bond held, none with a duty.
pub fn register<T: Config>(count: u32)
where
    T::Currency: Mutate<T::AccountId>,
{
    let mut all = Candidates::<T>::get();
    for number in all.len() as u32..count {
        let who: T::AccountId = account("inspector", number, 0);
        enrich::<T>(&who);
        T::Currency::hold(&HoldReason::Bond.into(), &who, T::Bond::get()).unwrap();
        let inspector = Inspector { bond: T::Bond::get(), open: 1, done: 0, missed: 0, leaves: None };
        Registry::<T>::insert(&who, inspector);
        all.try_push(Candidate { account: who, since: 0, left: None }).unwrap();
    }
    Candidates::<T>::put(all);
}

fn enrich<T: Config>(who: &T::AccountId)
where
    T::Currency: Mutate<T::AccountId>,
{
    T::Currency::mint_into(who, T::Bond::get() + T::Bond::get()).unwrap();
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod measured {
    use super::*;

    #[benchmark]
    fn register() {
        super::register::<T>(T::Most::get() - 1);
        let who: T::AccountId = whitelisted_caller();
        enrich::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(Registry::<T>::contains_key(who));
    }

    #[benchmark]
    fn leave() {
        super::register::<T>(T::Most::get());
        let who = Candidates::<T>::get().last().unwrap().account.clone();
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(Registry::<T>::get(who).unwrap().leaves.is_some());
    }

    #[benchmark]
    fn withdraw() {
        super::register::<T>(1);
        let who = Candidates::<T>::get().last().unwrap().account.clone();
        Registry::<T>::mutate_extant(&who, |inspector| inspector.open = 0);
        Pallet::<T>::leave(RawOrigin::Signed(who.clone()).into()).unwrap();
        System::<T>::set_block_number(Bounded::max_value());
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(!Registry::<T>::contains_key(who));
    }
}
