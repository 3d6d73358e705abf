//! What a block costs in which an epoch begins, after so many without one.

use crate::{Config, KEPT_EPOCHS, Last, Pallet, Seeds, Unseeded};
use polkadot_sdk::*;

use frame_benchmarking::v2::*;
use frame_support::traits::Hooks;
use frame_system::pallet_prelude::BlockNumberFor;

#[benchmarks]
mod measured {
    use super::*;

    /// Seeds for so many epochs at once, and as many old ones to forget.
    #[benchmark]
    fn turn(e: Linear<0, { KEPT_EPOCHS as u32 }>) {
        let first = KEPT_EPOCHS;
        (0..first).for_each(|epoch| Seeds::<T>::insert(epoch, [1; 32]));
        Unseeded::<T>::put(first);
        // Any epoch but the running one.
        Last::<T>::put(first + u64::from(e));
        #[block]
        {
            Pallet::<T>::on_initialize(BlockNumberFor::<T>::default());
        }
        assert_eq!(Unseeded::<T>::get(), first + u64::from(e));
    }
}
