//! A device on a shared bus: for chips without wait states.

use super::{Registers, SpiError, header};
use embedded_hal::spi::{Operation, SpiDevice};

/// Registers over an [`SpiDevice`] (mode 0), whose driver selects the chip and shares the bus.
///
/// A transaction is fixed before it starts, so wait states can be noticed but not waited for. Makers say of some chips, Infineon's
/// SLB 9670 and 9672 among them, that they have none. Where one is noticed the access ends in [`SpiError::WaitState`], and what
/// [`Tis`](super::Tis) may repeat it repeats; a chip that inserts them regularly needs [`BusRegisters`](super::BusRegisters).
#[derive(Debug)]
pub struct DeviceRegisters<S> {
    device: S,
}

impl<S: SpiDevice> DeviceRegisters<S> {
    /// Takes the device.
    pub const fn new(device: S) -> Self {
        Self { device }
    }

    /// Gives it back.
    pub fn into_device(self) -> S {
        self.device
    }

    fn frame(&mut self, mut header: header::Header, data: Operation<'_, u8>) -> Result<(), SpiError> {
        let mut operations = [Operation::TransferInPlace(&mut header), data];
        self.device.transaction(&mut operations).map_err(SpiError::bus)?;
        let [_, _, _, answer] = header;
        if header::is_ready(answer) { Ok(()) } else { Err(SpiError::WaitState) }
    }
}

impl<S: SpiDevice> Registers for DeviceRegisters<S> {
    fn read(&mut self, address: u16, to: &mut [u8]) -> Result<(), SpiError> {
        self.frame(header::read(address, to.len())?, Operation::Read(to))
    }

    fn write(&mut self, address: u16, bytes: &[u8]) -> Result<(), SpiError> {
        self.frame(header::write(address, bytes.len())?, Operation::Write(bytes))
    }
}
