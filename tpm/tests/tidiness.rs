//! Nothing stays loaded, several programs take turns, and what others left is cleared away.

#![allow(clippy::unwrap_used)]

mod common;

use std::{net::TcpStream, thread, time::Duration};
use tpm::{
    EkKind, KeyBlob, Tpm, TpmError, Transport,
    transport::{AnyTransport, SocketTransport},
};

/// `TPM2_GetCapability` of handles from `first` on: how many there are.
fn handles(bench: &common::Bench, first: u32) -> u32 {
    let mut command = vec![0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7A, 0, 0, 0, 1];
    command.extend(first.to_be_bytes());
    command.extend([0, 0, 0, 64]);
    let reply = AnyTransport::open(&bench.soft.url()).unwrap().transact(&command).unwrap();
    u32::from_be_bytes(*reply.get(15..).unwrap().first_chunk().unwrap())
}

fn assert_nothing_loaded(bench: &common::Bench) {
    for first in [0x0200_0000, 0x0300_0000, 0x8000_0000] {
        assert_eq!(handles(bench, first), 0, "handles from {first:08x} on");
    }
}

#[test]
fn three_hundred_quotes_leak_nothing() {
    let mut bench = common::bench();
    for kind in [EkKind::Rsa2048, EkKind::EccP256] {
        let ak = bench.tpm.create_ak(kind).unwrap();
        for step in 0..300u16 {
            let mut qualifying = [0; 32];
            *qualifying.first_chunk_mut().unwrap() = step.to_be_bytes();
            bench.tpm.quote(kind, &ak, &qualifying, &[0, 1, 2]).unwrap();
        }
        assert_nothing_loaded(&bench);
    }
}

#[test]
fn failures_leak_nothing() {
    let mut bench = common::bench();
    let kind = EkKind::EccP256;
    let ak = bench.tpm.create_ak(kind).unwrap();
    let blob = bench.tpm.seal(b"secret", &[7]).unwrap();
    let spoilt = KeyBlob { private: vec![1; 126], ..ak.clone() };
    bench.tpm.extend_pcr(7, &[1; 32]).unwrap();
    for _ in 0..20 {
        bench.tpm.unseal(&blob, &[7]).unwrap_err();
        bench.tpm.check_ak(kind, &spoilt).unwrap_err();
        bench.tpm.activate_credential(kind, &ak, &[1; 60], &[1; 68]).unwrap_err();
        bench.tpm.activate_credential(kind, &ak, &[1; 600], &[1; 68]).unwrap_err();
        bench.tpm.certify_counter(kind, &ak, &[0; 32]).unwrap_err();
    }
    assert_nothing_loaded(&bench);
}

#[test]
fn leftovers_of_a_killed_program_are_cleared_away() {
    let mut bench = common::bench();
    let mut killed = AnyTransport::open(&bench.soft.url()).unwrap();
    // TPM2_StartAuthSession, unbound, a policy session; and TPM2_CreatePrimary of an ECC key in the owner hierarchy.
    let mut session = vec![0x80, 0x01, 0, 0, 0, 59, 0, 0, 0x01, 0x76, 0x40, 0, 0, 7, 0x40, 0, 0, 7, 0, 32];
    session.extend([0; 32]);
    session.extend([0, 0, 0x01, 0x00, 0x10, 0x00, 0x0B]);
    let mut primary = vec![0x80, 0x02, 0, 0, 0, 67, 0, 0, 0x01, 0x31, 0x40, 0, 0, 1];
    primary.extend([0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0]);
    primary.extend([0, 4, 0, 0, 0, 0, 0, 26, 0x00, 0x23, 0x00, 0x0B, 0x00, 0x03, 0x04, 0x72, 0, 0]);
    primary.extend([0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0, 0, 0, 0]);
    primary.extend([0, 0, 0, 0, 0, 0]);
    let made = |reply: Vec<u8>| reply.get(6..10) == Some(&[0; 4]);
    while made(killed.transact(&session).unwrap()) {}
    while made(killed.transact(&primary).unwrap()) {}
    drop(killed);
    assert_eq!((handles(&bench, 0x0200_0000), handles(&bench, 0x8000_0000)), (3, 3));

    let kind = EkKind::EccP256;
    let ak = bench.tpm.create_ak(kind).unwrap();
    bench.tpm.quote(kind, &ak, &[0; 32], &[0]).unwrap();
    assert_nothing_loaded(&bench);
}

#[test]
fn programs_take_turns() {
    let mut bench = common::bench();
    let kind = EkKind::EccP256;
    let ak = bench.tpm.create_ak(kind).unwrap();
    let workers: Vec<_> = (0..4)
        .map(|number| {
            let (mut tpm, ak) = (common::connect(&bench.soft), ak.clone());
            thread::spawn(move || {
                (0..25).try_for_each(|_| tpm.quote(kind, &ak, &[number; 32], &[0]).map(drop))
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap().unwrap();
    }
    assert_nothing_loaded(&bench);
}

#[test]
fn whoever_waits_too_long_is_told_so() {
    let bench = common::bench();
    let squatter = TcpStream::connect(("127.0.0.1", bench.soft.port())).unwrap();
    let transport = SocketTransport::tcp(&format!("127.0.0.1:{}", bench.soft.port())).unwrap();
    let mut tpm = Tpm::new(transport.with_timeout(Duration::from_millis(300)));
    let error = tpm.clock().unwrap_err();
    assert!(matches!(&error, TpmError::Transport(text) if text.contains("busy")), "{error}");
    drop(squatter);
    tpm.clock().unwrap();
}

#[test]
fn a_power_cut_under_an_open_connection_spares_the_port() {
    let mut bench = common::bench();
    let clock = [0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x81];
    let mut held = AnyTransport::open(&bench.soft.url()).unwrap();
    for _ in 0..3 {
        held.transact(&clock).unwrap();
        bench.soft.power_cut().unwrap();
        bench.soft.start().unwrap();
        held.transact(&clock).unwrap_err();
    }
    held.release();
    bench.tpm.clock().unwrap();
}

#[test]
fn an_existing_tpm_keeps_its_keys_when_created_again() {
    let dir = tempfile::tempdir().unwrap();
    let soft = tpm::swtpm::SoftTpm::create(dir.path()).unwrap();
    let ak = common::connect(&soft).create_ak(EkKind::Rsa2048).unwrap();
    drop(soft);
    let soft = tpm::swtpm::SoftTpm::create(dir.path()).unwrap();
    common::connect(&soft).check_ak(EkKind::Rsa2048, &ak).unwrap();
}

#[test]
fn addresses_that_lead_nowhere_are_explained() {
    let said = |url: &str| match AnyTransport::open(url).map(Tpm::new) {
        Ok(mut tpm) => tpm.clock().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(said("/dev/tpm0").contains("device:/dev/tpmrm0"));
    assert!(said("tcp:localhost").contains("HOST:PORT"));
    assert!(said("tcp:127.0.0.1:1").contains("running"));
    assert!(said("unix:/nowhere/at/all").contains("running"));
    assert!(said("device:/nowhere/at/all").contains("switched on"));
}
