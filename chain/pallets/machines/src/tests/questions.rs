//! Inspectors' questions for machines' GPUs.

use super::*;
use crate::Error;
use attest::question::asked;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{Digest, DigestItem};

fn ask(by: &Account, machine: MachineId) -> sp_runtime::DispatchResult {
    MachinesPallet::ask(RuntimeOrigin::signed(by.clone()), machine)
}

/// Whom the header of this block asks.
fn in_header() -> Vec<MachineId> {
    let header = System::finalize();
    let items = header.digest.logs.iter().filter_map(|item| match item {
        DigestItem::Other(bytes) => asked(bytes),
        _ => None,
    });
    items.collect()
}

fn begin() {
    let next = System::block_number() + 1;
    System::initialize(&next, &H256([1; 32]), &Digest::default());
}

#[test]
fn a_question_stands_in_its_blocks_header() {
    run(|| {
        let rig = enrolled(10);
        begin();
        assert_ok!(ask(&inspector(0), rig.id()));
        System::assert_last_event(crate::Event::Asked { machine: rig.id(), inspector: inspector(0) }.into());
        assert_eq!(in_header(), [rig.id()]);
    });
}

#[test]
fn only_inspectors_ask_and_only_active_machines() {
    run(|| {
        let rig = enrolled(10);
        assert_noop!(ask(&OWNER, rig.id()), Error::<Test>::NotAnInspector);
        assert_noop!(ask(&inspector(0), [77; 32]), Error::<Test>::UnknownMachine);
        assert_ok!(Inspectors::leave(RuntimeOrigin::signed(inspector(1))));
        assert_noop!(ask(&inspector(1), rig.id()), Error::<Test>::NotAnInspector);
        go(PERIOD + GRACE + 1);
        assert_eq!(machine(&rig).standing, Standing::Lapsed);
        assert_noop!(ask(&inspector(0), rig.id()), Error::<Test>::NotActive);
    });
}

#[test]
fn a_machine_is_left_in_peace_for_a_while_whoever_asks() {
    run(|| {
        let mut rig = enrolled(10);
        assert_ok!(ask(&inspector(0), rig.id()));
        let first = System::block_number();
        while System::block_number() < first + u64::from(ASK_PAUSE) - 1 {
            go(1);
            if System::block_number().is_multiple_of(u64::from(PERIOD)) {
                let call = rig.anchor();
                rig.send(&call).unwrap();
            }
        }
        assert_noop!(ask(&inspector(1), rig.id()), Error::<Test>::AskedBefore);
        go(1);
        assert_ok!(ask(&inspector(1), rig.id()));
    });
}

#[test]
fn a_header_has_room_for_so_many_questions() {
    run(|| {
        let rig = enrolled(10);
        let machine = machine(&rig);
        for number in 0..=ASKS_PER_BLOCK {
            Machines::<Test>::insert([number as u8; 32], machine.clone());
        }
        begin();
        for number in 0..ASKS_PER_BLOCK {
            assert_ok!(ask(&inspector(0), [number as u8; 32]));
        }
        let one_more = [ASKS_PER_BLOCK as u8; 32];
        assert_noop!(ask(&inspector(0), one_more), Error::<Test>::Busy);
        assert_eq!(in_header().len(), ASKS_PER_BLOCK as usize);
        begin();
        assert_ok!(ask(&inspector(0), one_more));
        assert_eq!(in_header(), [one_more]);
    });
}
