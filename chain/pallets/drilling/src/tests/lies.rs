//! Liars, and those who would have others take the blame.

use super::*;

/// Two honest machines and a liar, all revealed.
fn disputed(layer: usize, at: usize) -> (TaskId, Story, Story) {
    let task = task_of(3);
    let (truth, lie) = (Story::honest(task), Story::lying(task, layer, at));
    for (number, story) in [(11, &truth), (12, &truth), (13, &lie)] {
        commit(number, task, story).unwrap();
    }
    for (number, story) in [(11, &truth), (12, &truth), (13, &lie)] {
        reveal(number, task, story).unwrap();
    }
    assert_eq!(work(task).stage, Stage::Disputed);
    (task, truth, lie)
}

#[test]
fn one_liar_is_found_convicted_and_pays() {
    for (layer, at) in [(0, 0), (0, 4_000), (1, 1_023)] {
        run(|| {
            let (task, truth, lie) = disputed(layer, at);
            assert_eq!((11..=13).map(total).collect::<Vec<_>>(), [0, 0, 0], "all forfeit");
            answer_all(task, &[(11, &truth), (12, &truth), (13, &lie)]);
            go_to_draw();
            let inspectors = drawn(task);
            assert!(!inspect(&inspectors[0], task, 11, &truth));
            assert!(!inspect(&inspectors[0], task, 12, &truth));
            assert!(inspect(&inspectors[0], task, 13, &lie));
            assert_eq!(free(&owner(1)), RICH - 4 * BOND, "not before others have looked at what is left");
            clear_all(task);
            forgotten(task);
            assert_eq!(at_stake(&owner(3)), 3 * BOND);
            assert_eq!((at_stake(&owner(1)), at_stake(&owner(2))), (4 * BOND, 4 * BOND));
            // A tenth to who found it, half of the rest to those who forfeited, what is left to the pot.
            let (bounty, share) = (BOND / 10, (BOND - BOND / 10) / 4);
            assert_eq!(free(&owner(1)), RICH - 4 * BOND + share);
            assert_eq!(free(&owner(2)), RICH - 4 * BOND + share);
            assert_eq!(free(&owner(3)), RICH - 4 * BOND);
            assert_eq!(free(&inspectors[0]), RICH - 1_000 + bounty + FEE);
            assert_eq!(free(&inspectors[1]), RICH - 1_000 + FEE);
            assert_eq!(free(&Pot::get()), POT + BOND - bounty - 2 * share - 3 * FEE);
            assert_eq!(verdict(13), Some(Verdict::Convicted(Lie::Proven)));
            assert_eq!(verdict(11), Some(Verdict::Forfeited));
            // The honest go on, the liar doesn't.
            assert!(Workers::<Test>::get(id(11)).unwrap().places > 0);
            assert_eq!(Workers::<Test>::get(id(13)).unwrap().places, 0);
        });
    }
}

#[test]
fn two_who_agree_on_a_lie_are_caught_by_an_audit() {
    run(|| {
        Audits::set(100);
        let task = task_of(2);
        let lie = Story::lying(task, 0, 77);
        (11..=12).for_each(|number| commit(number, task, &lie).unwrap());
        (11..=12).for_each(|number| reveal(number, task, &lie).unwrap());
        assert_eq!((total(11), total(12)), (1, 1), "they are credited at first");
        go_to_draw();
        answer_all(task, &[(11, &lie), (12, &lie)]);
        let inspectors = drawn(task);
        // One proof is enough for both.
        assert!(inspect(&inspectors[2], task, 12, &lie));
        forgotten(task);
        assert_eq!((total(11), total(12)), (0, 0), "and keep nothing of it");
        assert_eq!((at_stake(&owner(1)), at_stake(&owner(2))), (3 * BOND, 3 * BOND));
        assert_eq!((free(&owner(1)), free(&owner(2))), (RICH - 4 * BOND, RICH - 4 * BOND));
        assert_eq!(free(&inspectors[2]), RICH - 1_000 + 2 * (BOND / 10) + FEE);
    });
}

