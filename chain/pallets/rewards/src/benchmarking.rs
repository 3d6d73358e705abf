//! What sharing out costs, also to who was away for longer than anybody remembers.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up must stop")]

use crate::{Call, Config, Eras, Ledgers, Pallet, Pot, share::ERAS};
use pallet_ecp::{Account, Average, HALF_LIFE};
use polkadot_sdk::*;

use frame_benchmarking::v2::*;
use frame_system::RawOrigin;

/// An owner of all power, which was last paid so many eras ago, and a pot to divide.
fn away<T: Config + pallet_ecp::Config + pallet_timestamp::Config<Moment = u64>>(eras: u32) -> Account {
    let owner: Account = account("owner", 0, 0);
    let now = u64::from(eras) * HALF_LIFE + HALF_LIFE - 1;
    pallet_timestamp::Now::<T>::put(now);
    let raw = Average::seeded(1 << 40).raw(0);
    pallet_ecp::Owners::<T>::mutate(&owner, |score| score.drilling.average.add(now, raw));
    pallet_ecp::Network::<T>::mutate(|score| score.drilling.average.add(now, raw));
    (0..=eras).for_each(|era| Eras::<T>::insert(u64::from(era), 1 << 90));
    Pot::<T>::put((1 << 60, now - HALF_LIFE / 3));
    Ledgers::<T>::mutate(&owner, |ledger| ledger.release.free = 1);
    owner
}

#[benchmarks(where T: pallet_ecp::Config + pallet_timestamp::Config<Moment = u64>)]
mod measured {
    use super::*;

    #[benchmark]
    fn claim(e: Linear<0, ERAS>) {
        let owner = away::<T>(e);
        Ledgers::<T>::mutate(&owner, |ledger| ledger.release.free = 1 << 70);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()));
        assert!(Ledgers::<T>::get(owner).claimed > 0);
    }

    /// What comes before an owner's power changes.
    #[benchmark]
    fn settle(e: Linear<0, ERAS>) {
        let owner = away::<T>(e);
        #[block]
        {
            Pallet::<T>::settle(&owner);
        }
        assert_eq!(Ledgers::<T>::get(owner).paid.0, u64::from(e));
    }

    /// A block's issue; the pot is one of the last era.
    #[benchmark]
    fn share_out() {
        let owner = away::<T>(1);
        Pot::<T>::mutate(|(_, filled)| *filled -= HALF_LIFE);
        #[block]
        {
            Pallet::<T>::share_out(&owner);
        }
        assert!(Pot::<T>::get().1 > HALF_LIFE);
    }
}
