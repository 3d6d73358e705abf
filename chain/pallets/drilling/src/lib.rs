//! Drilling: tasks go to machines by lot, their results are compared, agreement becomes compute power, and whoever lied loses its bond.
//!
//! A task is done by machines of different owners. Each commits to its result and then reveals it. All equal: each is credited the same,
//! whatever its hardware. Any difference: all forfeit the credit, inspectors are drawn, and a fraud proof that the chain checks itself
//! convicts the liar. It must not know how tasks are computed (the crate `drilling` says what they are), nor what credit is good for.
//!
//! A task:
//!
//! ```text
//! Committing ─ all committed, or time over with two or more ─▶ Revealing ─ all equal ─▶ Agreed ─ no audit ─▶ closed
//!     │  ▲                                                        │                       └ audit drawn ─┐
//!     │  └── another machine joins ── Short ◀─ one committed      ├─ results differ ──▶ Disputed ◀───────┘
//!     └─ nobody committed, or nobody joins ─▶ failed              └─ only silence ─▶ closed   └─▶ closed
//! ```
//!
//! A machine's part in it:
//!
//! ```text
//! Assigned ─ commit ─▶ Committed ─ reveal ─▶ Revealed ─ credited, or forfeited
//!     └ silence: Dropped    └ silence: Convicted    └ a fraud proof, or a question not answered: Convicted
//! ```
//!
//! - `batch.rs`: publishers; `worker.rs`: machines that take tasks; `round.rs`: who gets which task
//! - `commit.rs`: commit and reveal; `agree.rs`: what results lead to, and audits
//! - `dispute.rs`: inspectors and their questions; `convict.rs`: fraud proofs; `bond.rs`: whose money pays
//! - `due.rs`: what falls due; `fleet.rs`: what is asked of machines; `api.rs`: what light clients ask
//!
//! ```
//! use drilling::{Class, difficulty};
//! use pallet_drilling::types::{DEMANDS, MOST_AT_ONCE, MOST_REPLICAS};
//!
//! // A publisher declares what the chain counts, or is refused.
//! assert_eq!(difficulty(&Class::Tiny.mlp()), 622);
//! // Each replica of a task may be replaced once.
//! assert!(MOST_REPLICAS >= 2 * u32::from(MOST_AT_ONCE));
//! // Roots, and four nodes at most down to the chunk: an inspector can afford one question too many.
//! assert_eq!(DEMANDS, 6);
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

mod agree;
mod api;
mod batch;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bond;
mod commit;
mod convict;
mod dispute;
mod due;
mod error;
mod fleet;
mod round;
#[cfg(test)]
mod tests;
pub mod types;
pub mod weights;
mod worker;

pub use api::*;
pub use fleet::{Fleet, Member};
pub use pallet::*;

use polkadot_sdk::*;

