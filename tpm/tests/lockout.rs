//! Dictionary-attack protection against power cuts.

#![allow(clippy::unwrap_used)]

mod common;

use tpm::EkKind;

/// A key without noDA would count each power cut after its use as a failed try, and the third would lock the TPM.
#[test]
fn power_cuts_do_not_lock_the_tpm() {
    let mut bench = common::bench();
    let ak = bench.tpm.create_ak(EkKind::Rsa2048).unwrap();
    let tries = bench.tpm.properties().unwrap().max_tries;
    for _ in 0..tries + 2 {
        bench.tpm.quote(EkKind::Rsa2048, &ak, &[0; 32], &[0]).unwrap();
        bench.soft.power_cut().unwrap();
        bench.soft.start().unwrap();
    }
    let properties = bench.tpm.properties().unwrap();
    assert!(!properties.in_lockout && properties.failed_tries == 0, "{properties:?}");
    bench.tpm.reset_lockout().unwrap();
}
