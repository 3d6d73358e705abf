//! A TPM on an SPI bus: all that this project asks of a TPM, through the model of a chip's registers to a software TPM.

#![allow(clippy::unwrap_used)]

mod common;

use attest::verify::{AkPublic, RingCheck, verify_anchor, verify_quote};
use common::spi::{Clock, as_device, on_bus, soft, tpm_on_bus, wire};
use tpm::{
    EkKind, Tpm, TpmError, Transport,
    model::{DEVICE, Temper, VENDOR},
    transport::spi::{ChipId, Locality, SpiError},
};

/// What every chip may do.
fn moody() -> Temper {
    Temper {
        wait_states: vec![0, 1, 0, 3, 0, 0, 17],
        bursts: vec![8, 0, 1, 64, 0, 0, 3, 32],
        slowness: vec![0, 2, 5],
        faults: vec![],
    }
}

fn everything<T: Transport>(tpm: &mut Tpm<T>) {
    let statement = common::statement();
    let kind = EkKind::Rsa2048;
    assert!(tpm.identity(kind).unwrap().certificate.is_some());
    let ak = tpm.create_ak(kind).unwrap();
    let public = AkPublic::parse(&ak.public).unwrap();
    tpm.ensure_counter().unwrap();
    let mut last = None;
    for _ in 0..3 {
        tpm.increment_counter().unwrap();
        let counter = tpm.read_counter().unwrap();
        let anchor = tpm.certify_counter(kind, &ak, &statement.qualification()).unwrap();
        let (message, signature) = (&anchor.message, &anchor.signature);
        let head =
            verify_anchor::<RingCheck>(&public, &statement, message, signature, last.as_ref(), &[]).unwrap();
        assert_eq!(head.counter, counter);
        last = Some(head);
    }
    let quote = tpm.quote(kind, &ak, &statement.qualification(), &[0, 7]).unwrap();
    let quoted = verify_quote::<RingCheck>(&public, &statement, &quote.message, &quote.signature).unwrap();
    assert_eq!(quoted.selection, 0x81);
    let sealed = tpm.seal(b"a secret", &[0, 7]).unwrap();
    assert_ne!(tpm.random().unwrap(), tpm.random().unwrap());
    assert_eq!(tpm.unseal(&sealed, &[0, 7]).unwrap().as_slice(), b"a secret");
}

#[test]
fn every_operation_runs_over_a_bus_of_ones_own() {
    let (_dir, soft) = soft();
    let wire = wire(&soft, moody());
    everything(&mut tpm_on_bus(&wire));
    assert_eq!(wire.chip().overruns(), 0, "no byte beyond the granted burst");
}

#[test]
fn every_operation_runs_over_a_shared_bus_on_a_chip_without_wait_states() {
    let (_dir, soft) = soft();
    let wire = wire(&soft, Temper { wait_states: vec![], ..moody() });
    everything(&mut Tpm::new(as_device(&wire, &Clock::default())));
    assert_eq!(wire.chip().overruns(), 0);
}

#[test]
fn a_shared_bus_says_when_a_chip_has_wait_states() {
    let (_dir, soft) = soft();
    let always = wire(&soft, Temper { wait_states: vec![1], ..Temper::default() });
    let error = Tpm::new(as_device(&always, &Clock::default())).clock().unwrap_err();
    assert_eq!(error, TpmError::Spi(SpiError::WaitState));
    let seldom = Temper { wait_states: [vec![0; 40], vec![2]].concat(), ..Temper::default() };
    let mut tpm = Tpm::new(as_device(&wire(&soft, seldom), &Clock::default()));
    tpm.clock().unwrap();
}

#[test]
fn a_chip_says_who_it_is() {
    let (_dir, soft) = soft();
    let wire = wire(&soft, moody());
    let id = ChipId { vendor: VENDOR, device: DEVICE, revision: 1 };
    assert_eq!(on_bus(&wire, &Clock::default()).identify(), Ok(id));
    assert_eq!(as_device(&wire, &Clock::default()).identify(), Err(SpiError::WaitState));
}

#[test]
fn localities_take_turns() {
    let (_dir, soft) = soft();
    let wire = wire(&soft, moody());
    let clock = [0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x81];
    let (mut zero, mut three) =
        (on_bus(&wire, &Clock::default()), on_bus(&wire, &Clock::default()).with_locality(Locality::Three));
    zero.transact(&clock).unwrap();
    assert_eq!(three.transact(&clock), Err(TpmError::Spi(SpiError::LocalityRefused)));
    zero.release();
    three.transact(&clock).unwrap();
    three.release();
    zero.transact(&clock).unwrap();
}
