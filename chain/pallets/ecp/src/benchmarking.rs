//! What events about a machine's work cost: each decays several averages over an odd time.
//!
//! Who is told of changing power is measured where it is told, and comes on top: [`Watch::weight`](crate::Watch::weight).

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up must stop")]

use crate::{Account, Config, Credit, Network, Owners, Pallet, Scores, score::Kind};
use pallet_machines::{
    OnStanding,
    types::{MachineId, Standing},
};
use polkadot_sdk::*;

use frame_benchmarking::v2::*;

const MACHINE: MachineId = [1; 32];
const BEGAN: u64 = 1_790_000_000_000;
/// Nearly all bits of it are set as a part of a half-life: as many products as there can be.
const LATER: u64 = BEGAN + 604_799_999;
const UT: u128 = 1_000_000;

/// An owner's machine that has done work of both kinds for a while.
fn busy<T: Config + pallet_timestamp::Config<Moment = u64>>() {
    pallet_timestamp::Now::<T>::put(BEGAN);
    Pallet::<T>::changed(&MACHINE, &owner(0), Standing::Active);
    Pallet::<T>::begin(&MACHINE, Kind::Training);
    Pallet::<T>::credit(&MACHINE, Kind::Drilling, [1; 32], UT);
    pallet_timestamp::Now::<T>::put(BEGAN + 1_000);
    Pallet::<T>::credit(&MACHINE, Kind::Training, [1; 32], 1);
    pallet_timestamp::Now::<T>::put(LATER);
}

fn owner(number: u32) -> Account {
    account("owner", number, 0)
}

#[benchmarks(where T: pallet_timestamp::Config<Moment = u64>)]
mod measured {
    use super::*;

    #[benchmark]
    fn credit() {
        busy::<T>();
        let counted;
        #[block]
        {
            counted = Pallet::<T>::credit(&MACHINE, Kind::Training, [2; 32], UT);
        }
        assert!(counted > 0);
    }

    /// The machine has another owner, and its work with it.
    #[benchmark]
    fn changed() {
        busy::<T>();
        #[block]
        {
            Pallet::<T>::changed(&MACHINE, &owner(1), Standing::Active);
        }
        assert_eq!(Scores::<T>::get(MACHINE).unwrap().owner, owner(1));
        assert_eq!((Owners::<T>::get(owner(0)).machines, Network::<T>::get().machines), (0, 1));
    }
}
