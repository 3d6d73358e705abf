//! Commit and reveal: nobody can copy from the chain, since nobody reveals while anybody can still commit, and a commitment names its machine.

use crate::{Config, Error, Event, Fleet, Pallet, Tasks, types::*, weights::WeightInfo};
use drilling::{Hash, commitment};
use pallet_draw::Draw;
use pallet_ecp::Credit;
use pallet_machines::types::{Account, MachineId};
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, DispatchResultWithPostInfo, Get, Weight},
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_commit(device: &Account, id: TaskId, commitment: Hash) -> DispatchResult {
        let (machine, mut work) = Self::part(device, id)?;
        let replica = own(&mut work, &machine).ok_or(Error::<T>::NotAssigned)?;
        match replica.state {
            State::Assigned => replica.state = State::Committed(commitment),
            State::Committed(_) | State::Revealed(_) => return Err(Error::<T>::AlreadyCommitted.into()),
            State::Dropped | State::Convicted(_) => return Err(Error::<T>::TooLate.into()),
        }
        ensure!(work.stage == Stage::Committing && Self::now() <= work.deadline, Error::<T>::TooLate);
        ensure!(T::Fleet::member(&machine).is_some_and(|member| member.active), Error::<T>::NotActive);
        T::Fleet::excuse(device);
        Self::deposit_event(Event::Committed { task: id, machine });
        if work.replicas.iter().any(|replica| replica.state == State::Assigned) {
            Tasks::<T>::insert(id, work);
        } else {
            Self::committed(id, work);
        }
        Ok(())
    }

    /// Whether a commitment would be taken: only then it costs nothing.
    pub(crate) fn may_commit(device: &Account, id: &TaskId) -> bool {
        Self::part_state(device, id, Stage::Committing).is_some_and(|state| state == State::Assigned)
    }

    pub(crate) fn do_reveal(
        device: &Account,
        id: TaskId,
        digest: Hash,
        salt: &Hash,
    ) -> DispatchResultWithPostInfo {
        let (machine, mut work) = Self::part(device, id)?;
        match work.stage {
            Stage::Committing | Stage::Short => return Err(Error::<T>::TooEarly.into()),
            Stage::Revealing => ensure!(Self::now() <= work.deadline, Error::<T>::TooLate),
            Stage::Agreed | Stage::Disputed => return Err(Error::<T>::TooLate.into()),
        }
        let replica = own(&mut work, &machine).ok_or(Error::<T>::NotAssigned)?;
        match replica.state {
            State::Committed(posted) => {
                ensure!(commitment(&digest, &machine, salt) == posted, Error::<T>::WrongReveal);
                replica.state = State::Revealed(digest);
            }
            State::Revealed(_) => return Err(Error::<T>::AlreadyRevealed.into()),
            State::Assigned | State::Dropped | State::Convicted(_) => {
                return Err(Error::<T>::NotCommitted.into());
            }
        }
        T::Fleet::excuse(device);
        Self::deposit_event(Event::Revealed { task: id, machine, digest });
        if work.replicas.iter().any(|replica| matches!(replica.state, State::Committed(_))) {
            Tasks::<T>::insert(id, work);
            // Only the last reveal has an outcome. One before it does less than a commit.
            return Ok(Some(T::WeightInfo::commit()).into());
        }
        Self::settle(id, work, 0);
        Ok(().into())
    }

    /// The dearest outcome of a reveal: agreement, a dispute, or nobody left to compare with.
    pub(crate) fn weight_of_reveal() -> Weight {
        let outcome = T::WeightInfo::reveal()
            .max(T::WeightInfo::reveal_differing())
            .max(T::WeightInfo::close_reveals());
        // No more can have committed than do a task at one time.
        outcome.saturating_add(T::Credit::weight().saturating_mul(u64::from(MOST_AT_ONCE)))
    }

    /// Whether a result would be taken, if it is the one committed to: only then it costs nothing.
    pub(crate) fn may_reveal(device: &Account, id: &TaskId) -> bool {
        let state = Self::part_state(device, id, Stage::Revealing);
        state.is_some_and(|state| matches!(state, State::Committed(_)))
    }

    fn part(device: &Account, id: TaskId) -> Result<(MachineId, Work), Error<T>> {
        let machine = T::Fleet::machine_of(device).ok_or(Error::NotADevice)?;
        Ok((machine, Tasks::<T>::get(id).ok_or(Error::UnknownTask)?))
    }

    fn part_state(device: &Account, id: &TaskId, stage: Stage) -> Option<State> {
        let machine = T::Fleet::machine_of(device)?;
        let work = Tasks::<T>::get(id).filter(|work| work.stage == stage && Self::now() <= work.deadline)?;
        work.replica(&machine).map(|replica| replica.state)
    }

    /// The time to commit is over: who has not is out of the task.
    pub(crate) fn close_commits(id: TaskId, mut work: Work) {
        for replica in &mut work.replicas {
            if replica.state == State::Assigned {
                replica.state = State::Dropped;
                Self::note(&replica.machine, id, Verdict::Dropped);
                Self::deposit_event(Event::Dropped { task: id, machine: replica.machine });
            }
        }
        Self::committed(id, work);
    }

    /// Nobody is still at work. Two results can be compared; one alone waits for another machine, if one may still come.
    fn committed(id: TaskId, mut work: Work) {
        let room = (work.replicas.len() as u32) < MOST_REPLICAS;
        match work.bound() {
            2.. => {
                work.stage = Stage::Revealing;
                work.deadline = Self::now().saturating_add(T::WindowBlocks::get());
                Self::deposit_event(Event::Revealing { task: id, deadline: work.deadline });
            }
            1 if room && Self::push_short(work.class, T::Draw::epoch(), id) => {
                work.stage = Stage::Short;
                work.deadline = Self::now().saturating_add(T::WindowBlocks::get().saturating_mul(6));
                Self::deposit_event(Event::Short { task: id });
            }
            _ => return Self::fail(id, work),
        }
        let _ = Self::watch(work.deadline, Item::Task(id));
        Tasks::<T>::insert(id, work);
    }

    /// Nothing came of the task, and nobody who is still in it is to blame.
    pub(crate) fn fail(id: TaskId, work: Work) {
        for replica in &work.replicas {
            if matches!(replica.state, State::Committed(_) | State::Assigned) {
                Self::note(&replica.machine, id, Verdict::Failed);
            }
        }
        Self::deposit_event(Event::Failed { task: id });
        Tasks::<T>::remove(id);
        if let Some(batch) = work.batch {
            Self::returned(batch, true);
        }
    }

    /// The time to reveal is over. Who committed knew its result: silence is a lie.
    pub(crate) fn close_reveals(id: TaskId, mut work: Work) {
        let mut slashed = 0u128;
        for at in 0..work.replicas.len() {
            let silent = |replica: &&mut Replica| matches!(replica.state, State::Committed(_));
            if let Some(replica) = work.replicas.get_mut(at).filter(silent) {
                slashed = slashed.saturating_add(Self::punish(id, replica, Lie::Unrevealed));
            }
        }
        Self::settle(id, work, slashed);
    }
}

fn own<'a>(work: &'a mut Work, machine: &MachineId) -> Option<&'a mut Replica> {
    work.replicas.iter_mut().find(|replica| replica.machine == *machine)
}
