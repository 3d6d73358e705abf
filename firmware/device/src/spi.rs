//! The SPI bus: over a serial line here, because the emulator has none that leads outside. A board's own driver takes its place.

use crate::uart::Uart;
use core::{cell::RefCell, convert::Infallible};
use embedded_hal::{
    delay::DelayNs,
    digital::{self, OutputPin},
    spi::{self, SpiBus},
};
use firmware_link::wire::{DESELECT, LONGEST, SELECT};

/// Cycles per microsecond: 168 MHz.
const MEGAHERTZ: u32 = 168;

/// The bus.
pub struct Bus<'a>(pub &'a RefCell<Uart>);

/// The pin that selects the TPM.
pub struct Select<'a>(pub &'a RefCell<Uart>);

/// Counts cycles.
pub struct Delay;

impl spi::ErrorType for Bus<'_> {
    type Error = Infallible;
}

impl SpiBus for Bus<'_> {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        words.fill(0);
        self.transfer_in_place(words)
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Infallible> {
        let mut scratch = [0; LONGEST];
        for chunk in words.chunks(LONGEST) {
            if let Some(scratch) = scratch.get_mut(..chunk.len()) {
                scratch.copy_from_slice(chunk);
                self.transfer_in_place(scratch)?;
            }
        }
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Infallible> {
        let both = read.len().min(write.len());
        let (head, tail) = read.split_at_mut(both);
        let (now, later) = write.split_at(both);
        head.copy_from_slice(now);
        self.transfer_in_place(head)?;
        SpiBus::read(self, tail)?;
        SpiBus::write(self, later)
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        let mut uart = self.0.borrow_mut();
        for chunk in words.chunks_mut(LONGEST) {
            uart.write(&[u8::try_from(chunk.len()).unwrap_or(0)]);
            uart.write(chunk);
            uart.read(chunk);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl digital::ErrorType for Select<'_> {
    type Error = Infallible;
}

impl OutputPin for Select<'_> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().write(&[SELECT]);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().write(&[DESELECT]);
        Ok(())
    }
}

impl DelayNs for Delay {
    fn delay_ns(&mut self, ns: u32) {
        cortex_m::asm::delay(ns.div_ceil(1_000).saturating_mul(MEGAHERTZ));
    }
}
