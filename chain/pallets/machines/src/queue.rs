//! What falls due: anchors, deposits of retired machines, requests, accusations. Each block looks at its own items only; nothing is ever scanned.
//!
//! A machine has one item at a time, which is looked at again rather than moved at every anchor: `watched` names its block.

use crate::{Config, Due, Ended, Event, Machines, OnStanding, Pallet, types::*, weights::WeightInfo};
use polkadot_sdk::*;

use frame_support::pallet_prelude::{Get, Weight};

impl<T: Config> Pallet<T> {
    /// Puts an item into the first block from `wanted` on that has room, and says which.
    pub(crate) fn schedule(wanted: u32, item: Item) -> Option<u32> {
        let from = wanted.max(Self::now().saturating_add(1));
        (from..=from.saturating_add(DUE_SLACK)).find(|block| Due::<T>::try_append(*block, item).is_ok())
    }

    /// Looks at everything that is due in this block.
    pub(crate) fn settle_due() -> Weight {
        let items = Due::<T>::take(Self::now());
        let looked = T::WeightInfo::settle_due(items.len() as u32);
        items.into_iter().fold(looked, |sum, item| {
            sum.saturating_add(match item {
                Item::Machine(machine) if Self::settle_machine(machine) => {
                    T::WeightInfo::settle_lapse().saturating_add(T::OnStanding::weight())
                }
                Item::Machine(_) => T::WeightInfo::settle_machine(),
                Item::Request(request) => {
                    Self::settle_request(request);
                    Self::weight_of_outcome(T::WeightInfo::settle_request())
                }
                Item::Accusation(machine) => {
                    Self::settle_accusation(machine);
                    T::WeightInfo::settle_accusation().saturating_add(T::OnStanding::weight())
                }
                Item::Ended(request) => {
                    Ended::<T>::remove(request);
                    T::DbWeight::get().writes(1)
                }
            })
        })
    }

    /// Returns whether there was more to do than to look: it is late, or retired for good.
    pub(crate) fn settle_machine(id: MachineId) -> bool {
        let now = Self::now();
        let Some(mut machine) = Machines::<T>::get(id).filter(|machine| machine.watched == now) else {
            return false;
        };
        machine.watched = 0;
        let over = machine.due <= now;
        if machine.standing == Standing::Retired {
            Self::part(&mut machine);
        } else if over {
            Self::lapse(&id, &mut machine);
        }
        let active = machine.standing == Standing::Active;
        Machines::<T>::insert(id, machine);
        if active {
            Self::watch(id);
        }
        over
    }

    /// Gives a retired machine's deposit back, but for what its record costs. Nobody asks its device any more.
    fn part(machine: &mut Machine) {
        Self::dismiss(&machine.device);
        let kept = T::RecordDeposit::get().min(machine.deposit);
        Self::release(&machine.owner, machine.deposit.saturating_sub(kept));
        machine.deposit = kept;
    }

    /// Looks at the machine when its anchor is due.
    pub(crate) fn watch(id: MachineId) {
        Machines::<T>::mutate_extant(id, |machine| {
            // Where no block has room, the machine's next anchor tries again.
            machine.watched = Self::schedule(machine.due, Item::Machine(id)).unwrap_or(0);
        });
    }

    pub(crate) fn lapse(id: &MachineId, machine: &mut Machine) {
        if machine.standing == Standing::Active {
            machine.standing = Standing::Lapsed;
            T::OnStanding::changed(id, &machine.owner, Standing::Lapsed);
            machine.lapses = machine.lapses.saturating_add(1);
            machine.due = machine.due.min(Self::now());
            Self::deposit_event(Event::Lapsed { machine: *id });
        }
    }
}