#[test]
fn a_proof_needs_no_audit_and_no_inspector() {
    run(|| {
        let task = task_of(2);
        let lie = Story::lying(task, 1, 5);
        (11..=12).for_each(|number| commit(number, task, &lie).unwrap());
        let proof = lie.accusation(Place::new(&lie.task, 1, 5).unwrap());
        assert_eq!(convict(&owner(9), task, 11, proof.clone()), Err("TooEarly"));
        (11..=12).for_each(|number| reveal(number, task, &lie).unwrap());
        let before = free(&owner(9));
        convict(&owner(9), task, 11, proof).unwrap();
        forgotten(task);
        assert_eq!((at_stake(&owner(1)), at_stake(&owner(2))), (3 * BOND, 3 * BOND));
        assert_eq!(free(&owner(9)), before, "the accuser gets nothing");
        // What waits for its audit and its inspectors comes to nothing.
        go_to_draw();
        forgotten(task);
    });
}

#[test]
fn a_lying_inspector_slashes_nobody() {
    run(|| {
        let (task, truth, lie) = disputed(0, 9);
        answer_all(task, &[(11, &truth), (12, &truth), (13, &lie)]);
        go_to_draw();
        let inspectors = drawn(task);
        let liar = &inspectors[0];
        // He leads an honest machine down to a chunk, where nothing is wrong.
        demand(liar, task, 11, 0).unwrap();
        assert_eq!(demand(liar, task, 11, 0), Err("NotAnswered"));
        answer_all(task, &[(11, &truth)]);
        demand(liar, task, 11, 3).unwrap();
        answer_all(task, &[(11, &truth)]);
        assert_eq!(demand(liar, task, 11, 0), Err("NoSuchPlace"));
        let place = Place { layer: 0, row: 0, column: 0 };
        assert_eq!(convict(liar, task, 11, truth.accusation(place)), Err("Honest"));
        let mut forged = truth.accusation(place);
        let last = forged.len() - 1;
        forged[last] ^= 1;
        assert_eq!(convict(liar, task, 11, forged), Err("ProofOfNoAccumulator"));
        // The liar's proof is none against anybody else.
        let place = Place::new(&lie.task, 0, 9).unwrap();
        assert_eq!(convict(liar, task, 11, lie.accusation(place)), Err("ProofOfAnotherResult"));
        // They all say that nothing is wrong, which cannot be: they are not paid for it, and others are drawn, once.
        clear_all(task);
        go_to_draw();
        let all = drawn(task);
        assert_eq!((all.len(), &all[..3]), (5, &inspectors[..]));
        clear_all(task);
        forgotten(task);
        assert_eq!(free(&Pot::get()), POT);
        // Nobody is slashed, nobody credited, nobody compensated.
        for number in 1..=3 {
            assert_eq!((at_stake(&owner(number)), free(&owner(number))), (4 * BOND, RICH - 4 * BOND));
        }
        assert_eq!((11..=13).map(total).sum::<u128>(), 0);
    });
}

#[test]
fn inspectors_cannot_lead_each_other_astray() {
    run(|| {
        let (task, truth, lie) = disputed(0, 4_000);
        answer_all(task, &[(11, &truth), (12, &truth), (13, &lie)]);
        go_to_draw();
        let inspectors = drawn(task);
        // One asks the liar where it told the truth.
        demand(&inspectors[0], task, 13, 1).unwrap();
        answer_all(task, &[(13, &lie)]);
        assert!(inspect(&inspectors[1], task, 13, &lie));
        // Who asked elsewhere has found nothing.
        assert_eq!(free(&inspectors[0]), RICH - 1_000);
        clear_all(task);
        forgotten(task);
    });
}

