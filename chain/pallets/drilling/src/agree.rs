//! What revealed results lead to: credit, or forfeit and the search for who lied. And the audits that make agreeing on a lie dear.

use crate::{AgreedTasks, AgreedUpTo, Audited, Config, Event, Pallet, Tasks, types::*, weights::WeightInfo};
use pallet_draw::{Draw, KEPT_EPOCHS, pick};
use pallet_ecp::{Credit, score::Kind};
use pallet_machines::types::{Account, MachineId};
use polkadot_sdk::*;

use alloc::vec::Vec;
use frame_support::pallet_prelude::{Get, Weight};

impl<T: Config> Pallet<T> {
    /// All who will reveal have; `slashed` is what the silent lost.
    pub(crate) fn settle(id: TaskId, work: Work, slashed: u128) {
        let lied = work.replicas.iter().any(|replica| matches!(replica.state, State::Convicted(_)));
        if !work.united() {
            for replica in work.replicas.iter().filter(|replica| replica.revealed().is_some()) {
                Self::note(&replica.machine, id, Verdict::Forfeited);
            }
            return Self::open_dispute(id, work, Cause::Difference, T::Draw::epoch(), slashed);
        }
        if !lied {
            return Self::agree(id, work);
        }
        // Silence is a difference like any other, and who kept silent is known: nothing is left to find out.
        let honest: Vec<Replica> =
            work.replicas.iter().filter(|replica| replica.revealed().is_some()).cloned().collect();
        for replica in &honest {
            Self::note(&replica.machine, id, Verdict::Forfeited);
        }
        let owners: Vec<Account> = honest.into_iter().map(|replica| replica.owner).collect();
        Self::compensate(id, slashed, &owners);
        Self::finish(id, &work);
    }

    fn agree(id: TaskId, mut work: Work) {
        let Some(digest) = work.digests().next() else { return Self::fail(id, work) };
        let agreed = work.replicas.iter().filter(|replica| replica.revealed().is_some());
        let machines: Vec<MachineId> = agreed.map(|replica| replica.machine).collect();
        for machine in &machines {
            T::Credit::credit(machine, Kind::Drilling, id, work.worth);
            Self::note(machine, id, Verdict::Agreed);
        }
        Self::deposit_event(Event::Agreed { task: id, worth: work.worth, digest, machines });
        work.stage = Stage::Agreed;
        Self::await_audit(id);
        Tasks::<T>::insert(id, work);
    }

    /// Whether it is audited is drawn with the seed of the running epoch, which nobody knows yet.
    fn await_audit(id: TaskId) {
        let epoch = T::Draw::epoch();
        let chunk = AgreedUpTo::<T>::get(epoch);
        if AgreedTasks::<T>::try_append(epoch, chunk, id).is_err() {
            let next = chunk.saturating_add(1);
            AgreedUpTo::<T>::insert(epoch, next);
            let _ = AgreedTasks::<T>::try_append(epoch, next, id);
        }
    }

    /// Draws which of the agreed tasks are audited: a chunk in each block, with a seed that nobody knew when they agreed.
    pub(crate) fn draw_audits() -> Weight {
        let (epoch, chunk) = Audited::<T>::get();
        let seed = T::Draw::seed(epoch);
        // It is still to come, unless the chain stood still for so long that it is gone.
        if seed.is_none() && epoch.saturating_add(KEPT_EPOCHS) >= T::Draw::epoch() {
            return T::WeightInfo::draw_audits(0);
        }
        let percent = Self::rules().audit_percent.map_or_else(T::AuditPercent::get, u32::from);
        let tasks = AgreedTasks::<T>::take(epoch, chunk);
        // Measured with tasks of one batch; each may be of another.
        let batches = T::DbWeight::get().reads_writes(3, 3).saturating_mul(tasks.len() as u64);
        let mut cost = T::WeightInfo::draw_audits(tasks.len() as u32).saturating_add(batches);
        if chunk >= AgreedUpTo::<T>::get(epoch) {
            AgreedUpTo::<T>::remove(epoch);
            Audited::<T>::put((epoch.saturating_add(1), 0));
        } else {
            Audited::<T>::put((epoch, chunk.saturating_add(1)));
        }
        let Some(seed) = seed else {
            tasks.into_iter().for_each(Self::await_audit);
            return cost;
        };
        for id in tasks {
            let Some(work) = Tasks::<T>::get(id).filter(|work| work.stage == Stage::Agreed) else { continue };
            let purpose = [b"drill audit".as_slice(), &id].concat();
            let drawn = pick(&seed, &purpose, 100, 1).first().copied().unwrap_or(100);
            if drawn < percent {
                Self::open_dispute(id, work, Cause::Audit, epoch, 0);
                cost = cost.saturating_add(T::WeightInfo::open_dispute());
            } else {
                Self::finish(id, &work);
            }
        }
        cost
    }

    /// The task is over, whatever came of it.
    pub(crate) fn finish(id: TaskId, work: &Work) {
        Tasks::<T>::remove(id);
        Self::deposit_event(Event::Closed { task: id });
        if let Some(batch) = work.batch {
            Self::returned(batch, false);
        }
    }
}
