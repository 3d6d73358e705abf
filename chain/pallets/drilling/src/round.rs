//! Assignment. What waits in a pool in epoch `e` is matched with the seed of `e`, which nobody knew in `e`: replicas of a task go to machines
//! of different owners, and its seed is drawn too. A round goes on over as many blocks as it needs, each doing a bounded part.

use crate::{
    Bonds, Config, Event, Fleet, Matched, Matching, Number, Pallet, Pools, Rounds, Short, Tasks, Workers,
    batch::Next, types::*, weights::WeightInfo,
};
use alloc::vec::Vec;
use drilling::{Class, Task};
use pallet_draw::{Draw, KEPT_EPOCHS, Seed, pick};
use pallet_ecp::{Credit, score::Kind};
use pallet_machines::types::{Account, MachineId};
use polkadot_sdk::*;

use frame_support::pallet_prelude::{Get, Weight};
use sp_io::hashing::blake2_256;

/// A machine that may be given a task now, and so many of this pool.
struct Fit {
    machine: MachineId,
    places: u8,
    owner: Account,
}

impl Fit {
    const fn entry(&self) -> Entry {
        Entry { machine: self.machine, places: Some(self.places) }
    }
}

/// What a block still may do.
pub(crate) struct Budget {
    pub(crate) looks: u32,
    pub(crate) tasks: u32,
}

impl<T: Config> Pallet<T> {
    /// Matches a bounded part of what froze, oldest epoch first.
    pub(crate) fn match_some() -> Weight {
        let mut cost = T::DbWeight::get().reads(1);
        if Matching::<T>::get().is_empty() {
            cost = cost.saturating_add(T::WeightInfo::begin_rounds(Self::begin_rounds()));
        }
        let Some(class) = Matching::<T>::get().first().copied() else { return cost };
        let mut budget = Budget { looks: LOOKS_PER_BLOCK, tasks: TASKS_PER_BLOCK };
        let over = match Rounds::<T>::get(class) {
            Some(round) => Self::go_on(class, round, &mut budget),
            None => true,
        };
        if over {
            Rounds::<T>::remove(class);
            Matching::<T>::mutate(|classes| classes.retain(|other| *other != class));
        } else {
            // The classes take turns: one that needs long keeps no other waiting.
            Matching::<T>::mutate(|classes| {
                let turn: &mut [Class] = classes.as_mut();
                turn.rotate_left(1);
            });
        }
        let looks = LOOKS_PER_BLOCK.saturating_sub(budget.looks);
        let tasks = TASKS_PER_BLOCK.saturating_sub(budget.tasks);
        cost.saturating_add(T::WeightInfo::match_looks(looks))
            .saturating_add(T::WeightInfo::match_tasks(tasks))
    }

    /// Starts a round for each class that had machines waiting in the next epoch whose seed is known. Returns how many entries it
    /// shuffled.
    pub(crate) fn begin_rounds() -> u32 {
        let epoch = Matched::<T>::get();
        let seed = T::Draw::seed(epoch);
        // It is still to come, unless so much time has passed that it is gone: what waits there waits on, then.
        if seed.is_none() && epoch.saturating_add(KEPT_EPOCHS) >= T::Draw::epoch() {
            return 0;
        }
        Matched::<T>::put(epoch.saturating_add(1));
        let mut shuffled = 0;
        for class in Class::ALL {
            let pool = Pools::<T>::take(epoch, class);
            if pool.is_empty() {
                continue;
            }
            shuffled += pool.len() as u32;
            let mut round = Round {
                frozen_in: epoch,
                lap: 0,
                matched: false,
                left: pool,
                again: Default::default(),
                over: false,
            };
            if let Some(seed) = &seed {
                shuffle(&mut round, seed, class);
            }
            Rounds::<T>::insert(class, round);
            let _ = Matching::<T>::try_append(class);
        }
        shuffled
    }

    /// Returns whether the round is over.
    pub(crate) fn go_on(class: Class, mut round: Round, budget: &mut Budget) -> bool {
        let seed = T::Draw::seed(round.frozen_in);
        while budget.looks > 0 && budget.tasks > 0 {
            // A seed that is gone by now cannot be drawn with: the machines wait anew.
            let Some(seed) = seed.filter(|_| !round.over) else {
                let Some(entry) = round.left.pop().or_else(|| round.again.pop()) else { return true };
                budget.looks = budget.looks.saturating_sub(1);
                let places = Self::places_of(&entry, round.frozen_in, class);
                Self::wait_on(round.frozen_in.saturating_add(1), class, entry.machine, places);
                continue;
            };
            if round.left.is_empty() {
                if !round.matched || round.again.is_empty() {
                    round.over = true;
                    continue;
                }
                round.left = core::mem::take(&mut round.again);
                (round.lap, round.matched) = (round.lap.saturating_add(1), false);
                shuffle(&mut round, &seed, class);
            }
            Self::match_one(class, &mut round, &seed, budget);
        }
        Rounds::<T>::insert(class, round);
        false
    }