/// The pallet.
#[allow(clippy::expect_used, reason = "written by the macro")]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use crate::{types::*, weights::WeightInfo};
    use alloc::{boxed::Box, vec::Vec};
    use drilling::{Class, Hash, Question, Spec};
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{Inspect, Mutate, MutateHold},
    };
    use frame_system::pallet_prelude::{BlockNumberFor, OriginFor, ensure_signed};
    use pallet_draw::Draw;
    use pallet_ecp::Credit;
    use pallet_inspectors::Inspection;
    use pallet_machines::types::{Account, Level, MachineId};
    use sp_runtime::traits::UniqueSaturatedInto;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What it needs.
    #[pallet::config]
    pub trait Config:
        polkadot_sdk::frame_system::Config<AccountId = Account, RuntimeEvent: From<Event<Self>>>
    {
        /// Holds bonds and deposits.
        type Currency: Inspect<Account, Balance = u128>
            + Mutate<Account>
            + MutateHold<Account, Reason = Self::RuntimeHoldReason>;
        /// Names the holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Machines.
        type Fleet: Fleet;
        /// Epochs and their seeds.
        type Draw: Draw;
        /// Inspectors.
        type Inspection: Inspection<Account>;
        /// Makes agreed work count.
        type Credit: Credit;
        /// Where tasks' prices and what is left of slashed bonds go, and inspectors are paid from.
        type Pot: Get<Account>;
        /// What an owner has at stake for each machine that takes tasks: what a lie costs.
        #[pallet::constant]
        type MachineBond: Get<u128>;
        /// Blocks from leaving until a bond comes free: longer than a lie can stay undetected.
        #[pallet::constant]
        type Unbonding: Get<u32>;
        /// Most tasks that a machine has at one time.
        #[pallet::constant]
        type Pipeline: Get<u32>;
        /// Share of agreed tasks that are audited, where genesis chooses no other.
        #[pallet::constant]
        type AuditPercent: Get<u32>;
        /// Share of a slashed bond that goes to the inspector who found the lie, at most a quarter.
        #[pallet::constant]
        type BountyPercent: Get<u32>;
        /// What an inspector earns for a dispute.
        #[pallet::constant]
        type InspectionFee: Get<u128>;
        /// Held for a batch while it runs; lost if the vote goes against it.
        #[pallet::constant]
        type BatchDeposit: Get<u128>;
        /// What each task of a batch costs its publisher.
        #[pallet::constant]
        type TaskPrice: Get<u128>;
        /// Blocks of a vote.
        #[pallet::constant]
        type VoteBlocks: Get<u32>;
        /// Which part of all stakes a vote needs to be won, or lost with the deposit: one in so many.
        #[pallet::constant]
        type Quorum: Get<u32>;
        /// Blocks to commit in, and blocks to reveal in.
        #[pallet::constant]
        type WindowBlocks: Get<u32>;
        /// Blocks to answer a question in: for so long a machine may be away without paying for it.
        type AnswerBlocks: Get<u32>;
        /// Blocks that inspectors have for a dispute about a small task in which they ask nothing.
        type DutyBlocks: Get<u32>;
        /// What calls and hooks cost.
        type WeightInfo: WeightInfo;
    }

    /// Why money is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// An owner's stake in its machines' results.
        Bond,
        /// A publisher's deposit and the price of its tasks.
        Batch,
    }

    /// Chosen in genesis.
    #[pallet::storage]
    pub type Chosen<T: Config> = StorageValue<_, Rules, ValueQuery>;

    /// What the built-in publisher publishes, without end: one specification of a class.
    #[pallet::storage]
    pub type Synthetic<T: Config> = StorageValue<_, BoundedVec<Spec, ConstU32<SYNTHETIC>>, ValueQuery>;

    /// Owners' bonds.
    #[pallet::storage]
    pub type Bonds<T: Config> = StorageMap<_, Blake2_128Concat, Account, Bond, ValueQuery>;

    /// The active bonds of all.
    #[pallet::storage]
    pub type Bonded<T: Config> = StorageValue<_, u128, ValueQuery>;

    /// Batches that are voted on, given out or being done.
    #[pallet::storage]
    pub type Batches<T: Config> = StorageMap<_, Twox64Concat, BatchId, Batch>;

    /// The number of the last batch.
    #[pallet::storage]
    pub type LastBatch<T: Config> = StorageValue<_, BatchId, ValueQuery>;

    /// Approved batches that have tasks left, oldest first.
    #[pallet::storage]
    pub type Supply<T: Config> =
        StorageMap<_, Twox64Concat, Class, BoundedVec<BatchId, ConstU32<SUPPLY>>, ValueQuery>;

    /// Machines that take tasks or once did.
    #[pallet::storage]
    pub type Workers<T: Config> = StorageMap<_, Identity, MachineId, Worker>;

    /// Who waits for tasks, by the epoch in which the pool freezes.
    #[pallet::storage]
    pub type Pools<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        u64,
        Twox64Concat,
        Class,
        BoundedVec<Entry, ConstU32<POOL>>,
        ValueQuery,
    >;

    /// The first epoch whose pools are not matched.
    #[pallet::storage]
    pub type Matched<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// Classes being matched.
    #[pallet::storage]
    pub type Matching<T: Config> = StorageValue<_, BoundedVec<Class, ConstU32<4>>, ValueQuery>;

    /// How far matching is.
    #[pallet::storage]
    pub type Rounds<T: Config> = StorageMap<_, Twox64Concat, Class, Round>;

    /// Tasks that wait for a replacement, and the first epoch whose seed may draw one.
    #[pallet::storage]
    pub type Short<T: Config> =
        StorageMap<_, Twox64Concat, Class, BoundedVec<(u64, TaskId), ConstU32<SHORT>>, ValueQuery>;

    /// Tasks drawn so far.
    #[pallet::storage]
    pub type Number<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// Tasks that are being done, disputed, or may still be audited.
    #[pallet::storage]
    pub type Tasks<T: Config> = StorageMap<_, Identity, TaskId, Work>;

    /// Agreed tasks whose audit is still to be drawn, by the epoch in which they agreed, in chunks.
    #[pallet::storage]
    pub type AgreedTasks<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        u64,
        Twox64Concat,
        u32,
        BoundedVec<TaskId, ConstU32<CHUNK>>,
        ValueQuery,
    >;

    /// The chunk that an epoch's agreed tasks go into.
    #[pallet::storage]
    pub type AgreedUpTo<T: Config> = StorageMap<_, Twox64Concat, u64, u32, ValueQuery>;

    /// The next epoch and chunk whose audits are drawn.
    #[pallet::storage]
    pub type Audited<T: Config> = StorageValue<_, (u64, u32), ValueQuery>;

    /// Disputes.
    #[pallet::storage]
    pub type Disputes<T: Config> = StorageMap<_, Identity, TaskId, Dispute>;

    /// Disputes whose inspectors are still to be drawn: a queue.
    #[pallet::storage]
    pub type Undrawn<T: Config> = StorageMap<_, Twox64Concat, u64, TaskId>;

    /// Its first number and the one after its last.
    #[pallet::storage]
    pub type UndrawnEnds<T: Config> = StorageValue<_, (u64, u64), ValueQuery>;

    /// What machines have opened of disputed results.
    #[pallet::storage]
    pub type Disclosures<T: Config> = StorageDoubleMap<_, Identity, TaskId, Identity, MachineId, Disclosure>;

    /// Which disputes a machine has to answer in.
    #[pallet::storage]
    pub type Accused<T: Config> = StorageDoubleMap<_, Identity, MachineId, Identity, TaskId, ()>;

    /// Which disputes an inspector is drawn for.
    #[pallet::storage]
    pub type DutiesOf<T: Config> = StorageDoubleMap<_, Blake2_128Concat, Account, Identity, TaskId, ()>;

    /// What falls due, by block.
    #[pallet::storage]
    pub type Due<T: Config> =
        StorageMap<_, Twox64Concat, u32, BoundedVec<Item, ConstU32<DUE_PER_BLOCK>>, ValueQuery>;

    /// What differs between a development chain and the real one.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Classes whose published shape the built-in publisher gives out without end.
        pub synthetic: Vec<Size>,
        /// Whether batches need no vote.
        pub open: bool,
        /// Whether machines are given tasks whose TPM nobody vouches for.
        pub unverified: bool,
        /// Another share of agreed tasks to audit than the runtime's, in percent.
        pub audit_percent: Option<u8>,
        /// Bonds of owners from the first block on, who must own that much.
        pub bonds: Vec<(Account, u128)>,
        /// For the compiler only.
        #[serde(skip)]
        pub runtime: PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let specs: Vec<Spec> = self.synthetic.iter().map(|size| Class::from(*size).mlp()).collect();
            assert!(
                specs.len() <= SYNTHETIC as usize,
                "the built-in publisher has one specification of a class"
            );
            Synthetic::<T>::put(BoundedVec::truncate_from(specs));
            let least = if self.unverified { Level::Unverified } else { Level::Virtual };
            let (open, audit_percent) = (self.open, self.audit_percent);
            Chosen::<T>::put(Rules { least, open, audit_percent, ..Rules::default() });
            for (owner, amount) in &self.bonds {
                assert!(
                    Pallet::<T>::do_bond(owner, *amount).is_ok(),
                    "an owner of genesis cannot pay its bond"
                );
            }
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An owner has more at stake.
        Bonded {
            /// Who.
            owner: Account,
            /// What is at stake now and covers machines.
            active: u128,
        },
        /// An owner takes some of its bond away.
        Unbonding {
            /// Who.
            owner: Account,
            /// What still covers machines.
            active: u128,
            /// From which block on the rest may be taken back.
            free_at: u32,
        },
        /// A bond went back.
        Withdrawn {
            /// Whose.
            owner: Account,
            /// How much.
            amount: u128,
        },
        /// A batch is to be voted on.
        Published {
            /// Its number.
            batch: BatchId,
            /// Whose.
            publisher: Account,
            /// Its class.
            class: Class,
            /// Micro-ut of each task.
            worth: u128,
            /// Tasks.
            count: u32,
        },
        /// An owner voted.
        Voted {
            /// On which batch.
            batch: BatchId,
            /// Who.
            voter: Account,
            /// For it.
            approve: bool,
        },
        /// A batch's tasks are given out.
        Approved {
            /// The batch.
            batch: BatchId,
        },
        /// A batch found no majority.
        Rejected {
            /// The batch.
            batch: BatchId,
        },
        /// A batch's tasks came to nothing for too long: no more are given out, and their price goes back.
        GivenUp {
            /// The batch.
            batch: BatchId,
        },
        /// Nothing of a batch is left.
        BatchEnded {
            /// The batch.
            batch: BatchId,
        },
        /// A machine takes tasks.
        Ready {
            /// The machine.
            machine: MachineId,
            /// Of this class.
            class: Class,
            /// So many at one time.
            places: u8,
        },
        /// A machine takes tasks no more.
        Stopped {
            /// The machine.
            machine: MachineId,
        },
        /// A task was drawn.
        Assigned {
            /// The task.
            task: TaskId,
            /// Its class.
            class: Class,
            /// Micro-ut that it is worth.
            worth: u128,
            /// Last block to commit in.
            deadline: u32,
            /// Who does it.
            machines: Vec<MachineId>,
        },
        /// A machine did not commit in time.
        Dropped {
            /// The task.
            task: TaskId,
            /// The machine.
            machine: MachineId,
        },
        /// One result alone cannot be compared: the task waits for another machine.
        Short {
            /// The task.
            task: TaskId,
        },
        /// Another machine took a dropped one's place.
        Replaced {
            /// The task.
            task: TaskId,
            /// The new machine.
            machine: MachineId,
            /// Last block to commit in.
            deadline: u32,
        },
        /// A machine is bound to its result.
        Committed {
            /// The task.
            task: TaskId,
            /// The machine.
            machine: MachineId,
        },
        /// Nobody can commit any more.
        Revealing {
            /// The task.
            task: TaskId,
            /// Last block to reveal in.
            deadline: u32,
        },
        /// A machine showed its result.
        Revealed {
            /// The task.
            task: TaskId,
            /// The machine.
            machine: MachineId,
            /// The result.
            digest: Hash,
        },
        /// All results are one, and credited.
        Agreed {
            /// The task.
            task: TaskId,
            /// Micro-ut for each machine.
            worth: u128,
            /// The result.
            digest: Hash,
            /// Who.
            machines: Vec<MachineId>,
        },
        /// Too few committed: the task came to nothing.
        Failed {
            /// The task.
            task: TaskId,
        },
        /// Inspectors will look.
        Disputed {
            /// The task.
            task: TaskId,
            /// Why.
            cause: Cause,
            /// Last block in which the accused may open their roots.
            deadline: u32,
        },
        /// Inspectors were drawn.
        Drawn {
            /// For this task.
            task: TaskId,
            /// All who have duties now.
            inspectors: Vec<Account>,
            /// By when they must be done.
            deadline: u32,
        },
        /// An inspector asks.
        Demanded {
            /// About this task.
            task: TaskId,
            /// This machine.
            machine: MachineId,
            /// This.
            question: Question,
            /// Last block for the answer.
            deadline: u32,
        },
        /// A machine answered.
        Disclosed {
            /// About this task.
            task: TaskId,
            /// Who.
            machine: MachineId,
            /// This question.
            question: Question,
        },
        /// An inspector has nothing (more) to say against anybody.
        Cleared {
            /// In this dispute.
            task: TaskId,
            /// Who.
            inspector: Account,
        },
        /// A machine lied.
        Convicted {
            /// About this task.
            task: TaskId,
            /// Who.
            machine: MachineId,
            /// Who answers for it.
            owner: Account,
            /// How.
            lie: Lie,
            /// What its owner lost.
            slashed: u128,
        },
        /// An owner whose machine did nothing wrong gets tokens for the credit that it forfeited.
        Compensated {
            /// For this task.
            task: TaskId,
            /// Who.
            owner: Account,
            /// How much.
            amount: u128,
        },
        /// The chain is done with a task.
        Closed {
            /// The task.
            task: TaskId,
        },
    }

    /// Why a call failed.
    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// An amount or stake of nothing.
        Nothing,
        /// The bond is not large enough.
        NotBonded,
        /// The time is not over yet.
        NotYet,
        /// A batch has 1 to 65,536 rows.
        BadRows,
        /// The first layer's inputs are none or too many.
        BadInputs,
        /// A layer's outputs are none or too many.
        BadOutputs,
        /// A layer's multiplier or shift is out of range.
        BadRescale,
        /// The shard's items are none or too many.
        BadItems,
        /// A layer is so narrow that its rows come out alike.
        TooNarrow,
        /// A layer's multiplier and shift leave the next one few values.
        BadSpread,
        /// The task takes more memory than machines of its class have to have.
        TooMuchMemory,
        /// The declared difficulty is not the one that the chain counts.
        WrongDifficulty,
        /// The task is too small to be worth anything.
        Worthless,
        /// A batch has 1 to 1,000,000 tasks.
        BadCount,
        /// A task has two or three replicas.
        BadReplicas,
        /// As many batches of this class as the chain takes.
        TooManyBatches,
        /// No such batch.
        UnknownBatch,
        /// Not the batch's publisher.
        NotPublisher,
        /// Nobody votes on this batch any more.
        VoteOver,
        /// The vote on this batch is not over.
        VoteRuns,
        /// Voted already.
        AlreadyVoted,
        /// As many votes as the chain counts.
        TooManyVotes,
        /// Too much falls due: later.
        Busy,
        /// The sender is no machine's device.
        NotADevice,
        /// The machine takes no tasks.
        NotReady,
        /// Nothing would change: the machine waits already.
        AlreadyReady,
        /// More places than a pipeline may have.
        TooManyPlaces,
        /// The machine is not active.
        NotActive,
        /// The machine's identity is not trusted enough on this chain.
        LevelTooLow,
        /// The owner's bond does not cover one machine more.
        BondTooSmall,
        /// As many machines wait in this epoch as can be matched: say it again in the next.
        PoolFull,
        /// No such task, or it is over.
        UnknownTask,
        /// Not this machine's task.
        NotAssigned,
        /// Committed already.
        AlreadyCommitted,
        /// Never committed.
        NotCommitted,
        /// Revealed already.
        AlreadyRevealed,
        /// Nothing revealed.
        NotRevealed,
        /// The task is not that far yet.
        TooEarly,
        /// The time is over.
        TooLate,
        /// Digest and salt are not what this machine committed to.
        WrongReveal,
        /// Nobody disputes this task.
        NotDisputed,
        /// Not drawn for this dispute.
        NotDrawn,
        /// The duty is done.
        DutyDone,
        /// Nothing of this machine is in doubt in this dispute.
        NotAccused,
        /// The machine still has to answer.
        NotAnswered,
        /// Nobody asked this.
        NotAsked,
        /// Answered already.
        AlreadyAnswered,
        /// As many questions as an inspector may ask.
        TooManyDemands,
        /// The task, layer or answer has no such place.
        NoSuchPlace,
        /// The answer is not as long as the question wants.
        AnswerOfWrongLength,
        /// The answer is not what was committed to.
        WrongAnswer,
        /// The proof is cut, too long, of another version, or about something outside the task.
        MalformedProof,
        /// The proof's roots are not those of the revealed digest.
        ProofOfAnotherResult,
        /// The proof's accumulator is not under its layer's root.
        ProofOfNoAccumulator,
        /// The proof's inputs are not those of the previous layer or the shard.
        ProofOfOtherInputs,
        /// The proof's weights are not the network's.
        ProofOfOtherWeights,
        /// The proof's network is not the task's.
        ProofOfAnotherNetwork,
        /// The accumulator is right: nobody lied here.
        Honest,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::settle_due()
                .saturating_add(Self::draw_audits())
                .saturating_add(Self::draw_inspectors())
                .saturating_add(Self::match_some())
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Puts more of the sender's tokens at stake for its machines' results.
        #[pallet::call_index(0)]
        #[pallet::weight((T::WeightInfo::bond(), DispatchClass::Normal))]
        pub fn bond(origin: OriginFor<T>, amount: u128) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_bond(&owner, amount)
        }

        /// Takes some of it away: it covers no machine any more, and comes free later.
        #[pallet::call_index(1)]
        #[pallet::weight((T::WeightInfo::unbond(), DispatchClass::Normal))]
        pub fn unbond(origin: OriginFor<T>, amount: u128) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_unbond(&owner, amount)
        }

        /// Takes back what has come free.
        #[pallet::call_index(2)]
        #[pallet::weight((T::WeightInfo::withdraw(), DispatchClass::Normal))]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_withdraw(&owner)
        }

        /// Publishes a batch of tasks. `difficulty` is what one of them is worth, in micro-ut: the publisher says what it expects, and is
        /// refused where the chain counts otherwise.
        #[pallet::call_index(3)]
        #[pallet::weight((T::WeightInfo::publish(), DispatchClass::Normal))]
        pub fn publish(
            origin: OriginFor<T>,
            spec: Box<Spec>,
            count: u32,
            replicas: u8,
            difficulty: u128,
            source: Source,
        ) -> DispatchResult {
            let publisher = ensure_signed(origin)?;
            Self::do_publish(publisher, *spec, count, replicas, difficulty, source)
        }

        /// Votes on a batch with the sender's bond.
        #[pallet::call_index(4)]
        #[pallet::weight((Pallet::<T>::weight_of_voting(), DispatchClass::Normal))]
        pub fn vote(origin: OriginFor<T>, batch: BatchId, approve: bool) -> DispatchResult {
            let voter = ensure_signed(origin)?;
            Self::do_vote(&voter, batch, approve)
        }

        /// Ends the sender's batch, once it is voted on; gives back the price of tasks that nobody has been given.
        #[pallet::call_index(5)]
        #[pallet::weight((T::WeightInfo::end_batch(), DispatchClass::Normal))]
        pub fn end_batch(origin: OriginFor<T>, batch: BatchId) -> DispatchResult {
            let publisher = ensure_signed(origin)?;
            Self::do_end_batch(&publisher, batch)
        }

        /// The sender's machine takes up to `places` tasks of a class at one time, from now on; with 0 places, none.
        #[pallet::call_index(6)]
        #[pallet::weight((T::WeightInfo::ready(), DispatchClass::Normal))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, class: &Class, places: &u8| -> bool {
            Pallet::<T>::is_free(origin, |device| Pallet::<T>::may_be_ready(device, *class, *places))
        })]
        pub fn ready(origin: OriginFor<T>, class: Class, places: u8) -> DispatchResult {
            let device = ensure_signed(origin)?;
            Self::do_ready(&device, class, places)
        }

        /// Binds the sender's machine to its result: [`drilling::commitment`].
        #[pallet::call_index(7)]
        #[pallet::weight((T::WeightInfo::commit().max(T::WeightInfo::close_commits()), DispatchClass::Normal))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, task: &TaskId, _: &Hash| -> bool {
            Pallet::<T>::is_free(origin, |device| Pallet::<T>::may_commit(device, task))
        })]
        pub fn commit(origin: OriginFor<T>, task: TaskId, commitment: Hash) -> DispatchResult {
            let device = ensure_signed(origin)?;
            Self::do_commit(&device, task, commitment)
        }

        /// Shows the result that was committed to; the last of a task's reveals credits all.
        #[pallet::call_index(8)]
        #[pallet::weight((Pallet::<T>::weight_of_reveal(), DispatchClass::Normal))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, task: &TaskId, _: &Hash, _: &Hash| -> bool {
            Pallet::<T>::is_free(origin, |device| Pallet::<T>::may_reveal(device, task))
        })]
        pub fn reveal(
            origin: OriginFor<T>,
            task: TaskId,
            digest: Hash,
            salt: Hash,
        ) -> DispatchResultWithPostInfo {
            let device = ensure_signed(origin)?;
            Self::do_reveal(&device, task, digest, &salt)
        }

        /// Answers a question about the result of the sender's machine: [`drilling::disclosure`].
        #[pallet::call_index(9)]
        #[pallet::weight((T::WeightInfo::disclose(), DispatchClass::Normal))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, task: &TaskId, question: &Question, _: &Answer| -> bool {
            Pallet::<T>::is_free(origin, |device| Pallet::<T>::may_disclose(device, task, question))
        })]
        pub fn disclose(
            origin: OriginFor<T>,
            task: TaskId,
            question: Question,
            answer: Answer,
        ) -> DispatchResult {
            let device = ensure_signed(origin)?;
            Self::do_disclose(&device, task, question, &answer)
        }

        /// A drawn inspector asks a machine what lies under the `place`-th hash of its last answer to this inspector: at first, of its roots.
        #[pallet::call_index(10)]
        #[pallet::weight((T::WeightInfo::demand(), DispatchClass::Normal))]
        pub fn demand(origin: OriginFor<T>, task: TaskId, machine: MachineId, place: u32) -> DispatchResult {
            let inspector = ensure_signed(origin)?;
            Self::do_demand(&inspector, task, machine, place)
        }

        /// Proves that a machine's revealed result is wrong. Anybody may; drawn inspectors are paid for it.
        #[pallet::call_index(11)]
        #[pallet::weight((Pallet::<T>::weight_of_any_conviction(), DispatchClass::Normal))]
        pub fn convict(
            origin: OriginFor<T>,
            task: TaskId,
            machine: MachineId,
            proof: Proof,
        ) -> DispatchResultWithPostInfo {
            let reporter = ensure_signed(origin)?;
            Self::do_convict(&reporter, task, machine, &proof)
        }

        /// A drawn inspector has nothing (more) to say against anybody in this dispute.
        #[pallet::call_index(12)]
        #[pallet::weight((T::WeightInfo::clear(), DispatchClass::Normal))]
        pub fn clear(origin: OriginFor<T>, task: TaskId) -> DispatchResult {
            let inspector = ensure_signed(origin)?;
            Self::do_clear(&inspector, task)
        }
    }

    impl<T: Config> Pallet<T> {
        pub(crate) fn now() -> u32 {
            frame_system::Pallet::<T>::block_number().unique_saturated_into()
        }

        /// What genesis chose.
        pub fn rules() -> Rules {
            Chosen::<T>::get()
        }

        /// Whether a device's next call is free: it is one that the chain waits for, and the device is within its rate.
        pub(crate) fn is_free(origin: &OriginFor<T>, wanted: impl FnOnce(&Account) -> bool) -> bool {
            let Ok(device) = ensure_signed(origin.clone()) else { return false };
            T::Fleet::is_free(&device) && wanted(&device)
        }
    }
}
