//! What the chain keeps of batches, tasks, disputes, workers and bonds.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use drilling::{Class, Hash, Question, Spec, Task, disclosure::MAX_ANSWER};
use pallet_machines::types::{Account, Bytes, Level, MachineId};
use polkadot_sdk::*;
use scale_info::TypeInfo;

use frame_support::{BoundedVec, traits::ConstU32};

/// Identifier of a task: [`Task::id`], which its specification and drawn seed give.
pub type TaskId = Hash;
/// Identifier of a batch: its number.
pub type BatchId = u32;
/// A fraud proof, as [`drilling::fraud`] reads it.
pub type Proof = Bytes<{ drilling::MAX_FRAUD_PROOF as u32 }>;
/// An answer to a [`Question`].
pub type Answer = Bytes<{ MAX_ANSWER as u32 }>;
/// The roots of a result's layers.
pub type Roots = Bytes<{ 32 * drilling::MAX_LAYERS as u32 }>;
/// Where a batch's published data can be had: for people and agents, the chain knows digests only.
pub type Source = Bytes<256>;
/// A task's replicas.
pub type Replicas = BoundedVec<Replica, ConstU32<MOST_REPLICAS>>;

/// Most replicas of a task at one time.
pub const MOST_AT_ONCE: u8 = 3;
/// Most replicas of a task, those that came to nothing included.
pub const MOST_REPLICAS: u32 = 6;
/// Most places in a machine's pipeline; the runtime may allow fewer.
pub const MOST_PLACES: u32 = 64;
/// Pools that a machine may stand in at one time: more than one where rounds have fallen behind.
pub const POOLED: u32 = 8;
/// Outcomes kept in a worker's record.
pub const RECENT: u32 = 16;
/// Entries of one epoch's pool of a class: twice as many replicas as blocks have room for.
pub const POOL: u32 = 2_048;
/// Batches of one class that have tasks left.
pub const SUPPLY: u32 = 64;
/// Tasks of one class that wait for a replacement.
pub const SHORT: u32 = 256;
/// Tasks assigned in one block, at most.
pub const TASKS_PER_BLOCK: u32 = 32;
/// Pool entries looked at in one block, at most.
pub const LOOKS_PER_BLOCK: u32 = 96;
/// Pool entries passed over in search of another owner, at most.
pub const PASSED_OVER: u32 = 32;
/// Agreed tasks whose audit is drawn in one block: one chunk.
pub const CHUNK: u32 = 32;
/// Disputes whose inspectors are drawn in one block, at most.
pub const DRAWS_PER_BLOCK: u32 = 4;
/// Inspectors drawn for a dispute.
pub const DRAWN: u32 = 3;
/// Draws for one dispute, the first included.
pub const TRIES: u8 = 2;
/// Inspectors of a dispute in all its draws.
pub const MOST_DRAWN: u32 = DRAWN * TRIES as u32;
/// Questions that one inspector may ask one machine about one task; the deepest tree needs five.
pub const DEMANDS: u8 = 6;
/// Questions, one after the other, that put off the end of a dispute: as deep as the deepest tree.
pub const WAY: u32 = DEMANDS as u32 - 1;
/// Items that fall due in one block, at most.
pub const DUE_PER_BLOCK: u32 = 128;
/// What looking at them may cost: a block's weight by so much.
pub const DUE_SHARE: u64 = 4;
/// How many blocks later than wanted an item may be scheduled when blocks are full.
pub const DUE_SLACK: u32 = 1_024;
/// Most votes on one batch.
pub const VOTES: u32 = 64;
/// Most tasks in one batch.
pub const MOST_TASKS: u32 = 1_000_000;
/// Epochs in which tasks of a batch come to nothing, and none is done, before it is given up.
pub const STRIKES: u8 = 16;
/// Specifications of the built-in publisher.
pub const SYNTHETIC: u32 = 4;

