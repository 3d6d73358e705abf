//! An inspector's question for a machine's GPUs: a word in the header of its block, which the machine's agent reads there like a draw.
//!
//! Nobody knew the block's hash before, and that is what the challenge is made of. What a machine answers stands in its log; nothing here depends
//! on it. A question costs the machine minutes of work, so there is one in [`ASK_PAUSE`] blocks for each, whoever asks.

use crate::{Asked, AskedNow, Config, Error, Event, Machines, Pallet, types::*};
use attest::question;
use polkadot_sdk::*;

use frame_support::{ensure, pallet_prelude::DispatchResult};
use pallet_inspectors::Inspection;
use sp_runtime::DigestItem;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_ask(inspector: Account, machine: MachineId) -> DispatchResult {
        ensure!(T::Inspection::is_registered(&inspector), Error::<T>::NotAnInspector);
        let standing = Machines::<T>::get(machine).ok_or(Error::<T>::UnknownMachine)?.standing;
        ensure!(standing == Standing::Active, Error::<T>::NotActive);
        let now = Self::now();
        let last = Asked::<T>::get(machine);
        ensure!(last.is_none_or(|last| now.saturating_sub(last) >= ASK_PAUSE), Error::<T>::AskedBefore);
        // Headers are everybody's to carry.
        let (block, count) = AskedNow::<T>::get();
        let count = if block == now { count } else { 0 };
        ensure!(count < ASKS_PER_BLOCK, Error::<T>::Busy);
        AskedNow::<T>::put((now, count.saturating_add(1)));
        Asked::<T>::insert(machine, now);
        frame_system::Pallet::<T>::deposit_log(DigestItem::Other(question::item(&machine).to_vec()));
        Self::deposit_event(Event::Asked { machine, inspector });
        Ok(())
    }
}
