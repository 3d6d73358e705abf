//! Attestation keys: made once, loaded by their TPM and no other.

#![allow(clippy::unwrap_used)]

mod common;

use attest::verify::AkPublic;
use tpm::{EkKind, KeyBlob, TpmError};

#[test]
fn an_ak_outlives_restarts_of_program_and_tpm() {
    let mut bench = common::bench();
    for kind in [EkKind::Rsa2048, EkKind::EccP256] {
        let ak = bench.tpm.create_ak(kind).unwrap();
        AkPublic::parse(&ak.public).unwrap();
        common::connect(&bench.soft).check_ak(kind, &ak).unwrap();
        bench.soft.power_cut().unwrap();
        bench.soft.start().unwrap();
        common::connect(&bench.soft).check_ak(kind, &ak).unwrap();
    }
}

#[test]
fn after_a_clear_the_ak_is_a_strangers() {
    let mut bench = common::bench();
    let ak = bench.tpm.create_ak(EkKind::Rsa2048).unwrap();
    bench.tpm.clear().unwrap();
    assert_eq!(bench.tpm.check_ak(EkKind::Rsa2048, &ak), Err(TpmError::KeyNotOfThisTpm));
    assert_eq!(bench.tpm.quote(EkKind::Rsa2048, &ak, &[0; 32], &[0]), Err(TpmError::KeyNotOfThisTpm));
    let new = bench.tpm.create_ak(EkKind::Rsa2048).unwrap();
    bench.tpm.check_ak(EkKind::Rsa2048, &new).unwrap();
}

#[test]
fn another_tpm_refuses_the_ak() {
    let (mut one, mut other) = (common::bench(), common::bench());
    let ak = one.tpm.create_ak(EkKind::Rsa2048).unwrap();
    assert_eq!(other.tpm.check_ak(EkKind::Rsa2048, &ak), Err(TpmError::KeyNotOfThisTpm));
}

#[test]
fn damage_is_an_error_whatever_it_is() {
    let mut bench = common::bench();
    let ak = bench.tpm.create_ak(EkKind::Rsa2048).unwrap();
    let cut = KeyBlob { public: ak.public.clone(), private: ak.private.split_at(40).0.into() };
    assert!(bench.tpm.check_ak(EkKind::Rsa2048, &cut).is_err());
    let cut = KeyBlob { public: ak.public.split_at(40).0.into(), private: ak.private.clone() };
    assert_eq!(bench.tpm.check_ak(EkKind::Rsa2048, &cut), Err(TpmError::DamagedKey));
    let long = KeyBlob { public: ak.public.clone(), private: vec![0; 5_000] };
    assert_eq!(bench.tpm.check_ak(EkKind::Rsa2048, &long), Err(TpmError::DamagedKey));
    let empty = KeyBlob { public: vec![], private: vec![] };
    assert_eq!(bench.tpm.check_ak(EkKind::Rsa2048, &empty), Err(TpmError::DamagedKey));
    bench.tpm.check_ak(EkKind::Rsa2048, &ak).unwrap();
}

#[test]
fn a_blob_in_a_log_shows_no_private_part() {
    let blob = KeyBlob { public: vec![1], private: vec![0xAB; 4] };
    assert!(!format!("{blob:?}").contains("171"));
}
