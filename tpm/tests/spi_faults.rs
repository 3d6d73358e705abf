//! Chips that are broken, and what becomes of a command there: success after a retry, or an error that names the cause. Never is a
//! command executed twice, never does a wait exceed what [`Timeouts`] states.

#![allow(clippy::unwrap_used)]

mod common;

use common::spi::{Clock, Mute, on_bus, soft, wire};
use embedded_hal::{
    digital::{self, OutputPin},
    spi::{self, SpiBus},
};
use proptest::prelude::*;
use std::{cell::RefCell, rc::Rc};
use tpm::{
    Tpm, TpmError, Transport,
    model::{Chip, Fault, Moment, Temper, Wire},
    swtpm::SoftTpm,
    transport::{
        AnyTransport,
        spi::{BusRegisters, SpiError, Timeouts, Tis, register, status},
    },
};

/// `TPM2_GetCapability` of 8 properties: a reply that is the same every time.
const COMMAND: [u8; 22] = [0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7A, 0, 0, 0, 6, 0, 0, 0x01, 0, 0, 0, 0, 8];

struct Outcome {
    reply: Result<Vec<u8>, SpiError>,
    executed: u32,
    overruns: u32,
    milliseconds: u64,
}

fn exchange(soft: &SoftTpm, temper: Temper) -> Outcome {
    let (wire, clock) = (wire(soft, temper), Clock::default());
    let mut tis = on_bus(&wire, &clock);
    let mut buffer = [0; 4096];
    let reply = tis.exchange(&COMMAND, &mut buffer).map(|size| buffer.split_at(size).0.to_vec());
    let chip = wire.chip();
    Outcome {
        reply,
        executed: chip.executed(),
        overruns: chip.overruns(),
        milliseconds: clock.milliseconds(),
    }
}

fn broken(soft: &SoftTpm, fault: Fault) -> Outcome {
    exchange(soft, Temper { faults: vec![fault], ..Temper::default() })
}

fn expected(soft: &SoftTpm) -> Vec<u8> {
    let mut direct = AnyTransport::open(&soft.url()).unwrap();
    direct.transact(&COMMAND).unwrap()
}

#[test]
fn what_gets_lost_once_is_sent_again() {
    let (_dir, soft) = soft();
    let expected = expected(&soft);
    let passing = [
        Fault::LosesCommand { byte: 0, times: 1 },
        Fault::LosesCommand { byte: 5, times: 2 },
        Fault::LosesCommand { byte: 21, times: 1 },
        Fault::LosesReply { byte: 0, times: 1 },
        Fault::LosesReply { byte: 3, times: 2 },
        Fault::LosesReply { byte: 20, times: 1 },
        Fault::RepeatsReply { byte: 3, times: 1 },
        Fault::RepeatsReply { byte: 20, times: 2 },
        Fault::Resets { at: Moment::Command(0), times: 1 },
        Fault::Resets { at: Moment::Command(21), times: 2 },
        Fault::Ponders { times: 900 },
    ];
    for fault in passing {
        let outcome = broken(&soft, fault);
        assert_eq!(outcome.reply.as_ref(), Ok(&expected), "{fault:?}");
        assert_eq!(outcome.executed, 1, "{fault:?}");
    }
}

