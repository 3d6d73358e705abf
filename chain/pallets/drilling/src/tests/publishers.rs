//! Batches, votes, and what publishers pay.

use super::*;
use crate::{Batches, Supply};
use frame_support::traits::fungible::Mutate;

fn publish(spec: Spec, count: u32, difficulty: u128) -> Result<BatchId, &'static str> {
    let source = Source::truncate_from(b"https://example.org/tasks".to_vec());
    let spec = Box::new(spec);
    let call = crate::Call::publish { spec, count, replicas: 2, difficulty, source };
    sent(RuntimeOrigin::signed(owner(9)), call)?;
    Ok(crate::LastBatch::<Test>::get())
}

fn vote(voter: u8, batch: BatchId, approve: bool) -> Result<(), &'static str> {
    named(Drilling::vote(RuntimeOrigin::signed(owner(voter)), batch, approve))
}

fn closed() {
    crate::Chosen::<Test>::mutate(|rules| rules.open = false);
    Synthetic::<Test>::kill();
}

#[test]
fn overstated_difficulty_is_refused() {
    run(|| {
        let worth = drilling::difficulty(&spec());
        for wrong in [worth + 1, worth * 1_000, 0, worth - 1] {
            assert_eq!(publish(spec(), 10, wrong), Err("WrongDifficulty"));
        }
        assert_eq!(publish(Spec { rows: 0, ..spec() }, 10, worth), Err("BadRows"));
        assert_eq!(publish(Spec { inputs: 1 << 20, ..spec() }, 10, worth), Err("BadInputs"));
        assert_eq!(publish(Spec { rows: 1, ..spec() }, 10, 0), Err("Worthless"));
        assert_eq!(publish(spec(), 0, worth), Err("BadCount"));
        assert_eq!(publish(spec(), MOST_TASKS + 1, worth), Err("BadCount"));
        let origin = RuntimeOrigin::signed(owner(9));
        let alone = Drilling::publish(origin, Box::new(spec()), 1, 1, worth, Default::default());
        assert_eq!(named(alone), Err("BadReplicas"));
        let poor = RuntimeOrigin::signed(Account::new([77; 32]));
        assert!(Drilling::publish(poor, Box::new(spec()), 1, 2, worth, Default::default()).is_err());
        assert_eq!(free(&owner(9)), RICH - 4 * BOND);
        publish(spec(), 10, worth).unwrap();
    });
}

