//! Two anchors of one machine and epoch that contradict each other.
//!
//! A contradiction that is plain slashes at once. Where the log grew from one anchor to the other, only the machine can show that nothing
//! was rewritten: it is asked, and silence lapses it but never slashes. An old anchor played again, or one that was certified and never
//! sent, contradicts nothing.

use crate::{Accusations, Config, Error, Event, HoldReason, Machines, OnStanding, Pallet, types::*};
use attest::{
    Statement,
    proof::verify_consistency,
    verify::{AkPublic, AnchorHead, Fork, P256Check, compare, verify_anchor},
};
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get},
    traits::{fungible::MutateHold, tokens::Precision},
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_report_fork(
        reporter: Account,
        id: MachineId,
        one: &Testimony,
        other: &Testimony,
    ) -> DispatchResult {
        let machine = Self::accountable(&id)?;
        let one = Self::testify(&id, &machine, one)?;
        let other = Self::testify(&id, &machine, other)?;
        match compare(&one, &other) {
            Fork::Shrunk | Fork::SameSizeDifferentRoot => Self::slash(id, machine),
            Fork::NotAFork => return Err(Error::<T>::NotAFork.into()),
            // Nobody is left to answer.
            Fork::NeedsConsistency if machine.standing == Standing::Retired => {
                return Err(Error::<T>::MachineRetired.into());
            }
            Fork::NeedsConsistency => Self::accuse(reporter, id, &machine, &one, &other)?,
        }
        Ok(())
    }

    /// A machine that a fork still costs something.
    fn accountable(id: &MachineId) -> Result<Machine, Error<T>> {
        let machine = Machines::<T>::get(id).ok_or(Error::UnknownMachine)?;
        if machine.standing == Standing::Forked { Err(Error::MachineForked) } else { Ok(machine) }
    }

    fn testify(id: &MachineId, machine: &Machine, testimony: &Testimony) -> Result<AnchorHead, Error<T>> {
        let ak = AkPublic::parse(&machine.ak_public)?;
        let statement = Statement {
            genesis: Self::genesis(),
            block: testimony.block_hash,
            machine: *id,
            size: testimony.log.size,
            root: testimony.log.root,
            device_key: testimony.device,
        };
        let Attestation { message, signature } = &testimony.certified;
        let head = verify_anchor::<P256Check>(&ak, &statement, message, signature, None, &[])?;
        if head.counter <= machine.floor { Err(Error::OtherEpoch) } else { Ok(head) }
    }

    fn slash(id: MachineId, mut machine: Machine) {
        let slashed = Self::burn(HoldReason::Machine, &machine.owner, machine.deposit);
        Self::dismiss(&machine.device);
        machine.deposit = 0;
        machine.standing = Standing::Forked;
        machine.watched = 0;
        T::OnStanding::changed(&id, &machine.owner, Standing::Forked);
        Machines::<T>::insert(id, machine);
        if let Some(accusation) = Accusations::<T>::take(id) {
            Self::give_back(&accusation.reporter);
        }
        Self::deposit_event(Event::Forked { machine: id, slashed });
    }

    fn accuse(
        reporter: Account,
        id: MachineId,
        machine: &Machine,
        one: &AnchorHead,
        other: &AnchorHead,
    ) -> DispatchResult {
        let (old, new) = if one.size <= other.size { (one, other) } else { (other, one) };
        let (old, new) =
            (LogHead { size: old.size, root: old.root }, LogHead { size: new.size, root: new.root });
        // What the chain has taken is known to be consistent.
        let taken = |log: LogHead| machine.recent.iter().any(|anchored| anchored.log == log);
        ensure!(!(taken(old) && taken(new)), Error::<T>::NotAFork);
        ensure!(!Accusations::<T>::contains_key(id), Error::<T>::AlreadyAccused);
        let wanted = Self::now().saturating_add(T::DutyBlocks::get());
        let deadline = Self::schedule(wanted, Item::Accusation(id)).ok_or(Error::<T>::Busy)?;
        T::Currency::hold(&HoldReason::Report.into(), &reporter, T::ReportBond::get())?;
        Accusations::<T>::insert(id, Accusation { reporter, old, new, deadline });
        Self::deposit_event(Event::Accused { machine: id, deadline });
        Ok(())
    }

    pub(crate) fn do_refute(id: MachineId, consistency: &[attest::Hash]) -> DispatchResult {
        let accusation = Accusations::<T>::get(id).ok_or(Error::<T>::NotAccused)?;
        let Accusation { old, new, .. } = accusation;
        verify_consistency(old.size, &old.root, new.size, &new.root, consistency)
            .map_err(|_| Error::<T>::LogRewritten)?;
        Accusations::<T>::remove(id);
        Self::burn(HoldReason::Report, &accusation.reporter, T::ReportBond::get());
        Self::deposit_event(Event::Refuted { machine: id });
        Ok(())
    }

    /// The machine was silent.
    pub(crate) fn settle_accusation(id: MachineId) {
        let now = Self::now();
        if Accusations::<T>::get(id).is_none_or(|accusation| accusation.deadline != now) {
            return;
        }
        if let Some(accusation) = Accusations::<T>::take(id) {
            Self::give_back(&accusation.reporter);
        }
        Machines::<T>::mutate_extant(id, |machine| Self::lapse(&id, machine));
    }

    fn give_back(reporter: &Account) {
        let bond = T::ReportBond::get();
        let _ = T::Currency::release(&HoldReason::Report.into(), reporter, bond, Precision::BestEffort);
    }
}
