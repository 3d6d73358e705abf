//! Publishers' batches: published with a deposit, approved by bonded owners, given out task by task.

use crate::{
    Batches, Bonded, Bonds, Config, Error, Event, HoldReason, LastBatch, Pallet, Supply, Synthetic, types::*,
    weights::WeightInfo,
};
use drilling::{Class, Spec, difficulty};
use pallet_draw::Draw;
use pallet_machines::types::Account;
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get, Weight},
    traits::{fungible::MutateHold, tokens::Precision},
};

/// A task as the next pair of machines gets it.
pub(crate) struct Next {
    pub(crate) spec: Spec,
    pub(crate) worth: u128,
    pub(crate) batch: Option<BatchId>,
    pub(crate) replicas: u8,
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_publish(
        publisher: Account,
        spec: Spec,
        count: u32,
        replicas: u8,
        declared: u128,
        source: Source,
    ) -> DispatchResult {
        spec.check_published().map_err(Error::<T>::from)?;
        let worth = difficulty(&spec);
        ensure!(worth == declared, Error::<T>::WrongDifficulty);
        ensure!(worth > 0, Error::<T>::Worthless);
        ensure!((1..=MOST_TASKS).contains(&count), Error::<T>::BadCount);
        ensure!((2..=MOST_AT_ONCE).contains(&replicas), Error::<T>::BadReplicas);
        let id = LastBatch::<T>::get().saturating_add(1);
        let price = T::TaskPrice::get().saturating_mul(u128::from(count));
        let held = T::BatchDeposit::get().saturating_add(price);
        T::Currency::hold(&HoldReason::Batch.into(), &publisher, held)?;
        let until = Self::now().saturating_add(T::VoteBlocks::get());
        let class = Class::of(&spec);
        let approval = Approval::Voting(until);
        Self::deposit_event(Event::Published {
            batch: id,
            publisher: publisher.clone(),
            class,
            worth,
            count,
        });
        let votes = Default::default();
        let (left, running, failed, failed_in) = (count, 0, 0, 0);
        let batch = Batch {
            publisher,
            spec,
            class,
            worth,
            replicas,
            count,
            left,
            running,
            failed,
            failed_in,
            approval,
            held,
            source,
            votes,
        };
        Batches::<T>::insert(id, batch);
        LastBatch::<T>::put(id);
        if Self::rules().open {
            Self::approve(id)?;
        } else {
            ensure!(Self::watch(until, Item::Batch(id)), Error::<T>::Busy);
        }
        Ok(())
    }

    pub(crate) fn do_vote(voter: &Account, id: BatchId, approve: bool) -> DispatchResult {
        let bond = Bonds::<T>::get(voter);
        ensure!(bond.active > 0, Error::<T>::NotBonded);
        // Votes of next to nothing would take the room of those that count.
        ensure!(Self::covers(&bond, 1), Error::<T>::BondTooSmall);
        Batches::<T>::try_mutate(id, |slot| {
            let batch = slot.as_mut().ok_or(Error::<T>::UnknownBatch)?;
            let Approval::Voting(until) = batch.approval else { return Err(Error::<T>::VoteOver) };
            ensure!(Self::now() <= until, Error::<T>::VoteOver);
            ensure!(batch.votes.iter().all(|(other, _)| other != voter), Error::<T>::AlreadyVoted);
            if batch.votes.is_full() {
                Self::outvote(batch, bond.active)?;
            }
            batch.votes.try_push((voter.clone(), approve)).map_err(|_| Error::<T>::TooManyVotes)
        })?;
        Self::deposit_event(Event::Voted { batch: id, voter: voter.clone(), approve });
        Ok(())
    }

    /// Makes room for a vote with so much at stake, by the one with the least.
    fn outvote(batch: &mut Batch, stake: u128) -> Result<(), Error<T>> {
        let stakes = batch.votes.iter().map(|(voter, _)| Bonds::<T>::get(voter).active);
        let (least, at) = stakes.zip(0..).min().ok_or(Error::TooManyVotes)?;
        ensure!(least < stake, Error::<T>::TooManyVotes);
        batch.votes.remove(at);
        Ok(())
    }

    pub(crate) fn weight_of_voting() -> Weight {
        T::WeightInfo::vote().saturating_add(T::DbWeight::get().reads(VOTES.into()))
    }

    /// Counts stakes as they are now: who has voted and taken its stake away counts for nothing.
    pub(crate) fn tally(id: BatchId) {
        let Some(batch) = Batches::<T>::get(id) else { return };
        if !matches!(batch.approval, Approval::Voting(until) if until < Self::now()) {
            return;
        }
        let stake = |wanted: bool| {
            let votes = batch.votes.iter().filter(|(_, approve)| *approve == wanted);
            votes.fold(0u128, |sum, (voter, _)| sum.saturating_add(Bonds::<T>::get(voter).active))
        };
        let (yes, no) = (stake(true), stake(false));
        let enough = |stake: u128| stake.saturating_mul(T::Quorum::get().into()) >= Bonded::<T>::get();
        let approved = yes > no && enough(yes) && Self::approve(id).is_ok();
        if !approved {
            // Who publishes what the network doesn't want pays for the network's time; who merely found no voters, or a few against, doesn't.
            if no > yes && enough(no) {
                let forfeit = T::BatchDeposit::get().min(batch.held);
                let lost = Self::to_pot(&HoldReason::Batch, &batch.publisher, forfeit);
                Batches::<T>::mutate_extant(id, |batch| batch.held = batch.held.saturating_sub(lost));
            }
            Self::deposit_event(Event::Rejected { batch: id });
            Self::remove_batch(id);
        }
    }

