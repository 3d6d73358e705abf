//! Registry of inspectors: who may be drawn, what they have at stake, what they earn and what a no-show costs.
//!
//! An inspector registers with a bond, is drawn for duties, earns a fee for each one done and is fined for each one missed; whose bond
//! no longer suffices is drawn no more. It must not know what a duty is about, nor any format of a TPM.
//!
//! ```
//! use pallet_inspectors::Inspection;
//!
//! /// What another pallet asks of this one.
//! fn draw_three<Account, I: Inspection<Account>>(seed: &[u8; 32], frozen_in: u64) -> Vec<Account> {
//!     I::draw(seed, frozen_in, b"request 1", 3, &[])
//! }
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
pub mod weights;

use alloc::vec::Vec;
use polkadot_sdk::*;

pub use pallet::*;

/// What those who have duties to give need.
pub trait Inspection<Account> {
    /// Draws up to `wanted` of the inspectors who stood for draws at the end of epoch `frozen_in`, even if they have left since, none of
    /// `except`, and counts the duty as open for each.
    fn draw(seed: &[u8; 32], frozen_in: u64, purpose: &[u8], wanted: u32, except: &[Account])
    -> Vec<Account>;
    /// How many could be drawn now.
    fn registered() -> u32;
    /// Whether this one could be.
    fn is_registered(account: &Account) -> bool;
    /// The duty was done.
    fn done(inspector: &Account);
    /// The duty was not done in time: a fine.
    fn missed(inspector: &Account);
    /// The duty was done falsely, and that is proven: the bond is lost.
    fn cheated(inspector: &Account);
    /// The duty has become needless.
    fn released(inspector: &Account);
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
            fungible::{Inspect, MutateHold},
            tokens::{Fortitude, Precision},
        },
    };
    use frame_system::pallet_prelude::{BlockNumberFor, OriginFor, ensure_signed};
    use pallet_draw::Draw;
    use sp_runtime::traits::{Saturating, Zero};

    /// Amounts of the configured currency.
    pub type BalanceOf<T> =
        <<T as Config>::Currency as Inspect<<T as polkadot_sdk::frame_system::Config>::AccountId>>::Balance;

    /// What is known of an inspector.
    #[derive(Encode, Decode, DecodeWithMemTracking, Clone, PartialEq, Eq, Debug, TypeInfo, MaxEncodedLen)]
    pub struct Inspector<Balance, BlockNumber> {
        /// What is at stake.
        pub bond: Balance,
        /// Duties that wait.
        pub open: u32,
        /// Duties done.
        pub done: u32,
        /// Duties missed.
        pub missed: u32,
        /// When leaving: from which block on the bond may be taken back.
        pub leaves: Option<BlockNumber>,
    }

    /// One that may be drawn.
    #[derive(Encode, Decode, DecodeWithMemTracking, Clone, PartialEq, Eq, Debug, TypeInfo, MaxEncodedLen)]
    pub struct Candidate<AccountId> {
        /// Who.
        pub account: AccountId,
        /// The epoch in which it registered.
        pub since: u64,
        /// The epoch in which it left, if it has.
        pub left: Option<u64>,
    }

    impl<AccountId> Candidate<AccountId> {
        /// Whether it stood for draws when that epoch ended.
        pub fn stood_in(&self, epoch: u64) -> bool {
            self.since <= epoch && self.left.is_none_or(|left| epoch < left)
        }

        /// Whether all draws that it stood for are over.
        pub fn is_past(&self, now: u64) -> bool {
            self.left.is_some_and(|left| left.saturating_add(PENDING_EPOCHS) < now)
        }
    }

    /// Epochs from one in which candidates freeze until what is drawn with its seed is drawn.
    const PENDING_EPOCHS: u64 = 4;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What it needs.
    #[pallet::config]
    pub trait Config: polkadot_sdk::frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Holds bonds.
        type Currency: MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Names the holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Epochs.
        type Draw: Draw;
        /// The bond; below half of it nobody is drawn.
        #[pallet::constant]
        type Bond: Get<BalanceOf<Self>>;
        /// What a missed duty costs.
        #[pallet::constant]
        type Fine: Get<BalanceOf<Self>>;
        /// Blocks between leaving and getting the bond back.
        #[pallet::constant]
        type Unbonding: Get<BlockNumberFor<Self>>;
        /// Most inspectors at one time.
        #[pallet::constant]
        type Most: Get<u32>;
        /// What calls and hooks cost.
        type WeightInfo: WeightInfo;
    }

    /// Why money is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// An inspector's bond.
        Bond,
    }

    /// Everybody who registered and has not taken the bond back.
    #[pallet::storage]
    pub type Registry<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Inspector<BalanceOf<T>, BlockNumberFor<T>>>;

    /// Those who may be drawn, in a fixed order.
    #[pallet::storage]
    pub type Candidates<T: Config> =
        StorageValue<_, BoundedVec<Candidate<T::AccountId>, T::Most>, ValueQuery>;

    /// Inspectors from the first block on.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Their accounts, which must own more than the bond.
        pub inspectors: Vec<T::AccountId>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for account in &self.inspectors {
                assert!(Pallet::<T>::enter(account).is_ok(), "an inspector of genesis cannot pay the bond");
            }
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(fn deposit_event)]
    pub enum Event<T: Config> {
        /// Somebody may be drawn from the next epoch on.
        Registered {
            /// Who.
            inspector: T::AccountId,
        },
        /// Somebody is drawn no more.
        Left {
            /// Who.
            inspector: T::AccountId,
        },
        /// Somebody did not show.
        Missed {
            /// Who.
            inspector: T::AccountId,
        },
        /// Somebody was proven to have cheated.
        Cheated {
            /// Who.
            inspector: T::AccountId,
        },
        /// A bond went back.
        Withdrawn {
            /// Whose.
            inspector: T::AccountId,
        },
    }

    /// Why a call failed.
    #[pallet::error]
    pub enum Error<T> {
        /// Registered already.
        AlreadyRegistered,
        /// Not registered.
        NotRegistered,
        /// As many inspectors as the chain takes.
        TooMany,
        /// Duties wait, or the bond is not due yet.
        NotYet,
        /// Leave first.
        NotLeaving,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Registers the sender; holds the bond.
        #[pallet::call_index(0)]
        #[pallet::weight((T::WeightInfo::register(), DispatchClass::Normal))]
        pub fn register(origin: OriginFor<T>) -> DispatchResult {
            let account = ensure_signed(origin)?;
            Self::enter(&account)
        }

        /// Stands for no draw of this epoch or a later one; the bond comes free later.
        #[pallet::call_index(1)]
        #[pallet::weight((T::WeightInfo::leave(), DispatchClass::Normal))]
        pub fn leave(origin: OriginFor<T>) -> DispatchResult {
            let account = ensure_signed(origin)?;
            ensure!(Registry::<T>::contains_key(&account), Error::<T>::NotRegistered);
            Self::remove(&account);
            Ok(())
        }

        /// Takes the bond back.
        #[pallet::call_index(2)]
        #[pallet::weight((T::WeightInfo::withdraw(), DispatchClass::Normal))]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let account = ensure_signed(origin)?;
            let inspector = Registry::<T>::get(&account).ok_or(Error::<T>::NotRegistered)?;
            let due = inspector.leaves.ok_or(Error::<T>::NotLeaving)?;
            let now = frame_system::Pallet::<T>::block_number();
            ensure!(inspector.open == 0 && now >= due, Error::<T>::NotYet);
            T::Currency::release(&HoldReason::Bond.into(), &account, inspector.bond, Precision::BestEffort)?;
            Registry::<T>::remove(&account);
            Self::deposit_event(Event::Withdrawn { inspector: account });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        fn enter(account: &T::AccountId) -> DispatchResult {
            ensure!(!Registry::<T>::contains_key(account), Error::<T>::AlreadyRegistered);
            let bond = T::Bond::get();
            let since = T::Draw::epoch();
            let candidate = Candidate { account: account.clone(), since, left: None };
            Candidates::<T>::try_mutate(|all| {
                all.retain(|other| other.account != *account && !other.is_past(since));
                all.try_push(candidate)
            })
            .map_err(|_| Error::<T>::TooMany)?;
            T::Currency::hold(&HoldReason::Bond.into(), account, bond)?;
            let inspector = Inspector { bond, open: 0, done: 0, missed: 0, leaves: None };
            Registry::<T>::insert(account, inspector);
            Self::deposit_event(Event::Registered { inspector: account.clone() });
            Ok(())
        }

        /// Stands for no draw of this epoch or a later one; the bond waits. Who could leave between a seed and its draw, or be too poor for it
        /// on purpose, would choose who is drawn.
        fn remove(account: &T::AccountId) {
            let epoch = T::Draw::epoch();
            Candidates::<T>::mutate(|all| {
                let own = all.iter_mut().find(|candidate| candidate.account == *account);
                own.map(|candidate| candidate.left.get_or_insert(epoch));
                all.retain(|candidate| !candidate.is_past(epoch));
            });
            Registry::<T>::mutate_extant(account, |inspector| {
                let due = frame_system::Pallet::<T>::block_number().saturating_add(T::Unbonding::get());
                inspector.leaves.get_or_insert(due);
            });
            Self::deposit_event(Event::Left { inspector: account.clone() });
        }

        /// Takes up to `fine` of the bond out of the world.
        fn fine(account: &T::AccountId, fine: BalanceOf<T>) {
            let Some(mut inspector) = Registry::<T>::get(account) else { return };
            let fine = fine.min(inspector.bond);
            let burnt = T::Currency::burn_held(
                &HoldReason::Bond.into(),
                account,
                fine,
                Precision::BestEffort,
                Fortitude::Force,
            );
            inspector.bond.saturating_reduce(burnt.unwrap_or_else(|_| Zero::zero()));
            let poor = Self::is_poor(&inspector.bond);
            let leaving = inspector.leaves.is_some();
            Registry::<T>::insert(account, inspector);
            if poor && !leaving {
                Self::remove(account);
            }
        }

        fn is_poor(bond: &BalanceOf<T>) -> bool {
            bond.saturating_add(*bond) < T::Bond::get()
        }

        fn close(account: &T::AccountId, note: impl FnOnce(&mut Inspector<BalanceOf<T>, BlockNumberFor<T>>)) {
            Registry::<T>::mutate_extant(account, |inspector| {
                inspector.open.saturating_dec();
                note(inspector);
            });
        }
    }

    impl<T: Config> Inspection<T::AccountId> for Pallet<T> {
        fn draw(
            seed: &[u8; 32],
            frozen_in: u64,
            purpose: &[u8],
            wanted: u32,
            except: &[T::AccountId],
        ) -> Vec<T::AccountId> {
            let mut candidates = Candidates::<T>::get().into_inner();
            candidates.retain(|one| one.stood_in(frozen_in) && !except.contains(&one.account));
            let count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
            let picked = pallet_draw::pick(seed, purpose, count, wanted);
            let drawn: Vec<_> = picked
                .into_iter()
                .filter_map(|index| Some(candidates.get(index as usize)?.account.clone()))
                .filter(|account| Registry::<T>::get(account).is_some_and(|one| !Self::is_poor(&one.bond)))
                .collect();
            for account in &drawn {
                Registry::<T>::mutate_extant(account, |inspector| inspector.open.saturating_inc());
            }
            drawn
        }

        fn registered() -> u32 {
            let all = Candidates::<T>::get();
            all.iter().filter(|candidate| candidate.left.is_none()).count() as u32
        }

        fn is_registered(account: &T::AccountId) -> bool {
            Registry::<T>::get(account).is_some_and(|inspector| inspector.leaves.is_none())
        }

        fn done(account: &T::AccountId) {
            Self::close(account, |inspector| inspector.done.saturating_inc());
        }

        fn missed(account: &T::AccountId) {
            Self::close(account, |inspector| inspector.missed.saturating_inc());
            Self::fine(account, T::Fine::get());
            Self::deposit_event(Event::Missed { inspector: account.clone() });
        }

        fn cheated(account: &T::AccountId) {
            Self::close(account, |_| ());
            Self::fine(account, T::Bond::get());
            Self::deposit_event(Event::Cheated { inspector: account.clone() });
        }

        fn released(account: &T::AccountId) {
            Self::close(account, |_| ());
        }
    }
}

#[cfg(test)]
mod tests;
