//! Silence, lateness and absence.

use super::*;

#[test]
fn who_does_not_commit_is_out_and_the_others_count() {
    run(|| {
        let task = task_of(3);
        let story = Story::honest(task);
        commit(11, task, &story).unwrap();
        commit(12, task, &story).unwrap();
        go(WINDOW);
        assert_eq!(work(task).stage, Stage::Committing);
        go(1);
        assert_eq!((work(task).stage, verdict(13)), (Stage::Revealing, Some(Verdict::Dropped)));
        (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
        assert_eq!((total(11), total(12), total(13)), (1, 1, 0));
        assert_eq!(at_stake(&owner(3)), 4 * BOND, "not to do a task is no lie");
        assert_eq!(Workers::<Test>::get(id(13)).unwrap().places, 0, "but it is given no more until it asks");
        ready(13, 1).unwrap();
    });
}

#[test]
fn one_alone_waits_for_another_machine() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        commit(11, task, &story).unwrap();
        go(WINDOW + 1);
        assert_eq!(work(task).stage, Stage::Short);
        assert_eq!(reveal(11, task, &story), Err("TooEarly"));
        // Another machine of the same owner is no help; one of another owner is.
        machine(21, owner(1));
        machine(22, owner(4));
        ready(21, 1).unwrap();
        ready(22, 1).unwrap();
        go_to_draw();
        let replaced = work(task);
        assert_eq!(replaced.stage, Stage::Committing);
        assert!(replaced.replica(&id(22)).is_some() && replaced.replica(&id(21)).is_none());
        assert_eq!(commit(12, task, &story), Err("TooLate"));
        commit(22, task, &story).unwrap();
        reveal(11, task, &story).unwrap();
        reveal(22, task, &story).unwrap();
        assert_eq!((total(11), total(22), total(12)), (1, 1, 0));
    });
}

#[test]
fn a_replacement_is_drawn_with_a_seed_that_nobody_knew_when_it_became_needed() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        machine(22, owner(4));
        ready(22, 1).unwrap();
        Epoch::set(Epoch::get() + 1);
        commit(11, task, &story).unwrap();
        go(WINDOW + 1);
        assert_eq!(work(task).stage, Stage::Short);
        // The pool that froze in the epoch before is matched now: not for this task.
        Epoch::set(Epoch::get() + 1);
        go(1);
        assert_eq!(work(task).stage, Stage::Short);
        go_to_draw();
        go_to_draw();
        assert_eq!(work(task).stage, Stage::Committing);
    });
}

#[test]
fn a_task_that_nobody_joins_fails_without_blame() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        commit(11, task, &story).unwrap();
        go(WINDOW + 1 + 6 * WINDOW + 1);
        forgotten(task);
        assert_eq!((verdict(11), total(11)), (Some(Verdict::Failed), 0));
        assert_eq!(at_stake(&owner(1)), 4 * BOND);
        assert!(Workers::<Test>::get(id(11)).unwrap().waiting > 0, "it waits for the next");
    });
}

#[test]
fn a_task_that_nobody_does_fails() {
    run(|| {
        let task = task_of(2);
        go(WINDOW + 1);
        forgotten(task);
        assert_eq!((verdict(11), verdict(12)), (Some(Verdict::Dropped), Some(Verdict::Dropped)));
        assert!(events().contains(&Event::Failed { task }));
    });
}

