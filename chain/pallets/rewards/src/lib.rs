//! What blocks and compute power earn.
//!
//! Each block brings something into the world, ever less, and one day nothing. Its author gets a part, the treasury a part, and all
//! machines that count a part, shared out by their owners' effective compute power: never per head, or a thousand small machines would
//! earn more than one that does the same. Earnings come free little by little. An offence of a block producer costs
//! all that is not yet free; a machine that lied costs its owner the part of it that the machine was of the owner's compute power. Nothing
//! costs per machine or owner per block. It must not know how power is earned.
//!
//! - `schedule.rs`: how much there is; `share.rs`: by compute power; `release.rs`: little by little
//! - `slash.rs`: where slashed money goes
//!
//! ```
//! use pallet_rewards::Release;
//!
//! let mut release = Release::default();
//! release.earn(100, 1_000, 10);
//! release.advance(105);
//! assert_eq!((release.free, release.locked), (500, 500));
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

mod api;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod release;
mod schedule;
mod share;
mod slash;
#[cfg(test)]
mod tests;
pub mod weights;

pub use api::*;
pub use pallet::*;
pub use release::Release;
pub use schedule::Schedule;

use pallet_ecp::Account;
use polkadot_sdk::*;

/// Compute power, which decays alike for all.
pub trait Power {
    /// An owner's, now.
    fn of(owner: &Account) -> u128;
    /// Everybody's, now.
    fn all() -> u128;
}