#[test]
fn a_bounty_is_for_who_asked_for_what_is_wrong() {
    run(|| {
        let (task, truth, lie) = disputed(0, 4_000);
        answer_all(task, &[(11, &truth), (12, &truth), (13, &lie)]);
        go_to_draw();
        let inspectors = drawn(task);
        // Down to some chunk, in which nothing is wrong; sixteen thousand bytes are one tree of sixteen.
        demand(&inspectors[0], task, 13, 0).unwrap();
        answer_all(task, &[(13, &lie)]);
        demand(&inspectors[0], task, 13, 0).unwrap();
        answer_all(task, &[(13, &lie)]);
        let place = Place::new(&lie.task, 0, 4_000).unwrap();
        convict(&inspectors[1], task, 13, lie.accusation(place)).unwrap();
        assert_eq!(free(&inspectors[0]), RICH - 1_000);
        assert_eq!(free(&inspectors[1]), RICH - 1_000 + BOND / 10);
    });
}

#[test]
fn of_two_who_lie_differently_nobody_is_compensated() {
    run(|| {
        let task = task_of(2);
        let (one, two) = (Story::lying(task, 0, 9), Story::lying(task, 1, 3));
        for (number, story) in [(11, &one), (12, &two)] {
            commit(number, task, story).unwrap();
        }
        for (number, story) in [(11, &one), (12, &two)] {
            reveal(number, task, story).unwrap();
        }
        answer_all(task, &[(11, &one), (12, &two)]);
        go_to_draw();
        let inspectors = drawn(task);
        assert!(inspect(&inspectors[0], task, 11, &one));
        assert_eq!(free(&owner(2)), RICH - 4 * BOND);
        assert!(inspect(&inspectors[0], task, 12, &two), "its duty goes on");
        forgotten(task);
        assert_eq!((at_stake(&owner(1)), at_stake(&owner(2))), (3 * BOND, 3 * BOND));
        assert_eq!((free(&owner(1)), free(&owner(2))), (RICH - 4 * BOND, RICH - 4 * BOND));
        assert_eq!(free(&inspectors[0]), RICH - 1_000 + 2 * (BOND / 10) + FEE);
    });
}

#[test]
fn the_silence_of_an_honest_machine_does_not_spare_the_liar() {
    run(|| {
        let task = task_of(2);
        let truth = Story::honest(task);
        // No work at all: two roots from nowhere.
        let roots = [[7u8; 32], [8; 32]];
        let digest = drilling::digest(&work(task).task.id(), &roots);
        commit(11, task, &truth).unwrap();
        named(Drilling::commit(device(12), task, drilling::commitment(&digest, &id(12), &salt(12)))).unwrap();
        reveal(11, task, &truth).unwrap();
        reveal_with(12, task, digest, salt(12)).unwrap();
        disclose(12, task, Question::Roots, Answer::truncate_from(roots.concat())).unwrap();
        go(ANSWER + 1);
        assert_eq!(verdict(11), Some(Verdict::Convicted(Lie::Unanswered)));
        assert_eq!(free(&owner(2)), RICH - 4 * BOND, "nobody has looked at its result");
        go_to_draw();
        let inspectors = drawn(task);
        demand(&inspectors[0], task, 12, 0).unwrap();
        go(ANSWER + 1);
        forgotten(task);
        assert_eq!((verdict(12), at_stake(&owner(2))), (Some(Verdict::Convicted(Lie::Unanswered)), 3 * BOND));
        assert_eq!(free(&owner(2)), RICH - 4 * BOND);
    });
}

/// All reveal what they committed to.
fn shown(task: TaskId, stories: &[(u8, &Story)]) {
    stories.iter().for_each(|(number, story)| commit(*number, task, story).unwrap());
    stories.iter().for_each(|(number, story)| reveal(*number, task, story).unwrap());
}