#[test]
fn to_commit_and_not_to_reveal_is_a_lie() {
    run(|| {
        let task = task_of(3);
        let story = Story::honest(task);
        (11..=13).for_each(|number| commit(number, task, &story).unwrap());
        (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
        go(WINDOW);
        assert_eq!(at_stake(&owner(3)), 4 * BOND);
        go(1);
        forgotten(task);
        assert_eq!(at_stake(&owner(3)), 3 * BOND);
        assert_eq!(verdict(13), Some(Verdict::Convicted(Lie::Unrevealed)));
        assert_eq!((11..=13).map(total).sum::<u128>(), 0, "all forfeit");
        assert_eq!(
            (free(&owner(1)), free(&owner(2))),
            (RICH - 4 * BOND + BOND / 4, RICH - 4 * BOND + BOND / 4)
        );
        assert_eq!(free(&Pot::get()), POT + BOND / 2);
    });
}

#[test]
fn an_outage_costs_one_bond_however_many_results_it_silences() {
    run(|| {
        machine(11, owner(1));
        machine(12, owner(2));
        (11..=12).for_each(|number| ready(number, 3).unwrap());
        go_to_draw();
        let tasks: Vec<_> = Tasks::<Test>::iter_keys().collect();
        assert_eq!(tasks.len(), 3);
        for task in &tasks {
            let story = Story::honest(*task);
            (11..=12).for_each(|number| commit(number, *task, &story).unwrap());
            reveal(11, *task, &story).unwrap();
        }
        go(WINDOW + 1);
        tasks.iter().for_each(|task| forgotten(*task));
        let worker = |number| Workers::<Test>::get(id(number)).unwrap();
        assert_eq!((worker(11).forfeited, worker(12).convicted, worker(12).places), (3, 3, 0));
        assert_eq!(at_stake(&owner(2)), 3 * BOND);
        assert_eq!(free(&owner(1)), RICH - 4 * BOND + BOND / 2);
        let paid = events().into_iter().filter(|event| matches!(event, Event::Compensated { .. }));
        assert_eq!(paid.count(), 1, "nothing is not paid");
        // Once it says again that it is ready, its next silence is another.
        ready(12, 1).unwrap();
        go_to_draw();
        let task = Tasks::<Test>::iter_keys().next().unwrap();
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        go(WINDOW + 1);
        assert_eq!((at_stake(&owner(1)), at_stake(&owner(2))), (3 * BOND, 2 * BOND));
    });
}

#[test]
fn an_outage_excuses_no_lie() {
    run(|| {
        machine(11, owner(1));
        machine(12, owner(2));
        (11..=12).for_each(|number| ready(number, 2).unwrap());
        go_to_draw();
        let tasks: Vec<_> = Tasks::<Test>::iter_keys().collect();
        let lie = Story::lying(tasks[1], 0, 7);
        for (task, story) in [(tasks[0], Story::honest(tasks[0])), (tasks[1], lie.clone())] {
            (11..=12).for_each(|number| commit(number, task, &story).unwrap());
            reveal(11, task, &story).unwrap();
        }
        reveal(12, tasks[1], &lie).unwrap();
        go(WINDOW + 1);
        assert_eq!(at_stake(&owner(2)), 3 * BOND, "for its silence");
        let proof = lie.accusation(Place::new(&lie.task, 0, 7).unwrap());
        convict(&owner(9), tasks[1], 12, proof).unwrap();
        assert_eq!(at_stake(&owner(2)), 2 * BOND, "and for its lie");
    });
}

#[test]
fn a_late_reveal_is_none() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        reveal(11, task, &story).unwrap();
        go(WINDOW + 1);
        assert_eq!(reveal(12, task, &story), Err("UnknownTask"));
        assert_eq!(at_stake(&owner(2)), 3 * BOND);
    });
    run(|| {
        // Also where the chain has had no room yet to look.
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        System::set_block_number(System::block_number() + u64::from(WINDOW) + 1);
        assert_eq!(reveal(12, task, &story), Err("TooLate"));
    });
}

#[test]
fn if_nobody_reveals_all_pay() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        go(WINDOW + 1);
        forgotten(task);
        assert_eq!((at_stake(&owner(1)), at_stake(&owner(2))), (3 * BOND, 3 * BOND));
        assert_eq!(free(&Pot::get()), POT + 2 * BOND);
    });
}

#[test]
fn silence_does_not_hide_a_difference() {
    run(|| {
        let task = task_of(3);
        let (truth, lie) = (Story::honest(task), Story::lying(task, 0, 0));
        for (number, story) in [(11, &truth), (12, &lie), (13, &truth)] {
            commit(number, task, story).unwrap();
        }
        reveal(11, task, &truth).unwrap();
        reveal(12, task, &lie).unwrap();
        go(WINDOW + 1);
        let dispute = Disputes::<Test>::get(task).unwrap();
        assert_eq!(
            (dispute.cause, dispute.slashed, at_stake(&owner(3))),
            (Cause::Difference, BOND, 3 * BOND)
        );
        answer_all(task, &[(11, &truth), (12, &lie)]);
        go_to_draw();
        let inspectors = drawn(task);
        assert!(inspect(&inspectors[0], task, 12, &lie));
        clear_all(task);
        forgotten(task);
        let share = (2 * BOND - BOND / 10) / 2;
        assert_eq!(free(&owner(1)), RICH - 4 * BOND + share, "both pay the one who was right");
    });
}

