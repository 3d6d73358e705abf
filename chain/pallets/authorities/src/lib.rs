//! Who produces blocks and who votes on finality: stake, keys, weights, seats, and what equivocation costs.
//!
//! An owner stakes and shows that it holds a BABE and a GRANDPA key. From then on its compute power is its weight in the block lottery,
//! set anew in each epoch. A seat among the voters costs a higher stake, the same for all; seats change slowly. Two blocks for one slot
//! or two votes in one round cost stake, for as long as the past sets are remembered. It must not know where compute power comes from,
//! nor what becomes of slashed money.
//!
//! - `stake.rs`: coming and going; `epoch.rs`: producers and weights; `voters.rs`: seats
//! - `lottery.rs`: power as weight; `history.rs`: past sets; `offence.rs`: slashing
//!
//! ```
//! use pallet_authorities::scaled;
//!
//! // One owner computes three times what the other does, and wins three blocks for each of the other's (nearly: see the documents).
//! let weights = scaled(&[3_000, 1_000]);
//! assert_eq!(weights[0] / weights[1], 3);
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod epoch;
mod history;
mod lottery;
mod offence;
mod stake;
#[cfg(test)]
mod tests;
pub mod types;
mod voters;
pub mod weights;

pub use lottery::{MOST, scaled};
pub use pallet::*;

use polkadot_sdk::*;

/// Where compute power comes from.
pub trait Power<Account> {
    /// An owner's, now.
    fn of(owner: &Account) -> u128;
}

/// What becomes of slashed money.
pub trait OnSlash<Account, Credit> {
    /// This much was taken from an offender; somebody reported it.
    fn slashed(offender: &Account, taken: Credit, reporter: Option<&Account>);
}

/// Burnt.
impl<Account, Credit> OnSlash<Account, Credit> for () {
    fn slashed(_: &Account, _: Credit, _: Option<&Account>) {}
}

