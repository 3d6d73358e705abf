//! What coming and going and an epoch's end cost where as many take part as may.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot be set up must stop")]

use crate::{
    Authored, Call, Candidates, Config, EpochSets, HoldReason, KeyOwners, Members, NextProducers, Oldest,
    Owed, Pallet, Registry, Voters, history::bytes, types::*,
};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use polkadot_sdk::*;

use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec, WeakBoundedVec,
    pallet_prelude::Get,
    traits::{
        Hooks,
        fungible::{Mutate, MutateHold},
    },
};
use frame_system::{Pallet as System, RawOrigin};
use pallet_authorship::EventHandler;
use sp_consensus_babe::{AuthorityId as Producer, Slot};
use sp_consensus_grandpa::AuthorityId as Voter;
use sp_core::{ed25519, sr25519};
use sp_runtime::{RuntimeAppPublic, traits::Bounded};

const RICH: u128 = 1 << 100;

fn rich<T: Config>(number: u32) -> T::AccountId
where
    T::Currency: Mutate<T::AccountId>,
{
    let who: T::AccountId = account("authority", number, 0);
    T::Currency::mint_into(&who, RICH).unwrap();
    who
}

/// An owner who has staked enough for a seat, and more than those before it.
fn staked<T: Config>(number: u32) -> T::AccountId
where
    T::Currency: Mutate<T::AccountId>,
{
    let (owner, stake) = (rich::<T>(number), T::SeatBond::get() + u128::from(number));
    let key = sp_io::hashing::blake2_256(&number.to_le_bytes());
    let (producer, voter) =
        (Producer::from(sr25519::Public::from_raw(key)), Voter::from(ed25519::Public::from_raw(key)));
    T::Currency::hold(&HoldReason::Stake.into(), &owner, stake).unwrap();
    KeyOwners::<T>::insert(Role::Producing, bytes(&producer), &owner);
    KeyOwners::<T>::insert(Role::Voting, bytes(&voter), &owner);
    let state = State::Serving;
    Registry::<T>::insert(&owner, Authority { stake, producer, voter, seat: true, state });
    owner
}

/// So many take part; the first of them vote.
fn members<T: Config>(count: u32) -> Vec<T::AccountId>
where
    T::Currency: Mutate<T::AccountId>,
{
    let all: Vec<_> = (0..count).map(staked::<T>).collect();
    Candidates::<T>::put(BoundedVec::truncate_from(all.clone()));
    Voters::<T>::put(BoundedVec::truncate_from(all.clone()));
    Members::<T>::insert(Role::Producing, 0, BoundedVec::truncate_from(all.clone()));
    all
}

/// A node's keys and the proof that an owner's node holds them.
fn keys<T: Config>(owner: &T::AccountId) -> (T::Keys, crate::Proof) {
    let (mut producer, mut voter) = (Producer::generate_pair(None), Voter::generate_pair(None));
    let owner = owner.encode();
    let proof = (
        producer.generate_proof_of_possession(&owner).expect("the key was just made"),
        voter.generate_proof_of_possession(&owner).expect("the key was just made"),
    );
    let keys = T::Keys::decode(&mut &(producer, voter).encode()[..]).unwrap();
    (keys, proof.encode().try_into().unwrap())
}

/// The first block of an epoch in which sets of others are old enough to be forgotten.
fn epoch_ends<T: Config>(all: &[T::AccountId]) {
    let epoch = u64::from(T::KeptEpochs::get()) + 20;
    let genesis = 1_000u64;
    pallet_babe::GenesisSlot::<T>::put(Slot::from(genesis));
    let slot = genesis + epoch * <T as pallet_babe::Config>::EpochDuration::get();
    pallet_babe::CurrentSlot::<T>::put(Slot::from(slot));
    pallet_babe::EpochIndex::<T>::put(epoch - 1);
    let producers = all.iter().map(|owner| (Registry::<T>::get(owner).unwrap().producer, 1 << 20)).collect();
    let producers = WeakBoundedVec::force_from(producers, None);
    pallet_babe::Authorities::<T>::put(&producers);
    pallet_babe::NextAuthorities::<T>::put(&producers);
    for number in 0..20u32 {
        EpochSets::<T>::insert(number, Sets { producers: number, voters: number });
        for role in [Role::Producing, Role::Voting] {
            Members::<T>::insert(role, number, BoundedVec::truncate_from(all.to_vec()));
        }
    }
    Oldest::<T>::put(0);
    NextProducers::<T>::put(19);
    crate::LastVoters::<T>::put(19);
    all.iter().for_each(|owner| Authored::<T>::insert(owner, 1));
    let owed = all.iter().map(|owner| (owner.clone(), 1));
    Owed::<T>::put(BoundedVec::truncate_from(owed.collect()));
}

