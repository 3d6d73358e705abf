//! Bonds.

use super::*;

fn bond(number: u8, amount: u128) -> Result<(), &'static str> {
    named(Drilling::bond(RuntimeOrigin::signed(owner(number)), amount))
}

fn unbond(number: u8, amount: u128) -> Result<(), &'static str> {
    named(Drilling::unbond(RuntimeOrigin::signed(owner(number)), amount))
}

fn withdraw(number: u8) -> Result<(), &'static str> {
    named(Drilling::withdraw(RuntimeOrigin::signed(owner(number))))
}

#[test]
fn a_bond_comes_back_after_its_time() {
    run(|| {
        assert_eq!(bond(1, 0), Err("Nothing"));
        bond(1, 500).unwrap();
        assert_eq!(at_stake(&owner(1)), 4_500);
        assert_eq!(unbond(1, 4_501), Err("NotBonded"));
        assert_eq!(unbond(1, 0), Err("Nothing"));
        assert_eq!(withdraw(1), Err("Nothing"));
        unbond(1, 4_000).unwrap();
        go(UNBONDING - 1);
        unbond(1, 500).unwrap();
        go(1);
        assert_eq!(withdraw(1), Err("NotYet"), "all waits for the last");
        go(UNBONDING);
        withdraw(1).unwrap();
        assert_eq!((at_stake(&owner(1)), free(&owner(1))), (0, RICH));
        assert!(!crate::Bonds::<Test>::contains_key(owner(1)), "nothing is left behind");
        assert_eq!(crate::Bonded::<Test>::get(), 8 * 4 * BOND);
    });
}

#[test]
fn what_is_on_its_way_out_is_slashed_too() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        unbond(2, 4 * BOND).unwrap();
        reveal(11, task, &story).unwrap();
        go(WINDOW + 1);
        assert_eq!(at_stake(&owner(2)), 3 * BOND);
        assert_eq!(crate::Bonds::<Test>::get(owner(2)).active, 0);
        go(UNBONDING);
        withdraw(2).unwrap();
        assert_eq!(free(&owner(2)), RICH - BOND);
    });
}

#[test]
fn nobody_loses_more_than_there_is() {
    run(|| {
        let task = task_of(2);
        let story = Story::honest(task);
        (11..=12).for_each(|number| commit(number, task, &story).unwrap());
        crate::Bonds::<Test>::mutate(owner(2), |bond| bond.active = 10);
        assert_eq!(Drilling::slash(&owner(2)), 10);
        assert_eq!(Drilling::slash(&owner(2)), 0);
    });
}

#[test]
fn bond_of_tells_what_a_machine_needs() {
    run(|| {
        machine(11, owner(1));
        ready(11, 1).unwrap();
        let view = Drilling::bond_of(&owner(1));
        assert_eq!((view.bond.active, view.bond.machines, view.per_machine), (4 * BOND, 1, BOND));
    });
}