#[test]
fn what_lasts_is_named() {
    let (_dir, soft) = soft();
    let stuck = |register, ones, zeros| Fault::Stuck { register, ones, zeros };
    let times = u32::MAX;
    let named = [
        (Fault::Silent(0xFF), SpiError::NoChip, 0),
        (Fault::Silent(0x00), SpiError::StuckWaitState, 0),
        (Fault::Silent(0x01), SpiError::LocalityRefused, 0),
        (Fault::Silent(0xA0), SpiError::StuckWaitState, 0),
        (Fault::WaitsForever, SpiError::StuckWaitState, 0),
        (Fault::Taken, SpiError::LocalityRefused, 0),
        (stuck(register::ACCESS, 0, 0x80), SpiError::LocalityRefused, 0),
        (stuck(register::ACCESS, 0, 0x20), SpiError::LocalityRefused, 0),
        (stuck(register::STATUS, 0x01, 0), SpiError::BadStatus, 0),
        (stuck(register::STATUS, status::GO, 0), SpiError::BadStatus, 0),
        (stuck(register::STATUS, 0, status::VALID), SpiError::BadStatus, 0),
        (stuck(register::STATUS, 0, status::COMMAND_READY), SpiError::NotReady, 0),
        // Ready for a command in the midst of one: as after a reset.
        (stuck(register::STATUS, status::COMMAND_READY, 0), SpiError::Reset, 1),
        (stuck(register::STATUS, status::EXPECT, 0), SpiError::ExpectsMore, 0),
        (stuck(register::STATUS, 0, status::EXPECT), SpiError::EndedEarly, 0),
        (stuck(register::STATUS, 0, status::DATA_AVAILABLE), SpiError::Unanswered, 1),
        (stuck(register::STATUS, status::DATA_AVAILABLE, 0), SpiError::ReplyLong, 1),
        (stuck(0x019, 0, 0xFF), SpiError::NoBurst, 0),
        (stuck(register::DATA_FIFO, 0xFF, 0), SpiError::ReplySize(u32::MAX), 1),
        (stuck(register::DATA_FIFO, 0, 0xFF), SpiError::ReplySize(0), 1),
        (Fault::LosesCommand { byte: 1, times }, SpiError::ExpectsMore, 0),
        (Fault::LosesReply { byte: 20, times }, SpiError::ReplyShort, 1),
        (Fault::RepeatsReply { byte: 20, times }, SpiError::ReplyLong, 1),
        (Fault::Resets { at: Moment::Command(7), times }, SpiError::Reset, 0),
        (Fault::Resets { at: Moment::Execution, times: 1 }, SpiError::Reset, 0),
        (Fault::Resets { at: Moment::Reply(12), times: 1 }, SpiError::Reset, 1),
        (Fault::Ponders { times }, SpiError::Unanswered, 0),
    ];
    for (fault, error, executed) in named {
        let outcome = broken(&soft, fault);
        assert_eq!(outcome.reply, Err(error), "{fault:?}");
        assert_eq!(outcome.executed, executed, "{fault:?}");
        assert!(outcome.milliseconds <= limit(), "{fault:?} took {} ms", outcome.milliseconds);
    }
}

/// What the documentation of [`Timeouts`] states, in milliseconds.
fn limit() -> u64 {
    let Timeouts { transfer, execution, .. } = Timeouts::default();
    u64::from(2 * transfer + execution)
}

#[test]
fn what_fails_once_fails_once() {
    let (_dir, soft) = soft();
    let reset = Fault::Resets { at: Moment::Execution, times: 1 };
    let wire = wire(&soft, Temper { faults: vec![reset], ..Temper::default() });
    let mut tpm = Tpm::new(on_bus(&wire, &Clock::default()));
    assert_eq!(tpm.clock().map(drop), Err(TpmError::Spi(SpiError::Reset)));
    tpm.clock().unwrap();
}

#[test]
fn a_reset_takes_the_tpms_power_and_the_next_operation_finds_it_again() {
    let (_dir, soft) = soft();
    let soft = Rc::new(RefCell::new(soft));
    let mind = AnyTransport::open(&soft.borrow().url()).unwrap();
    let faults = vec![Fault::Resets { at: Moment::Execution, times: 1 }];
    let powered = Rc::clone(&soft);
    let chip = Chip::with_temper(mind, Temper { faults, ..Temper::default() }).on_reset(move || {
        let mut soft = powered.borrow_mut();
        soft.power_cut().unwrap();
        soft.start().unwrap();
    });
    let wire = Wire::new(chip);
    let mut tpm = Tpm::new(on_bus(&wire, &Clock::default()));
    assert_eq!(tpm.startup(), Err(TpmError::Spi(SpiError::Reset)));
    tpm.startup().unwrap();
    tpm.ensure_counter().unwrap();
}

#[test]
fn commands_that_no_tpm_takes_never_reach_the_bus() {
    let wire = Wire::new(Chip::new(Mute));
    let mut tis = Tis::new(BusRegisters::new(wire.clone(), wire.clone()), Clock::default());
    let mut reply = [0; 4096];
    assert_eq!(tis.exchange(&[0; 9], &mut reply), Err(SpiError::CommandSize(9)));
    assert_eq!(tis.exchange(&[0; 4097], &mut reply), Err(SpiError::CommandSize(4097)));
}

#[test]
fn a_reply_that_does_not_fit_is_refused() {
    let (_dir, soft) = soft();
    let size = expected(&soft).len();
    let wire = wire(&soft, Temper::default());
    let mut tis = on_bus(&wire, &Clock::default());
    for room in [0, 9, 10, size - 1] {
        let refused = tis.exchange(&COMMAND, vec![0; room].as_mut_slice());
        assert!(matches!(refused, Err(SpiError::ReplySize(_))), "{room}: {refused:?}");
    }
    assert_eq!(tis.exchange(&COMMAND, vec![0; size].as_mut_slice()), Ok(size));
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        (0..22_usize).prop_map(Moment::Command),
        Just(Moment::Execution),
        (0..60_usize).prop_map(Moment::Reply)
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let times = 0..5_u32;
    let registers = prop_oneof![Just(register::ACCESS), 0x18..0x1C_u16, Just(register::DATA_FIFO)];
    prop_oneof![
        1 => any::<u8>().prop_map(Fault::Silent),
        2 => (registers, any::<u8>(), any::<u8>())
            .prop_map(|(register, ones, zeros)| Fault::Stuck { register, ones, zeros }),
        1 => Just(Fault::WaitsForever),
        1 => Just(Fault::Taken),
        4 => (0..22_usize, times.clone()).prop_map(|(byte, times)| Fault::LosesCommand { byte, times }),
        4 => (0..60_usize, times.clone()).prop_map(|(byte, times)| Fault::LosesReply { byte, times }),
        4 => (0..60_usize, times.clone()).prop_map(|(byte, times)| Fault::RepeatsReply { byte, times }),
        4 => (moment(), times.clone()).prop_map(|(at, times)| Fault::Resets { at, times }),
        2 => (0..2_000_u32).prop_map(|times| Fault::Ponders { times }),
    ]
}

