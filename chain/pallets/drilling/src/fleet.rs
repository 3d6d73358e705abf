//! What drilling needs to know of machines.

use pallet_machines::types::{Account, Level, MachineId, Standing};

/// A machine as far as tasks are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Whose it is.
    pub owner: Account,
    /// Whether it anchors in time.
    pub active: bool,
    /// How far its identity can be trusted.
    pub level: Level,
}

/// Machines and their accounts.
pub trait Fleet {
    /// The machine whose device this is.
    fn machine_of(device: &Account) -> Option<MachineId>;
    /// A machine.
    fn member(machine: &MachineId) -> Option<Member>;
    /// Whether a device may send one more call without a fee.
    fn is_free(device: &Account) -> bool;
    /// The device's call was one that the chain itself asked for: it doesn't count against the rate.
    fn excuse(device: &Account);
}

impl<T: pallet_machines::Config> Fleet for pallet_machines::Pallet<T> {
    fn machine_of(device: &Account) -> Option<MachineId> {
        Self::machine_of_device(device)
    }

    fn member(machine: &MachineId) -> Option<Member> {
        let machine = pallet_machines::Machines::<T>::get(machine)?;
        let active = machine.standing == Standing::Active;
        Some(Member { owner: machine.owner, active, level: machine.level })
    }

    fn is_free(device: &Account) -> bool {
        Self::is_free_of_fees(device)
    }

    fn excuse(device: &Account) {
        Self::excuse_call(device);
    }
}
