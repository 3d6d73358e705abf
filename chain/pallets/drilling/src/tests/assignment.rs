//! Who gets which task.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn owners_of(work: &Work) -> BTreeSet<Account> {
    work.replicas.iter().map(|replica| replica.owner.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_owner_ever_has_two_replicas(
        seed in any::<u8>(),
        replicas in 2..=3u8,
        machines in proptest::collection::vec((1..6u8, 1..=4u8), 2..40),
    ) {
        run(|| {
            Seed::set(seed);
            crate::Chosen::<Test>::mutate(|rules| rules.replicas = replicas);
            let mut accepted = 0u32;
            for (at, (who, places)) in machines.iter().enumerate() {
                let number = 10 + at as u8;
                machine(number, owner(*who));
                // Where the owner's bond is used up, the machine is refused.
                accepted += u32::from(ready(number, *places).is_ok());
            }
            // Not so long that tasks end: they are what is looked at.
            go_to_draw();
            go(WINDOW - 2);
            let waiting = Workers::<Test>::iter_values().filter(|worker| worker.places > 0);
            let owners: BTreeSet<Account> = waiting.map(|worker| worker.owner).collect();
            assert_eq!(Tasks::<Test>::iter().count() > 0, owners.len() >= usize::from(replicas));
            let mut load: BTreeMap<MachineId, usize> = BTreeMap::new();
            for work in Tasks::<Test>::iter_values() {
                assert_eq!(work.replicas.len(), usize::from(replicas));
                assert_eq!(owners_of(&work).len(), usize::from(replicas), "an owner has two");
                work.replicas.iter().for_each(|replica| *load.entry(replica.machine).or_default() += 1);
            }
            for (machine, worker) in Workers::<Test>::iter() {
                assert_eq!(load.get(&machine).copied().unwrap_or(0), worker.tasks.len());
                assert!(worker.tasks.len() + usize::from(worker.waiting) <= usize::from(worker.places));
            }
            assert!(accepted as usize >= Workers::<Test>::iter().filter(|(_, worker)| worker.places > 0).count());
        });
    }
}

#[test]
fn an_owner_with_two_machines_never_gets_both_replicas() {
    for seed in 0..100 {
        run(|| {
            Seed::set(seed);
            machine(11, owner(1));
            machine(12, owner(1));
            machine(13, owner(2));
            (11..=13).for_each(|number| ready(number, 1).unwrap());
            go_to_draw();
            let works: Vec<_> = Tasks::<Test>::iter_values().collect();
            assert_eq!(works.len(), 1, "the third finds nobody");
            assert_eq!(owners_of(&works[0]).len(), 2);
        });
    }
}

#[test]
fn one_owner_alone_waits_and_is_served_once_another_comes() {
    run(|| {
        machine(11, owner(1));
        machine(12, owner(1));
        ready(11, 2).unwrap();
        ready(12, 2).unwrap();
        for _ in 0..3 {
            go_to_draw();
        }
        assert_eq!(Tasks::<Test>::iter().count(), 0);
        assert_eq!(Workers::<Test>::get(id(11)).unwrap().waiting, 2, "they still wait");
        machine(13, owner(2));
        ready(13, 4).unwrap();
        for _ in 0..2 {
            go_to_draw();
        }
        assert_eq!(Tasks::<Test>::iter().count(), 4);
    });
}

#[test]
fn everybody_meets_everybody() {
    let mut pairs = BTreeSet::new();
    for seed in 0..40 {
        run(|| {
            Seed::set(seed);
            for number in 1..=6 {
                machine(10 + number, owner(number));
                ready(10 + number, 2).unwrap();
            }
            go_to_draw();
            for work in Tasks::<Test>::iter_values() {
                let mut pair: Vec<_> = work.replicas.iter().map(|replica| replica.machine).collect();
                pair.sort_unstable();
                pairs.insert(pair);
            }
        });
    }
    assert_eq!(pairs.len(), 15, "of six machines");
}

