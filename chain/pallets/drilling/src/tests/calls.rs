//! Calls: played again, out of turn, by strangers, cut short, and free only where the chain waits for them.

use super::*;
use crate::{Call, HoldReason};
use codec::{Decode, DecodeAll, Encode};
use frame_support::dispatch::CheckIfFeeless;

#[test]
fn nothing_counts_twice() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        commit(11, task, &story).unwrap();
        assert_eq!(commit(11, task, &story), Err("AlreadyCommitted"));
        assert_eq!(
            commit(11, task, &Story::lying(task, 0, 0)),
            Err("AlreadyCommitted"),
            "nor changes its mind"
        );
        commit(12, task, &story).unwrap();
        assert_eq!(commit(12, task, &story), Err("AlreadyCommitted"));
        reveal(11, task, &story).unwrap();
        assert_eq!(reveal(11, task, &story), Err("AlreadyRevealed"));
        reveal(12, task, &story).unwrap();
        assert_eq!(reveal(12, task, &story), Err("TooLate"));
        assert_eq!(commit(12, task, &story), Err("AlreadyCommitted"));
        assert_eq!((total(11), total(12)), (1, 1));
    });
}

#[test]
fn an_answer_and_a_conviction_count_once() {
    run(|| {
        let task = task_of(2);
        let (truth, lie) = (Story::honest(task), Story::lying(task, 0, 0));
        commit(11, task, &truth).unwrap();
        commit(12, task, &lie).unwrap();
        reveal(11, task, &truth).unwrap();
        reveal(12, task, &lie).unwrap();
        let roots = || truth.answer(&Question::Roots);
        assert_eq!(disclose(13, task, Question::Roots, roots()), Err("NotADevice"));
        assert_eq!(disclose(11, [7; 32], Question::Roots, roots()), Err("UnknownTask"));
        let node = Question::Node { layer: 0, level: 4, index: 0 };
        assert_eq!(disclose(11, task, node, truth.answer(&node)), Err("NotAsked"));
        disclose(11, task, Question::Roots, roots()).unwrap();
        assert_eq!(disclose(11, task, Question::Roots, roots()), Err("AlreadyAnswered"));
        let proof = lie.accusation(Place::new(&lie.task, 0, 0).unwrap());
        assert_eq!(convict(&owner(9), task, 13, proof.clone()), Err("NotAssigned"));
        convict(&owner(9), task, 12, proof.clone()).unwrap();
        assert_eq!(convict(&owner(9), task, 12, proof), Err("NotRevealed"));
        assert_eq!(at_stake(&owner(2)), 3 * BOND);
    });
}

#[test]
fn strangers_have_no_part_in_a_task() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        machine(19, owner(5));
        assert_eq!(commit(19, task, &story), Err("NotAssigned"));
        assert_eq!(commit(77, task, &story), Err("NotADevice"));
        assert_eq!(commit(11, [1; 32], &story), Err("UnknownTask"));
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        assert_eq!(reveal(19, task, &story), Err("NotAssigned"));
        assert_eq!(reveal(77, task, &story), Err("NotADevice"));
        assert!(Drilling::work_of(&id(19)).is_empty() && Drilling::questions_of(&id(19)).is_empty());
    });
}

#[test]
fn what_the_chain_waits_for_is_free_and_nothing_else() {
    run(|| {
        let feeless = |number: u8, call: Call<Test>| call.is_feeless(&device(number));
        let ready = || Call::ready { class: Class::Tiny, places: 1 };
        assert!(!feeless(11, ready()), "no device");
        machine(11, owner(1));
        assert!(feeless(11, ready()));
        let task = task_of(2);
        assert!(!feeless(11, ready()), "it is ready already");
        let story = Story::honest(task);
        let committing = || Call::commit { task, commitment: [0; 32] };
        let revealing = || Call::reveal { task, digest: [0; 32], salt: [0; 32] };
        assert!(feeless(11, committing()) && !feeless(11, revealing()));
        WithinRate::set(false);
        assert!(!feeless(11, committing()), "beyond the rate");
        WithinRate::set(true);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        assert!(!feeless(11, committing()) && feeless(11, revealing()));
        reveal(11, task, &story).unwrap();
        assert!(!feeless(11, revealing()));
        let question = Question::Roots;
        let answer = story.answer(&question);
        assert!(!feeless(11, Call::disclose { task, question, answer }));
        assert!(!feeless(11, Call::bond { amount: 1 }));
    });
}