#[test]
fn what_is_left_after_a_silence_is_looked_at_by_others() {
    run(|| {
        let task = task_of(2);
        let (one, two) = (Story::lying(task, 0, 9), Story::lying(task, 1, 3));
        shown(task, &[(11, &one), (12, &two)]);
        answer_all(task, &[(12, &two)]);
        go_to_draw();
        // All say that nothing is wrong, before one of both has answered; it never does.
        clear_all(task);
        go(ANSWER + 1);
        assert_eq!(at_stake(&owner(1)), 3 * BOND);
        go_to_draw();
        let inspectors = drawn(task);
        assert_eq!(inspectors.len(), 5);
        assert!(inspect(&inspectors[3], task, 12, &two));
        forgotten(task);
        assert_eq!((at_stake(&owner(2)), free(&owner(2))), (3 * BOND, RICH - 4 * BOND));
    });
    run(|| {
        let task = task_of(2);
        let (truth, lie) = (Story::honest(task), Story::lying(task, 0, 9));
        shown(task, &[(11, &truth), (12, &lie)]);
        answer_all(task, &[(11, &truth)]);
        go_to_draw();
        // One clears at once, the others do not show.
        clear(&drawn(task)[0], task).unwrap();
        go(ANSWER + DUTY + 2);
        go_to_draw();
        clear_all(task);
        forgotten(task);
        assert_eq!((at_stake(&owner(2)), free(&owner(1))), (3 * BOND, RICH - 4 * BOND + BOND / 2));
    });
}

#[test]
fn who_copies_questions_has_no_bounty() {
    run(|| {
        let task = task_of(2);
        let (truth, lie) = (Story::honest(task), Story::lying(task, 0, 4_000));
        shown(task, &[(11, &truth), (12, &lie)]);
        answer_all(task, &[(11, &truth), (12, &lie)]);
        go_to_draw();
        let inspectors = drawn(task);
        let (honest, copier) = (&inspectors[0], &inspectors[1]);
        // Who asks the same is answered at once.
        let answered = || {
            let asked = Drilling::questions_of(&id(12))[0].question;
            disclose(12, task, asked, lie.answer(&asked)).unwrap();
        };
        // The accumulator lies in chunk 15.
        demand(honest, task, 12, 0).unwrap();
        demand(copier, task, 12, 0).unwrap();
        answered();
        demand(copier, task, 12, 15).unwrap();
        demand(honest, task, 12, 15).unwrap();
        answered();
        convict(honest, task, 12, lie.accusation(Place::new(&lie.task, 0, 4_000).unwrap())).unwrap();
        assert_eq!(free(copier), RICH - 1_000);
        assert_eq!(free(honest), RICH - 1_000 + BOND / 10);
    });
}

#[test]
fn questions_do_not_keep_a_dispute_open_for_ever() {
    run(|| {
        let task = task_of(2);
        let (truth, lie) = (Story::honest(task), Story::lying(task, 0, 9));
        shown(task, &[(11, &truth), (12, &lie)]);
        answer_all(task, &[(11, &truth), (12, &lie)]);
        go_to_draw();
        let (begun, inspectors) = (System::block_number() as u32, drawn(task));
        assert!(inspect(&inspectors[0], task, 12, &lie));
        clear(&inspectors[0], task).unwrap();
        clear(&inspectors[1], task).unwrap();
        let until = Disputes::<Test>::get(task).unwrap().until;
        assert_eq!(until, begun + 5 * (ANSWER + DUTY));
        // However late and often the third asks.
        while let Some(dispute) = Disputes::<Test>::get(task) {
            assert!(dispute.deadline <= until);
            go(dispute.deadline - System::block_number() as u32);
            match demand(&inspectors[2], task, 11, 0) {
                Ok(()) => {
                    go(ANSWER);
                    answer_all(task, &[(11, &truth)]);
                }
                Err(_) => go(1),
            }
        }
        forgotten(task);
        assert_eq!(free(&inspectors[2]), RICH - 1_000, "it has missed its duty");
    });
}

