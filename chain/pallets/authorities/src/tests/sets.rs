//! Producers, weights and voters, epoch by epoch.

use super::*;
use crate::{EpochSets, MOST, Members, Registry, scaled, types::State};
use frame_support::assert_ok;
use pallet_grandpa::{CurrentSetId, SetIdSession};

#[test]
fn nobody_with_power_is_everybody_alike() {
    run(2, || {
        for epoch in 1..5 {
            until_epoch(epoch, &[1, 2]);
            assert_eq!(weights(), [(1, 1), (2, 1)]);
        }
        assert_eq!(CurrentSetId::<Test>::get(), 0, "voters change only when somebody comes or goes");
    });
}

#[test]
fn power_of_an_epochs_start_counts_in_the_next() {
    run(2, || {
        until_epoch(1, &[1, 2]);
        Powers::set([(1, 300), (2, 100)].into());
        until_epoch(2, &[1, 2]);
        assert_eq!(weights(), [(1, 1), (2, 1)]);
        let announced = next_weights();
        assert_eq!(announced[0].1 / announced[1].1, 3);
        Powers::set([(1, 0), (2, 100)].into());
        until_epoch(3, &[1, 2]);
        assert_eq!(weights(), announced, "what clients were told");
        assert_eq!(next_weights()[0], (1, 1), "never zero");
    });
}

#[test]
fn weights_stay_in_bounds() {
    for powers in [vec![u128::MAX; 1_024], vec![0; 1_024], vec![1], vec![u128::MAX, 1, 0], vec![5; 7]] {
        let weights = scaled(&powers);
        assert!(
            weights.iter().sum::<u64>() <= MOST && weights.iter().all(|weight| *weight > 0),
            "{powers:?}"
        );
    }
    // What is proportional stays so, to the accuracy of the scale.
    let powers: Vec<u128> = (1..=1_000u128).map(|index| index * index * 977_351_113).collect();
    let whole: u128 = powers.iter().sum();
    for (power, weight) in powers.iter().zip(scaled(&powers)) {
        let (fair, got) = (*power as f64 / whole as f64, weight as f64 / MOST as f64);
        assert!((fair - got).abs() < 1e-11, "{fair} {got}");
    }
}

#[test]
fn who_joins_produces_and_votes_and_who_leaves_goes() {
    run(3, || {
        assert_ok!(join(4, SEAT));
        assert_ok!(join(5, SEAT));
        until_epoch(1, &[1, 2, 3]);
        assert_eq!(weights().len(), 3);
        until_epoch(2, &[1, 2, 3]);
        assert_eq!(weights().len(), 5);
        // One of three at a time.
        until_epoch(3, &[1, 2, 3, 4, 5]);
        assert_eq!(voters(), [1, 2, 3, 4, 5]);
        assert_eq!(CurrentSetId::<Test>::get(), 2);
        assert_ok!(Authorities::leave(RuntimeOrigin::signed(1)));
        until_epoch(5, &[1, 2, 3, 4, 5]);
        block(2);
        assert_eq!((voters(), CurrentSetId::<Test>::get()), (vec![2, 3, 4, 5], 3));
        assert_eq!(weights().iter().map(|(owner, _)| *owner).collect::<Vec<_>>(), [2, 3, 4, 5]);
    });
}

#[test]
fn at_most_a_third_of_the_voters_change_at_once_and_never_all() {
    run(6, || {
        for owner in 1..=5 {
            assert_ok!(Authorities::seat(RuntimeOrigin::signed(owner), false));
        }
        let mut before = voters();
        for epoch in 1..10 {
            until_epoch(epoch, &[6]);
            block(6);
            let now = voters();
            assert!(before.len() - now.len() <= (before.len() / 3).max(1), "{before:?} {now:?}");
            before = now;
        }
        assert_eq!(before, [6]);
        assert_ok!(Authorities::seat(RuntimeOrigin::signed(6), false));
        until_epoch(12, &[6]);
        assert_eq!(voters(), [6], "somebody votes");
    });
}

#[test]
fn idle_producers_rest_and_wake() {
    run(3, || {
        Powers::set([(1, 1), (2, 1), (3, 1)].into());
        // 1 produces nothing: it owes a third of all blocks, 20 after 60 of them.
        until_epoch(6, &[2, 3]);
        assert_eq!(Registry::<Test>::get(1).unwrap().state, State::Serving);
        until_epoch(8, &[2, 3]);
        assert_eq!(Registry::<Test>::get(1).unwrap().state, State::Resting);
        until_epoch(10, &[2, 3]);
        assert_eq!(weights().len(), 2);
        assert_eq!(voters(), [2, 3]);
        assert_ok!(Authorities::wake(RuntimeOrigin::signed(1)));
        until_epoch(12, &[2, 3]);
        block(1);
        assert_eq!((weights().len(), voters().len()), (3, 3));
    });
}

#[test]
fn of_two_nobody_is_removed_for_idleness() {
    run(2, || {
        until_epoch(40, &[2]);
        assert_eq!(weights().len(), 2);
    });
}

#[test]
fn skipped_epochs_do_no_harm() {
    run(3, || {
        until_epoch(2, &[1, 2, 3]);
        block_at(1, *pallet_babe::CurrentSlot::<Test>::get() + 7 * EPOCH);
        assert!(Authorities::epoch() > 8);
        let epoch = Authorities::epoch();
        until_epoch(epoch + 2, &[1, 2, 3]);
        assert_eq!(weights().len(), 3);
    });
}

#[test]
fn old_sets_are_forgotten_and_the_needed_ones_kept() {
    run(3, || {
        for epoch in 1..80 {
            // Sets change all the time.
            if epoch % 4 == 0 {
                let _ = Authorities::seat(RuntimeOrigin::signed(3), epoch % 8 == 0);
            }
            until_epoch(epoch, &[1, 2, 3]);
            assert!(
                Authorities::prove_key(Role::Producing, &babe(1).public().0, epoch.saturating_sub(19))
                    .is_some()
            );
        }
        assert!(EpochSets::<Test>::iter().count() <= 22);
        assert!(Members::<Test>::iter().count() <= 14);
        assert!(SetIdSession::<Test>::iter().count() <= 21);
    });
}
