//! Fork evidence: what slashes, what asks, and what must do neither.

use super::*;
use crate::Accusations;
use frame_support::traits::fungible::Inspect;

fn report(rig: &Rig, one: &Testimony, other: &Testimony) -> Result<(), &'static str> {
    let reporter = RuntimeOrigin::signed(REPORTER);
    named(MachinesPallet::report_fork(reporter, rig.id(), one.clone(), other.clone()))
}

fn refute(rig: &Rig, proof: MerkleProof) -> Result<(), &'static str> {
    named(MachinesPallet::refute(RuntimeOrigin::signed(rig.account()), rig.id(), proof))
}

/// Two anchors, the later one of a shorter log.
fn shrunken(rig: &mut Rig) -> (Testimony, Testimony) {
    rig.log.grow(5);
    let one = rig.testimony();
    rig.log.0.truncate(3);
    (one, rig.testimony())
}

#[test]
fn a_log_that_shrank_between_two_anchors_slashes() {
    run(|| {
        let mut rig = enrolled(10);
        let (one, other) = shrunken(&mut rig);
        report(&rig, &other, &one).unwrap();
        assert_eq!(machine(&rig).standing, Standing::Forked);
        assert_eq!(Balances::reserved_balance(OWNER), 0);
        assert_eq!(Balances::free_balance(REPORTER), RICH, "the reporter gains and loses nothing");
        rig.log.grow(9);
        let call = rig.anchor();
        assert_eq!(rig.send(&call), Err("NotADevice"));
        token(1);
        assert_eq!(request(&Rig::new(10).enrolment()), Err("MachineForked"));
    });
}

#[test]
fn two_roots_of_one_size_slash() {
    run(|| {
        let mut rig = enrolled(10);
        rig.log.grow(5);
        let one = rig.testimony();
        rig.log.0.swap(2, 3);
        let other = rig.testimony();
        report(&rig, &one, &other).unwrap();
        assert_eq!(machine(&rig).standing, Standing::Forked);
    });
}

#[test]
fn an_old_anchor_is_no_fork() {
    run(|| {
        let mut rig = enrolled(10);
        rig.log.grow(5);
        let old = rig.anchor();
        rig.send(&old).unwrap();
        rig.log.grow(5);
        let new = rig.anchor();
        rig.send(&new).unwrap();
        let testimony = |call: AnchorCall| Testimony {
            block_hash: call.block.hash,
            log: call.log,
            device: rig.device.public().0,
            certified: call.certified,
        };
        let (old, new) = (testimony(old), testimony(new));
        refused("NotAFork", || report(&rig, &old, &new));
        refused("NotAFork", || report(&rig, &old, &old));
    });
}

/// Certified, then killed before it was sent; the next anchor covers more. The machine is asked and shows that nothing was rewritten.
#[test]
fn a_crash_between_certify_and_submit_does_not_slash() {
    run(|| {
        let mut rig = enrolled(10);
        rig.log.grow(5);
        let lost = rig.testimony();
        rig.log.grow(2);
        let sent = rig.anchor();
        rig.send(&sent).unwrap();
        let sent = Testimony {
            block_hash: sent.block.hash,
            log: sent.log,
            device: rig.device.public().0,
            certified: sent.certified,
        };
        report(&rig, &lost, &sent).unwrap();
        assert_eq!(machine(&rig).standing, Standing::Active);
        refused("AlreadyAccused", || report(&rig, &lost, &sent));
        refused("LogRewritten", || refute(&rig, Default::default()));
        refute(&rig, rig.log.consistency(6)).unwrap();
        assert_eq!(
            Balances::total_balance(&REPORTER),
            RICH - REPORT_BOND,
            "a false accusation costs the bond"
        );
        refused("NotAccused", || refute(&rig, Default::default()));
        go(DUTY_BLOCKS / 2);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        go(DUTY_BLOCKS / 2 + 1);
        assert_eq!(machine(&rig).lapses, 0);
    });
}

#[test]
fn silence_after_an_accusation_lapses_but_never_slashes() {
    run(|| {
        let mut rig = enrolled(10);
        rig.log.grow(5);
        let one = rig.testimony();
        rig.log.0.swap(2, 3);
        rig.log.grow(1);
        let other = rig.testimony();
        report(&rig, &one, &other).unwrap();
        refused("LogRewritten", || refute(&rig, rig.log.consistency(6)));
        go(DUTY_BLOCKS);
        let accused = machine(&rig);
        assert_eq!((accused.standing, accused.deposit), (Standing::Lapsed, DEPOSIT));
        assert_eq!(Balances::free_balance(REPORTER), RICH);
        assert!(Accusations::<Test>::get(rig.id()).is_none());
    });
}

#[test]
fn anchors_of_an_earlier_epoch_say_nothing_about_this_one() {
    run(|| {
        let mut rig = enrolled(10);
        rig.log.grow(5);
        let old = rig.anchor();
        rig.send(&old).unwrap();
        let old = Testimony {
            block_hash: old.block.hash,
            log: old.log,
            device: rig.device.public().0,
            certified: old.certified,
        };
        // The disk is lost, the TPM is not cleared: same attestation key, shorter log, a new epoch.
        let mut new = rig.clone();
        new.device = ed25519::Pair::from_seed(&[52; 32]);
        new.log.0.truncate(1);
        enrol(&new);
        assert!(machine(&new).log_lost);
        let other = new.testimony();
        refused("OtherEpoch", || report(&new, &old, &other));
        let mut foreign = old.clone();
        foreign.certified.signature[9] ^= 1;
        refused("BadSignature", || report(&new, &foreign, &other));
    });
}

fn retire(rig: &Rig) {
    MachinesPallet::retire(RuntimeOrigin::signed(OWNER), rig.id()).unwrap();
}

#[test]
fn a_fork_that_comes_to_light_after_retirement_costs_the_deposit() {
    run(|| {
        let mut rig = enrolled(10);
        let (one, other) = shrunken(&mut rig);
        rig.log.grow(9);
        let longer = rig.testimony();
        retire(&rig);
        refused("MachineRetired", || report(&rig, &one, &longer));
        report(&rig, &one, &other).unwrap();
        assert_eq!((machine(&rig).standing, Balances::reserved_balance(OWNER)), (Standing::Forked, 0));
        go(2 * UNBONDING);
        refused("MachineForked", || report(&rig, &one, &other));
    });
}

#[test]
fn retirement_after_a_fork_gives_nothing_back_by_a_new_enrolment() {
    run(|| {
        let mut rig = enrolled(10);
        let mut honest = rig.log.clone();
        honest.grow(5);
        let (one, other) = shrunken(&mut rig);
        retire(&rig);
        // The same TPM, and a log that goes on from the last anchor: what was certified before still counts.
        let mut new = rig.clone();
        new.log = honest;
        new.device = ed25519::Pair::from_seed(&[53; 32]);
        let consistency = new.log.consistency(1);
        enrol_with(&new, &Enrolment { consistency, ..new.enrolment() });
        assert!(!machine(&new).log_lost);
        report(&new, &one, &other).unwrap();
        assert_eq!(machine(&new).standing, Standing::Forked);
    });
}