#[test]
fn lying_together_leaves_nothing() {
    run(|| {
        Audits::set(5);
        machine(11, owner(1));
        machine(12, owner(2));
        let mut tasks_done = 0;
        for _ in 0..6 {
            let _ = (ready(11, 32), ready(12, 32));
            go_to_draw();
            go(4);
            let begun = Tasks::<Test>::iter().filter(|(_, work)| work.stage == Stage::Committing);
            for (task, _) in begun.collect::<Vec<_>>() {
                tasks_done += 1;
                let digest = drilling::digest(&task, &[[1; 32], [2; 32]]);
                for number in [11, 12] {
                    let commitment = drilling::commitment(&digest, &id(number), &salt(number));
                    named(Drilling::commit(device(number), task, commitment)).unwrap();
                }
                (11..=12).for_each(|number| reveal_with(number, task, digest, salt(number)).unwrap());
            }
            // Audits come, and nobody can answer anything.
            (0..5).for_each(|_| {
                go_to_draw();
                go(DUTY);
            });
        }
        assert!(tasks_done > 60, "{tasks_done}");
        let convicted = Workers::<Test>::get(id(11)).unwrap().convicted;
        assert!(convicted > 0);
        let after_the_last = 32;
        assert!(total(11) <= after_the_last && total(12) <= after_the_last, "{} {}", total(11), total(12));
        assert_eq!(at_stake(&owner(1)), 4 * BOND - BOND * u128::from(convicted).min(4));
    });
}

#[test]
fn a_machine_that_cannot_open_its_digest_has_lied() {
    run(|| {
        let (task, truth, lie) = disputed(0, 9);
        answer_all(task, &[(11, &truth), (12, &truth)]);
        // It tries with what it has.
        assert_eq!(disclose(13, task, Question::Roots, truth.answer(&Question::Roots)), Err("WrongAnswer"));
        let short = Answer::truncate_from(vec![1; 31]);
        assert_eq!(disclose(13, task, Question::Roots, short), Err("AnswerOfWrongLength"));
        go(ANSWER);
        assert_eq!(at_stake(&owner(3)), 4 * BOND);
        go(1);
        assert_eq!(disclose(13, task, Question::Roots, lie.answer(&Question::Roots)), Err("NotAccused"));
        assert_eq!(at_stake(&owner(3)), 3 * BOND);
        assert_eq!(verdict(13), Some(Verdict::Convicted(Lie::Unanswered)));
        go_to_draw();
        clear_all(task);
        assert_eq!(free(&owner(1)), RICH - 4 * BOND + BOND / 4);
        forgotten(task);
    });
}

#[test]
fn silence_at_a_later_question_is_a_lie_too() {
    run(|| {
        let (task, truth, lie) = disputed(1, 0);
        answer_all(task, &[(11, &truth), (12, &truth), (13, &lie)]);
        go_to_draw();
        let inspectors = drawn(task);
        demand(&inspectors[0], task, 13, 1).unwrap();
        go(ANSWER + 1);
        clear_all(task);
        forgotten(task);
        assert_eq!((at_stake(&owner(3)), verdict(13)), (3 * BOND, Some(Verdict::Convicted(Lie::Unanswered))));
    });
}

#[test]
fn inspectors_who_do_not_show_are_fined_and_replaced_once() {
    run(|| {
        let (task, truth, lie) = disputed(0, 9);
        answer_all(task, &[(11, &truth), (12, &truth), (13, &lie)]);
        go_to_draw();
        let first = drawn(task);
        // One asks something, and then nobody does anything.
        demand(&first[0], task, 13, 1).unwrap();
        answer_all(task, &[(13, &lie)]);
        go(ANSWER + DUTY + 1);
        let missed =
            pallet_inspectors::Registry::<Test>::iter_values().map(|inspector| inspector.missed).sum::<u32>();
        assert_eq!(missed, 3);
        assert!(!Disputes::<Test>::get(task).unwrap().drawn);
        go_to_draw();
        let second = drawn(task);
        assert!(inspect(&second[0], task, 13, &lie));
        clear_all(task);
        forgotten(task);
    });
    run(|| {
        let (task, truth, lie) = disputed(0, 9);
        answer_all(task, &[(11, &truth), (12, &truth), (13, &lie)]);
        for _ in 0..2 {
            go_to_draw();
            go(DUTY + 1);
        }
        forgotten(task);
        assert_eq!(at_stake(&owner(3)), 4 * BOND, "what nobody proves nobody pays for");
    });
}

