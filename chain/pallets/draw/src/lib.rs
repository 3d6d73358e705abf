//! The one source of drawn randomness. Whoever draws by anything else (a block hash, a parent block, the current epoch's seed) can
//! be ground against by block producers.
//!
//! Inputs and candidates freeze in epoch `e`. The seed they are drawn with mixes the VRF outputs of epoch `e + 1`, which nobody knew
//! in `e`; it is at hand from the first block of `e + 2`. It must not know what is drawn.
//!
//! ```
//! use pallet_draw::pick;
//!
//! let seed = [7; 32];
//! let drawn = pick(&seed, b"inspectors of request 1", 5, 3);
//! assert_eq!(drawn.len(), 3);
//! assert_eq!(drawn, pick(&seed, b"inspectors of request 1", 5, 3), "everybody draws the same");
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod pick;
pub mod weights;

use polkadot_sdk::*;

pub use pallet::*;
pub use pick::pick;

/// 32 bytes that nobody could have known when the inputs froze.
pub type Seed = [u8; 32];

/// How many epochs' seeds are kept: who has not drawn by then draws anew.
pub const KEPT_EPOCHS: u64 = 64;

/// Where epochs and their randomness come from: BABE in the runtime.
pub trait Epochs {
    /// The running epoch.
    fn index() -> u64;
    /// What BABE announces for the next epoch: in epoch `n` it mixes the VRF outputs of epoch `n − 1`.
    fn announced_randomness() -> Seed;
}

/// What those who draw need.
pub trait Draw {
    /// The running epoch: what is frozen now is frozen in it.
    fn epoch() -> u64;
    /// The seed for what froze in this epoch; none before it can be known, nor long after.
    fn seed(frozen_in: u64) -> Option<Seed>;
}

/// The pallet.
#[allow(clippy::expect_used, reason = "written by the macro")]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use crate::weights::WeightInfo;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::BlockNumberFor;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What it needs.
    #[pallet::config]
    pub trait Config: polkadot_sdk::frame_system::Config {
        /// Epochs and their randomness.
        type Epochs: Epochs;
        /// What calls and hooks cost.
        type WeightInfo: WeightInfo;
    }

    /// Seeds, by the epoch in which their inputs froze.
    #[pallet::storage]
    pub type Seeds<T> = StorageMap<_, Twox64Concat, u64, Seed>;

    /// The last epoch seen.
    #[pallet::storage]
    pub type Last<T> = StorageValue<_, u64, ValueQuery>;

    /// The first epoch without a seed yet.
    #[pallet::storage]
    pub type Unseeded<T> = StorageValue<_, u64, ValueQuery>;

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            let (now, last) = (T::Epochs::index(), Last::<T>::get());
            if now == last {
                return T::DbWeight::get().reads(2);
            }
            Last::<T>::put(now);
            // The seed mixes the outputs of the last epoch that had blocks: only what froze before that epoch may use it.
            let from = Unseeded::<T>::get().max(last.saturating_sub(KEPT_EPOCHS));
            let seed = T::Epochs::announced_randomness();
            for epoch in from..last {
                Seeds::<T>::insert(epoch, seed);
                if let Some(old) = epoch.checked_sub(KEPT_EPOCHS) {
                    Seeds::<T>::remove(old);
                }
            }
            Unseeded::<T>::put(last);
            T::WeightInfo::turn(u32::try_from(last.saturating_sub(from)).unwrap_or(u32::MAX))
        }
    }

    impl<T: Config> Draw for Pallet<T> {
        fn epoch() -> u64 {
            T::Epochs::index()
        }

        fn seed(frozen_in: u64) -> Option<Seed> {
            Seeds::<T>::get(frozen_in)
        }
    }
}

#[cfg(test)]
mod tests;
