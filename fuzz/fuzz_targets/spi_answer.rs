//! A bus that reads anything at all, under one command: it ends in the time that the timeouts state, deselected, with a reply of a
//! TPM's size or a named error.
#![no_main]
use embedded_hal::{
    delay::DelayNs,
    digital::{self, OutputPin},
    spi::{self, SpiBus},
};
use std::convert::Infallible;
use tpm::transport::spi::{BusRegisters, Timeouts, Tis};

const TIMEOUTS: Timeouts = Timeouts { a: 4, b: 4, c: 4, transfer: 20, execution: 20 };
const GET_RANDOM: [u8; 12] = [0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7B, 0, 32];

/// Reads what it is given, once and then as its last byte says: from the beginning, or that byte for ever.
struct Script<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Script<'_> {
    fn next(&mut self) -> u8 {
        let Some(last) = self.bytes.last() else { return 0xFF };
        if self.at >= self.bytes.len() && last & 1 == 1 {
            self.at = 0;
        }
        let byte = *self.bytes.get(self.at).unwrap_or(last);
        self.at += 1;
        byte
    }
}

impl spi::ErrorType for Script<'_> {
    type Error = Infallible;
}

impl SpiBus for Script<'_> {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        words.iter_mut().for_each(|word| *word = self.next());
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], _: &[u8]) -> Result<(), Infallible> {
        SpiBus::read(self, read)
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        // Of a header only its last byte is looked at: the others would be wasted on it.
        match words {
            [.., last] => *last = self.next(),
            [] => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[derive(Default)]
struct Pin(bool);

impl digital::ErrorType for Pin {
    type Error = Infallible;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0 = true;
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0 = false;
        Ok(())
    }
}

#[derive(Default)]
struct Clock(u64);

impl DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        self.0 += u64::from(ns);
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let registers = BusRegisters::new(Script { bytes, at: 0 }, Pin::default());
    let mut tis = Tis::new(registers, Clock::default()).with_timeouts(TIMEOUTS);
    let mut reply = [0; 4096];
    if let Ok(size) = tis.exchange(&GET_RANDOM, &mut reply) {
        assert!((10..=4096).contains(&size));
    }
    let (registers, clock) = tis.into_parts();
    assert!(!registers.into_parts().1.0, "the chip stays selected");
    assert!(clock.0 <= 60_000_000, "it waits longer than it states");
});