/// The pallet.
#[allow(clippy::expect_used, reason = "written by the macro")]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use crate::weights::WeightInfo;
    use codec::DecodeWithMemTracking;
    use frame_support::{
        pallet_prelude::*,
        traits::{
            Time,
            fungible::{Balanced, Credit, Inspect, Mutate},
        },
    };
    use frame_system::pallet_prelude::{BlockNumberFor, OriginFor, ensure_signed};
    use sp_runtime::{Percent, Perquintill, traits::UniqueSaturatedInto};

    /// Money that was taken.
    pub type Taken<T> = Credit<Account, <T as Config>::Currency>;

    /// What is known of an owner's earnings.
    #[derive(
        Encode,
        Decode,
        DecodeWithMemTracking,
        Clone,
        Copy,
        PartialEq,
        Eq,
        Debug,
        Default,
        TypeInfo,
        MaxEncodedLen,
    )]
    pub struct Ledger {
        /// What comes free when.
        pub release: Release,
        /// Up to which era, and which pay per unit in it, the owner's power was paid for.
        pub paid: (u64, u128),
        /// Claimed so far.
        pub claimed: u128,
    }

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What it needs.
    #[pallet::config]
    pub trait Config:
        polkadot_sdk::frame_system::Config<AccountId = Account, RuntimeEvent: From<Event<Self>>>
    {
        /// Makes money.
        type Currency: Inspect<Account, Balance = u128> + Mutate<Account> + Balanced<Account>;
        /// The chain's clock, in milliseconds.
        type Time: Time<Moment = u64>;
        /// Compute power.
        type Power: Power;
        /// How much there is.
        type Schedule: Get<Schedule>;
        /// The author's part of a block's issue.
        #[pallet::constant]
        type AuthorPart: Get<Percent>;
        /// The part for compute power; the treasury has the rest.
        #[pallet::constant]
        type PowerPart: Get<Percent>;
        /// Blocks over which earnings come free.
        #[pallet::constant]
        type Release: Get<u32>;
        /// Where the treasury's money lies.
        type Treasury: Get<Account>;
        /// The reporter's part of slashed money; the treasury has the rest.
        #[pallet::constant]
        type ReporterPart: Get<Percent>;
        /// What calls and hooks cost.
        type WeightInfo: WeightInfo;
    }

    /// Owners' earnings.
    #[pallet::storage]
    pub type Ledgers<T: Config> = StorageMap<_, Blake2_128Concat, Account, Ledger, ValueQuery>;

    /// For compute power, and not divided yet; and when it was last added to.
    #[pallet::storage]
    pub type Pot<T: Config> = StorageValue<_, (u128, u64), ValueQuery>;

    /// Pay per unit of compute power, by era.
    #[pallet::storage]
    pub type Eras<T: Config> = StorageMap<_, Twox64Concat, u64, u128, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Free earnings were paid out.
        Claimed {
            /// Whose.
            owner: Account,
            /// How much.
            amount: u128,
        },
        /// Somebody lost to an offence what was not free yet.
        Forfeited {
            /// Who.
            owner: Account,
            /// How much.
            amount: u128,
        },
        /// Slashed money found a new place.
        Redirected {
            /// Whose it was.
            offender: Account,
            /// For the treasury.
            treasury: u128,
            /// For who reported it, if anybody did.
            reporter: u128,
        },
    }

    /// Why a call failed.
    #[pallet::error]
    pub enum Error<T> {
        /// Nothing is free yet.
        NothingFree,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            // What sharing out the block's issue costs, for which the author's pallet calls and counts nothing.
            T::WeightInfo::share_out()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Pays out what is free of the sender's earnings.
        #[pallet::call_index(0)]
        #[pallet::weight((T::WeightInfo::claim(share::ERAS), DispatchClass::Normal))]
        pub fn claim(origin: OriginFor<T>) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::settle(&owner);
            let mut ledger = Ledgers::<T>::get(&owner);
            let amount = core::mem::take(&mut ledger.release.free);
            ensure!(amount > 0, Error::<T>::NothingFree);
            ledger.claimed = ledger.claimed.saturating_add(amount);
            T::Currency::mint_into(&owner, amount)?;
            Ledgers::<T>::insert(&owner, ledger);
            Self::deposit_event(Event::Claimed { owner, amount });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        pub(crate) fn time() -> u64 {
            T::Time::now()
        }

        pub(crate) fn height() -> u32 {
            frame_system::Pallet::<T>::block_number().unique_saturated_into()
        }

        /// Writes down what the owner has earned by its power until now.
        pub(crate) fn settle(owner: &Account) {
            let now = Self::time();
            Self::divide(now);
            let (earned, paid) = Self::earned(owner, now);
            Ledgers::<T>::mutate(owner, |ledger| {
                ledger.release.earn(Self::height(), earned, T::Release::get());
                ledger.paid = paid;
            });
        }

        /// A block's issue: to its author, to everybody's power, to the treasury.
        pub(crate) fn share_out(author: &Account) {
            let issue = T::Schedule::get().issue(Self::height());
            if issue == 0 {
                return;
            }
            let (authors, powers) = (T::AuthorPart::get() * issue, T::PowerPart::get() * issue);
            Ledgers::<T>::mutate(author, |ledger| {
                ledger.release.earn(Self::height(), authors, T::Release::get());
            });
            let now = Self::time();
            let filled = Pot::<T>::get().1;
            if filled / pallet_ecp::HALF_LIFE != now / pallet_ecp::HALF_LIFE {
                Self::divide(now);
            }
            // While nobody has computed anything, nobody's part is not made at all.
            if T::Power::all() > 0 {
                Pot::<T>::mutate(|(amount, filled)| {
                    *amount = amount.saturating_add(powers);
                    *filled = now;
                });
            }
            let rest = issue.saturating_sub(authors).saturating_sub(powers);
            // Below the least that an account may own, the first shares are not made.
            let _ = T::Currency::mint_into(&T::Treasury::get(), rest);
        }
    }

    impl<T: Config> pallet_ecp::Watch for Pallet<T> {
        fn changes(owner: &Account) {
            Self::settle(owner);
        }

        fn forfeits(owner: &Account, part: Perquintill) {
            Self::forfeit(owner, part);
        }

        fn weight() -> Weight {
            // And the ledger once more, where something is forfeited.
            T::WeightInfo::settle(share::ERAS).saturating_add(T::DbWeight::get().reads_writes(1, 1))
        }
    }

    impl<T: Config + pallet_authorship::Config> pallet_authorship::EventHandler<Account, BlockNumberFor<T>>
        for Pallet<T>
    {
        fn note_author(author: Account) {
            Self::share_out(&author);
        }
    }
}