macro_rules! wire {
    ($(#[$meta:meta])* $kind:ident $name:ident $body:tt) => {
        $(#[$meta])*
        #[derive(Encode, Decode, DecodeWithMemTracking, Clone, PartialEq, Eq, Debug, TypeInfo, MaxEncodedLen)]
        pub $kind $name $body
    };
}

wire! {
/// What differs between a development chain and the real one: chosen in genesis.
#[derive(Copy)]
struct Rules {
    /// The least trusted level that is given tasks.
    pub least: Level,
    /// Whether batches need no vote.
    pub open: bool,
    /// Replicas of the built-in publisher's tasks.
    pub replicas: u8,
    /// Another share of agreed tasks to audit than the runtime's, in percent.
    pub audit_percent: Option<u8>,
}}

impl Default for Rules {
    fn default() -> Self {
        Self { least: Level::Virtual, open: false, replicas: 2, audit_percent: None }
    }
}

wire! {
/// What an owner has at stake for its machines' results.
#[derive(Default, Copy)]
struct Bond {
    /// At stake, and covers machines.
    pub active: u128,
    /// At stake still, but covers nobody: on its way out.
    pub leaving: u128,
    /// From which block on that may be taken back.
    pub free_at: u32,
    /// Machines that it must cover: those that take tasks.
    pub machines: u32,
}}

wire! {
/// How far a batch is.
#[derive(Copy)]
enum Approval {
    /// Bonded owners vote, up to this block.
    Voting(u32),
    /// Its tasks are given out.
    Approved,
}}

wire! {
/// A publisher's batch of tasks: one specification, many seeds.
struct Batch {
    /// Whose.
    pub publisher: Account,
    /// What is computed.
    pub spec: Spec,
    /// Its class.
    pub class: Class,
    /// Micro-ut of one task, counted by the chain.
    pub worth: u128,
    /// Replicas of each task.
    pub replicas: u8,
    /// Tasks when it was published.
    pub count: u32,
    /// Tasks that nobody has been given yet.
    pub left: u32,
    /// Tasks that are being done.
    pub running: u32,
    /// Epochs in which tasks came to nothing since one was done.
    pub failed: u8,
    /// The last of them.
    pub failed_in: u64,
    /// How far it is.
    pub approval: Approval,
    /// What is held of the publisher for it: the deposit, and the price of each task that is not done.
    pub held: u128,
    /// Where its data can be had.
    pub source: Source,
    /// Votes so far.
    pub votes: BoundedVec<(Account, bool), ConstU32<VOTES>>,
}}

wire! {
/// What became of a machine's part in a task.
#[derive(Copy)]
enum Verdict {
    /// All agreed: credited.
    Agreed,
    /// The machine did not commit in time.
    Dropped,
    /// Too few others committed: no credit, no blame.
    Failed,
    /// Results differ, or somebody was silent: all forfeit the credit.
    Forfeited,
    /// The machine lied, in this way.
    Convicted(Lie),
}}

wire! {
/// How a machine lied.
#[derive(Copy)]
enum Lie {
    /// Committed, and did not reveal.
    Unrevealed,
    /// Could not open its own digest when asked to.
    Unanswered,
    /// A fraud proof shows it.
    Proven,
}}

wire! {
/// A machine that takes tasks, or once did.
struct Worker {
    /// Whose it was when it last said that it was ready.
    pub owner: Account,
    /// The class of tasks that it takes.
    pub class: Class,
    /// How many it takes at one time; 0 when it takes none.
    pub places: u8,
    /// Places that stand in pools, waiting for a draw.
    pub waiting: u8,
    /// Which pools of whole epochs they stand in.
    pub pooled: BoundedVec<Pooled, ConstU32<POOLED>>,
    /// Tasks that it has and that are not settled.
    pub tasks: BoundedVec<TaskId, ConstU32<MOST_PLACES>>,
    /// The last outcomes, oldest first.
    pub recent: BoundedVec<(TaskId, Verdict), ConstU32<RECENT>>,
    /// It kept silent about a result, has paid for that, and was not ready since: what else falls due of the same outage costs no more.
    pub silent: bool,
    /// Tasks ever agreed.
    pub agreed: u32,
    /// Tasks ever not committed to.
    pub dropped: u32,
    /// Tasks ever forfeited.
    pub forfeited: u32,
    /// Lies.
    pub convicted: u32,
}}

wire! {
/// A machine's places in the pool of an epoch. They are counted with the machine, and the pool has one entry for all of them: places
/// come free one by one, and entries for each would fill pools with few machines.
#[derive(Copy)]
struct Pooled {
    /// Which epoch's.
    pub epoch: u64,
    /// Which class's.
    pub class: Class,
    /// How many.
    pub places: u8,
}}

wire! {
/// A machine in a pool.
#[derive(Copy)]
struct Entry {
    /// The machine.
    pub machine: MachineId,
    /// Tasks that it takes from this pool; as many as it has [`Pooled`] where this is none.
    pub places: Option<u8>,
}}

wire! {
/// A pool being matched, across blocks. In each lap a machine gets one task at most, so that it meets many others.
struct Round {
    /// The epoch in which the pool froze.
    pub frozen_in: u64,
    /// Laps begun.
    pub lap: u8,
    /// Whether this lap has matched anybody: one that hasn't is the last.
    pub matched: bool,
    /// Whether nobody can be matched any more: what is left waits anew.
    pub over: bool,
    /// Entries of this lap, in drawn order; the next is the last.
    pub left: BoundedVec<Entry, ConstU32<POOL>>,
    /// Entries of the next lap.
    pub again: BoundedVec<Entry, ConstU32<POOL>>,
}}

wire! {
/// Where a task stands.
#[derive(Copy)]
enum Stage {
    /// Machines do it and commit to their results.
    Committing,
    /// One machine has committed, the others did not: waits for another machine.
    Short,
    /// Nobody can commit any more; who has, reveals.
    Revealing,
    /// All results are one, and credited; whether it is audited is still to be drawn.
    Agreed,
    /// Results differ, or an audit was drawn: inspectors look.
    Disputed,
}}

wire! {
/// Where one machine's part in a task stands.
#[derive(Copy)]
enum State {
    /// It has the task.
    Assigned,
    /// It is bound to its result.
    Committed(Hash),
    /// Its result's digest.
    Revealed(Hash),
    /// It did not commit in time.
    Dropped,
    /// It lied.
    Convicted(Lie),
}}

wire! {
/// One machine's part in a task.
struct Replica {
    /// The machine.
    pub machine: MachineId,
    /// Whose it was when the task was drawn: who answers for it.
    pub owner: Account,
    /// Where it stands.
    pub state: State,
}}

wire! {
/// A task that is being done.
struct Work {
    /// What is computed, and the drawn seed.
    pub task: Task,
    /// Its class.
    pub class: Class,
    /// Micro-ut that each machine is credited.
    pub worth: u128,
    /// The batch it belongs to; none for the built-in publisher.
    pub batch: Option<BatchId>,
    /// Where it stands.
    pub stage: Stage,
    /// Last block of the stage, where it has one.
    pub deadline: u32,
    /// Who does it.
    pub replicas: Replicas,
}}

wire! {
/// Why inspectors look.
#[derive(Copy)]
enum Cause {
    /// Results differ.
    Difference,
    /// The draw.
    Audit,
}}

wire! {
/// An inspector's part in a dispute.
struct Duty {
    /// Who was drawn.
    pub inspector: Account,
    /// Whether it has nothing more to do here.
    pub closed: bool,
}}

wire! {
/// A dispute about a task.
struct Dispute {
    /// Why.
    pub cause: Cause,
    /// The epoch in which the candidates froze.
    pub frozen_in: u64,
    /// Draws so far.
    pub tries: u8,
    /// Whether inspectors are drawn.
    pub drawn: bool,
    /// When they must be done.
    pub deadline: u32,
    /// No question puts that off any further.
    pub until: u32,
    /// The drawn inspectors.
    pub duties: BoundedVec<Duty, ConstU32<MOST_DRAWN>>,
    /// An inspector has said that nothing is wrong while one result was left: it has been compared with the truth.
    pub vouched: bool,
    /// Convictions so far.
    pub convicted: u8,
    /// What the convicted lost and nobody got yet.
    pub slashed: u128,
}}

wire! {
/// An inspector's way down through one machine's result.
struct Chain {
    /// Who asks.
    pub inspector: Account,
    /// What is asked now.
    pub question: Question,
    /// What the answer is checked against.
    pub expected: Hash,
    /// The checked answer.
    pub answer: Option<Answer>,
    /// Last block for it.
    pub deadline: u32,
    /// Questions asked so far.
    pub asked: u8,
}}

wire! {
/// What one machine has opened of a disputed result.
struct Disclosure {
    /// The digest in doubt.
    pub digest: Hash,
    /// The layers' roots, which every machine of a disputed task is asked for.
    pub roots: Option<Roots>,
    /// Last block for them.
    pub deadline: u32,
    /// What inspectors asked beyond that.
    pub chains: BoundedVec<Chain, ConstU32<MOST_DRAWN>>,
}}

wire! {
/// Something that falls due.
#[derive(Copy)]
enum Item {
    /// A task's stage or question.
    Task(TaskId),
    /// A batch's vote.
    Batch(BatchId),
}}

/// A class by its name in genesis.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// [`Class::Tiny`].
    Tiny,
    /// [`Class::Small`].
    Small,
    /// [`Class::Medium`].
    Medium,
    /// [`Class::Large`].
    Large,
}

impl From<Size> for Class {
    fn from(size: Size) -> Self {
        match size {
            Size::Tiny => Self::Tiny,
            Size::Small => Self::Small,
            Size::Medium => Self::Medium,
            Size::Large => Self::Large,
        }
    }
}

impl Bond {
    /// All that can be slashed.
    pub const fn at_stake(&self) -> u128 {
        self.active.saturating_add(self.leaving)
    }
}

impl Worker {
    /// Places that neither a task nor a pool takes up.
    pub fn free(&self) -> u8 {
        let taken = self.waiting.saturating_add(self.tasks.len().min(usize::from(u8::MAX)) as u8);
        self.places.saturating_sub(taken)
    }

    /// Counts places in a pool that the machine stands in already. `false`: it does not yet.
    pub fn join_pool(&mut self, joining: &Pooled) -> bool {
        let same = |pooled: &&mut Pooled| (pooled.epoch, pooled.class) == (joining.epoch, joining.class);
        let pooled = self.pooled.iter_mut().find(same);
        let joined = pooled.is_some();
        if let Some(pooled) = pooled {
            pooled.places = pooled.places.saturating_add(joining.places);
        }
        joined
    }

    /// Takes the machine's places out of a pool whose round runs.
    pub fn leave_pool(&mut self, epoch: u64, class: Class) -> u8 {
        let at = self.pooled.iter().position(|pooled| (pooled.epoch, pooled.class) == (epoch, class));
        at.map_or(0, |at| self.pooled.remove(at).places)
    }
}

impl Replica {
    /// The digest, if it was revealed and no lie of it is proven.
    pub const fn revealed(&self) -> Option<Hash> {
        match self.state {
            State::Revealed(digest) => Some(digest),
            _ => None,
        }
    }
}

impl Work {
    /// The revealed digests.
    pub fn digests(&self) -> impl Iterator<Item = Hash> + '_ {
        self.replicas.iter().filter_map(Replica::revealed)
    }

    /// Whether all revealed digests are one; also when there is none.
    pub fn united(&self) -> bool {
        let first = self.digests().next();
        self.digests().all(|digest| Some(digest) == first)
    }

    /// A machine's part.
    pub fn replica(&self, machine: &MachineId) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.machine == *machine)
    }

    /// Committed or revealed replicas.
    pub fn bound(&self) -> usize {
        let bound = |replica: &&Replica| matches!(replica.state, State::Committed(_) | State::Revealed(_));
        self.replicas.iter().filter(bound).count()
    }
}

impl Disclosure {
    /// What the machine has not answered yet, and until when.
    pub fn open(&self) -> impl Iterator<Item = (Question, u32)> + '_ {
        let roots = self.roots.is_none().then_some((Question::Roots, self.deadline));
        let chains = self.chains.iter().filter(|chain| chain.answer.is_none());
        roots.into_iter().chain(chains.map(|chain| (chain.question, chain.deadline)))
    }
}
