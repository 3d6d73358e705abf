//! Requests and duties: what is refused, who is paid, who is fined.

use super::*;
use crate::{Ending, Event, Tokens};

fn ended(id: RequestId) -> Option<Ending> {
    System::events().into_iter().rev().find_map(|record| match record.event {
        RuntimeEvent::MachinesPallet(Event::RequestEnded { request, why }) if request == id => Some(why),
        _ => None,
    })
}

fn bond(inspector: &Account) -> u128 {
    pallet_inspectors::Registry::<Test>::get(inspector).unwrap().bond
}

/// What money there is must be somewhere: nothing stays held for what is no more.
fn held(account: &Account) -> u128 {
    Balances::reserved_balance(account)
}

fn change(rig: &Rig, change: impl FnOnce(&mut Enrolment)) -> Enrolment {
    let mut enrolment = rig.enrolment();
    change(&mut enrolment);
    rig.sign(&mut enrolment);
    enrolment
}

#[test]
fn tokens_are_the_owners_and_end() {
    run(|| {
        let rig = Rig::new(10);
        refused("UnknownToken", || request(&rig.enrolment()).map(drop));
        token(1);
        let key = rig.token.public().0;
        let revoke = |who| named(MachinesPallet::revoke_token(RuntimeOrigin::signed(who), key));
        refused("NotOwner", || revoke(REPORTER));
        assert_eq!(held(&OWNER), DEPOSIT + 3 * FEE);
        revoke(OWNER).unwrap();
        assert_eq!(held(&OWNER), 0);
        token(1);
        Tokens::<Test>::mutate(key, |token| token.as_mut().unwrap().expires = 0);
        refused("TokenExpired", || request(&rig.enrolment()).map(drop));
        Tokens::<Test>::mutate(key, |token| token.as_mut().unwrap().expires = 1000);
        request(&rig.enrolment()).unwrap();
        refused("TokenUsedUp", || request(&Rig::new(11).enrolment()).map(drop));
    });
}

#[test]
fn a_request_is_checked_to_the_last_field() {
    run(|| {
        token(10);
        let rig = Rig::new(10);
        let mut unsigned = rig.enrolment();
        unsigned.token_signature[0] ^= 1;
        refused("BadTokenSignature", || request(&unsigned).map(drop));
        let mut unsigned = rig.enrolment();
        unsigned.device_signature[0] ^= 1;
        refused("BadDeviceSignature", || request(&unsigned).map(drop));
        let attacks: [(&str, Enrolment); 8] = [
            ("NotAnEk", change(&rig, |e| e.ek_public[20] ^= 1)),
            ("UnknownBlock", change(&rig, |e| e.block.hash = [0xEE; 32])),
            ("BadJoinRecord", change(&rig, |e| e.join_record = vec![1, 2, 3].try_into().unwrap())),
            ("NotTheJoinRecord", {
                let other = Rig::new(11);
                change(&rig, |e| e.join_record = other.log.0[0].clone().try_into().unwrap())
            }),
            ("BadJoinProof", change(&rig, |e| e.join_proof = vec![[1; 32]].try_into().unwrap())),
            ("WrongAkKind", change(&rig, |e| e.ak_public[15] ^= 1)),
            ("WrongQualification", change(&rig, |e| e.quote = Rig::new(11).enrolment().quote)),
            ("BadSignature", change(&rig, |e| e.quote.signature[3] ^= 1)),
        ];
        for (name, enrolment) in attacks {
            refused(name, || request(&enrolment).map(drop));
        }
        let enrolment = rig.enrolment();
        request(&enrolment).unwrap();
        refused("AlreadyRequested", || request(&enrolment).map(drop));
        let mut other = Rig::new(11);
        other.device = rig.device;
        refused("DeviceInUse", || request(&other.enrolment()).map(drop));
    });
}

#[test]
fn an_ecc_ek_needs_a_certificate() {
    run(|| {
        token(1);
        let mut rig = Rig::new(10);
        let mut area = hex::decode(
            "0023000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa0006008000430010000300100020",
        )
        .unwrap();
        area.extend([7; 32]);
        area.extend([0, 32]);
        area.extend([8; 32]);
        rig.ek_public = area;
        rig.log = Log::starting_with_join(rig.id());
        refused("EccEkWithoutCertificate", || request(&rig.enrolment()).map(drop));
    });
}

