//! The attack table's rows that the chain itself refuses: each by its own name, with the machine's standing as it was.

use super::*;

#[test]
fn forged_ak_signature() {
    run(|| {
        let mut rig = enrolled(10);
        let mut call = rig.anchor();
        call.certified.signature[40] ^= 1;
        refused("BadSignature", || rig.send(&call));
    });
}

#[test]
fn ak_of_another_tpm() {
    run(|| {
        let mut rig = enrolled(10);
        rig.ak_seed = 99;
        let call = rig.anchor();
        refused("BadSignature", || rig.send(&call));
    });
}

#[test]
fn ak_without_restricted() {
    run(|| {
        token(1);
        let rig = Rig::new(10);
        let mut enrolment = rig.enrolment();
        enrolment.ak_public = rig.ak().public_area_with(0x0004_0472).to_vec().try_into().unwrap();
        rig.sign(&mut enrolment);
        refused("AkNotRestricted", || request(&enrolment).map(drop));
    });
}

#[test]
fn replayed_anchor() {
    run(|| {
        let mut rig = enrolled(10);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        go(1);
        refused("CounterNotIncreased", || rig.send(&call));
    });
}

#[test]
fn anchor_of_another_machine() {
    run(|| {
        let mut one = enrolled(10);
        let other = enrolled(11);
        let call = one.anchor();
        refused("WrongQualification", || other.send(&call));
    });
}

#[test]
fn old_block_hash() {
    run(|| {
        let mut rig = enrolled(10);
        let call = rig.anchor();
        go(257);
        refused("BlockTooOld", || rig.send(&call));
    });
}

#[test]
fn hash_of_a_block_that_never_was() {
    run(|| {
        let mut rig = enrolled(10);
        let mut call = rig.anchor();
        call.block.hash = [0xEE; 32];
        refused("UnknownBlock", || rig.send(&call));
        call.block = BlockRef { number: System::block_number() as u32 + 5, hash: [0; 32] };
        refused("UnknownBlock", || rig.send(&call));
    });
}

#[test]
fn hash_of_another_recent_block_than_the_attested() {
    run(|| {
        let mut rig = enrolled(10);
        let mut call = rig.anchor();
        go(1);
        call.block = recent();
        refused("WrongQualification", || rig.send(&call));
    });
}

#[test]
fn counter_not_increased() {
    run(|| {
        let mut rig = enrolled(10);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        rig.counter -= 1;
        rig.log.grow(3);
        let call = rig.anchor();
        refused("CounterNotIncreased", || rig.send(&call));
    });
}

#[test]
fn counter_from_another_index() {
    run(|| {
        let mut rig = enrolled(10);
        let mut call = rig.anchor();
        let (message, signature) =
            rig.ak().certify(&rig.statement(&call.block), &[0xAB; 34], rig.counter, rig.resets);
        call.certified = Attestation { message: message.to_vec().try_into().unwrap(), signature };
        refused("WrongCounterIndex", || rig.send(&call));
    });
}

#[test]
fn a_quote_for_an_anchor() {
    run(|| {
        let mut rig = enrolled(10);
        let mut call = rig.anchor();
        let (message, signature) = rig.ak().quote(&rig.statement(&call.block), rig.resets);
        call.certified = Attestation { message: message.to_vec().try_into().unwrap(), signature };
        refused("WrongType", || rig.send(&call));
    });
}

#[test]
fn reset_count_that_went_back() {
    run(|| {
        let mut rig = enrolled(10);
        rig.resets = 0;
        let call = rig.anchor();
        refused("ResetCountWentBack", || rig.send(&call));
    });
}

#[test]
fn shrunken_log() {
    run(|| {
        let mut rig = enrolled(10);
        rig.log.grow(5);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        rig.log.0.truncate(3);
        let call = rig.anchor();
        refused("LogShrunk", || rig.send(&call));
    });
}

#[test]
fn rewritten_log() {
    run(|| {
        let mut rig = enrolled(10);
        rig.log.grow(5);
        let call = rig.anchor();
        rig.send(&call).unwrap();
        rig.log.0.swap(1, 2);
        rig.log.grow(1);
        let call = rig.anchor();
        refused("LogRewritten", || rig.send(&call));
        let mut call = rig.anchor();
        call.consistency = Default::default();
        refused("LogRewritten", || rig.send(&call));
    });
}

#[test]
fn device_key_not_delegated() {
    run(|| {
        let mut rig = enrolled(10);
        rig.device = ed25519::Pair::from_seed(&[77; 32]);
        let call = rig.anchor();
        refused("NotADevice", || rig.send(&call));
    });
}

#[test]
fn device_of_a_machine_that_only_asks() {
    run(|| {
        token(1);
        let mut rig = Rig::new(10);
        request(&rig.enrolment()).unwrap();
        let call = rig.anchor();
        refused("AnotherDevice", || rig.send(&call));
    });
}

#[test]
fn anchor_after_a_clear_with_the_old_ak() {
    run(|| {
        let old = enrolled(10);
        let mut new = old.clone();
        (new.ak_seed, new.device, new.counter) = (60, ed25519::Pair::from_seed(&[60; 32]), 40);
        new.log.grow(2);
        enrol(&new);
        assert_eq!(machine(&new).epoch, 1);
        // The old device key is nobody's now, and the old attestation key proves nothing for the new one.
        let mut stale = old;
        stale.log.grow(9);
        stale.counter = 50;
        let call = stale.anchor();
        refused("NotADevice", || stale.send(&call));
        stale.device = new.device;
        let call = stale.anchor();
        refused("BadSignature", || stale.send(&call));
    });
}

#[test]
fn an_old_delegation_played_again() {
    run(|| {
        let mut rig = enrolled(10);
        go(2);
        let first = rig.device;
        rig.device = ed25519::Pair::from_seed(&[70; 32]);
        let old = rig.delegation();
        delegate(&old).unwrap();
        go(2);
        rig.device = first;
        delegate(&rig.delegation()).unwrap();
        refused("OldDelegation", || delegate(&old));
    });
}

#[test]
fn a_delegation_by_another_tpm() {
    run(|| {
        let mut rig = enrolled(10);
        go(2);
        rig.ak_seed = 99;
        rig.device = ed25519::Pair::from_seed(&[70; 32]);
        let delegation = rig.delegation();
        refused("BadSignature", || delegate(&delegation));
        let mut stolen = delegation;
        stolen.device = [71; 32];
        refused("BadDeviceSignature", || delegate(&stolen));
    });
}
