//! What light clients ask.

use crate::types::{Account, Machine, MachineId, Request, RequestId, Token};
use alloc::vec::Vec;
use polkadot_sdk::*;

sp_api::decl_runtime_apis! {
    /// What is known of machines and requests, at one block.
    pub trait MachinesApi {
        /// A machine: when it was last seen, what it has anchored, how far it can be trusted.
        fn machine(id: MachineId) -> Option<Machine>;
        /// The machine whose device this is.
        fn machine_of_device(device: Account) -> Option<MachineId>;
        /// An owner's machines, up to a thousand.
        fn machines_of(owner: Account) -> Vec<(MachineId, Machine)>;
        /// A request that waits.
        fn request(id: RequestId) -> Option<Request>;
        /// Requests for which this inspector is drawn and not done.
        fn duties_of(inspector: Account) -> Vec<(RequestId, Request)>;
        /// A join token.
        fn token(key: [u8; 32]) -> Option<Token>;
        /// What one machine of a token costs its owner in deposit.
        fn deposit_per_machine() -> u128;
    }
}

impl<T: crate::Config> crate::Pallet<T> {
    /// An owner's machines, up to a thousand.
    pub fn machines_of(owner: &Account) -> Vec<(MachineId, Machine)> {
        let ids = crate::MachinesOf::<T>::iter_key_prefix(owner).take(1_000);
        ids.filter_map(|id| Some((id, crate::Machines::<T>::get(id)?))).collect()
    }

    /// The machine whose device this is.
    pub fn machine_of_device(device: &Account) -> Option<MachineId> {
        Self::machine_of(device).ok()
    }

    /// Requests for which this inspector is drawn and not done.
    pub fn duties_of(inspector: &Account) -> Vec<(RequestId, Request)> {
        let ids = crate::DutiesOf::<T>::iter_key_prefix(inspector).take(1_000);
        ids.filter_map(|id| Some((id, crate::Requests::<T>::get(id)?))).collect()
    }
}
