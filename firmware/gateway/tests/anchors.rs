//! The firmware in an emulator, and what a verifier says of its anchors. Runs where `MATRIXAI_FIRMWARE` names the firmware, as
//! `cargo xtask firmware` has it.

#![allow(clippy::unwrap_used)]

use attest::{
    Hash, object_name,
    statement::{answer, answer_commitment},
};
use blake2::{Blake2b, Digest, digest::consts::U32};
use credential::{Credential, EkPublic, Randomness, make_credential};
use ed25519_dalek::{Signature, VerifyingKey};
use firmware_gateway::{Emulator, Keeper, made_up};
use firmware_link::{Answer, Request};
use std::path::PathBuf;
use tempfile::TempDir;
use tpm::{
    model::{Fault, Moment, Temper},
    swtpm::SoftTpm,
};

fn boot(temper: Temper) -> (Emulator, SoftTpm, TempDir) {
    let firmware = PathBuf::from(std::env::var_os("MATRIXAI_FIRMWARE").unwrap());
    let dir = tempfile::tempdir().unwrap();
    let soft = SoftTpm::create(&dir.path().join("tpm")).unwrap();
    (Emulator::boot(&firmware, dir.path(), &soft, temper).unwrap(), soft, dir)
}

#[test]
#[ignore = "needs the firmware and an emulator: cargo xtask firmware"]
fn it_anchors_and_signs_its_own_anchors_only() {
    let temper =
        Temper { wait_states: vec![0, 2, 0, 9], bursts: vec![0, 7, 64], slowness: vec![3], faults: vec![] };
    let (mut device, _soft, dir) = boot(temper);
    let mut keeper = Keeper::new(&mut device, &dir.path().join("log")).unwrap();
    assert!(keeper.sign(&mut device, b"too early").is_err());

    let first = keeper.anchor(&mut device, &made_up(1)).unwrap();
    let told = keeper.ask(&mut device, &made_up(2)).unwrap();
    let second = keeper.verify(&told, &made_up(2)).unwrap();
    assert_eq!((first.size, second.size), (3, 4));
    assert_eq!(second.counter, first.counter + 1);

    // What a host might tell instead.
    assert!(keeper.verify(&told, &made_up(3)).is_err(), "another block");
    let mut altered = told.clone();
    altered.size -= 1;
    assert!(keeper.verify(&altered, &made_up(2)).is_err(), "another size");
    let mut altered = told.clone();
    altered.message[40] ^= 1;
    assert!(keeper.verify(&altered, &made_up(2)).is_err(), "another message");

    let key = VerifyingKey::from_bytes(keeper.device_key()).unwrap();
    let payload = [&[7; 300], &told.message[..], &[9; 20]].concat();
    let signature = Signature::from_bytes(&keeper.sign(&mut device, &payload).unwrap());
    key.verify_strict(&Blake2b::<U32>::digest(&payload), &signature).unwrap();
    let foreign = keeper.sign(&mut device, &[7; 300]).unwrap_err().to_string();
    assert!(foreign.contains("does not carry what this device made last"), "{foreign}");
    Keeper::stop(device).unwrap();
}

/// What an inspector sends, for a secret that only it knows.
struct Sent {
    credential: Credential,
    answer: Hash,
}

fn inspector(keeper: &Keeper, request: &Hash, secret: [u8; 32]) -> Sent {
    let ek = EkPublic::parse(&keeper.identity.ek_public).unwrap();
    let randomness = Randomness { seed: [0x11; 32], oaep_seed: [0x22; 32] };
    let name = object_name(&keeper.identity.ak_public);
    let credential = make_credential(&ek, &name, &secret, &randomness).unwrap();
    Sent { credential, answer: answer(request, &INSPECTOR, &secret) }
}

const INSPECTOR: [u8; 32] = [0x1A; 32];

#[test]
#[ignore = "needs the firmware and an emulator: cargo xtask firmware"]
fn it_asks_to_be_taken_on_and_opens_what_inspectors_send() {
    let (mut device, _soft, dir) = boot(Temper::default());
    let mut keeper = Keeper::new(&mut device, &dir.path().join("log")).unwrap();
    let asked = keeper.enrol(&mut device, &made_up(1), &[0x70; 32]).unwrap();
    assert_eq!(asked.size, 3);
    let sent = inspector(&keeper, &asked.id, [0x5E; 32]);
    let mut challenge = Request::Respond {
        request: asked.id,
        inspector: INSPECTOR,
        commitment: answer_commitment(&sent.answer),
        id_object: &sent.credential.id_object,
        encrypted_secret: &sent.credential.encrypted_secret,
    };
    assert_eq!(keeper.respond(&mut device, &challenge).unwrap(), Some(sent.answer));

    let call = [&asked.id[..], &INSPECTOR, &sent.answer].concat();
    let key = VerifyingKey::from_bytes(keeper.device_key()).unwrap();
    let signature = Signature::from_bytes(&keeper.sign(&mut device, &call).unwrap());
    key.verify_strict(&call, &signature).unwrap();

    if let Request::Respond { commitment, .. } = &mut challenge {
        *commitment = [0; 32];
    }
    assert_eq!(keeper.respond(&mut device, &challenge).unwrap(), None, "another secret than promised");
    assert!(keeper.sign(&mut device, &[&call[..64], &[0; 32]].concat()).is_ok(), "the dispute may go out");

    let head = keeper.anchor(&mut device, &made_up(2)).unwrap();
    assert_eq!(head.size, 4);
    let memory = Keeper::measure(&mut device).unwrap();
    println!("{memory:?}");
    assert!(memory.heap < memory.arena * 3 / 4, "{memory:?}");
    assert!(memory.ram() < 64 * 1024, "{memory:?}");
    assert!(memory.flash < 160 * 1024, "{memory:?}");
    Keeper::stop(device).unwrap();
}

#[test]
#[ignore = "needs the firmware and an emulator: cargo xtask firmware"]
fn what_no_host_should_send_is_refused() {
    let (mut device, _soft, dir) = boot(Temper::default());
    for bytes in [&[0xFF, 0xFF][..], &[0, 0], &[3, 0, 0xEE, 0xEE, 0xEE], &[2, 0, 1, 0]] {
        device.line.send_bytes(bytes).unwrap();
        assert!(matches!(device.line.receive().unwrap(), Answer::Refused { .. }), "{bytes:?}");
    }
    Keeper::new(&mut device, &dir.path().join("log")).unwrap();
    Keeper::stop(device).unwrap();
}

#[test]
#[ignore = "needs the firmware and an emulator: cargo xtask firmware"]
fn a_broken_tpm_is_named_and_no_reason_to_fall_over() {
    let faults = vec![Fault::Resets { at: Moment::Command(0), times: u32::MAX }];
    let (mut device, _soft, dir) = boot(Temper { faults, ..Temper::default() });
    let error = Keeper::new(&mut device, &dir.path().join("log")).unwrap_err().to_string();
    assert!(error.contains("the TPM was reset"), "{error}");
    Keeper::stop(device).unwrap();
}
