//! From a request to a machine: the draw, credentials, answers, disputes, and the end.
//!
//! A duty is open until the inspector has nothing more to do. Whoever did its duty is paid out of what the request holds, also when the
//! machine turns out to be none; whoever didn't is fined and replaced by a new draw.

use crate::{
    Config, DutiesOf, Ended, Ending, Error, Event, Machines, MachinesOf, OnStanding, Pallet, Requests,
    Tokens, Waiting, types::*, weights::WeightInfo,
};
use alloc::vec::Vec;
use attest::{object_name, statement};
use credential::{EkPublic, Randomness, make_credential};
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get, Weight},
};
use pallet_draw::Draw;
use pallet_inspectors::Inspection;

impl<T: Config> Pallet<T> {
    /// What a call costs that may end a request, and with it enrol a machine.
    pub(crate) fn weight_of_outcome(own: Weight) -> Weight {
        own.saturating_add(T::WeightInfo::answer()).saturating_add(T::OnStanding::weight())
    }

    /// Draws for the oldest requests whose seed is known.
    pub(crate) fn draw_waiting() -> Weight {
        let waiting = Waiting::<T>::get();
        let ready = |id: &RequestId| {
            Requests::<T>::get(id).is_none_or(|request| T::Draw::seed(request.frozen_in).is_some())
        };
        let most = DRAWS_PER_BLOCK as usize;
        let now: Vec<RequestId> = waiting.iter().take(most).copied().take_while(ready).collect();
        let cost = T::WeightInfo::draw_waiting(now.len() as u32);
        if now.is_empty() {
            return cost;
        }
        Waiting::<T>::mutate(|waiting| waiting.retain(|id| !now.contains(id)));
        for id in &now {
            Self::draw(*id);
        }
        cost
    }

    fn draw(id: RequestId) {
        let Some(mut request) = Requests::<T>::get(id) else { return };
        let Some(seed) = T::Draw::seed(request.frozen_in) else { return };
        let except: Vec<Account> = request.duties.iter().map(|duty| duty.inspector.clone()).collect();
        let wanted = DRAWN.saturating_sub(except.len() as u32);
        let purpose = [id.as_slice(), &[request.tries]].concat();
        let drawn = T::Inspection::draw(&seed, request.frozen_in, &purpose, wanted, &except);
        for inspector in drawn {
            DutiesOf::<T>::insert(&inspector, id, ());
            let duty = Duty {
                inspector,
                challenge: None,
                answered: false,
                disputed: false,
                closed: false,
                refused: false,
            };
            let _ = request.duties.try_push(duty);
        }
        request.tries = request.tries.saturating_add(1);
        request.deadline = Self::now().saturating_add(T::DutyBlocks::get());
        let inspectors = request.duties.iter().map(|duty| duty.inspector.clone()).collect();
        Self::deposit_event(Event::Drawn { request: id, inspectors });
        let scheduled = Self::schedule(request.deadline, Item::Request(id));
        Requests::<T>::insert(id, request);
        if scheduled.is_none() {
            Self::end(id, Ending::NoInspectors);
        }
    }

    pub(crate) fn do_challenge(inspector: &Account, id: RequestId, challenge: Challenge) -> DispatchResult {
        Self::with_duty(id, inspector, |duty| {
            ensure!(duty.challenge.is_none(), Error::<T>::AlreadyChallenged);
            duty.challenge = Some(challenge);
            Ok(())
        })?;
        Self::deposit_event(Event::Challenged { request: id, inspector: inspector.clone() });
        Ok(())
    }

    pub(crate) fn do_refuse(inspector: &Account, id: RequestId) -> DispatchResult {
        Self::with_duty(id, inspector, |duty| {
            ensure!(duty.challenge.is_none(), Error::<T>::AlreadyChallenged);
            duty.refused = true;
            Ok(())
        })?;
        Self::close(id, inspector);
        Self::deposit_event(Event::Declined { request: id, inspector: inspector.clone() });
        Self::conclude(id);
        Ok(())
    }

