//! Machines that take tasks: their pipeline, the pools they wait in, and what became of their work.

use crate::{Bonds, Config, Error, Event, Fleet, Pallet, Pools, Workers, types::*, weights::WeightInfo};
use drilling::Class;
use pallet_draw::Draw;
use pallet_machines::{
    OnStanding,
    types::{Account, MachineId, Standing},
};
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get, Weight},
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_ready(device: &Account, class: Class, places: u8) -> DispatchResult {
        let machine = T::Fleet::machine_of(device).ok_or(Error::<T>::NotADevice)?;
        if places == 0 {
            ensure!(Workers::<T>::get(machine).is_some_and(|worker| worker.places > 0), Error::<T>::NotReady);
            Self::stop(&machine);
            return Ok(());
        }
        ensure!(u32::from(places) <= T::Pipeline::get().min(MOST_PLACES), Error::<T>::TooManyPlaces);
        let member = T::Fleet::member(&machine).ok_or(Error::<T>::NotADevice)?;
        ensure!(member.active, Error::<T>::NotActive);
        // The better level is the smaller one.
        ensure!(member.level <= Self::rules().least, Error::<T>::LevelTooLow);
        let mut worker = Workers::<T>::get(machine).unwrap_or_else(|| new(member.owner.clone(), class));
        if worker.places > 0 && (worker.owner != member.owner || worker.class != class) {
            Self::stop(&machine);
            worker.places = 0;
        }
        let bond = Bonds::<T>::get(&member.owner);
        let already = u32::from(worker.places > 0);
        let machines = bond.machines.saturating_add(1).saturating_sub(already);
        ensure!(Self::covers(&bond, machines), Error::<T>::BondTooSmall);
        ensure!(worker.places != places || worker.free() > 0, Error::<T>::AlreadyReady);
        if already == 0 {
            Self::count_machine(&member.owner, true);
        }
        (worker.owner, worker.class, worker.places) = (member.owner, class, places);
        worker.silent = false;
        ensure!(Self::enter_pool(&machine, &mut worker), Error::<T>::PoolFull);
        Workers::<T>::insert(machine, worker);
        Self::deposit_event(Event::Ready { machine, class, places });
        Ok(())
    }

    /// Whether `ready` would change anything: only then it costs nothing.
    pub(crate) fn may_be_ready(device: &Account, class: Class, places: u8) -> bool {
        let worker = T::Fleet::machine_of(device).map(Workers::<T>::get);
        worker.is_some_and(|worker| match worker {
            None => places > 0,
            Some(worker) => worker.places != places || worker.class != class || worker.free() > 0,
        })
    }

    /// Puts a worker's free places into the running epoch's pool. `false`: the pool is full.
    pub(crate) fn enter_pool(machine: &MachineId, worker: &mut Worker) -> bool {
        let places = worker.free();
        if places == 0 {
            return true;
        }
        let pooled = Pooled { epoch: T::Draw::epoch(), class: worker.class, places };
        let entry = Entry { machine: *machine, places: None };
        let entered = worker.join_pool(&pooled)
            || (!worker.pooled.is_full()
                && Pools::<T>::try_append(pooled.epoch, pooled.class, entry).is_ok()
                && worker.pooled.try_push(pooled).is_ok());
        if entered {
            worker.waiting = worker.waiting.saturating_add(places);
        }
        entered
    }

    /// A machine takes no more tasks; those it has it may finish. Its places in pools stay until their round: coming and going must not
    /// fill a pool with one machine's.
    pub(crate) fn stop(machine: &MachineId) {
        let Some(mut worker) = Workers::<T>::get(machine).filter(|worker| worker.places > 0) else { return };
        worker.places = 0;
        Self::count_machine(&worker.owner, false);
        Workers::<T>::insert(machine, worker);
        Self::deposit_event(Event::Stopped { machine: *machine });
    }

    /// The machine's part in a task is over. Who did it well, or could not help it, waits for the next.
    pub(crate) fn note(machine: &MachineId, id: TaskId, verdict: Verdict) {
        let Some(mut worker) = Workers::<T>::get(machine) else { return };
        worker.tasks.retain(|task| *task != id);
        if worker.recent.is_full() {
            worker.recent.remove(0);
        }
        let _ = worker.recent.try_push((id, verdict));
        let (count, stays) = match verdict {
            Verdict::Agreed => (Some(&mut worker.agreed), true),
            Verdict::Failed => (None, true),
            Verdict::Forfeited => (Some(&mut worker.forfeited), true),
            Verdict::Dropped => (Some(&mut worker.dropped), false),
            Verdict::Convicted(_) => (Some(&mut worker.convicted), false),
        };
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
        worker.silent |= verdict == Verdict::Convicted(Lie::Unrevealed);
        if stays {
            // Where the pool is full, the machine says again that it is ready.
            let _ = Self::enter_pool(machine, &mut worker);
        }
        Workers::<T>::insert(machine, worker);
        if !stays {
            Self::stop(machine);
        }
    }
}

fn new(owner: Account, class: Class) -> Worker {
    Worker {
        owner,
        class,
        places: 0,
        waiting: 0,
        pooled: Default::default(),
        tasks: Default::default(),
        recent: Default::default(),
        silent: false,
        agreed: 0,
        dropped: 0,
        forfeited: 0,
        convicted: 0,
    }
}

/// A machine that is away, or somebody else's by now, gets no more tasks until it says again that it is ready. What it has runs on: it may
/// be back in time.
impl<T: Config> OnStanding for Pallet<T> {
    fn changed(machine: &MachineId, owner: &Account, standing: Standing) {
        let Some(worker) = Workers::<T>::get(machine) else { return };
        if standing != Standing::Active || worker.owner != *owner {
            Self::stop(machine);
        }
    }

    fn weight() -> Weight {
        T::WeightInfo::stop()
    }
}
