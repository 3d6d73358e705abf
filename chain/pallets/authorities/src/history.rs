//! The sets of past epochs, kept for as long as anybody in them can still be slashed, and whose a key was.
//!
//! A set is stored once, however many epochs it serves in.

use crate::{Config, EpochSets, KeyOwners, Members, Oldest, Pallet, Pruned, Registry, types::*};
use alloc::vec::Vec;
use polkadot_sdk::*;

use frame_support::{BoundedVec, pallet_prelude::Get, traits::KeyOwnerProofSystem};
use sp_consensus_babe::AuthorityId as Producer;
use sp_consensus_grandpa::AuthorityId as Voter;
use sp_core::crypto::KeyTypeId;

/// Epochs whose sets are looked at for pruning in one epoch.
const PRUNED_AT_ONCE: u32 = 8;

impl<T: Config> Pallet<T> {
    /// The number of a set with these members: that of the last one, if they are the same.
    pub(crate) fn set(role: Role, last: u32, members: Vec<T::AccountId>) -> u32 {
        let same = Members::<T>::get(role, last);
        if same.as_ref().is_some_and(|same| **same == *members) {
            return last;
        }
        let number = if same.is_some() { last.saturating_add(1) } else { last };
        Members::<T>::insert(role, number, BoundedVec::truncate_from(members));
        number
    }

    /// Forgets what is older than anybody's stake can be, a little at a time.
    pub(crate) fn prune(now: u32) {
        let keep_from = now.saturating_sub(T::KeptEpochs::get());
        let from = Oldest::<T>::get();
        let to = keep_from.min(from.saturating_add(PRUNED_AT_ONCE));
        for epoch in from..to {
            EpochSets::<T>::remove(epoch);
        }
        if to > from {
            Oldest::<T>::put(to);
        }
        // Epochs without a block have no entry: the next one with an entry says.
        let Some(first) = EpochSets::<T>::get(to) else { return };
        for (role, first) in [(Role::Producing, first.producers), (Role::Voting, first.voters)] {
            let from = Pruned::<T>::get(role);
            let to = first.min(from.saturating_add(PRUNED_AT_ONCE));
            (from..to).for_each(|number| Members::<T>::remove(role, number));
            if to > from {
                Pruned::<T>::insert(role, to);
            }
        }
    }

    /// Proves that a key was in the set of an epoch.
    pub fn prove_key(role: Role, key: &[u8; 32], epoch: u32) -> Option<KeyProof> {
        let owner = KeyOwners::<T>::get(role, key)?;
        let members = Self::members(role, epoch)?;
        let count = u32::try_from(members.len()).ok()?;
        members.contains(&owner).then_some(KeyProof { epoch, members: count })
    }

    fn members(role: Role, epoch: u32) -> Option<Vec<T::AccountId>> {
        let sets = EpochSets::<T>::get(epoch)?;
        let number = match role {
            Role::Producing => sets.producers,
            Role::Voting => sets.voters,
        };
        Members::<T>::get(role, number).map(BoundedVec::into_inner)
    }

    fn check_key(role: Role, key: &[u8; 32], proof: KeyProof) -> Option<T::AccountId> {
        (Self::prove_key(role, key, proof.epoch)? == proof).then(|| KeyOwners::<T>::get(role, key))?
    }

    /// The owner whose key produces blocks.
    pub fn owner_of(producer: &Producer) -> Option<T::AccountId> {
        KeyOwners::<T>::get(Role::Producing, bytes(producer))
    }

    /// The keys of an authority, known for as long as it can be slashed.
    pub(crate) fn forget_keys(owner: &T::AccountId) {
        if let Some(authority) = Registry::<T>::get(owner) {
            KeyOwners::<T>::remove(Role::Producing, bytes(&authority.producer));
            KeyOwners::<T>::remove(Role::Voting, bytes(&authority.voter));
        }
    }
}

/// A public key's bytes.
pub(crate) fn bytes(key: &impl AsRef<[u8]>) -> [u8; 32] {
    key.as_ref().first_chunk().copied().unwrap_or_default()
}

impl<T: Config> KeyOwnerProofSystem<(KeyTypeId, Producer)> for Pallet<T> {
    type Proof = KeyProof;
    type IdentificationTuple = T::AccountId;

    fn prove((_, key): (KeyTypeId, Producer)) -> Option<KeyProof> {
        Self::prove_key(Role::Producing, &bytes(&key), Self::epoch())
    }

    fn check_proof((_, key): (KeyTypeId, Producer), proof: KeyProof) -> Option<T::AccountId> {
        Self::check_key(Role::Producing, &bytes(&key), proof)
    }
}

impl<T: Config> KeyOwnerProofSystem<(KeyTypeId, Voter)> for Pallet<T> {
    type Proof = KeyProof;
    type IdentificationTuple = T::AccountId;

    fn prove((_, key): (KeyTypeId, Voter)) -> Option<KeyProof> {
        Self::prove_key(Role::Voting, &bytes(&key), Self::epoch())
    }

    fn check_proof((_, key): (KeyTypeId, Voter), proof: KeyProof) -> Option<T::AccountId> {
        Self::check_key(Role::Voting, &bytes(&key), proof)
    }
}
