//! How fast this chain goes: chosen once, in genesis, so that one WASM serves a development chain and the real one.
//!
//! There is no call that changes any of it. The epoch's length in particular must never change: block verification derives the
//! epoch from the slot.

use codec::{Decode, Encode, MaxEncodedLen};
use polkadot_sdk::*;
use scale_info::TypeInfo;

pub use pallet::*;

/// What genesis chose.
#[derive(Encode, Decode, Clone, PartialEq, Eq, Debug, TypeInfo, MaxEncodedLen)]
pub struct Rhythm {
    /// Length of a slot in milliseconds.
    pub slot_millis: u64,
    /// Slots in an epoch.
    pub epoch_slots: u64,
    /// Blocks from one anchor of a machine to the next.
    pub anchor_period: u32,
    /// Blocks after a missed anchor until the machine lapses.
    pub anchor_grace: u32,
    /// Blocks that inspectors and machines have for their duties.
    pub duty_blocks: u32,
    /// Blocks that a machine has to answer a question about a result.
    pub answer_blocks: u32,
}

impl Rhythm {
    /// The real chain: 2 s slots, a third of them with a block, epochs of 10 minutes, hourly anchors, half an hour for duties, a
    /// day for answers: so long may a host be down before its owner pays.
    pub const PRODUCTION: Self = Self {
        slot_millis: 2_000,
        epoch_slots: 300,
        anchor_period: 600,
        anchor_grace: 1_800,
        duty_blocks: 300,
        answer_blocks: 14_400,
    };

    /// Development chains: 500 ms slots, epochs of 10 seconds, an anchor every ten blocks, a minute for duties and for answers.
    pub const DEVELOPMENT: Self = Self {
        slot_millis: 500,
        epoch_slots: 20,
        anchor_period: 10,
        anchor_grace: 60,
        duty_blocks: 60,
        answer_blocks: 60,
    };
}

impl Default for Rhythm {
    fn default() -> Self {
        Self::PRODUCTION
    }
}

/// The pallet: one value in storage.
#[allow(clippy::expect_used, reason = "written by the macro")]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use core::marker::PhantomData;
    use frame_support::pallet_prelude::*;

    /// Chosen at genesis.
    #[pallet::storage]
    pub type Chosen<T> = StorageValue<_, Rhythm, ValueQuery>;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// Nothing to configure.
    #[pallet::config]
    pub trait Config: polkadot_sdk::frame_system::Config {}

    /// The fields of [`Rhythm`].
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// Length of a slot in milliseconds.
        pub slot_millis: u64,
        /// Slots in an epoch.
        pub epoch_slots: u64,
        /// Blocks from one anchor of a machine to the next.
        pub anchor_period: u32,
        /// Blocks after a missed anchor until the machine lapses.
        pub anchor_grace: u32,
        /// Blocks that inspectors and machines have for their duties.
        pub duty_blocks: u32,
        /// Blocks that a machine has to answer a question about a result.
        pub answer_blocks: u32,
        /// For the compiler only.
        #[serde(skip)]
        pub runtime: PhantomData<T>,
    }

    impl<T: Config> From<Rhythm> for GenesisConfig<T> {
        fn from(rhythm: Rhythm) -> Self {
            let Rhythm { slot_millis, epoch_slots, anchor_period, anchor_grace, duty_blocks, answer_blocks } =
                rhythm;
            Self {
                slot_millis,
                epoch_slots,
                anchor_period,
                anchor_grace,
                duty_blocks,
                answer_blocks,
                runtime: PhantomData,
            }
        }
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Rhythm::PRODUCTION.into()
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let Self {
                slot_millis,
                epoch_slots,
                anchor_period,
                anchor_grace,
                duty_blocks,
                answer_blocks,
                ..
            } = *self;
            assert!(
                slot_millis >= 100 && epoch_slots >= 10,
                "slots below 100 ms and epochs below 10 slots stall"
            );
            Chosen::<T>::put(Rhythm {
                slot_millis,
                epoch_slots,
                anchor_period,
                anchor_grace,
                duty_blocks,
                answer_blocks,
            });
        }
    }

    impl<T: Config> Pallet<T> {
        /// What genesis chose.
        pub fn rhythm() -> Rhythm {
            Chosen::<T>::get()
        }
    }
}
