//! Machines: join tokens, requests to enrol, credentials, anchors, lapse and return, fork evidence.
//!
//! A machine is its TPM's endorsement key. It enrols once a quorum of drawn inspectors has seen that key's TPM open a credential, and
//! stays *active* for as long as it anchors its log in time. Everything a machine says is checked here against what its TPM signed;
//! whatever fails leaves the machine's standing as it was. It must not know how inspectors are chosen or paid.
//!
//! - `token.rs`: permission to enrol, and what it holds of the owner
//! - `request.rs`: a request and its checks; `duty.rs`: draw, challenge, answer, dispute, enrolment
//! - `anchor.rs`: anchors and new device keys; `fork.rs`: contradicting anchors
//! - `ask.rs`: inspectors' questions for a machine's GPUs
//! - `device.rs`: accounts that pay no fees; `queue.rs`: what falls due; `standing.rs`: who is told of it
//!
//! ```
//! use pallet_machines::types::{DRAWN, QUORUM};
//!
//! assert!(QUORUM * 2 > DRAWN, "no two quorums without a common inspector");
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

mod anchor;
mod api;
mod ask;
#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod device;
mod duty;
mod error;
mod fork;
mod queue;
mod request;
mod standing;
#[cfg(test)]
mod tests;
mod token;
pub mod types;
pub mod weights;

pub use api::*;
pub use pallet::*;
pub use standing::OnStanding;

use polkadot_sdk::*;