#[test]
fn a_pool_has_so_much_room_and_no_more() {
    run(|| {
        machine(11, owner(1));
        machine(12, owner(2));
        let entry = Entry { machine: id(99), places: Some(1) };
        let full = vec![entry; POOL as usize - 1];
        crate::Pools::<Test>::insert(Epoch::get(), Class::Tiny, BoundedVec::truncate_from(full));
        ready(11, 1).unwrap();
        assert_eq!(ready(12, 1), Err("PoolFull"));
        assert!(Workers::<Test>::get(id(12)).is_none());
        assert_eq!(crate::Bonds::<Test>::get(owner(2)).machines, 0, "a failed call changes nothing");
        Epoch::set(Epoch::get() + 1);
        ready(12, 1).unwrap();
        // A full pool of machines that are gone is got rid of in bounded steps.
        go_to_draw();
        let left = crate::Rounds::<Test>::get(Class::Tiny).unwrap().left.len() as u32;
        assert_eq!(left, POOL - LOOKS_PER_BLOCK, "one block's looks");
        let blocks = POOL / LOOKS_PER_BLOCK + 3;
        go(blocks);
        assert!(crate::Matching::<Test>::get().is_empty());
        go(WINDOW + 2);
        // Who is left waits on in the next pool, where the other is: they would never meet two epochs at a time.
        let given = |number| Workers::<Test>::get(id(number)).unwrap().recent;
        assert_eq!((given(11).len(), given(11)), (1, given(12)));
    });
}

#[test]
fn where_no_block_has_room_for_a_deadline_no_task_begins() {
    run(|| {
        let now = System::block_number() as u32;
        let full = BoundedVec::truncate_from(vec![Item::Task([0; 32]); DUE_PER_BLOCK as usize]);
        (now..now + WINDOW + DUE_SLACK + 10)
            .for_each(|block| crate::Due::<Test>::insert(block, full.clone()));
        machine(11, owner(1));
        machine(12, owner(2));
        ready(11, 1).unwrap();
        ready(12, 1).unwrap();
        go_to_draw();
        assert_eq!(Tasks::<Test>::iter().count(), 0);
        (now..now + WINDOW + DUE_SLACK + 10).for_each(crate::Due::<Test>::remove);
        for _ in 0..3 {
            go_to_draw();
        }
        assert_eq!(Tasks::<Test>::iter().count(), 1, "the machines were not forgotten");
    });
}

#[test]
fn only_machines_that_may_are_given_tasks() {
    run(|| {
        let set = |level, active| {
            let member = Member { owner: owner(1), active, level };
            Known::set(vec![(id(11), member)]);
        };
        assert_eq!(ready(11, 1), Err("NotADevice"));
        set(Level::Unverified, true);
        assert_eq!(ready(11, 1), Err("LevelTooLow"));
        set(Level::Virtual, false);
        assert_eq!(ready(11, 1), Err("NotActive"));
        set(Level::Virtual, true);
        assert_eq!(ready(11, PIPELINE as u8 + 1), Err("TooManyPlaces"));
        assert_eq!(ready(11, 0), Err("NotReady"));
        ready(11, 2).unwrap();
        assert_eq!(ready(11, 2), Err("AlreadyReady"));
        ready(11, 0).unwrap();
        assert_eq!(crate::Bonds::<Test>::get(owner(1)).machines, 0);
        // It comes back in the same epoch: what stands in the pool from before is not counted twice.
        ready(11, 2).unwrap();
        machine(12, owner(2));
        ready(12, 4).unwrap();
        go_to_draw();
        assert_eq!(Workers::<Test>::get(id(11)).unwrap().tasks.len(), 2);
    });
}

