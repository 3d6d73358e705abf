//! A bus of one's own and the chip select pin: waits as long as the chip asks for it.

use super::{Registers, SpiError, header};
use embedded_hal::{digital::OutputPin, spi::SpiBus};

/// Wait states per frame before the chip counts as stuck, a byte on the bus each: 1 ms at 8 MHz. Chips need a few.
pub const WAIT_STATES: u16 = 1_000;

/// Registers over an [`SpiBus`] (mode 0) and the pin that selects the chip, active low.
///
/// Between header and data the chip may insert wait states, whose end shows in a bit that has to be looked at with chip select
/// held (PTP §7.4): so the pin is driven here.
#[derive(Debug)]
pub struct BusRegisters<B, C> {
    bus: B,
    select: C,
}

impl<B: SpiBus, C: OutputPin> BusRegisters<B, C> {
    /// Nobody else may use the bus meanwhile. The pin should be high.
    pub const fn new(bus: B, select: C) -> Self {
        Self { bus, select }
    }

    /// Gives bus and pin back.
    pub fn into_parts(self) -> (B, C) {
        (self.bus, self.select)
    }

    /// Deselects the chip however `work` ends.
    fn selected(&mut self, work: impl FnOnce(&mut B) -> Result<(), SpiError>) -> Result<(), SpiError> {
        self.select.set_low().map_err(SpiError::chip_select)?;
        let worked = work(&mut self.bus);
        let flushed = self.bus.flush().map_err(SpiError::bus);
        let deselected = self.select.set_high().map_err(SpiError::chip_select);
        worked.and(flushed).and(deselected)
    }
}

impl<B: SpiBus, C: OutputPin> Registers for BusRegisters<B, C> {
    fn read(&mut self, address: u16, to: &mut [u8]) -> Result<(), SpiError> {
        let header = header::read(address, to.len())?;
        self.selected(|bus| {
            begin(bus, header)?;
            bus.read(to).map_err(SpiError::bus)
        })
    }

    fn write(&mut self, address: u16, bytes: &[u8]) -> Result<(), SpiError> {
        let header = header::write(address, bytes.len())?;
        self.selected(|bus| {
            begin(bus, header)?;
            bus.write(bytes).map_err(SpiError::bus)
        })
    }
}

/// Clocks the header out and the wait states away.
fn begin(bus: &mut impl SpiBus, mut header: header::Header) -> Result<(), SpiError> {
    bus.transfer_in_place(&mut header).map_err(SpiError::bus)?;
    let [_, _, _, mut answer] = header;
    for _ in 0..WAIT_STATES {
        if header::is_ready(answer) {
            return Ok(());
        }
        let mut byte = [0];
        bus.transfer_in_place(&mut byte).map_err(SpiError::bus)?;
        [answer] = byte;
    }
    if header::is_ready(answer) { Ok(()) } else { Err(SpiError::StuckWaitState) }
}