#[test]
fn a_request_waits_for_randomness_nobody_knew() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let id = request(&rig.enrolment()).unwrap();
        go(5);
        assert!(drawn(id).is_empty());
        Epoch::set(Epoch::get() + 1);
        go(5);
        assert!(drawn(id).is_empty(), "outputs of the epoch in which it froze are known in it");
        Epoch::set(Epoch::get() + 1);
        go(1);
        assert_eq!(drawn(id).len(), 3);
        assert!(MachinesPallet::duties_of(&drawn(id)[0]).iter().any(|(request, _)| *request == id));
    });
}

#[test]
fn a_quorum_enrols_and_everybody_is_paid() {
    run(|| {
        token(2);
        let rig = Rig::new(10);
        let (id, inspectors) = requested(&rig);
        for inspector in &inspectors {
            post(id, inspector, challenge(id, inspector, Level::Virtual)).unwrap();
        }
        answer_with(&rig.account(), id, &inspectors[0], &SECRET).unwrap();
        assert!(Machines::<Test>::get(rig.id()).is_none(), "one is no quorum");
        answer_with(&rig.account(), id, &inspectors[1], &SECRET).unwrap();
        let machine = machine(&rig);
        assert_eq!((machine.level, machine.epoch, machine.log_lost), (Level::Virtual, 0, false));
        assert_eq!(MachinesPallet::machine_of_device(&rig.account()), Some(rig.id()));
        for inspector in &inspectors {
            assert_eq!(Balances::free_balance(inspector), RICH - BOND + FEE);
            assert_eq!(pallet_inspectors::Registry::<Test>::get(inspector).unwrap().open, 0);
        }
        // One machine, and the token's other half.
        assert_eq!(held(&OWNER), DEPOSIT + DEPOSIT + 3 * FEE);
        assert_eq!(Balances::free_balance(OWNER), RICH - held(&OWNER) - 3 * FEE);
    });
}

#[test]
fn the_least_level_counts_where_inspectors_disagree() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let (id, inspectors) = requested(&rig);
        for (inspector, level) in inspectors.iter().zip([Level::Hardware, Level::Virtual, Level::Unverified])
        {
            post(id, inspector, challenge(id, inspector, level)).unwrap();
            answer_with(&rig.account(), id, inspector, &SECRET).unwrap();
        }
        assert_eq!(machine(&rig).level, Level::Unverified);
    });
}

#[test]
fn an_inspector_who_was_not_drawn_has_no_vote() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let (id, inspectors) = requested(&rig);
        let idle = (0..5).map(inspector).find(|inspector| !inspectors.contains(inspector)).unwrap();
        refused("NotDrawn", || post(id, &idle, challenge(id, &idle, Level::Hardware)));
        refused("NotDrawn", || named(MachinesPallet::refuse(RuntimeOrigin::signed(idle.clone()), id)));
        refused("UnknownRequest", || post([1; 32], &idle, challenge(id, &idle, Level::Hardware)));
        let first = &inspectors[0];
        post(id, first, challenge(id, first, Level::Hardware)).unwrap();
        refused("AlreadyChallenged", || post(id, first, challenge(id, first, Level::Virtual)));
    });
}

#[test]
fn a_credential_answered_by_another_tpm() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let (id, inspectors) = requested(&rig);
        let first = &inspectors[0];
        refused("NotChallenged", || answer_with(&rig.account(), id, first, &SECRET));
        post(id, first, challenge(id, first, Level::Hardware)).unwrap();
        refused("WrongAnswer", || answer_with(&rig.account(), id, first, &[0; 32]));
        refused("AnotherDevice", || answer_with(&OWNER, id, first, &SECRET));
        answer_with(&rig.account(), id, first, &SECRET).unwrap();
        refused("DutyDone", || answer_with(&rig.account(), id, first, &SECRET));
    });
}

#[test]
fn a_provably_bad_credential_costs_the_bond() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let (id, inspectors) = requested(&rig);
        let liar = &inspectors[0];
        let mut bad = challenge(id, liar, Level::Hardware);
        bad.id_object[5] ^= 1;
        post(id, liar, bad).unwrap();
        let reveal = |who: &Account| {
            let origin = RuntimeOrigin::signed(who.clone());
            named(MachinesPallet::reveal(origin, id, SECRET, randomness().seed, randomness().oaep_seed))
        };
        refused("NotDisputed", || reveal(liar));
        let dispute = || {
            let device = RuntimeOrigin::signed(rig.account());
            named(MachinesPallet::dispute(device, id, liar.clone()))
        };
        dispute().unwrap();
        refused("RevealDoesNotMatch", || reveal(liar));
        for honest in &inspectors[1..] {
            post(id, honest, challenge(id, honest, Level::Hardware)).unwrap();
        }
        answer_with(&rig.account(), id, &inspectors[1], &SECRET).unwrap();
        go(DUTY_BLOCKS + 1);
        assert_eq!(bond(liar), 0);
        assert_eq!(bond(&inspectors[1]), BOND);
    });
}