fn temper() -> impl Strategy<Value = Temper> {
    let list = |most: u16| prop::collection::vec(0..most, 0..8);
    (list(40), list(70), list(12), prop::collection::vec(fault(), 0..4))
        .prop_map(|(wait_states, bursts, slowness, faults)| Temper { wait_states, bursts, slowness, faults })
}

/// Faults that don't alter what the host reads of registers, so that it can't be led to overrun a burst.
fn tells_the_truth(temper: &Temper) -> bool {
    !temper.faults.iter().any(|fault| matches!(fault, Fault::Silent(_) | Fault::Stuck { .. }))
}

/// A byte lost and another one repeated: no size can tell. What is signed can.
fn compensates(temper: &Temper) -> bool {
    let has = |is: fn(&Fault) -> bool| temper.faults.iter().any(is);
    has(|fault| matches!(fault, Fault::LosesReply { .. }))
        && has(|fault| matches!(fault, Fault::RepeatsReply { .. }))
}

#[test]
fn any_schedule_of_faults_ends_in_time_and_executes_at_most_once() {
    let (_dir, soft) = soft();
    let expected = expected(&soft);
    proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }, |(temper in temper())| {
        let (truthful, compensates) = (tells_the_truth(&temper), compensates(&temper));
        let outcome = exchange(&soft, temper);
        prop_assert!(outcome.executed <= 1);
        prop_assert!(outcome.milliseconds <= limit());
        if truthful {
            prop_assert_eq!(outcome.overruns, 0);
        }
        if let (Ok(reply), true) = (outcome.reply, truthful && !compensates) {
            prop_assert_eq!(&reply, &expected);
        }
    });
}

/// A bus that reads whatever it likes, over and over.
struct Noise {
    bytes: Vec<u8>,
    next: usize,
    clocked: u64,
}

impl Noise {
    fn byte(&mut self) -> u8 {
        self.clocked += 1;
        self.next = (self.next + 1) % self.bytes.len().max(1);
        self.bytes.get(self.next).copied().unwrap_or(0xFF)
    }
}

impl spi::ErrorType for Noise {
    type Error = std::convert::Infallible;
}

impl SpiBus for Noise {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Self::Error> {
        words.iter_mut().for_each(|word| *word = self.byte());
        Ok(())
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Self::Error> {
        self.clocked += words.len() as u64;
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], _: &[u8]) -> Result<(), Self::Error> {
        SpiBus::read(self, read)
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Self::Error> {
        SpiBus::read(self, words)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[derive(Default)]
struct Pin {
    low: bool,
}

impl digital::ErrorType for Pin {
    type Error = std::convert::Infallible;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Self::Error> {
        self.low = true;
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Self::Error> {
        self.low = false;
        Ok(())
    }
}

/// Bytes that look like a chip more often than chance would have it.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => any::<u8>(),
        2 => Just(0x01),
        2 => Just(0xA1),
        1 => Just(0x81),
        1 => Just(0xC0),
        1 => Just(0x90),
        1 => Just(0x88),
    ];
    prop::collection::vec(byte, 1..200)
}

proptest! {
    #[test]
    fn noise_ends_in_time_and_leaves_the_chip_deselected(bytes in noise()) {
        let clock = Clock::default();
        let registers = BusRegisters::new(Noise { bytes, next: 0, clocked: 0 }, Pin::default());
        let timeouts = Timeouts { a: 20, b: 20, c: 20, transfer: 100, execution: 100 };
        let mut tis = Tis::new(registers, clock.clone()).with_timeouts(timeouts);
        let mut reply = [0; 4096];
        if let Ok(size) = tis.exchange(&COMMAND, &mut reply) {
            prop_assert!((10..=4096).contains(&size));
        }
        prop_assert!(clock.milliseconds() <= 300);
        let (bus, pin) = tis.into_parts().0.into_parts();
        prop_assert!(!pin.low);
        prop_assert!(bus.clocked < 20_000_000);
    }
}
