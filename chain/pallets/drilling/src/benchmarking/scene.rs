//! Owners, machines, tasks and disputes as the benchmarks want them.

use super::lie::Lie;
use crate::{
    Accused, Batches, Bonded, Bonds, Config, Disclosures, Disputes, Due, DutiesOf, HoldReason, Pallet,
    Supply, Tasks, Workers, types::*,
};
use alloc::vec::Vec;
use drilling::{Class, Hash, Question, Task};
use pallet_machines::{
    benchmarking::member,
    types::{Account, MachineId},
};
use polkadot_sdk::*;

use frame_benchmarking::v2::account;
use frame_support::{
    BoundedVec,
    pallet_prelude::Get,
    traits::fungible::{Mutate, MutateHold},
};
use frame_system::Pallet as System;
use pallet_inspectors::benchmarking as inspectors;

pub const NOW: u32 = 10_000;
pub const BATCH: BatchId = 1;
const RICH: u128 = 1 << 100;

/// Blocks that are full when an item is to be scheduled. So many items come due in one block when as many tasks as blocks may begin are
/// committed to in as few blocks as have room for it.
const SEARCHED: u32 = 32;

/// What the benchmarks need of the runtime.
pub trait Real:
    Config + pallet_machines::Config + pallet_inspectors::Config + pallet_draw::Config + pallet_ecp::Config
{
}
impl<T> Real for T where
    T: Config
        + pallet_machines::Config
        + pallet_inspectors::Config
        + pallet_draw::Config
        + pallet_ecp::Config
{
}

pub fn rich<T: Config>(name: &'static str, number: u32) -> Account {
    let who: Account = account(name, number, 0);
    <T as Config>::Currency::mint_into(&who, RICH).unwrap();
    who
}

/// A block, inspectors, and a pot that can pay them.
pub fn begin<T: Real>()
where
    <T as pallet_inspectors::Config>::Currency: Mutate<Account>,
{
    System::<T>::set_block_number(NOW.into());
    inspectors::register::<T>(<T as pallet_inspectors::Config>::Most::get());
    <T as Config>::Currency::mint_into(&T::Pot::get(), RICH).unwrap();
    pallet_draw::Seeds::<T>::insert(0, [7; 32]);
}

/// Fills the blocks after `last`.
pub fn fill<T: Config>(last: u32) {
    let items = BoundedVec::truncate_from([Item::Batch(99); DUE_PER_BLOCK as usize].to_vec());
    (last + 1..=last + SEARCHED).for_each(|block| Due::<T>::insert(block, &items));
}

pub fn machine(number: u32) -> MachineId {
    sp_io::hashing::blake2_256(&number.to_le_bytes())
}

pub fn device(number: u32) -> Account {
    account("device", number, 0)
}

pub fn owner(number: u32) -> Account {
    account("owner", number, 0)
}

/// An owner with a bond for many machines.
pub fn bonded<T: Config>(number: u32) -> Account {
    let (owner, amount) = (rich::<T>("owner", number), T::MachineBond::get() * 100);
    if !Bonds::<T>::contains_key(&owner) {
        T::Currency::hold(&HoldReason::Bond.into(), &owner, amount).unwrap();
        Bonds::<T>::insert(&owner, Bond { active: amount, leaving: 0, free_at: 0, machines: 0 });
        Bonded::<T>::mutate(|all| *all += amount);
    }
    owner
}

/// A machine of an owner of its own that takes tasks, with everything in its record that fits.
pub fn worker<T: Real>(number: u32, class: Class, tasks: &[TaskId]) -> MachineId {
    let (id, owner) = (machine(number), bonded::<T>(number));
    member::<T>(id, &owner, &device(number));
    let filler = (0..MOST_PLACES as usize - 1).map(|at| [at as u8 + 1; 32]);
    let tasks: Vec<TaskId> =
        tasks.iter().copied().chain(filler).take(T::Pipeline::get() as usize - 1).collect();
    // There is room for one more, and the one that is looked for is the last.
    let others = (2..POOLED).map(|other| u64::from(other) + 1_000_000);
    let pooled: Vec<Pooled> = others.chain([0]).map(|epoch| Pooled { epoch, class, places: 1 }).collect();
    let recent = [([1; 32], Verdict::Agreed); RECENT as usize];
    Workers::<T>::insert(
        id,
        Worker {
            owner: owner.clone(),
            class,
            places: MOST_PLACES as u8,
            waiting: 1,
            pooled: BoundedVec::truncate_from(pooled),
            tasks: BoundedVec::truncate_from(tasks),
            recent: BoundedVec::truncate_from(recent.to_vec()),
            silent: false,
            agreed: 1,
            dropped: 0,
            forfeited: 0,
            convicted: 0,
        },
    );
    Pallet::<T>::count_machine(&owner, true);
    id
}

