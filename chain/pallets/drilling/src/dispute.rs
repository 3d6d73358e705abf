//! Disputes: inspectors are drawn, and ask machines to open what they revealed.
//!
//! Each accused opens its layers' roots at once; then each inspector asks its own way down, so that none can lead another astray. Who does
//! not answer in time has lied. An inspector that finds nothing (more) says so, and slashes nobody.
//!
//! Results that differ cannot all be right. So a dispute about them goes on after the first conviction, until inspectors have looked at what is
//! left: an inspector who finds nothing wrong while results still differ is not paid, and others are drawn. Only whose result an
//! inspector vouched for, as the one that is left, is compensated.

use crate::{
    Accused, Config, Disclosures, Disputes, DutiesOf, Error, Event, Fleet, Pallet, Tasks, Undrawn,
    UndrawnEnds, types::*, weights::WeightInfo,
};
use alloc::vec::Vec;
use drilling::{Class, Question};
use pallet_draw::Draw;
use pallet_inspectors::Inspection;
use pallet_machines::types::{Account, MachineId};
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get, Weight},
};

impl<T: Config> Pallet<T> {
    /// Opens a dispute whose inspectors are drawn with the seed of `frozen_in`.
    pub(crate) fn open_dispute(id: TaskId, mut work: Work, cause: Cause, frozen_in: u64, slashed: u128) {
        work.stage = Stage::Disputed;
        let deadline = Self::now().saturating_add(T::AnswerBlocks::get());
        for replica in &work.replicas {
            let Some(digest) = replica.revealed() else { continue };
            let disclosure = Disclosure { digest, roots: None, deadline, chains: Default::default() };
            Disclosures::<T>::insert(id, replica.machine, disclosure);
            Accused::<T>::insert(replica.machine, id, ());
        }
        let lies = |replica: &&Replica| matches!(replica.state, State::Convicted(_));
        let convicted = work.replicas.iter().filter(lies).count().min(usize::from(u8::MAX)) as u8;
        let dispute = Dispute {
            cause,
            frozen_in,
            tries: 0,
            drawn: false,
            deadline: 0,
            until: 0,
            duties: Default::default(),
            vouched: false,
            convicted,
            slashed,
        };
        Disputes::<T>::insert(id, dispute);
        Tasks::<T>::insert(id, work);
        let _ = Self::watch(deadline, Item::Task(id));
        Self::wait_for_draw(id);
        Self::deposit_event(Event::Disputed { task: id, cause, deadline });
    }

    fn wait_for_draw(id: TaskId) {
        UndrawnEnds::<T>::mutate(|(_, end)| {
            Undrawn::<T>::insert(*end, id);
            *end = end.saturating_add(1);
        });
    }

