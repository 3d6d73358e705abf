//! Coming and going.

use crate::{
    Candidates, Config, EpochSets, Error, Event, HoldReason, KeyOwners, LastVoters, Members, NextProducers,
    Owed, Pallet, Power, Registry, Voters, history::bytes, lottery, types::*,
};
use alloc::vec::Vec;
use codec::Encode;
use polkadot_sdk::*;

use frame_support::{
    BoundedVec, WeakBoundedVec, ensure,
    pallet_prelude::{DispatchResult, Get},
    traits::{fungible::MutateHold, tokens::Precision},
};
use sp_consensus_babe::AuthorityId as Producer;
use sp_consensus_grandpa::AuthorityId as Voter;
use sp_runtime::traits::{OpaqueKeys, UniqueSaturatedInto};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_join(owner: T::AccountId, keys: &T::Keys, proof: &[u8], stake: u128) -> DispatchResult {
        ensure!(!Registry::<T>::contains_key(&owner), Error::<T>::AlreadyJoined);
        ensure!(stake >= T::LeastStake::get(), Error::<T>::TooLittle);
        let producer: Producer = keys.get(sp_consensus_babe::KEY_TYPE).ok_or(Error::<T>::MissingKey)?;
        let voter: Voter = keys.get(sp_consensus_grandpa::KEY_TYPE).ok_or(Error::<T>::MissingKey)?;
        ensure!(keys.ownership_proof_is_valid(&owner.encode(), proof), Error::<T>::BadKeyProof);
        // Before a weaker one makes room: this may still fail.
        T::Currency::hold(&HoldReason::Stake.into(), &owner, stake)?;
        Self::admit(&owner)?;
        Self::register(&owner, producer, voter, stake)?;
        Self::deposit_event(Event::Joined { authority: owner, stake });
        Ok(())
    }

    fn register(owner: &T::AccountId, producer: Producer, voter: Voter, stake: u128) -> DispatchResult {
        for (role, key) in [(Role::Producing, bytes(&producer)), (Role::Voting, bytes(&voter))] {
            ensure!(!KeyOwners::<T>::contains_key(role, key), Error::<T>::KeyTaken);
            KeyOwners::<T>::insert(role, key, owner);
        }
        let seat = stake >= T::SeatBond::get();
        Registry::<T>::insert(owner, Authority { stake, producer, voter, seat, state: State::Serving });
        Ok(())
    }

    /// Among those who take part. Where there is no room, whoever has the least compute power rests, if it is less.
    pub(crate) fn admit(owner: &T::AccountId) -> DispatchResult {
        if Candidates::<T>::try_append(owner).is_ok() {
            return Ok(());
        }
        let all = Candidates::<T>::get();
        let weakest = all.into_iter().map(|other| (T::Power::of(&other), other)).min();
        let (power, weakest) = weakest.ok_or(Error::<T>::TooMany)?;
        ensure!(T::Power::of(owner) > power, Error::<T>::TooMany);
        Self::rest(&weakest);
        Candidates::<T>::try_append(owner).map_err(|()| Error::<T>::TooMany.into())
    }

    fn authority(owner: &T::AccountId) -> Result<Authority, Error<T>> {
        Registry::<T>::get(owner).ok_or(Error::NotAnAuthority)
    }

    pub(crate) fn do_bond_more(owner: &T::AccountId, amount: u128) -> DispatchResult {
        let mut authority = Self::authority(owner)?;
        T::Currency::hold(&HoldReason::Stake.into(), owner, amount)?;
        authority.stake = authority.stake.saturating_add(amount);
        let stake = authority.stake;
        Registry::<T>::insert(owner, authority);
        Self::deposit_event(Event::Bonded { authority: owner.clone(), stake });
        Ok(())
    }

    pub(crate) fn do_seat(owner: &T::AccountId, wanted: bool) -> DispatchResult {
        let mut authority = Self::authority(owner)?;
        ensure!(!wanted || authority.stake >= T::SeatBond::get(), Error::<T>::TooLittle);
        authority.seat = wanted;
        Registry::<T>::insert(owner, authority);
        Ok(())
    }

    pub(crate) fn do_wake(owner: &T::AccountId) -> DispatchResult {
        let mut authority = Self::authority(owner)?;
        ensure!(authority.state == State::Resting, Error::<T>::NotResting);
        ensure!(authority.stake >= T::LeastStake::get(), Error::<T>::TooLittle);
        Self::admit(owner)?;
        authority.state = State::Serving;
        Registry::<T>::insert(owner, authority);
        // What it owed before it rested is forgotten.
        Owed::<T>::mutate(|all| all.retain(|(other, _)| other != owner));
        Self::deposit_event(Event::Woken { authority: owner.clone() });
        Ok(())
    }

    pub(crate) fn do_leave(owner: &T::AccountId) -> DispatchResult {
        let authority = Self::authority(owner)?;
        ensure!(!matches!(authority.state, State::Leaving(_)), Error::<T>::Leaving);
        let others = Candidates::<T>::get().iter().any(|other| other != owner);
        ensure!(others, Error::<T>::LastOne);
        Self::retire(owner);
        Ok(())
    }

    /// Out of the next sets; the stake waits.
    pub(crate) fn retire(owner: &T::AccountId) {
        Candidates::<T>::mutate(|all| all.retain(|other| other != owner));
        let due = Self::height().saturating_add(T::Unbonding::get());
        Registry::<T>::mutate_extant(owner, |authority| authority.state = State::Leaving(due));
        Self::deposit_event(Event::Left { authority: owner.clone(), due });
    }

    pub(crate) fn do_withdraw(owner: &T::AccountId) -> DispatchResult {
        let authority = Self::authority(owner)?;
        let State::Leaving(due) = authority.state else { return Err(Error::<T>::NotLeaving.into()) };
        // Seats change slowly, and a set without successors goes on: whoever is in one can still do harm.
        let produces = Members::<T>::get(Role::Producing, NextProducers::<T>::get());
        let serves = Voters::<T>::get().contains(owner) || produces.is_some_and(|all| all.contains(owner));
        ensure!(Self::height() >= due && !serves, Error::<T>::NotYet);
        T::Currency::release(&HoldReason::Stake.into(), owner, authority.stake, Precision::BestEffort)?;
        Self::forget_keys(owner);
        Registry::<T>::remove(owner);
        Self::deposit_event(Event::Withdrawn { authority: owner.clone() });
        Ok(())
    }

    fn height() -> u32 {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    /// The authorities of genesis.
    pub(crate) fn begin(authorities: &[(T::AccountId, Producer, Voter, u128)]) {
        if authorities.is_empty() {
            return;
        }
        let mut owners = Vec::new();
        for (owner, producer, voter, stake) in authorities {
            let entered = T::Currency::hold(&HoldReason::Stake.into(), owner, *stake)
                .and_then(|()| Self::admit(owner))
                .and_then(|()| Self::register(owner, producer.clone(), voter.clone(), *stake));
            assert!(entered.is_ok(), "an authority of genesis cannot pay its stake, or is there twice");
            owners.push(owner.clone());
        }
        let powers: Vec<u128> = owners.iter().map(T::Power::of).collect();
        let keys = authorities.iter().map(|(_, producer, ..)| producer.clone());
        let weighted = WeakBoundedVec::force_from(keys.zip(lottery::scaled(&powers)).collect(), None);
        pallet_babe::Authorities::<T>::put(&weighted);
        pallet_babe::NextAuthorities::<T>::put(weighted);
        let votes =
            |key: &Voter| pallet_grandpa::Authorities::<T>::get().iter().any(|(other, _)| other == key);
        let voters: Vec<_> = authorities
            .iter()
            .filter(|(_, _, voter, _)| votes(voter))
            .map(|(owner, ..)| owner.clone())
            .collect();
        let (producers, number) =
            (Self::set(Role::Producing, 0, owners), Self::set(Role::Voting, 0, voters.clone()));
        Voters::<T>::put(BoundedVec::truncate_from(voters));
        NextProducers::<T>::put(producers);
        LastVoters::<T>::put(number);
        EpochSets::<T>::insert(0, Sets { producers, voters: number });
    }
}
