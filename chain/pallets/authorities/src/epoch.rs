//! What happens when an epoch ends: who was idle, the next producers and their weights.

use crate::{
    Authored, Candidates, Config, EpochSets, Event, Members, NextProducers, Owed, Pallet, Power, Registry,
    lottery, types::*, weights::WeightInfo,
};
use alloc::{collections::BTreeMap, vec::Vec};
use polkadot_sdk::*;

use frame_support::{BoundedVec, WeakBoundedVec, pallet_prelude::Get, weights::Weight};
use sp_consensus_babe::AuthorityId as Producer;

/// Thousandths of blocks are counted.
const BLOCK: u64 = 1_000;

/// Producers and weights, as BABE takes them.
type Weighted<T> = WeakBoundedVec<(Producer, u64), <T as pallet_babe::Config>::MaxAuthorities>;

impl<T: Config> Pallet<T> {
    /// The running epoch.
    pub fn epoch() -> u32 {
        u32::try_from(pallet_babe::EpochIndex::<T>::get()).unwrap_or(u32::MAX)
    }

    /// In the first block of an epoch, once BABE has looked at its slot.
    pub(crate) fn turn() -> Weight {
        let rested = Self::note_idle();
        let (owners, weights) = Self::next_producers();
        // First what clients follow already, then what they hear of now: it counts from the next epoch on.
        let announced = pallet_babe::NextAuthorities::<T>::get();
        pallet_babe::Pallet::<T>::enact_epoch_change(announced, weights, None);
        let (epoch, producers) = (Self::epoch(), NextProducers::<T>::get());
        NextProducers::<T>::put(Self::set(Role::Producing, producers, owners));
        EpochSets::<T>::insert(epoch, Sets { producers, voters: Self::turn_voters(epoch) });
        Self::prune(epoch);
        let producers = pallet_babe::Authorities::<T>::decode_len().unwrap_or(0);
        let members =
            producers.max(Candidates::<T>::decode_len().unwrap_or(0)).saturating_add(rested as usize);
        let rest = <T as Config>::WeightInfo::rest().saturating_mul(rested);
        <T as Config>::WeightInfo::turn(u32::try_from(members).unwrap_or(u32::MAX)).saturating_add(rest)
    }

    /// All candidates, by their compute power now; where there are none, those announced last: a set is never empty.
    fn next_producers() -> (Vec<T::AccountId>, Weighted<T>) {
        let mut owners = Vec::new();
        let (mut keys, mut powers) = (Vec::new(), Vec::new());
        for owner in Candidates::<T>::get() {
            if let Some(authority) = Registry::<T>::get(&owner) {
                powers.push(T::Power::of(&owner));
                keys.push(authority.producer);
                owners.push(owner);
            }
        }
        if keys.is_empty() {
            let last = Members::<T>::get(Role::Producing, NextProducers::<T>::get());
            return (last.unwrap_or_default().into_inner(), pallet_babe::NextAuthorities::<T>::get());
        }
        let weighted = keys.into_iter().zip(lottery::scaled(&powers)).collect();
        (owners, WeakBoundedVec::force_from(weighted, None))
    }

    /// Lets those rest who should have produced many blocks since their last one, a third of all at most. Returns how many.
    fn note_idle() -> u64 {
        let producers = pallet_babe::Authorities::<T>::get();
        let mut members = Vec::new();
        for (key, weight) in &producers {
            if let Some(owner) = Self::owner_of(key) {
                let authored = Authored::<T>::take(&owner);
                members.push((owner, *weight, authored));
            }
        }
        let blocks: u64 = members.iter().map(|(.., authored)| u64::from(*authored)).sum();
        let whole: u128 = producers.iter().map(|(_, weight)| u128::from(*weight)).sum::<u128>().max(1);
        let before: BTreeMap<_, _> = Owed::<T>::get().into_iter().collect();
        let (mut owed, mut idle) = (Vec::new(), Vec::new());
        for (owner, weight, authored) in members {
            let fair =
                u128::from(blocks).saturating_mul(u128::from(BLOCK)).saturating_mul(u128::from(weight))
                    / whole;
            let since = before.get(&owner).copied().unwrap_or(0);
            let owes = since.saturating_add(u64::try_from(fair).unwrap_or(u64::MAX));
            match authored {
                0 if owes >= T::IdleBlocks::get().saturating_mul(BLOCK) => idle.push(owner),
                0 => owed.push((owner, owes)),
                _ => (),
            }
        }
        Owed::<T>::put(BoundedVec::truncate_from(owed));
        // With a third of the voters gone nothing can remove them: they go before, and never so many that they are the reason.
        idle.truncate(producers.len() / 3);
        idle.iter().for_each(Self::rest);
        idle.len() as u64
    }

    /// Out of the next sets, until it wakes.
    pub(crate) fn rest(owner: &T::AccountId) {
        Candidates::<T>::mutate(|all| all.retain(|other| other != owner));
        Registry::<T>::mutate_extant(owner, |authority| authority.state = State::Resting);
        Self::deposit_event(Event::Resting { authority: owner.clone() });
    }
}