#[test]
fn a_bond_covers_so_many_machines_and_no_more() {
    run(|| {
        (11..=15).for_each(|number| machine(number, owner(1)));
        (11..=14).for_each(|number| ready(number, 1).unwrap());
        assert_eq!(ready(15, 1), Err("BondTooSmall"));
        // Whose bond leaves is given no more tasks.
        machine(21, owner(2));
        ready(21, 4).unwrap();
        named(Drilling::unbond(RuntimeOrigin::signed(owner(1)), 2 * BOND)).unwrap();
        go_to_draw();
        go(2);
        let owners = Tasks::<Test>::iter_values().filter(|work| owners_of(work).contains(&owner(1))).count();
        assert!(owners <= 2, "{owners}");
        assert_eq!(crate::Bonds::<Test>::get(owner(1)).machines, 2);
    });
}

#[test]
fn a_round_goes_on_over_many_blocks() {
    run(|| {
        for number in 1..=9 {
            named(Drilling::bond(RuntimeOrigin::signed(owner(number)), 40 * BOND)).unwrap();
        }
        for number in 0..180u8 {
            machine(number, owner(1 + number % 9));
            ready(number, 4).unwrap();
        }
        go_to_draw();
        assert!(Tasks::<Test>::iter().count() <= TASKS_PER_BLOCK as usize);
        go(20);
        let drawn = events().into_iter().filter(|event| matches!(event, Event::Assigned { .. })).count();
        assert!((350..=360).contains(&drawn), "{drawn}: hardly anybody is left over");
        assert!(Tasks::<Test>::iter_values().all(|work| owners_of(&work).len() == 2));
    });
}

#[test]
fn coming_and_going_fills_no_pool() {
    run(|| {
        machine(11, owner(1));
        for _ in 0..30 {
            ready(11, 4).unwrap();
            ready(11, 0).unwrap();
        }
        assert_eq!(Workers::<Test>::get(id(11)).unwrap().waiting, 4);
        assert_eq!(crate::Pools::<Test>::get(Epoch::get(), Class::Tiny).len(), 1);
        // At the draw its places are given up; from then on it can wait again.
        go_to_draw();
        assert_eq!(Workers::<Test>::get(id(11)).unwrap().waiting, 0);
        machine(12, owner(2));
        ready(11, 1).unwrap();
        ready(12, 1).unwrap();
        go_to_draw();
        assert_eq!(Tasks::<Test>::iter().count(), 1);
    });
}

#[test]
fn a_class_that_needs_long_keeps_no_other_waiting() {
    run(|| {
        Synthetic::<Test>::put(BoundedVec::truncate_from(vec![spec(), Class::Small.mlp()]));
        // Of one owner, so that nothing comes of them, and more than one block looks at.
        for number in 20..180 {
            machine(number, owner(1));
        }
        crate::Bonds::<Test>::mutate(owner(1), |bond| bond.active = 1_000 * BOND);
        for number in 20..180 {
            ready(number, 1).unwrap();
        }
        for (number, owner) in [(11, owner(2)), (12, owner(3))] {
            machine(number, owner);
            sent(device(number), crate::Call::ready { class: Class::Small, places: 1 }).unwrap();
        }
        go_to_draw();
        go(2);
        assert!(crate::Rounds::<Test>::contains_key(Class::Tiny), "it goes on");
        assert_eq!(Tasks::<Test>::iter_values().filter(|work| work.class == Class::Small).count(), 1);
        // Each look puts off many of them, not one.
        go(6);
        assert!(!crate::Rounds::<Test>::contains_key(Class::Tiny));
    });
}

#[test]
fn who_asks_for_more_places_is_given_more() {
    for seed in 0..20 {
        run(|| {
            Seed::set(seed);
            let asked = [32, 32, 16, 8, 8, 4, 2, 1, 1u8];
            for (number, places) in (1u8..).zip(asked) {
                machine(10 + number, owner(number));
                ready(10 + number, places).unwrap();
            }
            go_to_draw();
            go(5);
            let given = |number: u8| Workers::<Test>::get(id(10 + number)).unwrap().tasks.len();
            let short: Vec<usize> =
                (1u8..).zip(asked).map(|(number, places)| usize::from(places) - given(number)).collect();
            // Whoever is left at the end of a lap, or has too few others to meet, waits on.
            assert!(short.iter().sum::<usize>() <= 10, "{short:?}");
        });
    }
}
