//! Anchors, and new device keys.

use crate::{
    Config, Devices, Error, Event, Machines, MachinesOf, OnStanding, Pallet, request::signed, types::*,
    weights::WeightInfo,
};
use attest::{
    Statement,
    statement::{DelegationFields, delegation_digest},
    verify::{AkPublic, P256Check, verify_anchor, verify_quote},
};
use polkadot_sdk::*;

use frame_support::{
    ensure,
    pallet_prelude::{
        DispatchResult, DispatchResultWithPostInfo, Get, TransactionSource, TransactionValidityError,
        ValidTransaction, Weight,
    },
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_anchor(device: &Account, call: &AnchorCall) -> DispatchResultWithPostInfo {
        let id = Self::machine_of(device)?;
        let mut machine = Self::serving(&id)?;
        Self::check_block(&call.block)?;
        let head = Self::check_anchor(&id, &machine, call)?;
        let returned = Self::note_return(&id, &mut machine);
        let now = Self::now();
        machine.head = head;
        machine.anchors = machine.anchors.saturating_add(1);
        machine.seen_at = now;
        machine.due = Self::next_due();
        let anchored = Anchored { at: now, block: call.block, log: call.log, counter: head.counter };
        if machine.recent.is_full() {
            machine.recent.remove(0);
        }
        let _ = machine.recent.try_push(anchored);
        let unwatched = machine.watched == 0;
        Machines::<T>::insert(id, machine);
        if unwatched {
            Self::watch(id);
        }
        Self::level_rate(device);
        Self::deposit_event(Event::Anchored { machine: id, log: call.log, counter: head.counter });
        // Most machines were not away, and nobody was told anything.
        Ok(if returned { None } else { Some(T::WeightInfo::anchor()) }.into())
    }

    fn check_anchor(id: &MachineId, machine: &Machine, call: &AnchorCall) -> Result<Head, Error<T>> {
        let ak = AkPublic::parse(&machine.ak_public)?;
        let statement = Statement {
            genesis: Self::genesis(),
            block: call.block.hash,
            machine: *id,
            size: call.log.size,
            root: call.log.root,
            device_key: machine.device.clone().into(),
        };
        let Attestation { message, signature } = &call.certified;
        let last = machine.head.into();
        Ok(verify_anchor::<P256Check>(&ak, &statement, message, signature, Some(&last), &call.consistency)?
            .into())
    }

    /// A machine that may anchor.
    pub(crate) fn serving(id: &MachineId) -> Result<Machine, Error<T>> {
        let machine = Machines::<T>::get(id).ok_or(Error::UnknownMachine)?;
        match machine.standing {
            Standing::Active | Standing::Lapsed => Ok(machine),
            Standing::Forked => Err(Error::MachineForked),
            Standing::Retired => Err(Error::MachineRetired),
        }
    }

    fn note_return(id: &MachineId, machine: &mut Machine) -> bool {
        let lapsed = machine.standing == Standing::Lapsed;
        if lapsed {
            let absent = machine.absent_by(Self::now());
            let away = absent.saturating_sub(machine.absent);
            machine.absent = absent;
            machine.standing = Standing::Active;
            T::OnStanding::changed(id, &machine.owner, Standing::Active);
            Self::deposit_event(Event::Returned { machine: *id, away });
        }
        lapsed
    }

    /// By when a machine that is seen now must anchor.
    pub(crate) fn next_due() -> u32 {
        Self::now().saturating_add(T::AnchorPeriod::get()).saturating_add(T::AnchorGrace::get())
    }

    pub(crate) fn authorize_delegation(
        _: TransactionSource,
        delegation: &Delegation,
    ) -> Result<(ValidTransaction, Weight), TransactionValidityError> {
        Self::check_delegation(delegation).map_err(Error::<T>::invalid)?;
        let valid = ValidTransaction::with_tag_prefix("matrixai-delegate")
            .and_provides(delegation.machine)
            .longevity(64)
            .propagate(true)
            .build()?;
        Ok((valid, Weight::zero()))
    }

    pub(crate) fn do_delegate(delegation: &Delegation) -> DispatchResult {
        let mut machine = Self::check_delegation(delegation)?;
        let device = Account::new(delegation.device);
        Self::dismiss(&machine.device);
        Self::admit(&device, Role::Enrolled(delegation.machine));
        machine.device = device.clone();
        machine.delegated_at = Self::now();
        Machines::<T>::insert(delegation.machine, machine);
        Self::deposit_event(Event::Delegated { machine: delegation.machine, device });
        Ok(())
    }

    /// The machine with what the quote says, the device key apart.
    fn check_delegation(delegation: &Delegation) -> Result<Machine, Error<T>> {
        let mut machine = Self::serving(&delegation.machine)?;
        Self::check_block(&delegation.block)?;
        // Also bounds delegations to one in a block, and keeps an old one from being played again.
        if delegation.block.number < machine.delegated_at {
            return Err(Error::OldDelegation);
        }
        if Devices::<T>::contains_key(Account::new(delegation.device)) {
            return Err(Error::DeviceInUse);
        }
        let statement = Statement {
            genesis: Self::genesis(),
            block: delegation.block.hash,
            machine: delegation.machine,
            size: delegation.log.size,
            root: delegation.log.root,
            device_key: delegation.device,
        };
        let Attestation { message, signature } = &delegation.quote;
        let fields =
            DelegationFields { statement: &statement, quote_message: message, quote_signature: signature };
        if !signed(&delegation.device_signature, &delegation_digest(&fields), &delegation.device) {
            return Err(Error::BadDeviceSignature);
        }
        if delegation.log.size < machine.head.size {
            return Err(Error::LogShrunk);
        }
        let ak = AkPublic::parse(&machine.ak_public)?;
        let quoted = verify_quote::<P256Check>(&ak, &statement, message, signature)?;
        let resets = (quoted.reset_count, quoted.restart_count);
        if resets < (machine.head.reset_count, machine.head.restart_count) {
            return Err(Error::ResetCountWentBack);
        }
        (machine.head.reset_count, machine.head.restart_count) = resets;
        machine.pcr_digest = quoted.pcr_digest;
        Ok(machine)
    }

    pub(crate) fn do_retire(owner: &Account, id: MachineId) -> DispatchResult {
        let mut machine = Self::serving(&id)?;
        ensure!(machine.owner == *owner, Error::<T>::NotOwner);
        // A fork may come to light yet: until then its deposit stays where it is, and its device answers for what the machine did.
        machine.due = Self::now().saturating_add(T::Unbonding::get());
        machine.watched = Self::schedule(machine.due, Item::Machine(id)).ok_or(Error::<T>::Busy)?;
        machine.standing = Standing::Retired;
        MachinesOf::<T>::remove(owner, id);
        Machines::<T>::insert(id, machine);
        T::OnStanding::changed(&id, owner, Standing::Retired);
        Self::deposit_event(Event::Retired { machine: id });
        Ok(())
    }
}