#[test]
fn a_good_credential_that_is_disputed_is_upheld() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let (id, inspectors) = requested(&rig);
        let honest = &inspectors[0];
        post(id, honest, challenge(id, honest, Level::Hardware)).unwrap();
        let device = RuntimeOrigin::signed(rig.account());
        named(MachinesPallet::dispute(device, id, honest.clone())).unwrap();
        let origin = RuntimeOrigin::signed(honest.clone());
        named(MachinesPallet::reveal(origin, id, SECRET, randomness().seed, randomness().oaep_seed)).unwrap();
        assert_eq!(bond(honest), BOND);
        assert_eq!(Balances::free_balance(honest), RICH - BOND + FEE);
        refused("DutyDone", || answer_with(&rig.account(), id, honest, &SECRET));
    });
}

#[test]
fn a_squatted_ek_never_enrols_and_the_true_machine_does() {
    run(|| {
        token(2);
        // Anybody knows the EK's public half; the squatter's own attestation key signs its quote.
        let mut squatter = Rig::new(10);
        (squatter.ak_seed, squatter.device) = (66, ed25519::Pair::from_seed(&[66; 32]));
        let honest = Rig::new(10);
        let squat = request(&squatter.enrolment()).unwrap();
        let real = request(&honest.enrolment()).unwrap();
        go_to_draw();
        for id in [squat, real] {
            for inspector in drawn(id) {
                post(id, &inspector, challenge(id, &inspector, Level::Hardware)).unwrap();
            }
        }
        for inspector in drawn(real).iter().take(2) {
            answer_with(&honest.account(), real, inspector, &SECRET).unwrap();
        }
        go(DUTY_BLOCKS + 1);
        assert_eq!(ended(squat), Some(Ending::Unanswered));
        assert_eq!(machine(&honest).device, honest.account());
        assert!(Devices::<Test>::get(squatter.account()).is_none());
        assert_eq!(held(&OWNER), DEPOSIT, "the squatter's deposit went back, less three fees");
    });
}

#[test]
fn a_later_activation_by_the_same_tpm_takes_over() {
    run(|| {
        let old = enrolled(10);
        let mut new = old.clone();
        new.device = ed25519::Pair::from_seed(&[50; 32]);
        new.log.grow(4);
        enrol(&new);
        let machine = machine(&new);
        assert_eq!((machine.device.clone(), machine.epoch), (new.account(), 1));
        assert!(Devices::<Test>::get(old.account()).is_none());
        assert_eq!(held(&OWNER), DEPOSIT);
        assert!(machine.log_lost, "no proof came with the request");
    });
}

#[test]
fn a_new_epoch_does_not_hide_an_absence() {
    run(|| {
        let rig = enrolled(10);
        go(PERIOD + GRACE + 100);
        let lapsed = machine(&rig);
        assert_eq!((lapsed.standing, lapsed.absent), (Standing::Lapsed, 0));
        let mut new = rig.clone();
        (new.ak_seed, new.device) = (51, ed25519::Pair::from_seed(&[51; 32]));
        token(1);
        let id = request(&new.enrolment()).unwrap();
        go_to_draw();
        for inspector in drawn(id).iter().take(2) {
            post(id, inspector, challenge(id, inspector, Level::Hardware)).unwrap();
            answer_with(&new.account(), id, inspector, &SECRET).unwrap();
        }
        let back = machine(&new);
        let away = System::block_number() as u32 - lapsed.due;
        assert_eq!((back.standing, back.lapses, back.absent), (Standing::Active, 1, away));
    });
}

