//! What a block costs before any call, with ten thousand machines and a thousand authorities: what is read, written and weighed, in blocks
//! like any other and in one that ends an epoch. It must not grow with machines that were there once.

use super::*;
use drilling::Class;
use frame_support::dispatch::DispatchClass;
use pallet_authorities::types::{Authority, Role as Keys, Sets, State as Serving};
use pallet_drilling::types::{
    Bond, Cause, DUE_PER_BLOCK, Disclosure, Dispute, Entry, Item as DueItem, Replica, Replicas, Stage, State,
    Work, Worker,
};
use pallet_machines::types::Item;
use sc_client_db::BenchmarkingState;
use sp_consensus_babe::AuthorityId as Producer;
use sp_consensus_grandpa::AuthorityId as Voter;
use sp_core::{ed25519, sr25519};
use sp_externalities::{Externalities, set_and_run_with_externalities};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{Ext, OverlayedChanges};

const MACHINES: u32 = 10_000;
const AUTHORITIES: u32 = 1_000;
/// Machines that wait for tasks.
const WAITING: u32 = pallet_drilling::types::POOL;
/// Blocks from one look at a machine to the next.
const WATCH: u32 = 2_400;
/// Blocks that are looked at; the sixth begins an epoch.
const BLOCKS: u32 = 12;
const TURN: usize = 5;

fn owner(number: u32) -> AccountId {
    AccountId::new(id("owner", number))
}

fn machine(number: u32) -> MachineId {
    id("machine", number)
}

/// Machines of a thousand owners; looked at evenly over time, every fifth is late.
fn machines() {
    for number in 0..MACHINES {
        let (id, device) = (machine(number), AccountId::new(id("device", number)));
        enrol(id, &owner(number % AUTHORITIES), &device, Standing::Active, &[1; 118]);
        let watched = START + number % WATCH;
        pallet_machines::Machines::<Runtime>::mutate_extant(id, |machine| {
            machine.watched = watched;
            machine.due = if number % 5 == 0 { watched } else { watched + 600 };
        });
        pallet_machines::Due::<Runtime>::try_append(watched, Item::Machine(id)).unwrap();
    }
}

/// Many of them wait for tasks, and are matched from the first block on.
fn workers() {
    pallet_draw::Seeds::<Runtime>::insert(0, [7; 32]);
    pallet_drilling::Synthetic::<Runtime>::put(BoundedVec::truncate_from(alloc::vec![Class::Tiny.mlp()]));
    for number in 0..AUTHORITIES {
        let active = 100 * constants::DRILLING_BOND;
        let bond = Bond { active, leaving: 0, free_at: 0, machines: 10 };
        pallet_drilling::Bonds::<Runtime>::insert(owner(number), bond);
    }
    for number in 0..WAITING {
        let worker = Worker {
            owner: owner(number % AUTHORITIES),
            class: Class::Tiny,
            places: 4,
            waiting: 4,
            pooled: Default::default(),
            tasks: Default::default(),
            recent: Default::default(),
            silent: false,
            agreed: 0,
            dropped: 0,
            forfeited: 0,
            convicted: 0,
        };
        pallet_drilling::Workers::<Runtime>::insert(machine(number), worker);
    }
    let entries = (0..WAITING).map(|number| Entry { machine: machine(number), places: Some(4) });
    pallet_drilling::Pools::<Runtime>::insert(0, Class::Tiny, BoundedVec::truncate_from(entries.collect()));
}

fn authorities() {
    let mut keys = alloc::vec::Vec::new();
    for number in 0..AUTHORITIES {
        let (owner, key) = (owner(number), id("key", number));
        let (producer, voter) =
            (Producer::from(sr25519::Public::from_raw(key)), Voter::from(ed25519::Public::from_raw(key)));
        let stake = constants::SEAT_BOND + u128::from(number);
        let authority = Authority {
            stake,
            producer: producer.clone(),
            voter: voter.clone(),
            seat: true,
            state: Serving::Serving,
        };
        pallet_authorities::Registry::<Runtime>::insert(&owner, authority);
        pallet_authorities::KeyOwners::<Runtime>::insert(Keys::Producing, key, &owner);
        pallet_authorities::KeyOwners::<Runtime>::insert(Keys::Voting, key, &owner);
        let raw = pallet_ecp::Average::seeded(1_000_000 * u128::from(number + 1)).raw(0);
        pallet_ecp::Owners::<Runtime>::mutate(&owner, |score| score.drilling.average.add(0, raw));
        pallet_ecp::Network::<Runtime>::mutate(|score| score.drilling.average.add(0, raw));
        keys.push((producer, voter));
    }
    let all: alloc::vec::Vec<_> = (0..AUTHORITIES).map(owner).collect();
    let producers = keys.iter().map(|(producer, _)| (producer.clone(), 1 << 32)).collect();
    let producers = frame_support::WeakBoundedVec::force_from(producers, None);
    pallet_babe::Authorities::<Runtime>::put(&producers);
    pallet_babe::NextAuthorities::<Runtime>::put(&producers);
    pallet_authorities::Candidates::<Runtime>::put(BoundedVec::truncate_from(all.clone()));
    pallet_authorities::Voters::<Runtime>::put(BoundedVec::truncate_from(all.clone()));
    for role in [Keys::Producing, Keys::Voting] {
        pallet_authorities::Members::<Runtime>::insert(role, 0, BoundedVec::truncate_from(all.clone()));
    }
    pallet_authorities::EpochSets::<Runtime>::insert(0, Sets { producers: 0, voters: 0 });
    for owner in &all {
        pallet_authorities::Authored::<Runtime>::insert(owner, 1);
    }
}