    pub(crate) fn do_answer(
        device: &Account,
        id: RequestId,
        inspector: &Account,
        answer: attest::Hash,
    ) -> DispatchResult {
        Self::ensure_device(device, id)?;
        Self::with_duty(id, inspector, |duty| {
            let challenge = duty.challenge.as_ref().ok_or(Error::<T>::NotChallenged)?;
            ensure!(statement::answer_commitment(&answer) == challenge.commitment, Error::<T>::WrongAnswer);
            duty.answered = true;
            Ok(())
        })?;
        Self::close(id, inspector);
        Self::deposit_event(Event::Answered { request: id, inspector: inspector.clone() });
        Self::conclude(id);
        Ok(())
    }

    pub(crate) fn do_dispute(device: &Account, id: RequestId, inspector: &Account) -> DispatchResult {
        Self::ensure_device(device, id)?;
        Self::with_duty(id, inspector, |duty| {
            ensure!(duty.challenge.is_some(), Error::<T>::NotChallenged);
            duty.disputed = true;
            Ok(())
        })?;
        // The inspector must have as long as it had for the credential. Each is disputed once, so this ends.
        Requests::<T>::mutate_extant(id, |request| {
            request.deadline = Self::now().saturating_add(T::DutyBlocks::get());
        });
        Self::deposit_event(Event::Disputed { request: id, inspector: inspector.clone() });
        Ok(())
    }

    pub(crate) fn do_reveal(
        inspector: &Account,
        id: RequestId,
        secret: &[u8; 32],
        randomness: &Randomness,
    ) -> DispatchResult {
        let request = Requests::<T>::get(id).ok_or(Error::<T>::UnknownRequest)?;
        let ek = EkPublic::parse(&request.ek_public).map_err(|_| Error::<T>::NotAnEk)?;
        let name = object_name(&request.ak_public);
        Self::with_duty(id, inspector, |duty| {
            let challenge =
                duty.challenge.as_ref().filter(|_| duty.disputed).ok_or(Error::<T>::NotDisputed)?;
            let made = make_credential(&ek, &name, secret, randomness)
                .map_err(|_| Error::<T>::RevealDoesNotMatch)?;
            let answer = statement::answer(&id, inspector.as_ref(), secret);
            let same = made.id_object == challenge.id_object.as_slice()
                && made.encrypted_secret == challenge.encrypted_secret.as_slice()
                && statement::answer_commitment(&answer) == challenge.commitment;
            ensure!(same, Error::<T>::RevealDoesNotMatch);
            Ok(())
        })?;
        Self::close(id, inspector);
        Self::deposit_event(Event::Upheld { request: id, inspector: inspector.clone() });
        Self::conclude(id);
        Ok(())
    }

    fn ensure_device(device: &Account, id: RequestId) -> Result<(), Error<T>> {
        let request = Requests::<T>::get(id).ok_or(Error::UnknownRequest)?;
        if request.device == *device { Ok(()) } else { Err(Error::AnotherDevice) }
    }

    fn with_duty(
        id: RequestId,
        inspector: &Account,
        change: impl FnOnce(&mut Duty) -> Result<(), Error<T>>,
    ) -> Result<(), Error<T>> {
        Requests::<T>::try_mutate(id, |slot| {
            let request = slot.as_mut().ok_or(Error::UnknownRequest)?;
            let duty = request.duties.iter_mut().find(|duty| duty.inspector == *inspector);
            let duty = duty.ok_or(Error::NotDrawn)?;
            if duty.closed { Err(Error::DutyDone) } else { change(duty) }
        })
    }

    /// The inspector did its duty.
    fn close(id: RequestId, inspector: &Account) {
        Requests::<T>::mutate_extant(id, |request| {
            if let Some(duty) = request.duties.iter_mut().find(|duty| duty.inspector == *inspector) {
                duty.closed = true;
            }
            Self::pay(request, inspector);
        });
        T::Inspection::done(inspector);
        DutiesOf::<T>::remove(inspector, id);
    }

