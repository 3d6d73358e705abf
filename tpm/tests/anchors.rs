//! The counter and quotes, as the verifier sees them.

#![allow(clippy::unwrap_used)]

mod common;

use attest::{
    Hash, sha256,
    verify::{AkPublic, RingCheck, verify_anchor, verify_quote},
};
use tpm::{EkKind, TpmError};

const EK: EkKind = EkKind::Rsa2048;

#[test]
fn the_counter_is_certified_and_grows() {
    let mut bench = common::bench();
    let ak = bench.tpm.create_ak(EK).unwrap();
    assert_eq!(bench.tpm.read_counter(), Err(TpmError::NoCounter));
    assert_eq!(bench.tpm.increment_counter(), Err(TpmError::NoCounter));
    assert_eq!(bench.tpm.certify_counter(EK, &ak, &[0; 32]), Err(TpmError::NoCounter));
    bench.tpm.ensure_counter().unwrap();
    let first = bench.tpm.read_counter().unwrap();
    bench.tpm.ensure_counter().unwrap();
    assert_eq!(bench.tpm.read_counter().unwrap(), first, "it is there: nothing to do");

    let public = AkPublic::parse(&ak.public).unwrap();
    let statement = common::statement();
    let mut last = None;
    for step in 0..20 {
        let anchor = bench.tpm.certify_counter(EK, &ak, &statement.qualification()).unwrap();
        let head = verify_anchor::<RingCheck>(
            &public,
            &statement,
            &anchor.message,
            &anchor.signature,
            last.as_ref(),
            &[],
        );
        assert_eq!(head.unwrap().counter, first + step);
        last = Some(head.unwrap());
        bench.tpm.increment_counter().unwrap();
    }
}

#[test]
fn the_counter_never_goes_back() {
    let mut bench = common::bench();
    bench.tpm.ensure_counter().unwrap();
    let mut last = 0;
    for _ in 0..5 {
        bench.tpm.increment_counter().unwrap();
        let before = bench.tpm.read_counter().unwrap();
        bench.soft.power_cut().unwrap();
        assert!(matches!(bench.tpm.read_counter(), Err(TpmError::Transport(_))));
        bench.soft.start().unwrap();
        assert_eq!(bench.tpm.read_counter().unwrap(), before, "the same transport serves again");
        assert!(before > last);
        last = before;
    }
    bench.tpm.clear().unwrap();
    assert_eq!(bench.tpm.read_counter(), Err(TpmError::NoCounter));
    bench.tpm.ensure_counter().unwrap();
    assert!(bench.tpm.read_counter().unwrap() > last, "made anew it goes on");
}

#[test]
fn power_cuts_show_in_the_reset_count() {
    let mut bench = common::bench();
    let before = bench.tpm.clock().unwrap().reset_count;
    bench.soft.power_cut().unwrap();
    bench.soft.start().unwrap();
    assert_eq!(bench.tpm.clock().unwrap().reset_count, before + 1);
}

#[test]
fn quotes_verify_and_name_the_pcrs() {
    let mut bench = common::bench();
    let statement = common::statement();
    for kind in [EkKind::Rsa2048, EkKind::EccP256] {
        let ak = bench.tpm.create_ak(kind).unwrap();
        let public = AkPublic::parse(&ak.public).unwrap();
        let pcrs: Vec<u8> = (0..=14).collect();
        let quote = bench.tpm.quote(kind, &ak, &statement.qualification(), &pcrs).unwrap();
        let quoted =
            verify_quote::<RingCheck>(&public, &statement, &quote.message, &quote.signature).unwrap();
        assert_eq!(quoted.selection, 0x7FFF);
        let values: Vec<Hash> = bench.tpm.read_pcrs(&pcrs).unwrap();
        let parts: Vec<&[u8]> = values.iter().map(<[u8; 32]>::as_slice).collect();
        assert_eq!(quoted.pcr_digest, sha256(&parts));
        assert_eq!(quoted.firmware, bench.tpm.properties().unwrap().firmware);
    }
}

#[test]
fn pcrs_are_read_in_the_order_asked_for() {
    let mut bench = common::bench();
    bench.tpm.extend_pcr(3, &[9; 32]).unwrap();
    let extended = sha256(&[&[0; 32], &[9; 32]]);
    let values = bench.tpm.read_pcrs(&[17, 3, 0, 3]).unwrap();
    assert_eq!(values, [[0xFF; 32], extended, [0; 32], extended]);
    assert_eq!(bench.tpm.read_pcrs(&(0..24).collect::<Vec<_>>()).unwrap().len(), 24);
    assert_eq!(bench.tpm.read_pcrs(&[]).unwrap(), Vec::<Hash>::new());
    assert_eq!(bench.tpm.read_pcrs(&[24]), Err(TpmError::NoPcr(24)));
    assert_eq!(bench.tpm.extend_pcr(200, &[0; 32]), Err(TpmError::NoPcr(200)));
}