#[test]
fn a_batch_is_approved_given_out_and_paid_for() {
    run(|| {
        closed();
        let batch = publish(spec(), 2, 1).unwrap();
        assert_eq!(free(&owner(9)), RICH - 4 * BOND - 100 - 4);
        machine(11, owner(1));
        machine(12, owner(2));
        ready(11, 4).unwrap();
        ready(12, 4).unwrap();
        go_to_draw();
        assert_eq!(Tasks::<Test>::iter().count(), 0, "nothing is given out before the vote");
        vote(1, batch, true).unwrap();
        vote(2, batch, true).unwrap();
        vote(3, batch, false).unwrap();
        assert_eq!(vote(1, batch, false), Err("AlreadyVoted"));
        assert_eq!(named(Drilling::vote(RuntimeOrigin::signed(inspector(1)), batch, true)), Err("NotBonded"));
        assert_eq!(vote(1, batch + 1, true), Err("UnknownBatch"));
        go(21);
        assert_eq!(vote(4, batch, true), Err("VoteOver"));
        assert_eq!(Drilling::supply(Class::Tiny).len(), 1);
        go_to_draw();
        go_to_draw();
        let tasks: Vec<_> = Tasks::<Test>::iter_keys().collect();
        assert_eq!(tasks.len(), 2);
        assert!(Supply::<Test>::get(Class::Tiny).is_empty());
        assert_eq!(free(&Pot::get()), POT, "what is done is paid for");
        assert_eq!(&Drilling::work_of(&id(11))[0].source[..], b"https://example.org/tasks");
        for task in tasks {
            let story = Story::honest(task);
            (11..=12).for_each(|number| commit(number, task, &story).unwrap());
            (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
        }
        go_to_draw();
        assert!(Batches::<Test>::get(batch).is_none());
        assert_eq!(
            (free(&owner(9)), free(&Pot::get())),
            (RICH - 4 * BOND - 4, POT + 4),
            "the deposit comes back"
        );
        assert!(Tasks::<Test>::iter().next().is_none(), "and nothing is left to do");
    });
}

#[test]
fn a_batch_that_the_vote_goes_against_loses_its_deposit() {
    run(|| {
        closed();
        let batch = publish(spec(), 2, 1).unwrap();
        vote(1, batch, false).unwrap();
        go(21);
        assert!(Batches::<Test>::get(batch).is_none());
        assert_eq!((free(&owner(9)), free(&Pot::get())), (RICH - 4 * BOND - 100, POT + 100));
    });
}

#[test]
fn a_batch_without_voters_goes_back() {
    run(|| {
        closed();
        publish(spec(), 2, 1).unwrap();
        go(21);
        assert_eq!(Batches::<Test>::iter().count(), 0);
        assert_eq!(free(&owner(9)), RICH - 4 * BOND);
    });
}

#[test]
fn who_takes_the_stake_away_has_not_voted() {
    run(|| {
        closed();
        let batch = publish(spec(), 2, 1).unwrap();
        vote(1, batch, true).unwrap();
        vote(2, batch, false).unwrap();
        named(Drilling::unbond(RuntimeOrigin::signed(owner(1)), 2 * BOND)).unwrap();
        go(21);
        assert!(Supply::<Test>::get(Class::Tiny).is_empty());
    });
}

#[test]
fn a_batch_ends_when_its_publisher_says_so() {
    run(|| {
        Synthetic::<Test>::kill();
        let batch = publish(spec(), 100, 1).unwrap();
        machine(11, owner(1));
        machine(12, owner(2));
        ready(11, 1).unwrap();
        ready(12, 1).unwrap();
        go_to_draw();
        let task = Tasks::<Test>::iter_keys().next().unwrap();
        let end = |who| named(Drilling::end_batch(RuntimeOrigin::signed(owner(who)), batch));
        assert_eq!(end(1), Err("NotPublisher"));
        end(9).unwrap();
        assert_eq!(free(&owner(9)), RICH - 4 * BOND - 100 - 2);
        // What runs goes on.
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
        go_to_draw();
        assert_eq!(free(&owner(9)), RICH - 4 * BOND - 2);
        assert_eq!(end(9), Err("UnknownBatch"));
        go_to_draw();
        assert_eq!(Tasks::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_task_that_came_to_nothing_is_given_out_again() {
    run(|| {
        let batch = publish(spec(), 5, 1).unwrap();
        task_of(2);
        assert_eq!(Batches::<Test>::get(batch).unwrap().left, 4);
        go(WINDOW + 1);
        let batch = Batches::<Test>::get(batch).unwrap();
        assert_eq!((batch.left, batch.running), (5, 0));
    });
}

#[test]
fn batches_come_before_the_built_in_publisher_and_each_in_turn() {
    run(|| {
        let wide = Spec { rows: 65, ..spec() };
        let first = publish(wide, 1, 1).unwrap();
        let second = publish(Spec { rows: 66, ..spec() }, 1, 1).unwrap();
        machine(11, owner(1));
        machine(12, owner(2));
        ready(11, 3).unwrap();
        ready(12, 3).unwrap();
        go_to_draw();
        let mut batches: Vec<_> = Tasks::<Test>::iter_values().map(|work| work.batch).collect();
        batches.sort_unstable();
        assert_eq!(batches, [None, Some(first), Some(second)]);
    });
}

#[test]
fn so_many_batches_and_no_more() {
    run(|| {
        for _ in 0..SUPPLY {
            publish(spec(), 1, 1).unwrap();
        }
        assert_eq!(publish(spec(), 1, 1), Err("TooManyBatches"));
    });
}

/// Somebody with so much bonded.
fn bonded(number: u8, amount: u128) -> RuntimeOrigin {
    let account = Account::new([number; 32]);
    Balances::set_balance(&account, RICH);
    let origin = RuntimeOrigin::signed(account);
    named(Drilling::bond(origin.clone(), amount)).unwrap();
    origin
}

#[test]
fn a_few_votes_against_cost_the_publisher_nothing() {
    run(|| {
        closed();
        let batch = publish(spec(), 2, 1).unwrap();
        named(Drilling::vote(bonded(50, BOND), batch, false)).unwrap();
        go(21);
        assert!(Batches::<Test>::get(batch).is_none());
        assert_eq!((free(&owner(9)), free(&Pot::get())), (RICH - 4 * BOND, POT));
    });
}

#[test]
fn votes_of_little_do_not_keep_out_those_of_much() {
    run(|| {
        closed();
        let batch = publish(spec(), 2, 1).unwrap();
        let vote = |voter, approve| named(Drilling::vote(voter, batch, approve));
        assert_eq!(vote(bonded(49, BOND - 1), false), Err("BondTooSmall"));
        for number in 0..VOTES as u8 {
            vote(bonded(50 + number, BOND + u128::from(number)), false).unwrap();
        }
        assert_eq!(vote(bonded(150, BOND), false), Err("TooManyVotes"), "no more than the least of them");
        vote(RuntimeOrigin::signed(owner(1)), true).unwrap();
        let votes = Batches::<Test>::get(batch).unwrap().votes;
        assert!(votes.contains(&(owner(1), true)) && votes.len() == VOTES as usize);
        assert!(!votes.iter().any(|(voter, _)| *voter == Account::new([50; 32])), "the least has made room");
    });
}

#[test]
fn a_batch_does_not_end_before_its_vote() {
    run(|| {
        closed();
        let batch = publish(spec(), 2, 1).unwrap();
        vote(1, batch, false).unwrap();
        let end = || named(Drilling::end_batch(RuntimeOrigin::signed(owner(9)), batch));
        assert_eq!(end(), Err("VoteRuns"));
        go(21);
        assert_eq!((end(), free(&Pot::get())), (Err("UnknownBatch"), POT + 100));
    });
}

#[test]
fn shapes_that_spare_work_are_refused() {
    run(|| {
        let mut layers: Vec<_> = spec().layers.iter().copied().collect();
        layers[0].multiplier = 1;
        let zero = Spec { layers: drilling::Layers::new(&layers).unwrap(), ..spec() };
        for (shape, name) in [(Spec { inputs: 31, rows: 4096, ..spec() }, "TooNarrow"), (zero, "BadSpread")] {
            assert_eq!(publish(shape, 1, drilling::difficulty(&shape)), Err(name));
        }
    });
}

#[test]
fn a_batch_that_comes_to_nothing_keeps_no_other_waiting() {
    run(|| {
        let [failing, other] = [(); 2].map(|()| publish(spec(), 5, 1).unwrap());
        let queue = || Supply::<Test>::get(Class::Tiny).into_inner();
        assert_eq!(queue(), [failing, other]);
        machine(11, owner(1));
        machine(12, owner(2));
        (11..=12).for_each(|number| ready(number, 1).unwrap());
        go_to_draw();
        assert_eq!(Tasks::<Test>::iter_values().next().unwrap().batch, Some(failing));
        go(WINDOW + 1);
        assert_eq!(queue(), [other, failing], "nobody committed");
        assert_eq!(Batches::<Test>::get(failing).unwrap().left, 5);
    });
}

#[test]
fn a_batch_that_nobody_can_do_costs_nothing_and_is_given_up() {
    run(|| {
        Synthetic::<Test>::kill();
        let batch = publish(spec(), 5, 1).unwrap();
        let of = |batch| Batches::<Test>::get(batch).map(|batch| (batch.left, batch.held));
        machine(11, owner(1));
        machine(12, owner(2));
        for failed in 1..=STRIKES {
            (11..=12).for_each(|number| ready(number, 1).unwrap());
            go_to_draw();
            go(WINDOW + 1);
            let left = (failed < STRIKES).then_some((5, 100 + 5 * 2));
            assert_eq!((of(batch), free(&Pot::get())), (left, POT), "after {failed}");
        }
        assert!(events().contains(&Event::GivenUp { batch }) && Supply::<Test>::get(Class::Tiny).is_empty());
        assert_eq!(free(&owner(9)), RICH - 4 * BOND);
    });
}

#[test]
fn one_task_done_and_a_batch_is_as_good_as_before() {
    run(|| {
        Synthetic::<Test>::kill();
        let batch = publish(spec(), 5, 1).unwrap();
        Batches::<Test>::mutate_extant(batch, |batch| batch.failed = STRIKES - 1);
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
        go_to_draw();
        assert_eq!(Batches::<Test>::get(batch).unwrap().failed, 0);
    });
}

#[test]
fn two_owners_cannot_end_a_batch_that_others_work_on() {
    run(|| {
        Synthetic::<Test>::kill();
        let batch = publish(spec(), 1_000, 1).unwrap();
        (1..=4).for_each(|number| machine(10 + number, owner(number)));
        // Two are matched with each other again and again, and do nothing.
        (11..=12).for_each(|number| ready(number, 20).unwrap());
        (13..=14).for_each(|number| ready(number, 3).unwrap());
        go_to_draw();
        go(WINDOW + 3);
        let left = Batches::<Test>::get(batch).unwrap();
        assert_eq!((left.failed, left.left), (1, 1_000), "all of them failed in one epoch");
        assert!(!Supply::<Test>::get(Class::Tiny).is_empty());
    });
}