#[test]
fn a_new_epoch_may_prove_that_its_log_goes_on() {
    run(|| {
        let mut rig = enrolled(10);
        rig.log.grow(7);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        let mut new = rig.clone();
        (new.ak_seed, new.device) = (51, ed25519::Pair::from_seed(&[51; 32]));
        new.log.grow(4);
        token(1);
        let wrong = change(&new, |e| e.consistency = vec![[1; 32]].try_into().unwrap());
        refused("LogRewritten", || request(&wrong).map(drop));
        let enrolment = change(&new, |e| e.consistency = new.log.consistency(8));
        let id = request(&enrolment).unwrap();
        go_to_draw();
        for inspector in drawn(id).iter().take(2) {
            post(id, inspector, challenge(id, inspector, Level::Hardware)).unwrap();
            answer_with(&new.account(), id, inspector, &SECRET).unwrap();
        }
        let machine = machine(&new);
        assert_eq!((machine.epoch, machine.log_lost), (1, false));
    });
}

#[test]
fn who_does_not_show_is_fined_and_replaced() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let (id, first) = requested(&rig);
        post(id, &first[0], challenge(id, &first[0], Level::Hardware)).unwrap();
        answer_with(&rig.account(), id, &first[0], &SECRET).unwrap();
        go(DUTY_BLOCKS + 1);
        assert_eq!([bond(&first[0]), bond(&first[1]), bond(&first[2])], [BOND, BOND - FINE, BOND - FINE]);
        go_to_draw();
        let second = drawn(id);
        assert!(second.contains(&first[0]) && second.len() == 3);
        let other = second.iter().find(|inspector| **inspector != first[0]).unwrap();
        post(id, other, challenge(id, other, Level::Hardware)).unwrap();
        answer_with(&rig.account(), id, other, &SECRET).unwrap();
        assert_eq!(machine(&rig).standing, Standing::Active);
    });
}

#[test]
fn a_request_that_no_inspector_serves_ends_and_costs_nothing() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let (id, _) = requested(&rig);
        for _ in 0..TRIES {
            go(DUTY_BLOCKS + 1);
            go_to_draw();
        }
        assert_eq!(ended(id), Some(Ending::NoInspectors));
        assert_eq!(Tokens::<Test>::get(rig.token.public().0).unwrap().left, 1);
        assert!(Devices::<Test>::get(rig.account()).is_none());
        assert_eq!(crate::DutiesOf::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_place_never_goes_to_somebody_elses_token() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let key = rig.token.public().0;
        let (id, _) = requested(&rig);
        MachinesPallet::revoke_token(RuntimeOrigin::signed(OWNER), key).unwrap();
        MachinesPallet::create_token(RuntimeOrigin::signed(REPORTER), key, 1, 100_000).unwrap();
        for _ in 0..TRIES {
            go(DUTY_BLOCKS + 1);
            go_to_draw();
        }
        assert_eq!(ended(id), Some(Ending::NoInspectors));
        assert_eq!(Tokens::<Test>::get(key).unwrap().left, 1);
        assert_eq!((held(&OWNER), Balances::free_balance(OWNER)), (0, RICH));
    });
}

#[test]
fn inspectors_may_refuse() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let (id, inspectors) = requested(&rig);
        for inspector in inspectors.iter().take(2) {
            named(MachinesPallet::refuse(RuntimeOrigin::signed(inspector.clone()), id)).unwrap();
        }
        assert_eq!(ended(id), Some(Ending::Refused));
        assert_eq!(held(&OWNER), 0);
        assert_eq!(Balances::free_balance(OWNER), RICH - 2 * FEE);
    });
}

#[test]
fn too_few_inspectors_draw_nobody() {
    run(|| {
        token(1);
        named(Inspectors::leave(RuntimeOrigin::signed(inspector(0)))).unwrap();
        refused("TooFewInspectors", || request(&Rig::new(10).enrolment()).map(drop));
    });
}

#[test]
fn a_request_that_is_over_cannot_be_played_again() {
    run(|| {
        token(2);
        let rig = Rig::new(10);
        let enrolment = rig.enrolment();
        let (id, inspectors) = requested_with(&enrolment);
        for inspector in inspectors.iter().take(2) {
            MachinesPallet::refuse(RuntimeOrigin::signed(inspector.clone()), id).unwrap();
        }
        assert!(Requests::<Test>::get(id).is_none(), "no quorum is left");
        refused("AlreadyRequested", || request(&enrolment).map(drop));
        go(256);
        assert!(crate::Ended::<Test>::iter().next().is_none());
        refused("BlockTooOld", || request(&enrolment).map(drop));
        request(&rig.enrolment()).unwrap();
    });
}