#[test]
fn a_machine_that_lapses_before_it_commits_loses_nothing() {
    run(|| {
        let task = task_of(3);
        let story = Story::honest(task);
        active(13, false);
        assert_eq!(commit(13, task, &story), Err("NotActive"));
        assert_eq!(Workers::<Test>::get(id(13)).unwrap().places, 0);
        commit(11, task, &story).unwrap();
        commit(12, task, &story).unwrap();
        go(WINDOW + 1);
        (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
        assert_eq!((total(11), total(13), at_stake(&owner(3))), (1, 0, 4 * BOND));
    });
}

#[test]
fn a_machine_that_lapses_once_it_has_committed_must_still_reveal() {
    for comes_back in [true, false] {
        run(|| {
            let task = task_of(2);
            let story = Story::honest(task);
            (11..=12).for_each(|number| commit(number, task, &story).unwrap());
            active(12, false);
            reveal(11, task, &story).unwrap();
            if comes_back {
                reveal(12, task, &story).unwrap();
            }
            go(WINDOW + 1);
            let stake = if comes_back { 4 * BOND } else { 3 * BOND };
            assert_eq!((at_stake(&owner(2)), total(11)), (stake, u128::from(comes_back)));
        });
    }
}

#[test]
fn a_machine_that_changes_hands_is_answered_for_by_who_owned_it() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        machine(12, owner(7));
        assert_eq!(crate::Bonds::<Test>::get(owner(2)).machines, 0);
        reveal(11, task, &story).unwrap();
        go(WINDOW + 1);
        assert_eq!((at_stake(&owner(2)), at_stake(&owner(7))), (3 * BOND, 4 * BOND));
        ready(12, 1).unwrap();
        assert_eq!(Workers::<Test>::get(id(12)).unwrap().owner, owner(7));
        assert_eq!(crate::Bonds::<Test>::get(owner(7)).machines, 1);
    });
}

#[test]
fn what_falls_due_at_once_leaves_room_in_its_block() {
    run(|| {
        let task = task_of(3);
        let (template, now) = (work(task), System::block_number() as u32);
        let disputed = |number: u8| {
            let (other, mut disputed) = ([number; 32], template.clone());
            disputed.stage = Stage::Disputed;
            for (at, replica) in (0..).zip(&mut disputed.replicas) {
                let digest = [at; 32];
                replica.state = State::Revealed(digest);
                let disclosure =
                    Disclosure { digest, roots: None, deadline: now, chains: Default::default() };
                Disclosures::<Test>::insert(other, replica.machine, disclosure);
                crate::Accused::<Test>::insert(replica.machine, other, ());
            }
            Tasks::<Test>::insert(other, disputed);
            let (cause, duties) = (Cause::Difference, Default::default());
            let dispute = Dispute {
                cause,
                frozen_in: 0,
                tries: 0,
                drawn: false,
                deadline: 0,
                until: 0,
                duties,
                vouched: false,
                convicted: 0,
                slashed: 0,
            };
            Disputes::<Test>::insert(other, dispute);
            crate::Due::<Test>::try_append(now + 1, Item::Task(other)).unwrap();
        };
        (0..DUE_PER_BLOCK as u8).for_each(disputed);
        let block = frame_system::limits::BlockWeights::default().max_block;
        let mut blocks = 0;
        while Disputes::<Test>::iter().next().is_some() {
            blocks += 1;
            let number = u64::from(now + blocks);
            System::set_block_number(number);
            let cost = Drilling::on_initialize(number);
            assert!(cost.ref_time() < block.ref_time() / 2, "{} of {}", cost.ref_time(), block.ref_time());
            assert!(blocks < 100, "some are never looked at");
        }
        assert!(blocks > 1, "they would have fitted into one block");
        assert_eq!(Workers::<Test>::get(id(11)).unwrap().convicted, DUE_PER_BLOCK);
    });
}

#[test]
fn every_open_question_is_shown_however_many_are_answered() {
    run(|| {
        let template = work(task_of(2));
        for number in 0..150u8 {
            let other = [number; 32];
            Tasks::<Test>::insert(other, &template);
            let roots = (number < 149).then(Roots::default);
            let disclosure = Disclosure { digest: [1; 32], roots, deadline: 99, chains: Default::default() };
            Disclosures::<Test>::insert(other, id(11), disclosure);
            crate::Accused::<Test>::insert(id(11), other, ());
        }
        let shown = Drilling::questions_of(&id(11));
        assert_eq!(shown.iter().map(|asked| asked.id).collect::<Vec<_>>(), [[149; 32]]);
    });
}