    /// Draws inspectors for the oldest disputes whose seed is known.
    pub(crate) fn draw_inspectors() -> Weight {
        let (from, end) = UndrawnEnds::<T>::get();
        let mut next = from;
        while next < end.min(from.saturating_add(u64::from(DRAWS_PER_BLOCK))) {
            let dispute = Undrawn::<T>::get(next).and_then(|id| Some((id, Disputes::<T>::get(id)?)));
            if let Some((id, dispute)) = dispute {
                let known = T::Draw::seed(dispute.frozen_in);
                // A seed that is gone is drawn anew.
                let gone = known.is_none() && dispute.frozen_in.saturating_add(2) < T::Draw::epoch();
                match known {
                    Some(seed) => Self::draw(id, dispute, &seed),
                    None if gone => {
                        Disputes::<T>::insert(id, Dispute { frozen_in: T::Draw::epoch(), ..dispute });
                        Self::wait_for_draw(id);
                    }
                    None => break,
                }
            }
            Undrawn::<T>::remove(next);
            next = next.saturating_add(1);
        }
        let count = next.saturating_sub(from);
        if count > 0 {
            UndrawnEnds::<T>::mutate(|(from, _)| *from = next);
        }
        T::WeightInfo::draw_inspectors(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn draw(id: TaskId, mut dispute: Dispute, seed: &[u8; 32]) {
        let Some(work) = Tasks::<T>::get(id) else { return };
        let done = dispute.duties.iter().map(|duty| duty.inspector.clone());
        let except: Vec<Account> =
            done.chain(work.replicas.iter().map(|replica| replica.owner.clone())).collect();
        // Those who looked in vain keep their places in the list, so that they are not drawn again.
        let wanted = DRAWN.min(MOST_DRAWN.saturating_sub(dispute.duties.len() as u32));
        let purpose = [b"drill".as_slice(), &id, &[dispute.tries]].concat();
        let drawn = T::Inspection::draw(seed, dispute.frozen_in, &purpose, wanted, &except);
        let nobody_else = drawn.is_empty();
        for inspector in drawn {
            DutiesOf::<T>::insert(&inspector, id, ());
            let _ = dispute.duties.try_push(Duty { inspector, closed: false });
        }
        dispute.tries = dispute.tries.saturating_add(1);
        dispute.drawn = true;
        // Who looks begins with answers that may still be on their way.
        let answers = Disclosures::<T>::iter_prefix_values(id).flat_map(|disclosure| {
            let open: Vec<_> = disclosure.open().map(|(_, deadline)| deadline).collect();
            open
        });
        let (begin, duty) = (answers.max().unwrap_or(0).max(Self::now()), Self::duty_blocks(work.class));
        dispute.deadline = begin.saturating_add(duty);
        let way = T::AnswerBlocks::get().saturating_add(duty).saturating_mul(WAY);
        dispute.until = begin.saturating_add(way);
        let _ = Self::watch(dispute.deadline, Item::Task(id));
        let inspectors = dispute.duties.iter().map(|duty| duty.inspector.clone()).collect();
        Self::deposit_event(Event::Drawn { task: id, inspectors, deadline: dispute.deadline });
        Disputes::<T>::insert(id, dispute);
        if nobody_else {
            Self::conclude(id);
        }
    }

    /// Blocks in which an inspector without an accelerator does a task of this class again, and looks.
    fn duty_blocks(class: Class) -> u32 {
        let times = match class {
            Class::Tiny | Class::Small => 1,
            Class::Medium => 4,
            Class::Large => 12,
        };
        T::DutyBlocks::get().saturating_mul(times)
    }

    pub(crate) fn do_demand(
        inspector: &Account,
        id: TaskId,
        machine: MachineId,
        place: u32,
    ) -> DispatchResult {
        let work = Tasks::<T>::get(id).ok_or(Error::<T>::UnknownTask)?;
        let mut dispute = Self::dispute_of(inspector, id)?;
        let mut disclosure = Disclosures::<T>::get(id, machine).ok_or(Error::<T>::NotAccused)?;
        let roots = disclosure.roots.clone().ok_or(Error::<T>::NotAnswered)?;
        let deadline = Self::now().saturating_add(T::AnswerBlocks::get());
        let own = disclosure.chains.iter().position(|chain| chain.inspector == *inspector);
        let old = own.map(|at| disclosure.chains.remove(at));
        let (question, answer) = match &old {
            None => (Question::Roots, roots.as_slice()),
            Some(chain) => {
                let answer = chain.answer.as_ref().ok_or(Error::<T>::NotAnswered)?;
                (chain.question, answer.as_slice())
            }
        };
        let (question, expected) = question.descend(&work.task, answer, place).map_err(Error::<T>::from)?;
        let asked = old.as_ref().map_or(0, |chain| chain.asked).saturating_add(1);
        ensure!(asked <= DEMANDS, Error::<T>::TooManyDemands);
        let chain = Chain { inspector: inspector.clone(), question, expected, answer: None, deadline, asked };
        disclosure.chains.try_push(chain).map_err(|_| Error::<T>::TooManyDemands)?;
        // Who asks must have time to look at the answer, but not for ever.
        let look = deadline.saturating_add(Self::duty_blocks(work.class));
        ensure!(look <= dispute.until, Error::<T>::TooLate);
        dispute.deadline = dispute.deadline.max(look);
        ensure!(Self::watch(deadline, Item::Task(id)), Error::<T>::Busy);
        ensure!(Self::watch(dispute.deadline, Item::Task(id)), Error::<T>::Busy);
        Disputes::<T>::insert(id, dispute);
        Disclosures::<T>::insert(id, machine, disclosure);
        Self::deposit_event(Event::Demanded { task: id, machine, question, deadline });
        Ok(())
    }

    pub(crate) fn do_disclose(
        device: &Account,
        id: TaskId,
        question: Question,
        answer: &Answer,
    ) -> DispatchResult {
        let machine = T::Fleet::machine_of(device).ok_or(Error::<T>::NotADevice)?;
        let work = Tasks::<T>::get(id).ok_or(Error::<T>::UnknownTask)?;
        let mut disclosure = Disclosures::<T>::get(id, machine).ok_or(Error::<T>::NotAccused)?;
        let now = Self::now();
        let mut asked = false;
        if question == Question::Roots {
            ensure!(disclosure.roots.is_none(), Error::<T>::AlreadyAnswered);
            ensure!(now <= disclosure.deadline, Error::<T>::TooLate);
            question.check(&work.task, &disclosure.digest, answer).map_err(Error::<T>::from)?;
            let roots = answer.to_vec().try_into().map_err(|_| Error::<T>::AnswerOfWrongLength)?;
            disclosure.roots = Some(roots);
            asked = true;
        }
        // Inspectors who ask the same are answered at once.
        for chain in disclosure.chains.iter_mut().filter(|chain| chain.question == question) {
            if chain.answer.is_none() {
                ensure!(now <= chain.deadline, Error::<T>::TooLate);
                question.check(&work.task, &chain.expected, answer).map_err(Error::<T>::from)?;
                chain.answer = Some(answer.clone());
                asked = true;
            }
        }
        ensure!(asked, Error::<T>::NotAsked);
        Disclosures::<T>::insert(id, machine, disclosure);
        T::Fleet::excuse(device);
        Self::deposit_event(Event::Disclosed { task: id, machine, question });
        Ok(())
    }

    /// Whether an answer to this question would be taken, if it is the true one: only then it costs nothing.
    pub(crate) fn may_disclose(device: &Account, id: &TaskId, question: &Question) -> bool {
        let disclosure = T::Fleet::machine_of(device).and_then(|machine| Disclosures::<T>::get(id, machine));
        let now = Self::now();
        disclosure.is_some_and(|disclosure| {
            disclosure.open().any(|(open, deadline)| open == *question && now <= deadline)
        })
    }

    pub(crate) fn do_clear(inspector: &Account, id: TaskId) -> DispatchResult {
        let mut dispute = Self::dispute_of(inspector, id)?;
        let left = Tasks::<T>::get(id).ok_or(Error::<T>::UnknownTask)?.united();
        dispute.vouched |= left;
        // Where results differ, that nothing is wrong is not true.
        Self::close_duty(id, dispute, inspector, left);
        Self::deposit_event(Event::Cleared { task: id, inspector: inspector.clone() });
        Self::conclude(id);
        Ok(())
    }

    /// A dispute in which this inspector still has something to do.
    fn dispute_of(inspector: &Account, id: TaskId) -> Result<Dispute, Error<T>> {
        let dispute = Disputes::<T>::get(id).ok_or(Error::NotDisputed)?;
        let duty = dispute.duties.iter().find(|duty| duty.inspector == *inspector).ok_or(Error::NotDrawn)?;
        if duty.closed { Err(Error::DutyDone) } else { Ok(dispute) }
    }

    /// The inspector has nothing more to do here; it is paid if it did its duty.
    pub(crate) fn close_duty(id: TaskId, mut dispute: Dispute, inspector: &Account, done: bool) {
        let Some(duty) = dispute.duties.iter_mut().find(|duty| duty.inspector == *inspector && !duty.closed)
        else {
            return;
        };
        duty.closed = true;
        Disputes::<T>::insert(id, dispute);
        DutiesOf::<T>::remove(inspector, id);
        if done {
            T::Inspection::done(inspector);
            Self::pay(inspector, T::InspectionFee::get());
        } else {
            T::Inspection::released(inspector);
        }
    }

    /// Ends the dispute as soon as its outcome is certain.
    pub(crate) fn conclude(id: TaskId) {
        let (Some(work), Some(dispute)) = (Tasks::<T>::get(id), Disputes::<T>::get(id)) else { return };
        let nobody_left = work.digests().next().is_none();
        let looked =
            dispute.drawn && !dispute.duties.is_empty() && dispute.duties.iter().all(|duty| duty.closed);
        let waits =
            || Disclosures::<T>::iter_prefix_values(id).any(|disclosure| disclosure.open().next().is_some());
        if nobody_left {
            Self::close_dispute(id, &work, dispute);
        } else if looked && !waits() {
            // Inspectors cannot spare a machine the answer that it owes.
            Self::end_or_redraw(id, &work, dispute);
        }
    }

    /// All who were drawn have looked, or had time to. Where results still differ, others look, once.
    fn end_or_redraw(id: TaskId, work: &Work, mut dispute: Dispute) {
        // What is left after a conviction may be another lie, unless somebody has compared it since.
        let unexamined = dispute.slashed > 0 && !dispute.vouched && work.digests().next().is_some();
        let unsolved = dispute.duties.is_empty() || !work.united() || unexamined;
        if !unsolved || dispute.tries >= TRIES {
            return Self::close_dispute(id, work, dispute);
        }
        // What the first asked leads nowhere.
        for replica in &work.replicas {
            let forget = |slot: &mut Option<Disclosure>| {
                slot.as_mut().map(|disclosure| disclosure.chains = Default::default())
            };
            Disclosures::<T>::mutate(id, replica.machine, forget);
        }
        (dispute.drawn, dispute.frozen_in) = (false, T::Draw::epoch());
        Disputes::<T>::insert(id, dispute);
        Self::wait_for_draw(id);
    }

    /// Looks whether a question's or the dispute's time is over.
    pub(crate) fn look_at_dispute(id: TaskId) {
        let now = Self::now();
        let machines: Vec<MachineId> = Disclosures::<T>::iter_prefix(id)
            .filter(|(_, disclosure)| disclosure.open().any(|(_, deadline)| deadline < now))
            .map(|(machine, _)| machine)
            .collect();
        for machine in machines {
            Self::convict_one(id, &machine, Lie::Unanswered, None);
        }
        Self::conclude(id);
        let Some(mut dispute) =
            Disputes::<T>::get(id).filter(|dispute| dispute.drawn && dispute.deadline < now)
        else {
            return;
        };
        let Some(work) = Tasks::<T>::get(id) else { return };
        for duty in dispute.duties.iter().filter(|duty| !duty.closed) {
            T::Inspection::missed(&duty.inspector);
            DutiesOf::<T>::remove(&duty.inspector, id);
        }
        dispute.duties.retain(|duty| duty.closed);
        Self::end_or_redraw(id, &work, dispute);
    }

    /// Nothing more will be found out: who was in the right is compensated out of what the convicted lost.
    fn close_dispute(id: TaskId, work: &Work, dispute: Dispute) {
        for duty in dispute.duties.iter().filter(|duty| !duty.closed) {
            T::Inspection::released(&duty.inspector);
            DutiesOf::<T>::remove(&duty.inspector, id);
        }
        for replica in &work.replicas {
            Disclosures::<T>::remove(id, replica.machine);
            Accused::<T>::remove(replica.machine, id);
        }
        // What nobody has compared with the truth may be another lie.
        if dispute.slashed > 0 && dispute.vouched && work.united() {
            let honest: Vec<Account> = work
                .replicas
                .iter()
                .filter(|replica| replica.revealed().is_some())
                .map(|replica| replica.owner.clone())
                .collect();
            Self::compensate(id, dispute.slashed, &honest);
        }
        Disputes::<T>::remove(id);
        Self::finish(id, work);
    }
}
