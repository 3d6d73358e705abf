//! Credit: the one way in which work becomes compute power.

use crate::{
    Config, Event, Network, Owners, Pallet, Scores, Watch,
    score::{Kind, Shown},
    weights::WeightInfo,
};
use pallet_machines::types::{Account, MachineId};
use polkadot_sdk::*;

use frame_support::pallet_prelude::Get;
use sp_runtime::Perquintill;

/// Which work it was: the digest of a task or of an order.
pub type Origin = [u8; 32];

/// What those who judge work need: drilling and training.
pub trait Credit {
    /// Work of this kind was given to a machine: its average starts, where it has not yet.
    fn begin(machine: &MachineId, kind: Kind);
    /// Work was judged good. Returns how many micro-ut counted: all of drilling, and as much training as the machine has shown that it
    /// can do. A machine that is away keeps what it did; it counts for its owner once the machine is back.
    fn credit(machine: &MachineId, kind: Kind, origin: Origin, micro_ut: u128) -> u128;
    /// A machine lied about work of this kind: it keeps nothing of what it was ever credited for it, and its owner loses as much of what it
    /// has earned and not been paid yet as that was of its compute power. Of a liar's work a sample is looked at; what was not is
    /// worth no more.
    fn revoke(machine: &MachineId, kind: Kind, origin: Origin);

    /// What a call that credits or revokes once must have set aside.
    fn weight() -> frame_support::weights::Weight;
}

impl<T: Config> Credit for Pallet<T> {
    fn begin(machine: &MachineId, kind: Kind) {
        let now = Self::now();
        Scores::<T>::mutate_extant(machine, |score| score.work(kind).average.begin(now));
    }

    fn credit(machine: &MachineId, kind: Kind, origin: Origin, micro_ut: u128) -> u128 {
        let Some(mut score) = Scores::<T>::get(machine) else { return 0 };
        let now = Self::now();
        let amount = match kind {
            Kind::Drilling => micro_ut,
            Kind::Training => {
                score.shown.train(now, micro_ut, T::TrainingPercent::get(), T::TrainingDays::get())
            }
        };
        if kind == Kind::Drilling {
            score.shown.drilled(now, amount);
        }
        let work = score.work(kind);
        work.total = work.total.saturating_add(amount);
        let gained = work.average.earn(now, amount);
        let counted = if score.counts { gained } else { 0 };
        T::Watch::changes(&score.owner);
        Owners::<T>::mutate(&score.owner, |owner| add(owner.work(kind), now, amount, counted));
        Network::<T>::mutate(|all| add(all.work(kind), now, amount, counted));
        let figures = score.figures(now);
        let owner: Account = score.owner.clone();
        Scores::<T>::insert(machine, score);
        Self::deposit_event(Event::Credited {
            machine: *machine,
            owner,
            kind,
            origin,
            amount,
            refused: micro_ut.saturating_sub(amount),
            figures,
        });
        amount
    }

    fn revoke(machine: &MachineId, kind: Kind, origin: Origin) {
        let Some(mut score) = Scores::<T>::get(machine) else { return };
        let now = Self::now();
        let before = score.figures(now).combined;
        let work = core::mem::take(score.work(kind));
        let (amount, lost) = (work.total, work.average.raw(now));
        let counted = if score.counts { lost } else { 0 };
        if kind == Kind::Drilling {
            score.shown = Shown::default();
        }
        T::Watch::changes(&score.owner);
        let lied = before.saturating_sub(score.figures(now).combined);
        // One that is away is not in its owner's sum, but was when that was earned.
        let away = if score.counts { 0 } else { before };
        let whole = Self::weight_of(&score.owner).saturating_add(away);
        T::Watch::forfeits(&score.owner, Perquintill::from_rational(lied, whole.max(1)));
        Owners::<T>::mutate(&score.owner, |owner| take(owner.work(kind), now, amount, counted));
        Network::<T>::mutate(|all| take(all.work(kind), now, amount, counted));
        let (owner, figures) = (score.owner.clone(), score.figures(now));
        Scores::<T>::insert(machine, score);
        Self::deposit_event(Event::Revoked { machine: *machine, owner, kind, origin, amount, figures });
    }

    fn weight() -> frame_support::weights::Weight {
        T::WeightInfo::credit().saturating_add(T::Watch::weight())
    }
}

fn add(works: &mut crate::score::Works, now: u64, amount: u128, gained: u128) {
    works.total = works.total.saturating_add(amount);
    works.average.add(now, gained);
}

fn take(works: &mut crate::score::Works, now: u64, amount: u128, lost: u128) {
    works.total = works.total.saturating_sub(amount);
    works.average.take(now, lost);
}