    /// Finds machines for one task.
    fn match_one(class: Class, round: &mut Round, seed: &Seed, budget: &mut Budget) {
        let short = Self::next_short(class, round.frozen_in);
        let (wanted, mut owners, next) = match &short {
            Some((_, work)) => (1, work.replicas.iter().map(|replica| replica.owner.clone()).collect(), None),
            None => match Self::next_of(class) {
                Some(next) => (usize::from(next.replicas), Vec::new(), Some(next)),
                None => {
                    // Nothing to do in this class: everybody waits for the next round.
                    round.over = true;
                    return;
                }
            },
        };
        let (mut team, mut aside) = (Vec::new(), Vec::new());
        // Of entries that nothing can be given to a whole pool may come in a row: the rest waits for the next block.
        while team.len() < wanted && aside.len() < PASSED_OVER as usize && budget.looks > 0 {
            let Some(entry) = round.left.pop() else { break };
            budget.looks = budget.looks.saturating_sub(1);
            let places = Self::places_of(&entry, round.frozen_in, class);
            match Self::fit(class, entry.machine, places) {
                Some(fit) if owners.contains(&fit.owner) => aside.push(fit.entry()),
                Some(fit) => {
                    owners.push(fit.owner.clone());
                    team.push(fit);
                }
                None => Self::give_up(&entry.machine, places),
            }
        }
        let complete = team.len() == wanted;
        if !complete && short.is_none() && aside.len() >= PASSED_OVER as usize {
            // One owner's fill this part of the pool. Were only the first of them put off, each would cost as many looks again.
            let put_off = team.drain(..).map(|fit| fit.entry()).chain(aside.drain(..));
            put_off.for_each(|entry| round.again.try_push(entry).unwrap_or_default());
        } else if !complete {
            // The first found nobody to be matched with: it is out of this lap. The others may still match among themselves.
            let mut unmatched = team.drain(..).map(|fit| fit.entry());
            if let Some(entry) = unmatched.next() {
                let _ = round.again.try_push(entry);
            }
            aside.extend(unmatched);
        }
        for entry in aside.into_iter().rev() {
            let _ = round.left.try_push(entry);
        }
        if !complete {
            if let Some((id, _)) = short {
                Self::push_short(class, round.frozen_in.saturating_add(1), id);
            }
            return;
        }
        for fit in &team {
            let places = fit.places.saturating_sub(1);
            if places > 0 {
                let _ = round.again.try_push(Entry { machine: fit.machine, places: Some(places) });
            }
        }
        round.matched = true;
        budget.tasks = budget.tasks.saturating_sub(1);
        match (short, next) {
            (Some((id, work)), _) => Self::join(id, work, team),
            // Where no block has room for its deadline, nothing more begins in this round.
            (None, Some(next)) => round.over = !Self::assign(class, next, seed, team),
            (None, None) => (),
        }
    }

    /// How many places an entry of a pool stands for. From the first look on they are told by the entry.
    fn places_of(entry: &Entry, frozen_in: u64, class: Class) -> u8 {
        entry.places.unwrap_or_else(|| {
            Workers::<T>::mutate_extant(entry.machine, |worker| worker.leave_pool(frozen_in, class))
        })
    }

    /// Whether a machine that stood in a pool may still be given a task.
    fn fit(class: Class, machine: MachineId, places: u8) -> Option<Fit> {
        let worker = Workers::<T>::get(machine)?;
        let room = places > 0 && worker.waiting > 0 && worker.tasks.len() < usize::from(worker.places);
        if worker.class != class || !room {
            return None;
        }
        let member = T::Fleet::member(&machine)?;
        let bond = Bonds::<T>::get(&worker.owner);
        if !member.active || member.owner != worker.owner || !Self::covers(&bond, bond.machines) {
            Self::stop(&machine);
            return None;
        }
        Some(Fit { machine, places, owner: member.owner })
    }