#[test]
fn an_inspector_asks_so_much_and_no_more() {
    run(|| {
        let (task, truth, lie) = disputed(0, 9);
        assert_eq!(demand(&inspector(0), task, 13, 0), Err("NotDrawn"));
        go_to_draw();
        let inspectors = drawn(task);
        assert_eq!(demand(&inspectors[0], task, 13, 0), Err("NotAnswered"));
        answer_all(task, &[(11, &truth), (12, &truth), (13, &lie)]);
        assert_eq!(demand(&inspectors[0], task, 13, 2), Err("NoSuchPlace"));
        assert_eq!(demand(&inspectors[0], task, 14, 0), Err("NotAccused"));
        Disclosures::<Test>::mutate(task, id(13), |slot| {
            let disclosure = slot.as_mut().unwrap();
            let question = Question::Node { layer: 0, level: 4, index: 0 };
            let (deadline, asked) = (999, DEMANDS);
            let answer = Some(lie.answer(&question));
            let inspector = inspectors[0].clone();
            let chain = Chain { inspector, question, expected: [0; 32], answer, deadline, asked };
            disclosure.chains.try_push(chain).unwrap();
        });
        assert_eq!(demand(&inspectors[0], task, 13, 0), Err("TooManyDemands"));
        clear(&inspectors[0], task).unwrap();
        assert_eq!(demand(&inspectors[0], task, 13, 0), Err("DutyDone"));
        assert_eq!(clear(&inspectors[0], task), Err("DutyDone"));
        assert_eq!(clear(&owner(1), task), Err("NotDrawn"));
        assert_eq!(clear(&inspectors[1], [9; 32]), Err("NotDisputed"));
    });
}

#[test]
fn owners_of_the_task_do_not_inspect_it() {
    run(|| {
        machine(13, inspector(0));
        named(Drilling::bond(RuntimeOrigin::signed(inspector(0)), BOND)).unwrap();
        machine(11, owner(1));
        ready(11, 1).unwrap();
        ready(13, 1).unwrap();
        go_to_draw();
        let task = Tasks::<Test>::iter_keys().next().unwrap();
        let (truth, lie) = (Story::honest(task), Story::lying(task, 0, 0));
        commit(11, task, &truth).unwrap();
        commit(13, task, &lie).unwrap();
        reveal(11, task, &truth).unwrap();
        reveal(13, task, &lie).unwrap();
        go_to_draw();
        assert!(!drawn(task).contains(&inspector(0)));
    });
}

#[test]
fn a_copycat_gains_nothing() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        commit(11, task, &story).unwrap();
        // It copies the commitment, byte for byte.
        let State::Committed(copied) = work(task).replica(&id(11)).unwrap().state else { panic!() };
        named(Drilling::commit(device(12), task, copied)).unwrap();
        reveal(11, task, &story).unwrap();
        // And then the reveal, byte for byte.
        let copy = reveal_with(12, task, story.outcome.digest, salt(11));
        assert_eq!(copy, Err("WrongReveal"));
        assert_eq!(reveal(12, task, &story), Err("WrongReveal"));
        go(WINDOW + 1);
        forgotten(task);
        assert_eq!((total(12), at_stake(&owner(2))), (0, 3 * BOND));
        assert_eq!(verdict(12), Some(Verdict::Convicted(Lie::Unrevealed)));
        assert_eq!(free(&owner(1)), RICH - 4 * BOND + BOND / 2);
    });
}

#[test]
fn who_waits_for_the_reveal_is_too_late_to_commit() {
    run(|| {
        let task = task_of(3);
        let story = Story::honest(task);
        commit(11, task, &story).unwrap();
        commit(12, task, &story).unwrap();
        assert_eq!(
            reveal(11, task, &story),
            Err("TooEarly"),
            "nobody shows anything while one may still commit"
        );
        go(WINDOW + 1);
        reveal(11, task, &story).unwrap();
        assert_eq!(commit(13, task, &story), Err("TooLate"));
        reveal(12, task, &story).unwrap();
        assert_eq!((total(11), total(12), total(13)), (1, 1, 0));
    });
}