#[benchmarks(where T: pallet_authorship::Config, <T as Config>::Currency: Mutate<T::AccountId>)]
mod measured {
    use super::*;

    /// Where there is room. What it costs to find and rest the weakest comes on top.
    #[benchmark]
    fn join() {
        members::<T>(<T as Config>::Most::get() - 1);
        let owner = rich::<T>(<T as Config>::Most::get());
        let (keys, proof) = keys::<T>(&owner);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()), keys, proof, T::SeatBond::get());
        assert!(Registry::<T>::contains_key(owner));
    }

    #[benchmark]
    fn bond_more() {
        let owner = staked::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()), T::SeatBond::get());
        assert!(Registry::<T>::get(owner).unwrap().stake > T::SeatBond::get());
    }

    #[benchmark]
    fn seat() {
        let owner = staked::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()), false);
        assert!(!Registry::<T>::get(owner).unwrap().seat);
    }

    /// As `join`.
    #[benchmark]
    fn wake() {
        let all = members::<T>(<T as Config>::Most::get());
        Owed::<T>::put(BoundedVec::truncate_from(all.iter().map(|owner| (owner.clone(), 1)).collect()));
        Pallet::<T>::rest(&all[0]);
        #[extrinsic_call]
        _(RawOrigin::Signed(all[0].clone()));
        assert_eq!(Registry::<T>::get(&all[0]).unwrap().state, State::Serving);
    }

    #[benchmark]
    fn leave() {
        let all = members::<T>(<T as Config>::Most::get());
        #[extrinsic_call]
        _(RawOrigin::Signed(all[0].clone()));
        assert!(matches!(Registry::<T>::get(&all[0]).unwrap().state, State::Leaving(_)));
    }

    #[benchmark]
    fn withdraw() {
        members::<T>(<T as Config>::Most::get());
        let owner = staked::<T>(<T as Config>::Most::get());
        Pallet::<T>::retire(&owner);
        System::<T>::set_block_number(Bounded::max_value());
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()));
        assert!(!Registry::<T>::contains_key(owner));
    }

    /// The power of all, where one more wants to take part and is no stronger.
    #[benchmark]
    fn weakest() {
        members::<T>(<T as Config>::Most::get());
        let owner = rich::<T>(<T as Config>::Most::get());
        let refused;
        #[block]
        {
            refused = Pallet::<T>::admit(&owner).is_err();
        }
        assert!(refused);
    }

    /// One of all takes part no more.
    #[benchmark]
    fn rest() {
        let all = members::<T>(<T as Config>::Most::get());
        #[block]
        {
            Pallet::<T>::rest(&all[0]);
        }
        assert_eq!(Registry::<T>::get(&all[0]).unwrap().state, State::Resting);
    }

    /// A block in which no epoch ends.
    #[benchmark]
    fn stay() {
        let owner = staked::<T>(0);
        #[block]
        {
            Pallet::<T>::on_initialize(1u32.into());
            Pallet::<T>::note_author(owner.clone());
        }
        assert_eq!(Authored::<T>::get(owner), 1);
    }

    /// An epoch of so many ends, a third of the voters changes, and old sets are forgotten. Who then rests comes on top.
    #[benchmark]
    fn turn(n: Linear<1, 1_024>) {
        let all = members::<T>(n);
        epoch_ends::<T>(&all);
        #[block]
        {
            Pallet::<T>::turn();
        }
        assert_eq!(Oldest::<T>::get(), 8);
    }
}