    /// Lets a team begin a new task. `false`: too much falls due already, and it waits anew.
    fn assign(class: Class, next: Next, seed: &Seed, team: Vec<Fit>) -> bool {
        let number = Number::<T>::mutate(|number| {
            *number = number.saturating_add(1);
            *number
        });
        let drawn = blake2_256(&[b"matrixai:drill:seed".as_slice(), seed, &number.to_le_bytes()].concat());
        let task = Task { spec: next.spec, seed: drawn };
        let id = task.id();
        let deadline = Self::now().saturating_add(T::WindowBlocks::get());
        if !Self::watch(deadline, Item::Task(id)) {
            team.iter().for_each(|fit| Self::wait_anew(&fit.machine));
            return false;
        }
        if let Some(batch) = next.batch {
            Self::taken(batch);
        }
        let Next { worth, batch, .. } = next;
        let (stage, replicas) = (Stage::Committing, Default::default());
        let mut work = Work { task, class, worth, batch, stage, deadline, replicas };
        let machines = team.iter().map(|fit| fit.machine).collect();
        for fit in team {
            Self::enlist(id, &mut work, fit);
        }
        Tasks::<T>::insert(id, work);
        Self::deposit_event(Event::Assigned { task: id, class, worth, deadline, machines });
        true
    }

    /// Lets a machine take the place of one that did not commit.
    fn join(id: TaskId, mut work: Work, team: Vec<Fit>) {
        work.stage = Stage::Committing;
        work.deadline = Self::now().saturating_add(T::WindowBlocks::get());
        let deadline = work.deadline;
        let _ = Self::watch(deadline, Item::Task(id));
        for fit in team {
            Self::deposit_event(Event::Replaced { task: id, machine: fit.machine, deadline });
            Self::enlist(id, &mut work, fit);
        }
        Tasks::<T>::insert(id, work);
    }

    fn enlist(id: TaskId, work: &mut Work, fit: Fit) {
        let Fit { machine, owner, .. } = fit;
        Workers::<T>::mutate_extant(machine, |worker| {
            worker.waiting = worker.waiting.saturating_sub(1);
            let _ = worker.tasks.try_push(id);
        });
        T::Credit::begin(&machine, Kind::Drilling);
        let _ = work.replicas.try_push(Replica { machine, owner, state: State::Assigned });
    }

    /// The places of a pool that nothing came of wait in the next one, whose seed nobody knows either: its round comes after this one.
    /// In the running epoch's they would meet only those who waited at the same pace, two epochs at a time.
    fn wait_on(epoch: u64, class: Class, machine: MachineId, places: u8) {
        let waits = |worker: Worker| places > 0 && worker.class == class && worker.places > 0;
        let entry = Entry { machine, places: Some(places) };
        // Where that pool is full, the machine says again that it is ready.
        if !Workers::<T>::get(machine).is_some_and(waits)
            || Pools::<T>::try_append(epoch, class, entry).is_err()
        {
            Self::give_up(&machine, places);
        }
    }

    /// A place that nothing came of waits in the running epoch's pool.
    fn wait_anew(machine: &MachineId) {
        let Some(mut worker) = Workers::<T>::get(machine) else { return };
        worker.waiting = worker.waiting.saturating_sub(1);
        // Where the pool is full, the machine says again that it is ready.
        let _ = Self::enter_pool(machine, &mut worker);
        Workers::<T>::insert(machine, worker);
    }

    /// Places in a pool that their machine cannot use any more.
    fn give_up(machine: &MachineId, places: u8) {
        Workers::<T>::mutate_extant(machine, |worker| {
            worker.waiting = worker.waiting.saturating_sub(places);
        });
    }

    /// Takes the oldest task that was short before this pool's seed could be known.
    fn next_short(class: Class, frozen_in: u64) -> Option<(TaskId, Work)> {
        let mut found = None;
        Short::<T>::mutate(class, |waiting| {
            while let Some((since, id)) = waiting.first().copied() {
                if since > frozen_in {
                    break;
                }
                waiting.remove(0);
                found = Tasks::<T>::get(id).filter(|work| work.stage == Stage::Short).map(|work| (id, work));
                if found.is_some() {
                    break;
                }
            }
        });
        found
    }

    /// Lets a task wait for another machine. `false`: too many do.
    pub(crate) fn push_short(class: Class, since: u64, id: TaskId) -> bool {
        Short::<T>::try_append(class, (since, id)).is_ok()
    }
}

/// Puts the entries of a lap into drawn order.
fn shuffle(round: &mut Round, seed: &Seed, class: Class) {
    let purpose = [b"drill round".as_slice(), &[class as u8, round.lap]].concat();
    let count = round.left.len() as u32;
    let order = pick(seed, &purpose, count, count);
    let entries: Vec<Entry> =
        order.into_iter().filter_map(|at| round.left.get(at as usize).copied()).collect();
    round.left = entries.try_into().unwrap_or_default();
}