    fn approve(id: BatchId) -> Result<(), Error<T>> {
        let Some(mut batch) = Batches::<T>::get(id) else { return Err(Error::UnknownBatch) };
        Supply::<T>::try_append(batch.class, id).map_err(|()| Error::TooManyBatches)?;
        batch.approval = Approval::Approved;
        Batches::<T>::insert(id, batch);
        Self::deposit_event(Event::Approved { batch: id });
        Ok(())
    }

    pub(crate) fn do_end_batch(publisher: &Account, id: BatchId) -> DispatchResult {
        let mut batch = Batches::<T>::get(id).ok_or(Error::<T>::UnknownBatch)?;
        ensure!(batch.publisher == *publisher, Error::<T>::NotPublisher);
        // Or whoever is losing the vote would lose nothing by it.
        ensure!(batch.approval == Approval::Approved, Error::<T>::VoteRuns);
        Self::withhold(&mut batch, id);
        let over = batch.running == 0;
        Batches::<T>::insert(id, batch);
        if over {
            Self::remove_batch(id);
        }
        Ok(())
    }

    /// One more task of a batch came to nothing. Once that has gone on for so long, its data cannot be had, or nobody can do it: each of
    /// its tasks costs machines their places. Two owners can have many tasks fail at one time, so an epoch counts once.
    fn strikes_out(batch: &mut Batch) -> bool {
        let epoch = T::Draw::epoch();
        if batch.failed == 0 || batch.failed_in != epoch {
            (batch.failed, batch.failed_in) = (batch.failed.saturating_add(1), epoch);
        }
        batch.failed >= STRIKES
    }

    /// No more of a batch is given out. What runs goes on; the price of what nobody was given comes back at once.
    fn withhold(batch: &mut Batch, id: BatchId) {
        Supply::<T>::mutate(batch.class, |supply| supply.retain(|other| *other != id));
        let spared = T::TaskPrice::get().saturating_mul(u128::from(batch.left)).min(batch.held);
        let reason = HoldReason::Batch.into();
        let released = T::Currency::release(&reason, &batch.publisher, spared, Precision::BestEffort);
        batch.held = batch.held.saturating_sub(released.unwrap_or(0));
        batch.left = 0;
    }

    fn remove_batch(id: BatchId) {
        let Some(batch) = Batches::<T>::take(id) else { return };
        let reason = HoldReason::Batch.into();
        let _ = T::Currency::release(&reason, &batch.publisher, batch.held, Precision::BestEffort);
        Self::deposit_event(Event::BatchEnded { batch: id });
    }

    /// The next task of a class: of the oldest batch that has some left, else of the built-in publisher.
    pub(crate) fn next_of(class: Class) -> Option<Next> {
        let oldest = Supply::<T>::get(class).first().copied();
        let oldest = oldest.and_then(|id| Some((id, Batches::<T>::get(id)?)));
        if let Some((id, Batch { spec, worth, replicas, .. })) = oldest.filter(|(_, batch)| batch.left > 0) {
            return Some(Next { spec, worth, batch: Some(id), replicas });
        }
        let spec = Synthetic::<T>::get().into_iter().find(|spec| Class::of(spec) == class)?;
        Some(Next { worth: difficulty(&spec), spec, batch: None, replicas: Self::rules().replicas })
    }

    /// A batch's task was given out. The batch behind it in the queue is next once this one is used up.
    pub(crate) fn taken(id: BatchId) {
        let Some(mut batch) = Batches::<T>::get(id) else { return };
        batch.left = batch.left.saturating_sub(1);
        batch.running = batch.running.saturating_add(1);
        if batch.left == 0 {
            Supply::<T>::mutate(batch.class, |supply| supply.retain(|other| *other != id));
        }
        Batches::<T>::insert(id, batch);
    }

    /// A batch's task is over, and paid for if it was done. One that came to nothing may be done again if the batch still has tasks.
    pub(crate) fn returned(id: BatchId, again: bool) {
        let Some(mut batch) = Batches::<T>::get(id) else { return };
        batch.running = batch.running.saturating_sub(1);
        if !again {
            batch.failed = 0;
            let price = T::TaskPrice::get().min(batch.held);
            let paid = Self::to_pot(&HoldReason::Batch, &batch.publisher, price);
            batch.held = batch.held.saturating_sub(paid);
        } else if batch.left > 0 && Self::strikes_out(&mut batch) {
            Self::deposit_event(Event::GivenUp { batch: id });
            Self::withhold(&mut batch, id);
        } else if batch.left > 0 {
            batch.left = batch.left.saturating_add(1);
            // Behind the others of its class: one whose tasks come to nothing must not keep them waiting.
            Supply::<T>::mutate(batch.class, |supply| {
                let queue: &mut [BatchId] = supply.as_mut();
                let at = queue.iter().position(|other| *other == id).unwrap_or(queue.len());
                if let Some(from_here @ [_, ..]) = queue.get_mut(at..) {
                    from_here.rotate_left(1);
                }
            });
        }
        let over = batch.left == 0 && batch.running == 0;
        Batches::<T>::insert(id, batch);
        if over {
            Self::remove_batch(id);
        }
    }
}