#[test]
fn calls_decode_from_their_exact_bytes_only() {
    run(|| {
        let task = task_of(2);
        let story = Story::lying(task, 0, 0);
        let proof = story.accusation(Place::new(&story.task, 0, 0).unwrap());
        let machine = id(11);
        let calls: [Call<Test>; 12] = [
            Call::bond { amount: 5 },
            Call::unbond { amount: 5 },
            Call::publish {
                spec: Box::new(spec()),
                count: 5,
                replicas: 2,
                difficulty: 1,
                source: Default::default(),
            },
            Call::vote { batch: 1, approve: true },
            Call::end_batch { batch: 1 },
            Call::ready { class: Class::Large, places: 2 },
            Call::commit { task, commitment: [1; 32] },
            Call::reveal { task, digest: [1; 32], salt: [2; 32] },
            Call::disclose { task, question: Question::Roots, answer: story.answer(&Question::Roots) },
            Call::demand { task, machine, place: 3 },
            Call::convict { task, machine, proof },
            Call::clear { task },
        ];
        for call in calls {
            let bytes = call.encode();
            assert_eq!(Call::<Test>::decode_all(&mut bytes.as_slice()).unwrap(), call);
            for length in 0..bytes.len() {
                assert!(Call::<Test>::decode_all(&mut &bytes[..length]).is_err());
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert!(Call::<Test>::decode_all(&mut longer.as_slice()).is_err());
        }
    });
}

#[test]
fn what_is_too_long_does_not_decode() {
    assert!(Answer::decode(&mut vec![0u8; 8 * 1024 + 1].encode().as_slice()).is_err());
    assert!(Proof::decode(&mut vec![0u8; drilling::MAX_FRAUD_PROOF + 1].encode().as_slice()).is_err());
    assert!(Source::decode(&mut vec![0u8; 257].encode().as_slice()).is_err());
    // A class and a question that there are not.
    assert!(Class::decode(&mut [4u8].as_slice()).is_err());
    assert!(Question::decode(&mut [2u8, 0, 0, 0, 0, 0, 0].as_slice()).is_err());
}

#[test]
fn every_cut_of_a_proof_is_refused() {
    run(|| {
        let task = task_of(2);
        let lie = Story::lying(task, 1, 5);
        (11..=12).for_each(|number| commit(number, task, &lie).unwrap());
        (11..=12).for_each(|number| reveal(number, task, &lie).unwrap());
        let proof = lie.accusation(Place::new(&lie.task, 1, 5).unwrap());
        for length in (0..proof.len()).step_by(7) {
            assert!(convict(&owner(9), task, 11, Proof::truncate_from(proof[..length].to_vec())).is_err());
        }
        let mut longer = proof.clone();
        longer.try_push(0).unwrap();
        assert_eq!(convict(&owner(9), task, 11, longer), Err("MalformedProof"));
        assert_eq!(at_stake(&owner(1)), 4 * BOND);
        convict(&owner(9), task, 11, proof).unwrap();
    });
}

#[test]
fn the_dearest_proof_weighs_less_than_a_tenth_of_a_block() {
    // Two thirds of a second of compute, three quarters of it for calls.
    let block = 660 * frame_support::weights::constants::WEIGHT_REF_TIME_PER_MILLIS;
    let most = Drilling::weight_of_any_conviction().ref_time();
    assert!(most < block / 10);
    // Most of it is what every conviction costs: three workers' records, and who is paid.
    let tiny = run(|| Drilling::weight_of_conviction(&work(task_of(2))).ref_time());
    let row = frame_support::weights::constants::WEIGHT_REF_TIME_PER_MILLIS / 2;
    assert!(tiny + row < most, "who proves a small lie does not pay for the largest row");
    let _ = HoldReason::Bond;
}
