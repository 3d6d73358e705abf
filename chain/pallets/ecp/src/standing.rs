//! A machine's standing and owner, as far as its compute power is concerned.

use crate::{
    Config, Event, Network, Owners, Pallet, Scores, Watch, score::MachineScore, weights::WeightInfo,
};
use pallet_machines::{
    OnStanding,
    types::{Account, MachineId, Standing},
};
use polkadot_sdk::frame_support::weights::Weight;

impl<T: Config> OnStanding for Pallet<T> {
    fn changed(machine: &MachineId, owner: &Account, standing: Standing) {
        let now = Self::now();
        let mut score = Scores::<T>::get(machine).unwrap_or_else(|| MachineScore::new(owner.clone()));
        let counts = standing == Standing::Active;
        if score.counts && (!counts || score.owner != *owner) {
            Self::count(now, &mut score, false);
        }
        if score.owner != *owner {
            Owners::<T>::mutate(&score.owner, |from| from.inherit(&score, false));
            Owners::<T>::mutate(owner, |to| to.inherit(&score, true));
            let from = core::mem::replace(&mut score.owner, owner.clone());
            Self::deposit_event(Event::Moved { machine: *machine, from, to: owner.clone() });
        }
        if counts && !score.counts {
            Self::count(now, &mut score, true);
        }
        Scores::<T>::insert(machine, score);
    }

    /// The machine was one owner's and is another's.
    fn weight() -> Weight {
        T::WeightInfo::changed().saturating_add(T::Watch::weight().saturating_mul(2))
    }
}

impl<T: Config> Pallet<T> {
    fn count(now: u64, score: &mut MachineScore, counts: bool) {
        T::Watch::changes(&score.owner);
        Owners::<T>::mutate(&score.owner, |owner| owner.count(now, score, counts));
        Network::<T>::mutate(|all| all.count(now, score, counts));
        score.counts = counts;
    }
}
