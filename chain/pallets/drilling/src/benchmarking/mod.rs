//! What calls and hooks cost at worst: records and lists full, proofs at their longest and really checked, and all that an outcome can lead
//! to. What a credit costs is measured where it is counted, and comes on top.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up must stop"
)]

mod lie;
mod scene;

use crate::{
    AgreedTasks, Audited, Batches, Bonds, Call, Config, Disclosures, Disputes, Due, Matching, Pallet, Pools,
    Rounds, Tasks, Undrawn, UndrawnEnds, Workers, round::Budget, types::*,
};
use alloc::boxed::Box;
use drilling::{Class, MAX_INPUTS, MAX_WIDTH, Question, commitment, difficulty};
use lie::Lie;
use pallet_draw::Draw;
use pallet_machines::{
    OnStanding,
    types::{Account, Standing},
};
use polkadot_sdk::*;
use scene::*;

use frame_benchmarking::v2::*;
use frame_support::{BoundedVec, pallet_prelude::Get, traits::fungible::Mutate};
use frame_system::RawOrigin;

const SALT: [u8; 32] = [5; 32];
const DIGEST: [u8; 32] = [6; 32];

fn committed(number: u32) -> State {
    State::Committed(commitment(&DIGEST, &machine(number), &SALT))
}

/// A task in whose present stage time is left.
fn in_time<T: Config>(id: TaskId) -> TaskId {
    Tasks::<T>::mutate_extant(id, |work| work.deadline = NOW + 1);
    id
}

fn change<T: Config>(id: TaskId, number: u32, change: impl FnOnce(&mut Disclosure)) {
    Disclosures::<T>::mutate(id, machine(number), |slot| slot.as_mut().map(change));
}

fn entries(count: u32) -> BoundedVec<Entry, frame_support::traits::ConstU32<POOL>> {
    let entry = |number| Entry { machine: machine(number), places: None };
    BoundedVec::truncate_from((0..count).map(entry).collect())
}

/// A round with the pool's most entries in it, of which the last are looked at.
fn round<T: Config>(first: u32) {
    let (mut left, again) = (entries(POOL), entries(POOL - 100));
    left.iter_mut().rev().zip(first..).for_each(|(entry, number)| entry.machine = machine(number));
    let round = Round { frozen_in: 0, lap: 0, matched: true, over: false, left, again };
    Rounds::<T>::insert(Class::Large, round);
    Matching::<T>::put(BoundedVec::truncate_from([Class::Large].to_vec()));
}

/// The part of a block's matching that grows with what there is to match.
fn go_on<T: Config>(looks: u32, tasks: u32) {
    let round = Rounds::<T>::get(Class::Large).unwrap();
    Pallet::<T>::go_on(Class::Large, round, &mut Budget { looks, tasks });
}

#[benchmarks(where T: Real, <T as pallet_inspectors::Config>::Currency: Mutate<Account>)]
mod measured {
    use super::*;

