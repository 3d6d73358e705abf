//! What light clients ask.

use crate::{
    Config, Network, Owners, Pallet, Scores,
    score::{Figures, MachineScore},
};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use pallet_machines::types::{Account, MachineId};
use polkadot_sdk::*;
use scale_info::TypeInfo;

/// A machine's compute power at one block.
#[derive(Encode, Decode, Clone, PartialEq, Eq, Debug, TypeInfo)]
pub struct MachineEcp {
    /// Whose it is.
    pub owner: Account,
    /// Whether it counts for its owner now.
    pub counts: bool,
    /// In micro-ut.
    pub figures: Figures,
    /// The most drilling credited in a day: what the machine has shown that it can do.
    pub shown: u128,
    /// Training that could be credited now.
    pub training_room: u128,
}

/// An owner's compute power at one block, or everybody's.
#[derive(Encode, Decode, Clone, PartialEq, Eq, Debug, TypeInfo)]
pub struct OwnerEcp {
    /// Machines that count.
    pub machines: u32,
    /// In micro-ut.
    pub figures: Figures,
}

sp_api::decl_runtime_apis! {
    /// Compute power, at one block.
    pub trait EcpApi {
        /// Of a machine that has ever been enrolled.
        fn machine_ecp(machine: MachineId) -> Option<MachineEcp>;
        /// Of an owner.
        fn owner_ecp(owner: Account) -> OwnerEcp;
        /// Of an owner's machines, up to a thousand.
        fn machines_ecp(owner: Account) -> Vec<(MachineId, MachineEcp)>;
        /// Of everybody together.
        fn network_ecp() -> OwnerEcp;
    }
}

impl<T: Config> Pallet<T> {
    /// A machine's compute power.
    pub fn machine_ecp(machine: &MachineId) -> Option<MachineEcp> {
        let score: MachineScore = Scores::<T>::get(machine)?;
        let now = Self::now();
        let (percent, days) = Self::training_rate();
        Some(MachineEcp {
            figures: score.figures(now),
            shown: score.shown.best,
            training_room: score.shown.room(now, percent, days),
            counts: score.counts,
            owner: score.owner,
        })
    }

    /// An owner's compute power.
    pub fn owner_ecp(owner: &Account) -> OwnerEcp {
        let score = Owners::<T>::get(owner);
        OwnerEcp { machines: score.machines, figures: score.figures(Self::now()) }
    }

    /// Everybody's compute power.
    pub fn network_ecp() -> OwnerEcp {
        let score = Network::<T>::get();
        OwnerEcp { machines: score.machines, figures: score.figures(Self::now()) }
    }
}