/// The pallet.
#[allow(clippy::expect_used, reason = "written by the macro")]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use crate::{types::*, weights::WeightInfo};
    use alloc::vec::Vec;
    use attest::Hash;
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{Inspect, MutateHold},
    };
    use frame_system::ensure_authorized;
    use frame_system::pallet_prelude::{BlockNumberFor, OriginFor, ensure_signed};
    use pallet_draw::Draw;
    use pallet_inspectors::Inspection;
    use sp_core::H256;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What it needs.
    #[pallet::config]
    pub trait Config:
        polkadot_sdk::frame_system::Config<AccountId = Account, Hash = H256, RuntimeEvent: From<Event<Self>>>
    {
        /// Holds deposits.
        type Currency: Inspect<Account, Balance = u128>
            + MutateHold<Account, Reason = Self::RuntimeHoldReason>;
        /// Names the holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Epochs and their seeds.
        type Draw: Draw;
        /// Inspectors.
        type Inspection: Inspection<Account>;
        /// Told when a machine's standing or owner changes.
        type OnStanding: OnStanding;
        /// Held for each machine while it is enrolled.
        #[pallet::constant]
        type Deposit: Get<u128>;
        /// Kept of it when the machine retires: its record stays.
        #[pallet::constant]
        type RecordDeposit: Get<u128>;
        /// Blocks from a machine's retirement until its deposit comes back: a fork that comes to light until then costs it.
        #[pallet::constant]
        type Unbonding: Get<u32>;
        /// What an inspector earns for a duty.
        #[pallet::constant]
        type InspectionFee: Get<u128>;
        /// At stake for who reports a fork.
        #[pallet::constant]
        type ReportBond: Get<u128>;
        /// How many blocks old the block named in an attestation may be.
        #[pallet::constant]
        type Freshness: Get<u32>;
        /// Blocks from one anchor to the next.
        type AnchorPeriod: Get<u32>;
        /// Blocks after a missed anchor until the machine lapses.
        type AnchorGrace: Get<u32>;
        /// Blocks that inspectors and machine have for a request's duties, and a machine for an accusation.
        type DutyBlocks: Get<u32>;
        /// What calls and hooks cost.
        type WeightInfo: WeightInfo;
    }

    /// Why money is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Deposits and inspection fees of an owner's machines and tokens.
        Machine,
        /// What a reporter has at stake.
        Report,
    }

    /// Join tokens.
    #[pallet::storage]
    pub type Tokens<T: Config> = StorageMap<_, Blake2_128Concat, [u8; 32], Token>;

    /// Requests that wait.
    #[pallet::storage]
    pub type Requests<T: Config> = StorageMap<_, Identity, RequestId, Request>;

    /// Requests that are over, for as long as their bytes could be sent once more.
    #[pallet::storage]
    pub type Ended<T: Config> = StorageMap<_, Identity, RequestId, ()>;

    /// Requests whose inspectors are still to be drawn, oldest first.
    #[pallet::storage]
    pub type Waiting<T: Config> = StorageValue<_, BoundedVec<RequestId, ConstU32<WAITING>>, ValueQuery>;

    /// Which requests an inspector is drawn for.
    #[pallet::storage]
    pub type DutiesOf<T: Config> = StorageDoubleMap<_, Blake2_128Concat, Account, Identity, RequestId, ()>;

    /// Machines.
    #[pallet::storage]
    pub type Machines<T: Config> = StorageMap<_, Identity, MachineId, Machine>;

    /// Which machines an owner has.
    #[pallet::storage]
    pub type MachinesOf<T: Config> = StorageDoubleMap<_, Blake2_128Concat, Account, Identity, MachineId, ()>;

    /// Accounts that send without a fee.
    #[pallet::storage]
    pub type Devices<T: Config> = StorageMap<_, Blake2_128Concat, Account, Device>;

    /// The block in which a machine's GPUs were asked last.
    #[pallet::storage]
    pub type Asked<T: Config> = StorageMap<_, Identity, MachineId, u32>;

    /// The last block with questions, and how many it has.
    #[pallet::storage]
    pub type AskedNow<T: Config> = StorageValue<_, (u32, u32), ValueQuery>;

    /// Accusations that wait for an answer, by machine.
    #[pallet::storage]
    pub type Accusations<T: Config> = StorageMap<_, Identity, MachineId, Accusation>;

    /// What falls due, by block.
    #[pallet::storage]
    pub type Due<T: Config> =
        StorageMap<_, Twox64Concat, u32, BoundedVec<Item, ConstU32<DUE_PER_BLOCK>>, ValueQuery>;

    /// Why a request ended without a machine.
    #[derive(
        Encode, Decode, DecodeWithMemTracking, Clone, Copy, PartialEq, Eq, Debug, TypeInfo, MaxEncodedLen,
    )]
    pub enum Ending {
        /// The machine did not open the credentials in time.
        Unanswered,
        /// Inspectors refused it.
        Refused,
        /// Too few inspectors showed, in every draw.
        NoInspectors,
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A join token may be used.
        TokenCreated {
            /// Its public half.
            token: [u8; 32],
            /// Whose.
            owner: Account,
            /// For how many machines.
            machines: u32,
        },
        /// A join token is void.
        TokenRevoked {
            /// Its public half.
            token: [u8; 32],
        },
        /// A machine asks to enrol.
        Requested {
            /// The request.
            request: RequestId,
            /// The machine.
            machine: MachineId,
        },
        /// Inspectors were drawn.
        Drawn {
            /// The request.
            request: RequestId,
            /// All who have duties now.
            inspectors: Vec<Account>,
        },
        /// An inspector made a credential.
        Challenged {
            /// The request.
            request: RequestId,
            /// Who.
            inspector: Account,
        },
        /// An inspector will not have the machine.
        Declined {
            /// The request.
            request: RequestId,
            /// Who.
            inspector: Account,
        },
        /// The machine opened a credential.
        Answered {
            /// The request.
            request: RequestId,
            /// Whose credential.
            inspector: Account,
        },
        /// The machine says that a credential is bad.
        Disputed {
            /// The request.
            request: RequestId,
            /// Whose credential.
            inspector: Account,
        },
        /// The inspector showed that the credential was good.
        Upheld {
            /// The request.
            request: RequestId,
            /// Whose credential.
            inspector: Account,
        },
        /// A request ended without a machine.
        RequestEnded {
            /// The request.
            request: RequestId,
            /// Why.
            why: Ending,
        },
        /// A machine is active.
        Enrolled {
            /// The machine.
            machine: MachineId,
            /// Whose.
            owner: Account,
            /// How far its identity can be trusted.
            level: Level,
            /// Its epoch.
            epoch: u32,
            /// Whether the log of an earlier epoch was lost.
            log_lost: bool,
        },
        /// A log's head is on chain.
        Anchored {
            /// The machine.
            machine: MachineId,
            /// The log.
            log: LogHead,
            /// The TPM's counter.
            counter: u64,
        },
        /// A machine has a new device key.
        Delegated {
            /// The machine.
            machine: MachineId,
            /// The key.
            device: Account,
        },
        /// A machine missed its anchor, or was silent when accused.
        Lapsed {
            /// The machine.
            machine: MachineId,
        },
        /// A lapsed machine anchored again.
        Returned {
            /// The machine.
            machine: MachineId,
            /// Blocks it was away.
            away: u32,
        },
        /// An inspector asks a machine's GPUs; the question is in this block's header.
        Asked {
            /// The machine.
            machine: MachineId,
            /// Who asks.
            inspector: Account,
        },
        /// Two anchors can only be reconciled by a proof.
        Accused {
            /// The machine.
            machine: MachineId,
            /// Until when.
            deadline: u32,
        },
        /// The machine showed that its log only grew.
        Refuted {
            /// The machine.
            machine: MachineId,
        },
        /// A machine rewrote its log.
        Forked {
            /// The machine.
            machine: MachineId,
            /// What its owner lost.
            slashed: u128,
        },
        /// A machine is out of service.
        Retired {
            /// The machine.
            machine: MachineId,
        },
    }

    /// Why a call failed. A transaction that proves itself and is refused by the pool is refused with the number of one of these.
    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// No such join token.
        UnknownToken,
        /// A token with this key exists.
        TokenExists,
        /// The token's time is over.
        TokenExpired,
        /// The token has no machines left.
        TokenUsedUp,
        /// Not the owner's to decide.
        NotOwner,
        /// A token is for at least one machine and ends after now.
        UselessToken,
        /// The signature is not the token's.
        BadTokenSignature,
        /// The signature is not the device key's.
        BadDeviceSignature,
        /// The device key is in use.
        DeviceInUse,
        /// This very request waits already.
        AlreadyRequested,
        /// Too few inspectors are registered.
        TooFewInspectors,
        /// Too many requests wait, or too much falls due: later.
        Busy,
        /// Not a default endorsement key of the TCG's profile: RSA-2048 or ECC P-256.
        NotAnEk,
        /// No certificate says that this maker's TPMs have no RSA endorsement key.
        EccEkWithoutCertificate,
        /// The block named is no block of this chain, or too old to be known.
        UnknownBlock,
        /// The block named is older than attestations may be.
        BlockTooOld,
        /// The first record does not decode.
        BadJoinRecord,
        /// The first record is not this machine's `Join`.
        NotTheJoinRecord,
        /// The proof does not show that the record is the log's first.
        BadJoinProof,
        /// No such request.
        UnknownRequest,
        /// Not drawn for this request.
        NotDrawn,
        /// The duty is done.
        DutyDone,
        /// The inspector has made no credential yet.
        NotChallenged,
        /// The inspector has made a credential already.
        AlreadyChallenged,
        /// The answer is not the one committed to: not this credential's secret.
        WrongAnswer,
        /// Nobody disputes this credential.
        NotDisputed,
        /// This randomness makes another credential than the one posted, or commits to another answer.
        RevealDoesNotMatch,
        /// The sender is no device of a request or machine.
        NotADevice,
        /// The device is not that of this request or machine.
        AnotherDevice,
        /// No such machine.
        UnknownMachine,
        /// The machine was proven to have rewritten its log.
        MachineForked,
        /// The machine is out of service.
        MachineRetired,
        /// The delegation is not younger than the last one.
        OldDelegation,
        /// The two anchors do not contradict each other.
        NotAFork,
        /// An anchor of an earlier epoch: it says nothing about this one.
        OtherEpoch,
        /// The machine is accused already.
        AlreadyAccused,
        /// Nobody accuses the machine.
        NotAccused,
        /// Evidence: bytes are missing.
        Truncated,
        /// Evidence: bytes follow the end.
        TrailingBytes,
        /// Evidence: longer than any TPM makes it.
        Oversized,
        /// Evidence: not made inside a TPM.
        NotTpmGenerated,
        /// Evidence: another kind of attestation.
        WrongType,
        /// Evidence: not exactly one bank of PCRs.
        WrongPcrSelection,
        /// Evidence: commits to another block, log, machine or device key.
        WrongQualification,
        /// Evidence: the attestation key could sign anything.
        AkNotRestricted,
        /// Evidence: not ECDSA P-256 with SHA-256.
        WrongAkKind,
        /// Evidence: another NV index was certified.
        WrongCounterIndex,
        /// Evidence: the contents are no counter.
        WrongCounterContents,
        /// Evidence: an old anchor.
        CounterNotIncreased,
        /// Evidence: the TPM was reset fewer times than before.
        ResetCountWentBack,
        /// Evidence: the log is shorter than before.
        LogShrunk,
        /// Evidence: the log does not begin with what was anchored.
        LogRewritten,
        /// Evidence: not the attestation key's signature.
        BadSignature,
        /// The sender is no inspector that may be drawn.
        NotAnInspector,
        /// Only active machines are asked.
        NotActive,
        /// The machine was asked a short while ago.
        AskedBefore,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::draw_waiting().saturating_add(Self::settle_due())
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Makes a join token; holds deposit and inspection fees for each machine.
        #[pallet::call_index(0)]
        #[pallet::weight((T::WeightInfo::create_token(), DispatchClass::Normal))]
        pub fn create_token(
            origin: OriginFor<T>,
            key: [u8; 32],
            machines: u32,
            expires: u32,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_create_token(owner, key, machines, expires)
        }

        /// Ends a join token and gives back what its unused part holds.
        #[pallet::call_index(1)]
        #[pallet::weight((T::WeightInfo::revoke_token(), DispatchClass::Normal))]
        pub fn revoke_token(origin: OriginFor<T>, key: [u8; 32]) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_revoke_token(&owner, key)
        }

        /// Asks to enrol a machine. Needs no account: token, device key and attestation key have signed.
        #[pallet::call_index(2)]
        #[pallet::weight((T::WeightInfo::request(), DispatchClass::Normal))]
        #[pallet::authorize(Self::authorize_request)]
        #[pallet::weight_of_authorize(T::WeightInfo::authorize_request())]
        pub fn request(origin: OriginFor<T>, enrolment: Enrolment) -> DispatchResult {
            ensure_authorized(origin)?;
            Self::do_request(enrolment)
        }

        /// Posts a credential for the machine of a request, and votes.
        #[pallet::call_index(3)]
        #[pallet::weight((T::WeightInfo::challenge(), DispatchClass::Normal))]
        pub fn challenge(origin: OriginFor<T>, request: RequestId, challenge: Challenge) -> DispatchResult {
            let inspector = ensure_signed(origin)?;
            Self::do_challenge(&inspector, request, challenge)
        }

        /// Declines the machine of a request.
        #[pallet::call_index(4)]
        #[pallet::weight((Pallet::<T>::weight_of_outcome(T::WeightInfo::refuse()), DispatchClass::Normal))]
        pub fn refuse(origin: OriginFor<T>, request: RequestId) -> DispatchResult {
            let inspector = ensure_signed(origin)?;
            Self::do_refuse(&inspector, request)
        }

        /// Answers an inspector's credential; the quorum's last answer enrols.
        #[pallet::call_index(5)]
        #[pallet::weight((Pallet::<T>::weight_of_outcome(Weight::zero()), DispatchClass::Normal))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, _: &RequestId, _: &Account, _: &Hash| -> bool { Pallet::<T>::is_free(origin) })]
        pub fn answer(
            origin: OriginFor<T>,
            request: RequestId,
            inspector: Account,
            answer: Hash,
        ) -> DispatchResult {
            let device = ensure_signed(origin)?;
            Self::do_answer(&device, request, &inspector, answer)
        }

        /// Says that an inspector's credential is bad: it must show how it made it, or lose its bond.
        #[pallet::call_index(6)]
        #[pallet::weight((T::WeightInfo::dispute(), DispatchClass::Normal))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, _: &RequestId, _: &Account| -> bool { Pallet::<T>::is_free(origin) })]
        pub fn dispute(origin: OriginFor<T>, request: RequestId, inspector: Account) -> DispatchResult {
            let device = ensure_signed(origin)?;
            Self::do_dispute(&device, request, &inspector)
        }

        /// Shows the randomness of a disputed credential; the chain makes it again.
        #[pallet::call_index(7)]
        #[pallet::weight((Pallet::<T>::weight_of_outcome(T::WeightInfo::reveal().max(T::WeightInfo::reveal_ecc())), DispatchClass::Normal))]
        pub fn reveal(
            origin: OriginFor<T>,
            request: RequestId,
            secret: [u8; 32],
            seed: [u8; 32],
            oaep_seed: [u8; 32],
        ) -> DispatchResult {
            let inspector = ensure_signed(origin)?;
            Self::do_reveal(&inspector, request, &secret, &credential::Randomness { seed, oaep_seed })
        }

        /// Anchors the log of the sender's machine.
        #[pallet::call_index(8)]
        #[pallet::weight((T::WeightInfo::anchor().saturating_add(T::OnStanding::weight()), DispatchClass::Normal))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, _: &AnchorCall| -> bool { Pallet::<T>::is_free(origin) })]
        pub fn anchor(origin: OriginFor<T>, anchor: AnchorCall) -> DispatchResultWithPostInfo {
            let device = ensure_signed(origin)?;
            Self::do_anchor(&device, &anchor)
        }

        /// Replaces a machine's device key. Needs no account: the attestation key has signed.
        #[pallet::call_index(9)]
        #[pallet::weight((T::WeightInfo::delegate(), DispatchClass::Normal))]
        #[pallet::authorize(Self::authorize_delegation)]
        #[pallet::weight_of_authorize(T::WeightInfo::authorize_delegation())]
        pub fn delegate(origin: OriginFor<T>, delegation: Delegation) -> DispatchResult {
            ensure_authorized(origin)?;
            Self::do_delegate(&delegation)
        }

        /// Shows two anchors of one machine that contradict each other, or that it must reconcile.
        #[pallet::call_index(10)]
        #[pallet::weight((T::WeightInfo::report_fork().max(T::WeightInfo::accuse()).saturating_add(T::OnStanding::weight()), DispatchClass::Normal))]
        pub fn report_fork(
            origin: OriginFor<T>,
            machine: MachineId,
            one: Testimony,
            other: Testimony,
        ) -> DispatchResult {
            let reporter = ensure_signed(origin)?;
            Self::do_report_fork(reporter, machine, &one, &other)
        }

        /// Proves that an accused machine's log only grew.
        #[pallet::call_index(11)]
        #[pallet::weight((T::WeightInfo::refute(), DispatchClass::Normal))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, _: &MachineId, _: &MerkleProof| -> bool { Pallet::<T>::is_free(origin) })]
        pub fn refute(origin: OriginFor<T>, machine: MachineId, consistency: MerkleProof) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_refute(machine, &consistency)
        }

        /// Takes the sender's machine out of service. Its deposit, less what its record costs, comes back once no fork of it can come to
        /// light any more.
        #[pallet::call_index(12)]
        #[pallet::weight((T::WeightInfo::retire().saturating_add(T::OnStanding::weight()).saturating_add(T::DbWeight::get().reads_writes(1, 1)), DispatchClass::Normal))]
        pub fn retire(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_retire(&owner, machine)
        }

        /// Asks an active machine's GPUs for a challenge whose seed is this block's hash.
        #[pallet::call_index(13)]
        #[pallet::weight((T::WeightInfo::ask(), DispatchClass::Normal))]
        pub fn ask(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let inspector = ensure_signed(origin)?;
            Self::do_ask(inspector, machine)
        }
    }
}
