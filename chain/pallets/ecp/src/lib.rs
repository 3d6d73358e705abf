//! Effective compute power: what machines and their owners have computed, and lately.
//!
//! Two kinds of work count, *drilling* (D: the network's own tasks) and *training* (T: paid orders). Of each there is a plain total
//! and BOINC's recent average with a half-life of a week; `0.4 · D + 0.6 · T` of the averages is an owner's weight in the block
//! lottery. An event costs the same however many machines there are, and nothing happens between events. It must not know how work is
//! judged.
//!
//! - `decay.rs`, `average.rs`: the average in fixed point; `score.rs`: what is kept
//! - `credit.rs`: work comes in; `standing.rs`: machines lapse, return and change hands; `api.rs`: what buyers see
//!
//! ```
//! use pallet_ecp::{Average, DAY};
//!
//! // A day at 1 GFLOPS are 200 ut.
//! let (mut average, start, ut) = (Average::default(), 1_790_000_000_000, 1_000_000);
//! average.begin(start);
//! for hour in 1..=24 {
//!     average.earn(start + hour * DAY / 24, 200 * ut / 24);
//! }
//! assert_eq!(average.value(start + DAY) / (ut / 10), 188, "18.9 ut a day, rounded");
//! // The week after that passes in silence.
//! assert_eq!(average.value(start + 8 * DAY), average.value(start + DAY) / 2);
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

mod api;
mod average;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod credit;
mod decay;
pub mod score;
mod standing;
#[cfg(test)]
mod tests;
pub mod weights;

pub use api::*;
pub use average::{Average, Sum};
pub use credit::{Credit, Origin};
pub use decay::{DAY, HALF_LIFE, decayed, undecayed};
pub use pallet::*;

pub use pallet_machines::types::Account;
use polkadot_sdk::*;

use frame_support::weights::Weight;
use sp_runtime::Perquintill;

/// A millionth of a ut, the unit of every amount here. 1 ut = 4.32e11 FLOP.
pub const UT: u128 = 1_000_000;

/// Who needs to know before an owner's compute power changes: those who share out by it.
pub trait Watch {
    /// It is about to change; until now it only decayed.
    fn changes(owner: &Account);
    /// Such a part of it was a lie. Told right after [`Watch::changes`].
    fn forfeits(owner: &Account, part: Perquintill);
    /// What telling costs.
    fn weight() -> Weight;
}

impl Watch for () {
    fn changes(_: &Account) {}
    fn forfeits(_: &Account, _: Perquintill) {}
    fn weight() -> Weight {
        Weight::zero()
    }
}

/// The pallet.
#[allow(clippy::expect_used, reason = "written by the macro")]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use crate::{
        score::{Figures, Kind, MachineScore, OwnerScore},
        weights::WeightInfo,
    };
    use alloc::vec::Vec;
    use frame_support::{pallet_prelude::*, traits::Time};
    use pallet_machines::types::MachineId;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What it needs.
    #[pallet::config]
    pub trait Config:
        polkadot_sdk::frame_system::Config<AccountId = Account, RuntimeEvent: From<Event<Self>>>
    {
        /// The chain's clock, in milliseconds.
        type Time: Time<Moment = u64>;
        /// Told before an owner's compute power changes.
        type Watch: Watch;
        /// Training that counts in a day, in percent of the best day of drilling.
        #[pallet::constant]
        type TrainingPercent: Get<u32>;
        /// Days of training that may be credited at once, since orders are credited when they are done.
        #[pallet::constant]
        type TrainingDays: Get<u32>;
        /// What calls and hooks cost.
        type WeightInfo: WeightInfo;
    }

    /// Each machine that was ever enrolled.
    #[pallet::storage]
    pub type Scores<T: Config> = StorageMap<_, Identity, MachineId, MachineScore>;

    /// Each owner.
    #[pallet::storage]
    pub type Owners<T: Config> = StorageMap<_, Blake2_128Concat, Account, OwnerScore, ValueQuery>;

    /// Everybody together.
    #[pallet::storage]
    pub type Network<T: Config> = StorageValue<_, OwnerScore, ValueQuery>;

    /// Compute power that nobody worked for: for measuring the block lottery. Chains that matter have none.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Owners, and their recent drilling in ut per day.
        pub seeds: Vec<(Account, u64)>,
        /// For the compiler only.
        #[serde(skip)]
        pub runtime: PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for (owner, ut) in &self.seeds {
                let raw = Average::seeded(u128::from(*ut).saturating_mul(UT)).raw(0);
                Owners::<T>::mutate(owner, |score| score.drilling.average.add(0, raw));
                Network::<T>::mutate(|score| score.drilling.average.add(0, raw));
            }
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A machine's work counts.
        Credited {
            /// The machine.
            machine: MachineId,
            /// Whose.
            owner: Account,
            /// Which kind of work.
            kind: Kind,
            /// Which task or order.
            origin: Origin,
            /// Micro-ut that count.
            amount: u128,
            /// Micro-ut beyond what the machine has shown that it can do.
            refused: u128,
            /// The machine's compute power now.
            figures: Figures,
        },
        /// A machine's work was a lie, and counts no more.
        Revoked {
            /// The machine.
            machine: MachineId,
            /// Whose.
            owner: Account,
            /// Which kind of work.
            kind: Kind,
            /// Which task or order.
            origin: Origin,
            /// Micro-ut that were taken back.
            amount: u128,
            /// The machine's compute power now.
            figures: Figures,
        },
        /// A machine has another owner, and its compute power with it.
        Moved {
            /// The machine.
            machine: MachineId,
            /// Whose it was.
            from: Account,
            /// Whose it is.
            to: Account,
        },
    }

    impl<T: Config> Pallet<T> {
        /// The chain's time in milliseconds: of the last block until this block's own is set.
        pub fn now() -> u64 {
            T::Time::now()
        }

        pub(crate) fn training_rate() -> (u32, u32) {
            (T::TrainingPercent::get(), T::TrainingDays::get())
        }

        /// Everybody's compute power together, in micro-ut per day.
        pub fn network_weight() -> u128 {
            Network::<T>::get().combined(Self::now())
        }

        /// An owner's weight in the block lottery, in micro-ut per day.
        pub fn weight_of(owner: &Account) -> u128 {
            Owners::<T>::get(owner).combined(Self::now())
        }
    }
}