    /// Ends the request as soon as its outcome is certain.
    fn conclude(id: RequestId) {
        let Some(request) = Requests::<T>::get(id) else { return };
        if let Some(level) = verdict(&request) {
            return Self::enrol(id, request, level);
        }
        let lost = request.duties.iter().filter(|duty| duty.closed && !duty.answered).count() as u32;
        if DRAWN.saturating_sub(lost) < QUORUM {
            let refused = request.duties.iter().any(|duty| duty.refused);
            Self::end(id, if refused { Ending::Refused } else { Ending::Unanswered });
        }
    }

    /// The duties' time is over.
    pub(crate) fn settle_request(id: RequestId) {
        let Some(mut request) = Requests::<T>::get(id) else { return };
        if request.deadline > Self::now() {
            if Self::schedule(request.deadline, Item::Request(id)).is_none() {
                Self::end(id, Ending::NoInspectors);
            }
            return;
        }
        let open: Vec<Duty> = request.duties.iter().filter(|duty| !duty.closed).cloned().collect();
        for duty in &open {
            match (&duty.challenge, duty.disputed) {
                (None, _) => T::Inspection::missed(&duty.inspector),
                (Some(_), true) => T::Inspection::cheated(&duty.inspector),
                // A good credential that the machine could not open.
                (Some(_), false) => {
                    Self::close(id, &duty.inspector);
                    continue;
                }
            }
            DutiesOf::<T>::remove(&duty.inspector, id);
        }
        request = Requests::<T>::get(id).unwrap_or(request);
        request.duties.retain(|duty| duty.closed);
        let answered = answers(&request).count() as u32;
        let failed = request.duties.len() as u32 - answered;
        let again = request.tries < TRIES && DRAWN.saturating_sub(failed) >= QUORUM;
        request.frozen_in = T::Draw::epoch();
        Requests::<T>::insert(id, &request);
        if answered >= QUORUM {
            // They disagree on the level and nobody is left to settle it: the least of them.
            if let Some(level) = answers(&request).max() {
                Self::enrol(id, request, level);
            }
        } else if !again {
            Self::end(id, if failed > 0 { Ending::Unanswered } else { Ending::NoInspectors });
        } else if Waiting::<T>::try_append(id).is_err() {
            Self::end(id, Ending::NoInspectors);
        }
    }

    /// A request ends without a machine. What inspectors have not earned goes back; an unspent place goes back to its token.
    fn end(id: RequestId, why: Ending) {
        let Some(request) = Requests::<T>::get(id) else { return };
        Self::forget(id);
        Self::discharge(id, &request);
        Self::dismiss(&request.device);
        let whole = request.held == Self::hold_per_machine();
        // A key that was revoked may have become somebody else's token since.
        let place = |slot: &mut Option<Token>| {
            let token = slot.as_mut().filter(|token| whole && token.owner == request.owner);
            token.map(|token| token.left = token.left.saturating_add(1)).is_some()
        };
        if !Tokens::<T>::mutate(request.token, place) {
            Self::release(&request.owner, request.held);
        }
        Self::deposit_event(Event::RequestEnded { request: id, why });
    }

    /// A request that is over. Its name is kept for as long as the same bytes, which anybody has, could be sent once more.
    fn forget(id: RequestId) {
        Requests::<T>::remove(id);
        if Self::schedule(Self::now().saturating_add(T::Freshness::get()), Item::Ended(id)).is_some() {
            Ended::<T>::insert(id, ());
        }
    }

