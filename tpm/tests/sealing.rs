//! Secrets sealed to PCRs.

#![allow(clippy::unwrap_used)]

mod common;

use tpm::TpmError;

const PCRS: [u8; 3] = [7, 0, 23];

#[test]
fn a_secret_opens_until_a_pcr_changes() {
    let mut bench = common::bench();
    for secret in [&b"k"[..], &[7; 32], &[8; 128]] {
        let blob = bench.tpm.seal(secret, &PCRS).unwrap();
        assert_eq!(bench.tpm.unseal(&blob, &PCRS).unwrap(), secret);
    }
    let blob = bench.tpm.seal(b"secret", &PCRS).unwrap();
    assert_eq!(bench.tpm.unseal(&blob, &[7]), Err(TpmError::PcrsChanged), "other PCRs");
    bench.tpm.extend_pcr(1, &[1; 32]).unwrap();
    assert_eq!(bench.tpm.unseal(&blob, &PCRS).unwrap(), b"secret", "PCR 1 is not among them");
    bench.tpm.extend_pcr(7, &[1; 32]).unwrap();
    for _ in 0..40 {
        assert_eq!(bench.tpm.unseal(&blob, &PCRS), Err(TpmError::PcrsChanged), "no lockout either");
    }
    bench.soft.power_cut().unwrap();
    bench.soft.start().unwrap();
    assert_eq!(bench.tpm.unseal(&blob, &PCRS).unwrap(), b"secret", "the same boot again");
}

#[test]
fn a_cleared_tpm_or_another_cannot_open_it() {
    let (mut bench, mut other) = (common::bench(), common::bench());
    let blob = bench.tpm.seal(b"secret", &PCRS).unwrap();
    assert_eq!(other.tpm.unseal(&blob, &PCRS), Err(TpmError::KeyNotOfThisTpm));
    bench.tpm.clear().unwrap();
    assert_eq!(bench.tpm.unseal(&blob, &PCRS), Err(TpmError::KeyNotOfThisTpm));
}

#[test]
fn nothing_and_too_much_are_refused() {
    let mut bench = common::bench();
    assert!(matches!(bench.tpm.seal(&[], &PCRS), Err(TpmError::BadArgument(_))));
    assert!(matches!(bench.tpm.seal(&[0; 129], &PCRS), Err(TpmError::BadArgument(_))));
    assert_eq!(bench.tpm.seal(b"secret", &[24]), Err(TpmError::NoPcr(24)));
}
