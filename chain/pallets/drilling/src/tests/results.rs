//! What honest machines get.

use super::*;

#[test]
fn all_agree_and_are_credited_the_same() {
    run(|| {
        let task = task_of(3);
        assert_eq!(Drilling::work_of(&id(11)).len(), 1);
        let story = Story::honest(task);
        for number in 11..=13 {
            assert_eq!(reveal(number, task, &story), Err("TooEarly"));
            commit(number, task, &story).unwrap();
        }
        assert_eq!(work(task).stage, Stage::Revealing);
        for number in 11..=13 {
            reveal(number, task, &story).unwrap();
        }
        assert_eq!((11..=13).map(total).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(verdict(11), Some(Verdict::Agreed));
        assert_eq!(work(task).stage, Stage::Agreed);
        assert!(Drilling::work_of(&id(11)).is_empty());
        // All six calls were such as the chain waits for.
        assert_eq!(Excused::get().len(), 6);
        let digest = story.outcome.digest;
        let agreed = |event: &Event<Test>| matches!(event, Event::Agreed { worth: 1, digest: one, machines, .. } if *one == digest && machines.len() == 3);
        assert!(events().iter().any(agreed));
        // Nobody audits it.
        go_to_draw();
        forgotten(task);
    });
}

#[test]
fn a_machine_goes_on_without_saying_anything() {
    run(|| {
        let task = task_of(2);
        let mut done = 0;
        let mut next = Some(task);
        for _ in 0..5 {
            let task = next.unwrap();
            let story = Story::honest(task);
            (11..=12).for_each(|number| commit(number, task, &story).unwrap());
            (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
            done += 1;
            go_to_draw();
            next = Drilling::work_of(&id(11)).first().map(|assignment| assignment.id);
        }
        assert_eq!((total(11), total(12)), (done, done));
    });
}

#[test]
fn seeds_differ_and_are_nobodys_choice() {
    run(|| {
        machine(11, owner(1));
        machine(12, owner(2));
        ready(11, 4).unwrap();
        ready(12, 4).unwrap();
        go_to_draw();
        let mut seeds: Vec<_> = Tasks::<Test>::iter_values().map(|work| work.task.seed).collect();
        assert_eq!(seeds.len(), 4, "as many as both have places");
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 4);
    });
}

#[test]
fn an_audit_of_honest_machines_ends_well() {
    run(|| {
        Audits::set(100);
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
        go_to_draw();
        // The audit is drawn with a seed that is known, and so are its inspectors.
        assert_eq!(Disputes::<Test>::get(task).unwrap().cause, Cause::Audit);
        let inspectors = drawn(task);
        assert_eq!(inspectors.len(), 3);
        assert_eq!(Drilling::disputes_of(&inspectors[0]).len(), 1);
        // Who clears before the machines have answered does not spare them the answer.
        clear(&inspectors[0], task).unwrap();
        answer_all(task, &[(11, &story), (12, &story)]);
        assert!(!inspect(&inspectors[1], task, 11, &story));
        clear(&inspectors[1], task).unwrap();
        clear(&inspectors[2], task).unwrap();
        forgotten(task);
        assert_eq!((at_stake(&owner(1)), at_stake(&owner(2))), (4 * BOND, 4 * BOND));
        assert_eq!((total(11), total(12)), (1, 1));
        assert_eq!(free(&inspectors[0]), RICH - 1_000 + FEE);
    });
}

#[test]
fn genesis_may_choose_another_share_than_the_runtime() {
    run(|| {
        let published = Synthetic::<Test>::get();
        let genesis = crate::GenesisConfig::<Test> { audit_percent: Some(100), ..Default::default() };
        frame_support::traits::BuildGenesisConfig::build(&genesis);
        Synthetic::<Test>::put(published);
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        (11..=12).for_each(|number| reveal(number, task, &story).unwrap());
        go_to_draw();
        assert_eq!(Disputes::<Test>::get(task).unwrap().cause, Cause::Audit);
    });
}

#[test]
fn about_five_in_a_hundred_are_audited() {
    run(|| {
        Audits::set(5);
        let task = task_of(2);
        let template = Work { stage: Stage::Agreed, ..work(task) };
        let epoch = Epoch::get();
        for number in 0..2_000u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_le_bytes());
            Tasks::<Test>::insert(id, &template);
            let chunk = number / CHUNK;
            crate::AgreedTasks::<Test>::try_append(epoch, chunk, id).unwrap();
            crate::AgreedUpTo::<Test>::insert(epoch, chunk);
        }
        go_to_draw();
        go(70);
        let audits =
            events().into_iter().filter(|event| matches!(event, Event::Disputed { cause: Cause::Audit, .. }));
        let audits = audits.count();
        assert!((60..140).contains(&audits), "{audits} of 2,000");
    });
}

#[test]
fn a_chain_that_stood_still_audits_later_and_forgets_nothing() {
    run(|| {
        Audits::set(100);
        let task = task_of(2);
        let lie = Story::lying(task, 0, 9);
        (11..=12).for_each(|number| commit(number, task, &lie).unwrap());
        (11..=12).for_each(|number| reveal(number, task, &lie).unwrap());
        assert_eq!((work(task).stage, total(11)), (Stage::Agreed, 1));
        // Longer than seeds are kept.
        Epoch::set(Epoch::get() + 70);
        for _ in 0..100 {
            Epoch::set(Epoch::get() + 1);
            go(2);
        }
        assert_eq!(events().into_iter().filter(|event| matches!(event, Event::Disputed { .. })).count(), 1);
        assert_eq!((total(11), verdict(11)), (0, Some(Verdict::Convicted(Lie::Unanswered))));
        forgotten(task);
        assert_eq!(crate::AgreedTasks::<Test>::iter().count(), 0);
    });
}
