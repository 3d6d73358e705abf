//! The firmware in an emulator, and what a verifier says of its anchors. Runs where `MATRIXAI_FIRMWARE` names the firmware, as
//! `cargo xtask firmware` has it.

#![allow(clippy::unwrap_used)]

use blake2::{Blake2b, Digest, digest::consts::U32};
use ed25519_dalek::{Signature, VerifyingKey};
use firmware_gateway::{Block, Emulator, Keeper};
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

    let first = keeper.anchor(&mut device, &Block::made_up(1)).unwrap();
    let told = keeper.ask(&mut device, &Block::made_up(2)).unwrap();
    let second = keeper.verify(&told, &Block::made_up(2)).unwrap();
    assert_eq!((first.size, second.size), (3, 4));
    assert_eq!(second.counter, first.counter + 1);

    // What a host might tell instead.
    assert!(keeper.verify(&told, &Block::made_up(3)).is_err(), "another block");
    let mut altered = told.clone();
    altered.size -= 1;
    assert!(keeper.verify(&altered, &Block::made_up(2)).is_err(), "another size");
    let mut altered = told.clone();
    altered.message[40] ^= 1;
    assert!(keeper.verify(&altered, &Block::made_up(2)).is_err(), "another message");

    let key = VerifyingKey::from_bytes(keeper.device_key()).unwrap();
    let payload = [&[7; 300], &told.message[..], &[9; 20]].concat();
    let signature = Signature::from_bytes(&keeper.sign(&mut device, &payload).unwrap());
    key.verify_strict(&Blake2b::<U32>::digest(&payload), &signature).unwrap();
    let foreign = keeper.sign(&mut device, &[7; 300]).unwrap_err().to_string();
    assert!(foreign.contains("does not carry this device's last anchor"), "{foreign}");
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