/// A batch of the largest class whose last task is running, or which has some left.
pub fn batch<T: Config>(left: u32) {
    let (publisher, held) = (rich::<T>("publisher", 0), T::BatchDeposit::get() * 100);
    T::Currency::hold(&HoldReason::Batch.into(), &publisher, held).unwrap();
    let votes = (0..VOTES - 1).map(|number| (owner(number), true)).collect();
    let batch = Batch {
        publisher,
        spec: Class::Large.mlp(),
        class: Class::Large,
        worth: 1,
        replicas: MOST_AT_ONCE,
        count: left + 1,
        left,
        running: 1,
        failed: 0,
        failed_in: 0,
        approval: Approval::Approved,
        held,
        source: BoundedVec::truncate_from([1; 256].to_vec()),
        votes: BoundedVec::truncate_from(votes),
    };
    Batches::<T>::insert(BATCH, batch);
    let others = (0..SUPPLY - 1).map(|other| other + 100);
    let supply = if left > 0 { core::iter::once(BATCH).chain(others).collect() } else { others.collect() };
    Supply::<T>::insert(Class::Large, BoundedVec::truncate_from(supply));
}

/// A batch's task whose first replicas stand so, and where so many have been dropped before that no more could be.
pub fn work<T: Real>(task: Task, stage: Stage, states: &[State]) -> TaskId {
    batch::<T>(0);
    let id = task.id();
    let dropped = [State::Dropped; MOST_REPLICAS as usize];
    let states = states.iter().chain(&dropped).take(MOST_REPLICAS as usize);
    let replicas = states.enumerate().map(|(number, state)| {
        let machine = worker::<T>(number as u32, Class::Large, &[id]);
        Replica { machine, owner: owner(number as u32), state: *state }
    });
    let replicas = BoundedVec::truncate_from(replicas.collect());
    let deadline = NOW - 1;
    let work =
        Work { task, class: Class::Large, worth: 1_000_000, batch: Some(BATCH), stage, deadline, replicas };
    Tasks::<T>::insert(id, work);
    id
}

/// A task of the largest class.
pub fn large() -> Task {
    Task { spec: Class::Large.mlp(), seed: [7; 32] }
}

/// Three inspectors look at a task, the last `open` of them still; each accused machine has opened its roots, and has answered each
/// inspector the longest question.
pub fn dispute<T: Real>(
    id: TaskId,
    cause: Cause,
    open: usize,
    roots: Option<&Roots>,
    question: Question,
    answer: Option<&Answer>,
) {
    let all = pallet_inspectors::Candidates::<T>::get();
    let inspectors: Vec<Account> = all.iter().take(DRAWN as usize).map(|one| one.account.clone()).collect();
    let work = Tasks::<T>::get(id).unwrap();
    for replica in &work.replicas {
        let Some(digest) = replica.revealed() else { continue };
        let chains = inspectors.iter().map(|inspector| Chain {
            inspector: inspector.clone(),
            question,
            expected: [0; 32],
            answer: answer.cloned(),
            deadline: NOW + 1,
            asked: 1,
        });
        let chains = BoundedVec::truncate_from(chains.collect());
        let disclosure = Disclosure { digest, roots: roots.cloned(), deadline: NOW + 1, chains };
        Disclosures::<T>::insert(id, replica.machine, disclosure);
        Accused::<T>::insert(replica.machine, id, ());
    }
    let duties = inspectors.iter().enumerate().map(|(at, inspector)| {
        DutiesOf::<T>::insert(inspector, id, ());
        Duty { inspector: inspector.clone(), closed: at < DRAWN as usize - open }
    });
    let duties = BoundedVec::truncate_from(duties.collect());
    let (tries, deadline, slashed) = (TRIES - 1, NOW - 1, T::MachineBond::get());
    Disputes::<T>::insert(
        id,
        Dispute {
            cause,
            frozen_in: 0,
            tries,
            drawn: true,
            deadline,
            until: u32::MAX,
            duties,
            vouched: true,
            convicted: 0,
            slashed,
        },
    );
}

/// A disputed lie that three machines agree on, and that an inspector has followed to the end.
pub fn followed<T: Real>(lie: &Lie) -> TaskId {
    let id = work::<T>(lie.task, Stage::Disputed, &[State::Revealed(lie.digest); MOST_AT_ONCE as usize]);
    let end = Question::Node { layer: 0, level: 0, index: 0 };
    let answer = BoundedVec::truncate_from([1; drilling::disclosure::MAX_ANSWER].to_vec());
    dispute::<T>(id, Cause::Audit, DRAWN as usize, Some(&lie.roots), end, Some(&answer));
    id
}

/// The drawn inspector of this place.
pub fn inspector<T: Config>(id: TaskId, at: usize) -> Account {
    Disputes::<T>::get(id).unwrap().duties[at].inspector.clone()
}

/// Roots as long as they can be.
pub fn longest_roots() -> Roots {
    let hash: Hash = [1; 32];
    BoundedVec::truncate_from(hash.repeat(drilling::MAX_LAYERS))
}
