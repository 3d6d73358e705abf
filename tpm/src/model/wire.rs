//! The model behind embedded-hal's traits.

use super::Chip;
use crate::Transport;
use embedded_hal::{
    delay::DelayNs,
    digital::{self, OutputPin},
    spi::{self, Operation, SpiBus, SpiDevice},
};
use std::{
    cell::{Ref, RefCell},
    convert::Infallible,
    rc::Rc,
};

/// A chip's wires: the bus, the pin that selects it, a device on it, whichever is wanted; and a delay that takes no time. Copies
/// lead to the same chip.
#[derive(Debug)]
pub struct Wire<T>(Rc<RefCell<Chip<T>>>);

impl<T> Wire<T> {
    /// Wires a chip.
    pub fn new(chip: Chip<T>) -> Self {
        Self(Rc::new(RefCell::new(chip)))
    }

    /// The chip.
    pub fn chip(&self) -> Ref<'_, Chip<T>> {
        self.0.borrow()
    }
}

impl<T> Clone for Wire<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: Transport> Wire<T> {
    fn clock(&self, mosi: u8) -> u8 {
        self.0.borrow_mut().clock(mosi)
    }
}

impl<T> spi::ErrorType for Wire<T> {
    type Error = Infallible;
}

impl<T> digital::ErrorType for Wire<T> {
    type Error = Infallible;
}

impl<T: Transport> SpiBus for Wire<T> {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        words.iter_mut().for_each(|word| *word = self.clock(0));
        Ok(())
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Infallible> {
        for word in words {
            self.clock(*word);
        }
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Infallible> {
        for at in 0..read.len().max(write.len()) {
            let miso = self.clock(write.get(at).copied().unwrap_or(0));
            if let Some(word) = read.get_mut(at) {
                *word = miso;
            }
        }
        Ok(())
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        words.iter_mut().for_each(|word| *word = self.clock(*word));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl<T: Transport> OutputPin for Wire<T> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().select();
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().deselect();
        Ok(())
    }
}

impl<T: Transport> SpiDevice for Wire<T> {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
        self.set_low()?;
        for operation in operations {
            match operation {
                Operation::Read(words) => SpiBus::read(self, words)?,
                Operation::Write(words) => SpiBus::write(self, words)?,
                Operation::Transfer(read, write) => SpiBus::transfer(self, read, write)?,
                Operation::TransferInPlace(words) => SpiBus::transfer_in_place(self, words)?,
                Operation::DelayNs(_) => {}
            }
        }
        self.set_high()
    }
}

impl<T> DelayNs for Wire<T> {
    fn delay_ns(&mut self, _: u32) {}
}
