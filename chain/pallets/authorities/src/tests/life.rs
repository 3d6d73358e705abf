//! Coming and going.

use super::*;
use crate::{Candidates, Error, KeyOwners, Registry, types::State};
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};

fn held(owner: u64) -> u128 {
    Balances::balance_on_hold(&crate::HoldReason::Stake.into(), &owner)
}

#[test]
fn who_joins_stakes_and_shows_its_keys() {
    run(2, || {
        assert_ok!(join(3, STAKE));
        assert_eq!(held(3), STAKE);
        assert!(!Registry::<Test>::get(3).unwrap().seat, "less than a seat's bond");
        assert_noop!(join(3, STAKE), Error::<Test>::AlreadyJoined);
        assert_noop!(join(4, STAKE - 1), Error::<Test>::TooLittle);
        assert!(join(4, RICH + 1).is_err());
    });
}

#[test]
fn keys_need_their_owners_proof_and_are_nobody_elses() {
    run(2, || {
        let join = |owner, keys, proof| Authorities::join(RuntimeOrigin::signed(owner), keys, proof, STAKE);
        // A proof made for another account: somebody heard it and plays it again.
        assert_noop!(join(5, keys(4), proof(4)), Error::<Test>::BadKeyProof);
        assert_noop!(join(5, keys(5), Default::default()), Error::<Test>::BadKeyProof);
        let mixed = Keys { babe: keys(5).babe, grandpa: keys(1).grandpa };
        assert_noop!(join(5, mixed, proof(5)), Error::<Test>::BadKeyProof);
        // Both keys are shown to be held, and one of them is somebody's already.
        KeyOwners::<Test>::insert(Role::Voting, grandpa(6).public().0, 1);
        let before = Candidates::<Test>::get();
        assert_noop!(join(6, keys(6), proof(6)), Error::<Test>::KeyTaken);
        assert_eq!(Candidates::<Test>::get(), before);
    });
}

#[test]
fn a_stake_comes_free_after_the_unbonding_and_not_while_in_a_set() {
    run(3, || {
        assert_ok!(Authorities::leave(RuntimeOrigin::signed(3)));
        assert_noop!(Authorities::leave(RuntimeOrigin::signed(3)), Error::<Test>::Leaving);
        assert_noop!(Authorities::withdraw(RuntimeOrigin::signed(3)), Error::<Test>::NotYet);
        until_epoch(4, &[1, 2]);
        assert_noop!(Authorities::withdraw(RuntimeOrigin::signed(3)), Error::<Test>::NotYet);
        until_epoch(6, &[1, 2]);
        assert_ok!(Authorities::withdraw(RuntimeOrigin::signed(3)));
        assert_eq!((held(3), Registry::<Test>::get(3)), (0, None));
        assert_ok!(join(3, STAKE));
    });
}

#[test]
fn the_last_one_stays() {
    run(1, || {
        assert_noop!(Authorities::leave(RuntimeOrigin::signed(1)), Error::<Test>::LastOne);
        assert_noop!(Authorities::leave(RuntimeOrigin::signed(2)), Error::<Test>::NotAnAuthority);
        assert_noop!(Authorities::wake(RuntimeOrigin::signed(1)), Error::<Test>::NotResting);
        assert_noop!(Authorities::withdraw(RuntimeOrigin::signed(1)), Error::<Test>::NotLeaving);
    });
}

#[test]
fn where_there_is_no_room_the_strongest_stay() {
    run(8, || {
        Powers::set((1..=8).map(|owner| (owner, u128::from(owner) * 10)).collect());
        assert_noop!(join(9, STAKE), Error::<Test>::TooMany);
        Powers::mutate(|powers| powers.insert(9, 15));
        assert_ok!(join(9, STAKE));
        assert_eq!(Registry::<Test>::get(1).unwrap().state, State::Resting);
        assert_eq!(Candidates::<Test>::get().len(), 8);
        assert_noop!(Authorities::wake(RuntimeOrigin::signed(1)), Error::<Test>::TooMany);
        Powers::mutate(|powers| powers.insert(1, 16));
        assert_ok!(Authorities::wake(RuntimeOrigin::signed(1)));
        assert_eq!(Registry::<Test>::get(9).unwrap().state, State::Resting);
    });
}

#[test]
fn more_stake_makes_room_for_a_seat() {
    run(2, || {
        assert_ok!(join(3, STAKE));
        assert_noop!(Authorities::seat(RuntimeOrigin::signed(3), true), Error::<Test>::TooLittle);
        assert_ok!(Authorities::bond_more(RuntimeOrigin::signed(3), SEAT));
        assert_ok!(Authorities::seat(RuntimeOrigin::signed(3), true));
        assert_eq!((held(3), Registry::<Test>::get(3).unwrap().seat), (SEAT + STAKE, true));
    });
}
