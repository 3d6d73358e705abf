//! The activity log on a microcontroller: a Cortex-M4 with a TPM on its SPI bus.
//!
//! It keeps the log's frontier, drives the TPM, makes anchors and signs them. A host on a serial line keeps the records and talks
//! to the chain; it is trusted with neither. `attest` runs here as everywhere, without allocator; `tpm` has a heap of fixed size.
//!
//! Boots in an emulator with `cargo xtask firmware`. On a board, `uart` and `spi` are to be replaced by its drivers.

#![no_std]
#![no_main]

extern crate alloc;

mod machine;
mod memory;
mod spi;
mod uart;

use crate::{
    machine::{Challenge, Failure, Machine},
    spi::{Bus, Delay, Select},
    uart::Uart,
};
use core::{
    cell::RefCell,
    fmt::{Display, Write},
};
use cortex_m_semihosting::debug;
use firmware_link::{Answer, LONGEST, LinkError, Request, decode, encode, length};
use panic_semihosting as _;
use tpm::{
    Tpm, Transport,
    transport::spi::{BusRegisters, Tis},
};

/// Messages' room, in either direction.
type Buffer = [u8; LONGEST];

#[cortex_m_rt::entry]
fn main() -> ! {
    // SAFETY: here only, and first of all.
    let (wire, host) = unsafe {
        memory::prepare();
        (RefCell::new(Uart::one()), Uart::two())
    };
    let registers = BusRegisters::new(Bus(&wire), Select(&wire));
    let tpm = Tpm::with_pause(Tis::new(registers, Delay), |pause| {
        let microseconds = u32::try_from(pause.as_micros()).unwrap_or(u32::MAX);
        embedded_hal::delay::DelayNs::delay_us(&mut Delay, microseconds);
    });
    let outcome = match (
        cortex_m::singleton!(: Buffer = [0; LONGEST]),
        cortex_m::singleton!(: Buffer = [0; LONGEST]),
    ) {
        (Some(received), Some(sent)) => serve(tpm, &mut Host { uart: host, sent }, received),
        _ => debug::EXIT_FAILURE,
    };
    debug::exit(outcome);
    loop {
        cortex_m::asm::wfi();
    }
}

/// Answers until the host says stop. What can't be understood is refused, like what can't be done.
fn serve<T: Transport>(tpm: Tpm<T>, host: &mut Host, received: &mut Buffer) -> debug::ExitStatus {
    host.send(&Answer::Awake);
    let mut machine = Machine::new(tpm);
    loop {
        match (host.receive(received), &mut machine) {
            (Ok(Request::Stop), _) => {
                host.send(&Answer::Stopped);
                return debug::EXIT_SUCCESS;
            }
            (Ok(Request::Measure), _) => host.send(&Answer::Memory(memory::measure())),
            (Err(error), _) => host.refuse(&error),
            (_, Err(failure)) => host.refuse(failure),
            (Ok(request), Ok(machine)) => {
                if let Err(failure) = answer(machine, host, request) {
                    host.refuse(&failure);
                }
            }
        }
    }
}

fn answer<T: Transport>(
    machine: &mut Machine<T>,
    host: &mut Host,
    request: Request<'_>,
) -> Result<(), Failure> {
    match request {
        Request::Introduce => {
            let identity = machine.identity();
            host.send(&Answer::Introduction {
                ek_public: &identity.public,
                ek_certificate: identity.certificate.as_deref().unwrap_or_default(),
                ak_public: machine.ak_public(),
                device_key: machine.device_key(),
            });
        }
        Request::Anchor { block } => {
            let anchored = machine.anchor(&block, &mut |bytes| host.send(&Answer::Record { bytes }))?;
            host.send(&Answer::Anchored {
                size: anchored.size,
                root: anchored.root,
                message: &anchored.attestation.message,
                signature: &anchored.attestation.signature,
                checkpoint: &anchored.checkpoint,
            });
        }
        Request::Enrol { block, token } => {
            let keep = &mut |bytes: &[u8]| host.send(&Answer::Record { bytes });
            let requested = machine.request(&block, &token, keep)?;
            host.send(&Answer::Requested {
                size: requested.size,
                root: requested.root,
                message: &requested.quote.message,
                signature: &requested.quote.signature,
                device_signature: &requested.signature,
            });
        }
        Request::Respond { request, inspector, commitment, id_object, encrypted_secret } => {
            let challenge = Challenge { request, inspector, commitment, id_object, encrypted_secret };
            host.send(&match machine.respond(&challenge)? {
                Some(answer) => Answer::Answered { answer },
                None => Answer::Disputed,
            });
        }
        Request::Sign { payload } => {
            let signature = machine.sign(payload)?;
            host.send(&Answer::Signed { signature: &signature });
        }
        Request::Measure | Request::Stop => {}
    }
    Ok(())
}

/// The host on the other end of the line.
struct Host {
    uart: Uart,
    sent: &'static mut Buffer,
}

impl Host {
    fn receive<'a>(&mut self, to: &'a mut Buffer) -> Result<Request<'a>, LinkError> {
        let mut head = [0; 2];
        self.uart.read(&mut head);
        let body = to.get_mut(..length(head)?).ok_or(LinkError::TooLong)?;
        self.uart.read(body);
        decode(body)
    }

    fn send(&mut self, answer: &Answer<'_>) {
        // What doesn't fit a message can't be answered: the host waits in vain, and says so.
        if let Ok(frame) = encode(answer, self.sent) {
            self.uart.write(frame);
        }
    }

    fn refuse(&mut self, failure: &impl Display) {
        let mut why = heapless::String::<256>::new();
        // Cut where it is longer.
        let _ = write!(why, "{failure}");
        self.send(&Answer::Refused { why: &why });
    }
}