    /// Lets go of inspectors whose duty has become needless; who has made a credential is paid for it.
    fn discharge(id: RequestId, request: &Request) {
        let mut request = request.clone();
        let open: Vec<Duty> = request.duties.iter().filter(|duty| !duty.closed).cloned().collect();
        for duty in open {
            DutiesOf::<T>::remove(&duty.inspector, id);
            if duty.challenge.is_some() && !duty.disputed {
                Self::pay(&mut request, &duty.inspector);
                T::Inspection::done(&duty.inspector);
            } else {
                T::Inspection::released(&duty.inspector);
            }
        }
    }

    /// A quorum of credentials was opened by this TPM.
    fn enrol(id: RequestId, request: Request, level: Level) {
        Self::forget(id);
        let held = request.held;
        let unpaid =
            request.duties.iter().filter(|duty| !duty.closed && duty.challenge.is_some() && !duty.disputed);
        let still_due = T::InspectionFee::get().saturating_mul(unpaid.count() as u128);
        Self::discharge(id, &request);
        let deposit = T::Deposit::get().min(held);
        Self::release(&request.owner, held.saturating_sub(still_due).saturating_sub(deposit));
        let before = Machines::<T>::get(request.machine);
        let machine = Self::new_machine(request, level, deposit, before.as_ref());
        if let Some(before) = before {
            Self::dismiss(&before.device);
            MachinesOf::<T>::remove(&before.owner, machine.0);
            Self::release(&before.owner, before.deposit);
        }
        Self::admit(&machine.1.device, Role::Enrolled(machine.0));
        MachinesOf::<T>::insert(&machine.1.owner, machine.0, ());
        T::OnStanding::changed(&machine.0, &machine.1.owner, Standing::Active);
        Self::deposit_event(Event::Enrolled {
            machine: machine.0,
            owner: machine.1.owner.clone(),
            level,
            epoch: machine.1.epoch,
            log_lost: machine.1.log_lost,
        });
        Machines::<T>::insert(machine.0, machine.1);
        Self::watch(machine.0);
    }

    fn new_machine(
        request: Request,
        level: Level,
        deposit: u128,
        before: Option<&Machine>,
    ) -> (MachineId, Machine) {
        let now = Self::now();
        // The counter of a TPM that was not cleared goes on; if the log does too, so does what it can be held to.
        let same_key = before.filter(|before| before.ak_public == request.ak_public);
        let continues = |before: &Machine| request.continues == Some(before.head.log());
        let counter = same_key.map_or(0, |before| before.head.counter);
        let floor = same_key.filter(|before| continues(before)).map_or(counter, |before| before.floor);
        let log_lost = before.is_some_and(|before| before.log_lost || !continues(before));
        let head = Head { counter, ..request.head };
        let machine = Machine {
            owner: request.owner,
            device: request.device,
            ak_public: request.ak_public,
            level,
            standing: Standing::Active,
            epoch: before.map_or(0, |before| before.epoch.saturating_add(1)),
            enrolled_at: now,
            head,
            anchors: 0,
            recent: Default::default(),
            seen_at: now,
            due: Self::next_due(),
            watched: 0,
            lapses: before.map_or(0, |before| before.lapses),
            absent: before.map_or(0, |before| before.absent_by(now)),
            delegated_at: now,
            pcr_digest: request.pcr_digest,
            log_lost,
            floor,
            deposit,
        };
        (request.machine, machine)
    }
}

/// The levels voted in answered challenges.
fn answers(request: &Request) -> impl Iterator<Item = Level> + '_ {
    request.duties.iter().filter(|duty| duty.answered).filter_map(|duty| Some(duty.challenge.as_ref()?.level))
}

/// The level that a quorum agrees on; the least one once all have voted.
fn verdict(request: &Request) -> Option<Level> {
    let votes: Vec<Level> = answers(request).collect();
    let agreed =
        votes.iter().find(|level| votes.iter().filter(|other| other == level).count() as u32 >= QUORUM);
    if agreed.is_some() {
        return agreed.copied();
    }
    let complete = request.duties.iter().all(|duty| duty.closed) && votes.len() as u32 >= QUORUM;
    votes.into_iter().max().filter(|_| complete)
}