/// The pallet.
#[allow(clippy::expect_used, reason = "written by the macro")]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use crate::{types::*, weights::WeightInfo};
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{BalancedHold, Credit, Inspect, MutateHold},
    };
    use frame_system::pallet_prelude::{BlockNumberFor, OriginFor, ensure_signed};
    use sp_consensus_babe::AuthorityId as Producer;
    use sp_consensus_grandpa::AuthorityId as Voter;
    use sp_runtime::{Perbill, traits::OpaqueKeys};

    /// A proof that somebody holds its keys: a signature by each.
    pub type Proof = BoundedVec<u8, ConstU32<256>>;
    /// Money that was taken.
    pub type Taken<T> = Credit<<T as polkadot_sdk::frame_system::Config>::AccountId, <T as Config>::Currency>;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What it needs.
    #[pallet::config]
    pub trait Config:
        polkadot_sdk::frame_system::Config<RuntimeEvent: From<Event<Self>>>
        + pallet_babe::Config
        + pallet_grandpa::Config
    {
        /// Holds stakes.
        type Currency: Inspect<Self::AccountId, Balance = u128>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>
            + BalancedHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Names the holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Compute power.
        type Power: Power<Self::AccountId>;
        /// What becomes of slashed money.
        type OnSlash: OnSlash<Self::AccountId, Taken<Self>>;
        /// The keys of a node: one for BABE and one for GRANDPA.
        type Keys: OpaqueKeys + Parameter;
        /// The least stake.
        #[pallet::constant]
        type LeastStake: Get<u128>;
        /// The stake that a seat among the voters needs.
        #[pallet::constant]
        type SeatBond: Get<u128>;
        /// The least part of a stake that an offence costs.
        #[pallet::constant]
        type LeastSlash: Get<Perbill>;
        /// Most authorities.
        #[pallet::constant]
        type Most: Get<u32>;
        /// Most voters.
        #[pallet::constant]
        type MaxVoters: Get<u32>;
        /// Blocks that a producer must owe to count as idle.
        #[pallet::constant]
        type IdleBlocks: Get<u64>;
        /// Blocks from leaving until the stake comes free: longer than any light client's checkpoint may be old.
        #[pallet::constant]
        type Unbonding: Get<u32>;
        /// Epochs whose sets are remembered: more than the unbonding lasts.
        #[pallet::constant]
        type KeptEpochs: Get<u32>;
        /// What calls and hooks cost.
        type WeightInfo: WeightInfo;
    }

    /// Why money is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// An authority's stake.
        Stake,
    }

    /// Everybody who has staked.
    #[pallet::storage]
    pub type Registry<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Authority>;

    /// Those who take part, in the order in which they came.
    #[pallet::storage]
    pub type Candidates<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, <T as Config>::Most>, ValueQuery>;

    /// Whose a key is: no key twice, and none is forgotten while its owner can be slashed.
    #[pallet::storage]
    pub type KeyOwners<T: Config> =
        StorageDoubleMap<_, Twox64Concat, Role, Blake2_128Concat, [u8; 32], T::AccountId>;

    /// Those who vote on finality now.
    #[pallet::storage]
    pub type Voters<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, <T as Config>::MaxVoters>, ValueQuery>;

    /// Sets by their numbers.
    #[pallet::storage]
    pub type Members<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        Role,
        Twox64Concat,
        u32,
        BoundedVec<T::AccountId, <T as Config>::Most>,
    >;

    /// The sets of each epoch.
    #[pallet::storage]
    pub type EpochSets<T: Config> = StorageMap<_, Twox64Concat, u32, Sets>;

    /// The number of the producers announced for the next epoch.
    #[pallet::storage]
    pub type NextProducers<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// The number of the last set of voters.
    #[pallet::storage]
    pub type LastVoters<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// The oldest epoch that is remembered.
    #[pallet::storage]
    pub type Oldest<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// The oldest set that is remembered.
    #[pallet::storage]
    pub type Pruned<T: Config> = StorageMap<_, Twox64Concat, Role, u32, ValueQuery>;

    /// Blocks of each producer in this epoch.
    #[pallet::storage]
    pub type Authored<T: Config> = StorageMap<_, Twox64Concat, T::AccountId, u32, ValueQuery>;

    /// Thousandths of blocks that producers without one should have had since their last.
    #[pallet::storage]
    pub type Owed<T: Config> =
        StorageValue<_, BoundedVec<(T::AccountId, u64), <T as Config>::Most>, ValueQuery>;

    /// Offences that were reported.
    #[pallet::storage]
    pub type Reports<T: Config> = StorageMap<_, Identity, [u8; 32], ()>;

    /// Authorities from the first block on: owner, its two keys, and its stake, all of them with a seat.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// They replace those of BABE, with weights by their compute power; GRANDPA must have the same.
        pub authorities: Vec<(T::AccountId, Producer, Voter, u128)>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            Pallet::<T>::begin(&self.authorities);
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Somebody takes part from the epoch after next on.
        Joined {
            /// Who.
            authority: T::AccountId,
            /// What is at stake.
            stake: u128,
        },
        /// More is at stake.
        Bonded {
            /// Whose.
            authority: T::AccountId,
            /// All of it.
            stake: u128,
        },
        /// Somebody takes part no more, until it wakes.
        Resting {
            /// Who.
            authority: T::AccountId,
        },
        /// Somebody takes part again.
        Woken {
            /// Who.
            authority: T::AccountId,
        },
        /// Somebody takes part no more.
        Left {
            /// Who.
            authority: T::AccountId,
            /// From when on the stake may be taken back.
            due: u32,
        },
        /// A stake went back.
        Withdrawn {
            /// Whose.
            authority: T::AccountId,
        },
        /// Somebody produced two blocks for one slot, or voted twice.
        Slashed {
            /// Who.
            authority: T::AccountId,
            /// What it lost.
            amount: u128,
        },
        /// Others vote on finality from this block on.
        Voters {
            /// All of them.
            voters: Vec<T::AccountId>,
        },
    }

    /// Why a call failed.
    #[pallet::error]
    pub enum Error<T> {
        /// Joined already.
        AlreadyJoined,
        /// Has not joined.
        NotAnAuthority,
        /// Somebody has used this key.
        KeyTaken,
        /// Not a BABE and a GRANDPA key.
        MissingKey,
        /// The proof does not show that the sender's node holds the keys.
        BadKeyProof,
        /// Less than the least stake.
        TooLittle,
        /// As many as the chain takes, and nobody weaker.
        TooMany,
        /// Not resting.
        NotResting,
        /// Nobody would be left.
        LastOne,
        /// Leaving already.
        Leaving,
        /// Leave first.
        NotLeaving,
        /// Not due yet, or still in a set.
        NotYet,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            // Whether the epoch ends, and the block counted for its author.
            let asked = <T as Config>::WeightInfo::stay();
            if pallet_babe::Pallet::<T>::should_epoch_change(now) {
                Self::turn().saturating_add(asked)
            } else {
                asked
            }
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Stakes, and takes part with these keys. The proof is what a node's `author_rotateKeysWithOwner` gives for the sender.
        #[pallet::call_index(0)]
        #[pallet::weight((Pallet::<T>::weight_of_joining(<T as Config>::WeightInfo::join()), DispatchClass::Normal))]
        pub fn join(origin: OriginFor<T>, keys: T::Keys, proof: Proof, stake: u128) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_join(owner, &keys, &proof, stake)
        }

        /// Puts more at stake.
        #[pallet::call_index(1)]
        #[pallet::weight((<T as Config>::WeightInfo::bond_more(), DispatchClass::Normal))]
        pub fn bond_more(origin: OriginFor<T>, amount: u128) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_bond_more(&owner, amount)
        }

        /// Wants a seat among the voters, or no longer.
        #[pallet::call_index(2)]
        #[pallet::weight((<T as Config>::WeightInfo::seat(), DispatchClass::Normal))]
        pub fn seat(origin: OriginFor<T>, wanted: bool) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_seat(&owner, wanted)
        }

        /// Takes part again after rest.
        #[pallet::call_index(3)]
        #[pallet::weight((Pallet::<T>::weight_of_joining(<T as Config>::WeightInfo::wake()), DispatchClass::Normal))]
        pub fn wake(origin: OriginFor<T>) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_wake(&owner)
        }

        /// Takes part no more; the stake comes free later.
        #[pallet::call_index(4)]
        #[pallet::weight((<T as Config>::WeightInfo::leave(), DispatchClass::Normal))]
        pub fn leave(origin: OriginFor<T>) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_leave(&owner)
        }

        /// Takes the stake back.
        #[pallet::call_index(5)]
        #[pallet::weight((<T as Config>::WeightInfo::withdraw(), DispatchClass::Normal))]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_withdraw(&owner)
        }
    }

    impl<T: Config> Pallet<T> {
        /// Where the chain is full, the weakest of all is found and rests.
        fn weight_of_joining(own: Weight) -> Weight {
            let (weakest, rest) = (<T as Config>::WeightInfo::weakest(), <T as Config>::WeightInfo::rest());
            own.saturating_add(weakest).saturating_add(rest)
        }
    }

    impl<T: Config + pallet_authorship::Config>
        pallet_authorship::EventHandler<T::AccountId, BlockNumberFor<T>> for Pallet<T>
    {
        fn note_author(author: T::AccountId) {
            Authored::<T>::mutate(author, |blocks| *blocks = blocks.saturating_add(1));
        }
    }
}
