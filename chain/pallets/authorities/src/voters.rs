//! Seats among the voters: changed little by little, and only when somebody comes or goes.
//!
//! Every vote weighs the same, since light clients count votes and full nodes their weight: they agree only at weight 1.

use crate::{Candidates, Config, Event, LastVoters, Pallet, Registry, Voters, types::*};
use alloc::vec::Vec;
use polkadot_sdk::*;

use frame_support::{BoundedVec, pallet_prelude::Get};
use pallet_grandpa::{CurrentSetId, SetIdSession};

impl<T: Config> Pallet<T> {
    /// Changes up to a third of the voters; returns the number of the set that votes in this epoch.
    pub(crate) fn turn_voters(epoch: u32) -> u32 {
        let now = Voters::<T>::get().into_inner();
        let next = Self::next_voters(&now);
        if next != now && !next.is_empty() && Self::announce(&next) {
            LastVoters::<T>::put(Self::set(Role::Voting, LastVoters::<T>::get(), next.clone()));
            Self::deposit_event(Event::Voters { voters: next.clone() });
            Voters::<T>::put(BoundedVec::truncate_from(next));
        }
        SetIdSession::<T>::insert(CurrentSetId::<T>::get(), epoch);
        LastVoters::<T>::get()
    }

    /// A third of the set may change in an epoch, or one where there are fewer than three; somebody always stays.
    fn next_voters(now: &[T::AccountId]) -> Vec<T::AccountId> {
        let wanted = Self::wanted_voters();
        let most = (now.len() / 3).max(1);
        let gone = now.iter().filter(|voter| !wanted.contains(voter));
        let mut out: Vec<_> = gone.take(most).collect();
        if out.len() == now.len() {
            out.pop();
        }
        let mut next: Vec<_> = now.iter().filter(|voter| !out.contains(voter)).cloned().collect();
        let free = (T::MaxVoters::get() as usize).saturating_sub(next.len());
        next.extend(wanted.into_iter().filter(|voter| !now.contains(voter)).take(most.min(free)));
        next
    }

    /// Those who want a seat and have its bond, highest stake first.
    fn wanted_voters() -> Vec<T::AccountId> {
        let mut wanted = Vec::new();
        for owner in Candidates::<T>::get() {
            let seated = Registry::<T>::get(&owner)
                .filter(|authority| authority.seat && authority.stake >= T::SeatBond::get());
            if let Some(authority) = seated {
                wanted.push((core::cmp::Reverse(authority.stake), owner));
            }
        }
        wanted.sort();
        wanted.into_iter().take(T::MaxVoters::get() as usize).map(|(_, owner)| owner).collect()
    }

    /// Tells GRANDPA, whose pallet leaves the set's number to its caller.
    fn announce(next: &[T::AccountId]) -> bool {
        let keys =
            next.iter().filter_map(|owner| Some((Registry::<T>::get(owner)?.voter, 1))).collect::<Vec<_>>();
        if keys.len() != next.len()
            || pallet_grandpa::Pallet::<T>::schedule_change(keys, Default::default(), None).is_err()
        {
            return false;
        }
        let set = CurrentSetId::<T>::get().saturating_add(1);
        CurrentSetId::<T>::put(set);
        let kept = <T as pallet_grandpa::Config>::MaxSetIdSessionEntries::get();
        if let Some(old) = set.checked_sub(kept) {
            SetIdSession::<T>::remove(old);
        }
        true
    }
}