/// As many disputes as may fall due in one block, in which three machines have not answered.
fn disputes() {
    for number in 0..DUE_PER_BLOCK {
        let (task, digest) = (id("disputed task", number), id("digest", number));
        let mut replicas = Replicas::default();
        for at in 0..3 {
            let machine = machine(3 * number + at);
            let replica = Replica { machine, owner: owner(at), state: State::Revealed(digest) };
            replicas.try_push(replica).unwrap();
            let disclosure = Disclosure { digest, roots: None, deadline: START, chains: Default::default() };
            pallet_drilling::Disclosures::<Runtime>::insert(task, machine, disclosure);
            pallet_drilling::Accused::<Runtime>::insert(machine, task, ());
        }
        let work = Work {
            task: drilling::Task { spec: Class::Tiny.mlp(), seed: digest },
            class: Class::Tiny,
            worth: 622,
            batch: None,
            stage: Stage::Disputed,
            deadline: START,
            replicas,
        };
        let dispute = Dispute {
            cause: Cause::Audit,
            frozen_in: 0,
            tries: 0,
            drawn: false,
            deadline: 0,
            until: 0,
            duties: Default::default(),
            vouched: false,
            convicted: 0,
            slashed: 0,
        };
        pallet_drilling::Tasks::<Runtime>::insert(task, work);
        pallet_drilling::Disputes::<Runtime>::insert(task, dispute);
        pallet_drilling::Due::<Runtime>::try_append(START + 2, DueItem::Task(task)).unwrap();
    }
}

/// Machines that have retired, been convicted of a fork, or lapsed for good.
fn gone(count: u32) {
    for number in 0..count {
        let standing = [Standing::Retired, Standing::Forked, Standing::Lapsed][number as usize % 3];
        let device = AccountId::new(id("old device", number));
        enrol(id("old machine", number), &owner(number % AUTHORITIES), &device, standing, &[1; 118]);
    }
}

/// What one block's beginning cost.
#[derive(Debug, Clone, PartialEq)]
struct Cost {
    reads: u32,
    writes: u32,
    micros: u64,
}

/// Blocks before, at and after an epoch's end, with so many machines that are no more.
fn blocks(old: u32) -> alloc::vec::Vec<Cost> {
    let storage = storage(|| {
        machines();
        workers();
        authorities();
        disputes();
        gone(old);
    });
    let state = BenchmarkingState::<BlakeTwo256>::new(storage, None, false, true).unwrap();
    // The sixth block is the first of the next epoch.
    let first = SLOT + pace::Rhythm::PRODUCTION.epoch_slots - 3 * TURN as u64;
    let block = |number: u32| {
        let mut overlay = OverlayedChanges::default();
        let mut ext = Ext::new(&mut overlay, &state, None);
        ext.reset_read_write_count();
        let micros = set_and_run_with_externalities(&mut ext, || {
            begin(START + number, first + 3 * u64::from(number));
            let micros = System::block_weight().get(DispatchClass::Mandatory).ref_time() / 1_000_000;
            Executive::finalize_block();
            micros
        });
        ext.commit();
        let (reads, _, writes, _) = ext.read_write_count();
        Cost { reads, writes, micros }
    };
    (0..BLOCKS).map(block).collect()
}

#[test]
fn hooks_cost_the_same_however_many_machines_there_have_been() {
    let (now, later) = (blocks(0), blocks(3 * MACHINES));
    for (number, cost) in now.iter().enumerate() {
        let what = if number == TURN { ", an epoch begins" } else { "" };
        let Cost { reads, writes, micros } = cost;
        println!("block {number}: {reads} reads, {writes} writes, {micros} µs{what}");
    }
    assert_eq!(now, later, "{} machines more that are no more", 3 * MACHINES);
    let most = 1_000 * pace::Rhythm::PRODUCTION.slot_millis / constants::BLOCK_SHARE_OF_SLOT;
    for (number, cost) in now.iter().enumerate() {
        // Calls have room while disputes fall due at one time, and also where an epoch of ten minutes begins among them.
        let room = if number == TURN { most / 4 } else { most / 2 };
        assert!(cost.micros < most - room, "block {number} takes {} of {most} µs", cost.micros);
    }
    let quiet = &now[0];
    assert!(quiet.micros < most / 4, "a block like any other takes {} of {most} µs", quiet.micros);
    assert!(
        now[2..5].iter().all(|cost| cost.micros > quiet.micros),
        "disputes fall due, more than a block has room for"
    );
}
