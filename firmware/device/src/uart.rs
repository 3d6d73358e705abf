//! Serial ports of an STM32F405 (reference manual RM0090, §30), by looking until they are ready.
//!
//! Clocks and pins are as the emulator leaves them: a board needs them set first (RM0090, §7 and §8).

use core::ptr;

/// Offsets of the status, data and first control register.
const SR: usize = 0x00;
const DR: usize = 0x04;
const CR1: usize = 0x0C;
/// `RXNE`: a byte has come. `TXE`: the next byte may go.
const RECEIVED: u32 = 1 << 5;
const EMPTY: u32 = 1 << 7;
/// `UE`, `TE`, `RE`.
const ENABLED: u32 = 1 << 13 | 1 << 3 | 1 << 2;

/// A serial port.
pub struct Uart {
    base: usize,
}

impl Uart {
    /// USART1.
    ///
    /// # Safety
    ///
    /// Once only, on an STM32F405.
    pub unsafe fn one() -> Self {
        Self::at(0x4001_1000)
    }

    /// USART2.
    ///
    /// # Safety
    ///
    /// Once only, on an STM32F405.
    pub unsafe fn two() -> Self {
        Self::at(0x4000_4400)
    }

    fn at(base: usize) -> Self {
        let mut uart = Self { base };
        uart.set(CR1, ENABLED);
        uart
    }

    /// Sends.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            while self.get(SR) & EMPTY == 0 {}
            self.set(DR, u32::from(*byte));
        }
    }

    /// Waits for as many bytes.
    pub fn read(&mut self, to: &mut [u8]) {
        for byte in to {
            while self.get(SR) & RECEIVED == 0 {}
            let [low, ..] = self.get(DR).to_le_bytes();
            *byte = low;
        }
    }

    fn get(&self, register: usize) -> u32 {
        // SAFETY: a register of a port that whoever made this vouched for.
        unsafe { ptr::read_volatile((self.base + register) as *const u32) }
    }

    fn set(&mut self, register: usize, value: u32) {
        // SAFETY: as above.
        unsafe { ptr::write_volatile((self.base + register) as *mut u32, value) }
    }
}