    #[benchmark]
    fn bond() {
        begin::<T>();
        let owner = rich::<T>("owner", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()), T::MachineBond::get());
        assert!(Bonds::<T>::get(owner).active > 0);
    }

    #[benchmark]
    fn unbond() {
        begin::<T>();
        let owner = bonded::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()), T::MachineBond::get());
        assert!(Bonds::<T>::get(owner).leaving > 0);
    }

    #[benchmark]
    fn withdraw() {
        begin::<T>();
        let owner = bonded::<T>(0);
        Pallet::<T>::do_unbond(&owner, Bonds::<T>::get(&owner).active).unwrap();
        Bonds::<T>::mutate(&owner, |own| own.free_at = NOW);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()));
        assert!(!Bonds::<T>::contains_key(owner));
    }

    #[benchmark]
    fn publish() {
        begin::<T>();
        let (publisher, spec) = (rich::<T>("publisher", 0), Class::Large.mlp());
        let source = BoundedVec::truncate_from([1; 256].to_vec());
        fill::<T>(NOW + T::VoteBlocks::get());
        #[extrinsic_call]
        _(RawOrigin::Signed(publisher), Box::new(spec), MOST_TASKS, MOST_AT_ONCE, difficulty(&spec), source);
        assert!(Batches::<T>::contains_key(1));
    }

    #[benchmark]
    fn vote() {
        begin::<T>();
        batch::<T>(1);
        Batches::<T>::mutate_extant(BATCH, |batch| batch.approval = Approval::Voting(NOW));
        let voter = bonded::<T>(VOTES);
        #[extrinsic_call]
        _(RawOrigin::Signed(voter), BATCH, true);
        assert_eq!(Batches::<T>::get(BATCH).unwrap().votes.len(), VOTES as usize);
    }

    #[benchmark]
    fn end_batch() {
        begin::<T>();
        batch::<T>(1);
        Batches::<T>::mutate_extant(BATCH, |batch| batch.running = 0);
        let publisher = Batches::<T>::get(BATCH).unwrap().publisher;
        #[extrinsic_call]
        _(RawOrigin::Signed(publisher), BATCH);
        assert!(!Batches::<T>::contains_key(BATCH));
    }

    /// A machine that took tasks of another class, into a pool that is all but full.
    #[benchmark]
    fn ready() {
        begin::<T>();
        let machine = worker::<T>(0, Class::Small, &[]);
        Pools::<T>::insert(<T as Config>::Draw::epoch(), Class::Large, entries(POOL - 1));
        #[extrinsic_call]
        _(RawOrigin::Signed(device(0)), Class::Large, T::Pipeline::get() as u8);
        assert_eq!(Workers::<T>::get(machine).unwrap().class, Class::Large);
    }

    /// A machine that goes away takes tasks no more.
    #[benchmark]
    fn stop() {
        begin::<T>();
        let machine = worker::<T>(0, Class::Large, &[]);
        #[block]
        {
            Pallet::<T>::changed(&machine, &owner(0), Standing::Lapsed);
        }
        assert_eq!(Workers::<T>::get(machine).unwrap().places, 0);
    }

    /// The last of three commits.
    #[benchmark]
    fn commit() {
        begin::<T>();
        let states = [State::Assigned, committed(1), committed(2)];
        let id = in_time::<T>(work::<T>(large(), Stage::Committing, &states));
        fill::<T>(NOW + T::WindowBlocks::get());
        #[extrinsic_call]
        _(RawOrigin::Signed(device(0)), id, DIGEST);
        assert_eq!(Tasks::<T>::get(id).unwrap().stage, Stage::Revealing);
    }

    /// The last of three reveals, and all are one.
    #[benchmark]
    fn reveal() {
        begin::<T>();
        let states = [committed(0), State::Revealed(DIGEST), State::Revealed(DIGEST)];
        let id = in_time::<T>(work::<T>(large(), Stage::Revealing, &states));
        AgreedTasks::<T>::insert(
            <T as Config>::Draw::epoch(),
            0,
            BoundedVec::truncate_from([[1; 32]; CHUNK as usize].to_vec()),
        );
        #[extrinsic_call]
        _(RawOrigin::Signed(device(0)), id, DIGEST, SALT);
        assert_eq!(Tasks::<T>::get(id).unwrap().stage, Stage::Agreed);
    }

    /// The last of three reveals, and they differ.
    #[benchmark]
    fn reveal_differing() {
        begin::<T>();
        let states = [committed(0), State::Revealed(DIGEST), State::Revealed([1; 32])];
        let id = in_time::<T>(work::<T>(large(), Stage::Revealing, &states));
        fill::<T>(NOW + T::AnswerBlocks::get());
        #[extrinsic_call]
        reveal(RawOrigin::Signed(device(0)), id, DIGEST, SALT);
        assert_eq!(Tasks::<T>::get(id).unwrap().stage, Stage::Disputed);
    }

    /// What all three inspectors have asked.
    #[benchmark]
    fn disclose() {
        begin::<T>();
        let (task, question, answer, expected) = lie::longest_answer();
        let id = work::<T>(task, Stage::Disputed, &[State::Revealed(DIGEST); MOST_AT_ONCE as usize]);
        dispute::<T>(id, Cause::Difference, 3, Some(&longest_roots()), question, None);
        change::<T>(id, 0, |disclosure| {
            disclosure.chains.iter_mut().for_each(|chain| chain.expected = expected)
        });
        #[extrinsic_call]
        _(RawOrigin::Signed(device(0)), id, question, answer);
        assert!(
            Disclosures::<T>::get(id, machine(0)).unwrap().chains.iter().all(|chain| chain.answer.is_some())
        );
    }

    /// Below the longest answer.
    #[benchmark]
    fn demand() {
        begin::<T>();
        let (task, question, answer, _) = lie::longest_answer();
        let id = work::<T>(task, Stage::Disputed, &[State::Revealed(DIGEST); MOST_AT_ONCE as usize]);
        dispute::<T>(id, Cause::Difference, 3, Some(&longest_roots()), question, Some(&answer));
        let deadline = NOW + T::AnswerBlocks::get();
        fill::<T>(deadline + T::AnswerBlocks::get());
        fill::<T>(deadline);
        #[extrinsic_call]
        _(RawOrigin::Signed(inspector::<T>(id, 0)), id, machine(0), 255);
        assert_eq!(Disclosures::<T>::get(id, machine(0)).unwrap().chains[2].asked, 2);
    }

    /// Three machines convicted of a sum of so many generated products.
    #[benchmark]
    fn convict_generated(e: Linear<1, MAX_INPUTS>) {
        begin::<T>();
        let lie = Lie::generated(e);
        let id = followed::<T>(&lie);
        #[extrinsic_call]
        convict(RawOrigin::Signed(rich::<T>("reporter", 0)), id, machine(0), lie.proof);
        assert!(!Tasks::<T>::contains_key(id));
    }

    /// The same over a layer of this width, which is opened.
    #[benchmark]
    fn convict_opened(w: Linear<1, MAX_WIDTH>) {
        begin::<T>();
        let lie = Lie::opened(w);
        let id = followed::<T>(&lie);
        #[extrinsic_call]
        convict(RawOrigin::Signed(rich::<T>("reporter", 0)), id, machine(0), lie.proof);
        assert!(!Tasks::<T>::contains_key(id));
    }

    /// The same in a published network, whose weights are opened too.
    #[benchmark]
    fn convict_published(w: Linear<1, MAX_WIDTH>) {
        begin::<T>();
        let lie = Lie::published(w);
        let id = followed::<T>(&lie);
        #[extrinsic_call]
        convict(RawOrigin::Signed(rich::<T>("reporter", 0)), id, machine(0), lie.proof);
        assert!(!Tasks::<T>::contains_key(id));
    }

    /// What comes first where nobody disputed the task yet, and when an audit is drawn.
    #[benchmark]
    fn open_dispute() {
        begin::<T>();
        let id = work::<T>(large(), Stage::Agreed, &[State::Revealed(DIGEST); MOST_AT_ONCE as usize]);
        fill::<T>(NOW + T::AnswerBlocks::get());
        let work = Tasks::<T>::get(id).unwrap();
        #[block]
        {
            Pallet::<T>::open_dispute(id, work, Cause::Audit, 0, 0);
        }
        assert!(Disputes::<T>::contains_key(id));
    }

    /// The last inspector; what a liar lost goes to the others.
    #[benchmark]
    fn clear() {
        begin::<T>();
        let (task, question, answer, _) = lie::longest_answer();
        let id = work::<T>(task, Stage::Disputed, &[State::Revealed(DIGEST); MOST_AT_ONCE as usize]);
        dispute::<T>(id, Cause::Difference, 1, Some(&longest_roots()), question, Some(&answer));
        #[extrinsic_call]
        _(RawOrigin::Signed(inspector::<T>(id, 2)), id);
        assert!(!Disputes::<T>::contains_key(id));
    }

    /// A block's items, each of which came to nothing.
    #[benchmark]
    fn settle_due(i: Linear<0, DUE_PER_BLOCK>) {
        begin::<T>();
        let items = (0..i).map(|number| Item::Task(machine(number)));
        Due::<T>::insert(NOW, BoundedVec::truncate_from(items.collect()));
        #[block]
        {
            Pallet::<T>::settle_due();
        }
        assert!(!Due::<T>::contains_key(NOW));
    }

    /// A task that is not that far.
    #[benchmark]
    fn look_early() {
        begin::<T>();
        let id =
            in_time::<T>(work::<T>(large(), Stage::Committing, &[State::Assigned; MOST_AT_ONCE as usize]));
        #[block]
        {
            Pallet::<T>::look(id);
        }
        assert!(Tasks::<T>::contains_key(id));
    }

    /// Nobody has committed.
    #[benchmark]
    fn close_commits() {
        begin::<T>();
        let id = work::<T>(large(), Stage::Committing, &[State::Assigned; MOST_AT_ONCE as usize]);
        #[block]
        {
            Pallet::<T>::look(id);
        }
        assert!(!Tasks::<T>::contains_key(id));
    }

    /// One has committed, and the task waits for another machine.
    #[benchmark]
    fn close_commits_short() {
        begin::<T>();
        let states = [State::Assigned, State::Assigned, committed(2)];
        let id = work::<T>(large(), Stage::Committing, &states);
        Tasks::<T>::mutate_extant(id, |work| work.replicas.truncate(3));
        fill::<T>(NOW + T::WindowBlocks::get() * 6);
        #[block]
        {
            Pallet::<T>::look(id);
        }
        assert_eq!(Tasks::<T>::get(id).unwrap().stage, Stage::Short);
    }

    /// Two have not revealed; what they lose goes to the third.
    #[benchmark]
    fn close_reveals() {
        begin::<T>();
        let states = [committed(0), committed(1), State::Revealed(DIGEST)];
        let id = work::<T>(large(), Stage::Revealing, &states);
        #[block]
        {
            Pallet::<T>::look(id);
        }
        assert!(!Tasks::<T>::contains_key(id));
    }

    /// Nobody has answered.
    #[benchmark]
    fn look_unanswered() {
        begin::<T>();
        let id = work::<T>(large(), Stage::Disputed, &[State::Revealed(DIGEST); MOST_AT_ONCE as usize]);
        dispute::<T>(id, Cause::Audit, 3, None, Question::Roots, None);
        (0..3).for_each(|number| {
            change::<T>(id, number, |disclosure| disclosure.deadline = NOW - 1);
        });
        #[block]
        {
            Pallet::<T>::look(id);
        }
        assert!(!Tasks::<T>::contains_key(id));
    }

    /// No inspector has come: others are drawn.
    #[benchmark]
    fn look_unattended() {
        begin::<T>();
        let id = work::<T>(large(), Stage::Disputed, &[State::Revealed(DIGEST); MOST_AT_ONCE as usize]);
        let answer = BoundedVec::truncate_from([1; drilling::disclosure::MAX_ANSWER].to_vec());
        dispute::<T>(id, Cause::Audit, 3, Some(&longest_roots()), Question::Roots, Some(&answer));
        #[block]
        {
            Pallet::<T>::look(id);
        }
        assert!(!Disputes::<T>::get(id).unwrap().drawn);
    }

    /// A vote that is lost, with as many votes as are counted.
    #[benchmark]
    fn tally() {
        begin::<T>();
        batch::<T>(1);
        let votes = (0..VOTES).map(|number| (bonded::<T>(number), false)).collect();
        Batches::<T>::mutate_extant(BATCH, |batch| {
            (batch.approval, batch.votes) = (Approval::Voting(NOW - 1), BoundedVec::truncate_from(votes));
        });
        #[block]
        {
            Pallet::<T>::tally(BATCH);
        }
        assert!(!Batches::<T>::contains_key(BATCH));
    }

    /// A chunk of agreed tasks. What an opened dispute costs comes on top.
    #[benchmark]
    fn draw_audits(c: Linear<0, CHUNK>) {
        begin::<T>();
        Audited::<T>::put((0, 0));
        let mut chunk = alloc::vec::Vec::new();
        let template = work::<T>(large(), Stage::Agreed, &[State::Revealed(DIGEST); MOST_AT_ONCE as usize]);
        let template = Tasks::<T>::take(template).unwrap();
        for number in 0..c {
            let mut work = template.clone();
            work.task.seed = machine(number);
            chunk.push(work.task.id());
            Tasks::<T>::insert(work.task.id(), work);
        }
        Batches::<T>::mutate_extant(BATCH, |batch| batch.running = c + 1);
        AgreedTasks::<T>::insert(0, 0, BoundedVec::truncate_from(chunk));
        #[block]
        {
            Pallet::<T>::draw_audits();
        }
        assert!(!AgreedTasks::<T>::contains_key(0, 0));
    }

    /// Inspectors for so many disputes.
    #[benchmark]
    fn draw_inspectors(d: Linear<0, DRAWS_PER_BLOCK>) {
        begin::<T>();
        let template = work::<T>(large(), Stage::Disputed, &[State::Revealed(DIGEST); MOST_AT_ONCE as usize]);
        let template = Tasks::<T>::take(template).unwrap();
        for number in 0..d {
            let mut work = template.clone();
            work.task.seed = machine(number);
            Pallet::<T>::open_dispute(work.task.id(), work, Cause::Audit, 0, 0);
        }
        fill::<T>(NOW + <T as Config>::DutyBlocks::get());
        #[block]
        {
            Pallet::<T>::draw_inspectors();
        }
        assert_eq!(UndrawnEnds::<T>::get(), (u64::from(d), u64::from(d)));
        assert_eq!(Undrawn::<T>::iter().count(), 0);
    }

    /// A pool of so many entries is put into drawn order.
    #[benchmark]
    fn begin_rounds(s: Linear<0, POOL>) {
        begin::<T>();
        Pools::<T>::insert(0, Class::Large, entries(s));
        #[block]
        {
            Pallet::<T>::begin_rounds();
        }
        assert_eq!(Rounds::<T>::contains_key(Class::Large), s > 0);
    }

    /// Machines that are given nothing: each is away by now.
    #[benchmark]
    fn match_looks(l: Linear<0, LOOKS_PER_BLOCK>) {
        begin::<T>();
        batch::<T>(MOST_TASKS);
        for number in 0..l {
            let machine = worker::<T>(5_000 + number, Class::Large, &[]);
            pallet_machines::Machines::<T>::mutate_extant(machine, |machine| {
                machine.standing = Standing::Lapsed
            });
        }
        round::<T>(5_000);
        #[block]
        {
            go_on::<T>(l, TASKS_PER_BLOCK);
        }
        assert_eq!(Rounds::<T>::get(Class::Large).unwrap().left.len(), (POOL - l) as usize);
    }

    /// Tasks that begin, each with three machines.
    #[benchmark]
    fn match_tasks(t: Linear<0, TASKS_PER_BLOCK>) {
        begin::<T>();
        batch::<T>(MOST_TASKS);
        (0..3 * t).for_each(|number| {
            worker::<T>(5_000 + number, Class::Large, &[]);
        });
        round::<T>(5_000);
        fill::<T>(NOW + T::WindowBlocks::get());
        #[block]
        {
            go_on::<T>(LOOKS_PER_BLOCK, t);
        }
        assert_eq!(Tasks::<T>::iter_keys().count(), t as usize);
    }
}
