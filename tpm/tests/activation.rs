//! Credentials made in software, opened by a TPM.

#![allow(clippy::unwrap_used)]

mod common;

use attest::object_name;
use credential::{Credential, EkPublic, Randomness, make_credential};
use tpm::{EkKind, KeyBlob, TpmError};

const SECRET: [u8; 32] = [0x5E; 32];

fn credential(bench: &mut common::Bench, kind: EkKind, ak_public: &[u8]) -> Credential {
    let ek = EkPublic::parse(&bench.tpm.identity(kind).unwrap().public).unwrap();
    let randomness = Randomness { seed: [0x11; 32], oaep_seed: [0x22; 32] };
    make_credential(&ek, &object_name(ak_public), &SECRET, &randomness).unwrap()
}

fn activate(
    bench: &mut common::Bench,
    kind: EkKind,
    ak: &KeyBlob,
    credential: &Credential,
) -> Result<Vec<u8>, TpmError> {
    bench.tpm.activate_credential(kind, ak, &credential.id_object, &credential.encrypted_secret)
}

#[test]
fn both_kinds_of_ek_open_their_credentials() {
    let mut bench = common::bench();
    for kind in [EkKind::Rsa2048, EkKind::EccP256] {
        let ak = bench.tpm.create_ak(kind).unwrap();
        let made = credential(&mut bench, kind, &ak.public);
        assert_eq!(activate(&mut bench, kind, &ak, &made).unwrap(), SECRET);
    }
}

#[test]
fn credentials_for_others_or_damaged_are_bad() {
    let (mut bench, mut stranger) = (common::bench(), common::bench());
    for kind in [EkKind::Rsa2048, EkKind::EccP256] {
        let ak = bench.tpm.create_ak(kind).unwrap();
        let other_ak = bench.tpm.create_ak(kind).unwrap();
        let good = credential(&mut bench, kind, &ak.public);
        let for_other_ak = credential(&mut bench, kind, &other_ak.public);
        let for_other_tpm = credential(&mut stranger, kind, &ak.public);
        let with = |id_object: &[u8], secret: &[u8]| Credential {
            id_object: id_object.into(),
            encrypted_secret: secret.into(),
        };
        let bad = [
            for_other_ak,
            for_other_tpm,
            with(&[], &[]),
            with(&good.id_object, &[]),
            with(&[], &good.encrypted_secret),
            with(&good.id_object, &[0xFF; 256]),
            with(&good.id_object, &[0x00; 256]),
            with(&good.id_object, &good.encrypted_secret[1..]),
            with(&good.id_object[1..], &good.encrypted_secret),
            with(&[0xFF; 60], &good.encrypted_secret),
            with(&[0xFF; 400], &good.encrypted_secret),
            with(&good.id_object, &[1; 4_000]),
        ];
        for (number, bad) in bad.iter().enumerate() {
            let outcome = activate(&mut bench, kind, &ak, bad);
            assert_eq!(outcome, Err(TpmError::BadCredential), "{kind:?}, number {number}");
        }
        assert_eq!(activate(&mut bench, kind, &ak, &good).unwrap(), SECRET);
    }
}
