//! A machine's life: anchors, lapse and return, new device keys, rates, retirement.

use super::*;

#[test]
fn anchors_move_the_head_and_the_due_block() {
    run(|| {
        let mut rig = enrolled(10);
        for round in 1..=12u32 {
            rig.log.grow(u64::from(round));
            let call = rig.anchor();
            rig.send(&call).unwrap();
            let machine = machine(&rig);
            assert_eq!((machine.head.log(), machine.anchors), (rig.log.head(), round));
            assert_eq!(machine.due, System::block_number() as u32 + PERIOD + GRACE);
            go(PERIOD);
        }
        let machine = machine(&rig);
        assert_eq!((machine.recent.len(), machine.standing), (RECENT as usize, Standing::Active));
        assert_eq!(machine.recent.last().unwrap().counter, rig.counter);
        assert_eq!((machine.lapses, machine.absent), (0, 0));
    });
}

#[test]
fn an_anchor_of_an_unchanged_log_is_fine() {
    run(|| {
        let mut rig = enrolled(10);
        for _ in 0..2 {
            let call = rig.anchor();
            rig.send(&call).unwrap();
        }
        assert_eq!(machine(&rig).anchors, 2);
    });
}

#[test]
fn silence_lapses_and_an_anchor_returns() {
    run(|| {
        let mut rig = enrolled(10);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        go(PERIOD + GRACE - 1);
        assert_eq!(machine(&rig).standing, Standing::Active);
        go(1);
        assert_eq!((machine(&rig).standing, machine(&rig).lapses), (Standing::Lapsed, 1));
        go(500);
        assert_eq!(machine(&rig).lapses, 1, "counted once");
        rig.log.grow(1);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        let back = machine(&rig);
        assert_eq!((back.standing, back.absent), (Standing::Active, 500));
        go(PERIOD + GRACE);
        assert_eq!(machine(&rig).lapses, 2, "it is watched again");
        let told: Vec<_> = Heard::take().into_iter().filter(|(machine, ..)| *machine == rig.id()).collect();
        let standings = [Standing::Active, Standing::Lapsed, Standing::Active, Standing::Lapsed];
        assert_eq!(told, standings.map(|standing| (rig.id(), OWNER, standing)));
    });
}

#[test]
fn a_new_device_key_takes_over() {
    run(|| {
        let mut rig = enrolled(10);
        go(2);
        let old = rig.account();
        rig.device = ed25519::Pair::from_seed(&[70; 32]);
        rig.resets += 1;
        delegate(&rig.delegation()).unwrap();
        assert_eq!(machine(&rig).device, rig.account());
        assert!(Devices::<Test>::get(old.clone()).is_none());
        assert_eq!((System::sufficients(&old), System::sufficients(&rig.account())), (0, 1));
        let call = rig.anchor();
        rig.send(&call).unwrap();
    });
}

#[test]
fn devices_pay_nothing_within_their_rate() {
    run(|| {
        let rig = enrolled(10);
        let origin = RuntimeOrigin::signed(rig.account());
        let use_up = |count| (0..count).for_each(|_| System::inc_account_nonce(rig.account()));
        assert!(MachinesPallet::is_free(&origin));
        assert!(!MachinesPallet::is_free(&RuntimeOrigin::signed(REPORTER)));
        assert!(!MachinesPallet::is_free(&RuntimeOrigin::root()));
        use_up(BURST);
        assert!(!MachinesPallet::is_free(&origin));
        go(PERIOD);
        assert!(MachinesPallet::is_free(&origin));
        use_up(CALLS_PER_PERIOD);
        assert!(!MachinesPallet::is_free(&origin));
    });
}

#[test]
fn calls_that_the_chain_asked_for_do_not_count() {
    run(|| {
        let rig = enrolled(10);
        for _ in 0..5 * BURST {
            System::inc_account_nonce(rig.account());
            MachinesPallet::excuse_call(&rig.account());
        }
        assert!(MachinesPallet::is_free_of_fees(&rig.account()));
        (0..BURST).for_each(|_| System::inc_account_nonce(rig.account()));
        assert!(!MachinesPallet::is_free_of_fees(&rig.account()));
        assert!(!MachinesPallet::is_free_of_fees(&REPORTER));
    });
}

#[test]
fn an_idle_machine_saves_up_no_calls_beyond_a_burst() {
    run(|| {
        let mut rig = enrolled(10);
        go(200 * PERIOD);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        (0..BURST).for_each(|_| System::inc_account_nonce(rig.account()));
        assert!(!MachinesPallet::is_free(&RuntimeOrigin::signed(rig.account())));
    });
}

#[test]
fn a_retired_machine_is_out_but_not_forgotten() {
    run(|| {
        let mut rig = enrolled(10);
        let retire = |who: Account| named(MachinesPallet::retire(RuntimeOrigin::signed(who), rig.id()));
        refused("NotOwner", || retire(REPORTER));
        retire(OWNER).unwrap();
        assert_eq!(machine(&rig).standing, Standing::Retired);
        assert_eq!(Balances::reserved_balance(OWNER), DEPOSIT, "a fork may come to light yet");
        assert!(MachinesPallet::machines_of(&OWNER).is_empty());
        refused("MachineRetired", || retire(OWNER));
        let call = rig.anchor();
        refused("MachineRetired", || rig.send(&call));
        go(UNBONDING - 1);
        assert_eq!(Balances::reserved_balance(OWNER), DEPOSIT);
        assert!(Devices::<Test>::contains_key(rig.account()), "it may be asked for what it did until then");
        go(1);
        assert!(!Devices::<Test>::contains_key(rig.account()));
        refused("NotADevice", || rig.send(&call));
        assert_eq!(Balances::reserved_balance(OWNER), 10);
        go(UNBONDING);
        assert_eq!((machine(&rig).standing, machine(&rig).lapses), (Standing::Retired, 0));
        enrol(&rig);
        assert_eq!((machine(&rig).epoch, machine(&rig).standing), (1, Standing::Active));
    });
}

#[test]
fn many_machines_due_in_one_block_are_all_seen() {
    run(|| {
        let rig = enrolled(10);
        let template = machine(&rig);
        let now = System::block_number() as u32;
        let count = DUE_PER_BLOCK + 100;
        for number in 0..count {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_le_bytes());
            Machines::<Test>::insert(id, Machine { due: now + 50, ..template.clone() });
            MachinesPallet::watch(id);
        }
        go(49);
        let lapsed =
            || Machines::<Test>::iter().filter(|(_, machine)| machine.standing == Standing::Lapsed).count();
        let before = lapsed();
        go(2);
        assert_eq!(lapsed() - before, count as usize);
    });
}
