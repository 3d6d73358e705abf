//! A chip on a bus, with a software TPM behind it.

use embedded_hal::delay::DelayNs;
use std::{cell::Cell, rc::Rc};
use tempfile::TempDir;
use tpm::{
    Tpm, TpmError, Transport,
    model::{Chip, Temper, Wire},
    swtpm::SoftTpm,
    transport::{
        AnyTransport,
        spi::{BusRegisters, DeviceRegisters, Tis},
    },
};

pub type Mind = AnyTransport;
pub type BusTis = Tis<BusRegisters<Wire<Mind>, Wire<Mind>>, Clock>;

/// Counts the pauses, in nanoseconds, and lasts none.
#[derive(Clone, Default)]
pub struct Clock(pub Rc<Cell<u64>>);

impl DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        self.0.set(self.0.get() + u64::from(ns));
    }
}

impl Clock {
    pub fn milliseconds(&self) -> u64 {
        self.0.get() / 1_000_000
    }
}

/// What a chip has that other programs use too.
pub struct Mute;

impl Transport for Mute {
    fn transact(&mut self, _: &[u8]) -> Result<Vec<u8>, TpmError> {
        Err(TpmError::Transport("no mind".into()))
    }
}

pub fn soft() -> (TempDir, SoftTpm) {
    let dir = tempfile::tempdir().unwrap();
    let soft = SoftTpm::create(&dir.path().join("tpm")).unwrap();
    (dir, soft)
}

pub fn wire(soft: &SoftTpm, temper: Temper) -> Wire<Mind> {
    Wire::new(Chip::with_temper(AnyTransport::open(&soft.url()).unwrap(), temper))
}

pub fn on_bus(wire: &Wire<Mind>, clock: &Clock) -> BusTis {
    Tis::new(BusRegisters::new(wire.clone(), wire.clone()), clock.clone())
}

pub fn tpm_on_bus(wire: &Wire<Mind>) -> Tpm<BusTis> {
    Tpm::new(on_bus(wire, &Clock::default()))
}

pub fn as_device(wire: &Wire<Mind>, clock: &Clock) -> Tis<DeviceRegisters<Wire<Mind>>, Clock> {
    Tis::new(DeviceRegisters::new(wire.clone()), clock.clone())
}
