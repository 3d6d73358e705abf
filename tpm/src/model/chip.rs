//! The chip as its pins see it: a byte in, a byte out.

use super::{
    frame::{Data, Frame},
    interface::Interface,
    temper::{Fault, Round, Temper},
};
use crate::{Transport, transport::spi::register};
use std::fmt;

/// The model's vendor number: the one that swtpm's makers have.
pub const VENDOR: u16 = 0x1014;
/// Its device number.
pub const DEVICE: u16 = 0x0001;

/// A chip, with `T` as its mind.
pub struct Chip<T> {
    interface: Interface<T>,
    frame: Frame,
    wait_states: Round,
}

impl<T: Transport> Chip<T> {
    /// A chip without peculiarities.
    pub fn new(mind: T) -> Self {
        Self::with_temper(mind, Temper::default())
    }

    /// A chip with peculiarities.
    pub fn with_temper(mind: T, temper: Temper) -> Self {
        let wait_states = Round::new(&temper.wait_states);
        Self { interface: Interface::new(mind, temper), frame: Frame::Over, wait_states }
    }

    /// Calls this when the chip is reset: so that its mind loses its power too.
    pub fn on_reset(mut self, then: impl FnMut() + 'static) -> Self {
        self.interface.on_reset = Box::new(then);
        self
    }

    /// Chip select falls.
    pub fn select(&mut self) {
        self.frame = Frame::START;
    }

    /// Chip select rises.
    pub fn deselect(&mut self) {
        self.frame = Frame::Over;
    }

    /// Eight clock cycles: takes MOSI, gives MISO.
    pub fn clock(&mut self, mosi: u8) -> u8 {
        let miso = self.step(mosi);
        let silent = self.interface.temper.faults.iter().find_map(|fault| match fault {
            Fault::Silent(byte) => Some(*byte),
            _ => None,
        });
        silent.unwrap_or(miso)
    }

    /// FIFO bytes that the host wrote or read beyond the burst it was granted.
    pub const fn overruns(&self) -> u32 {
        self.interface.overruns
    }

    /// Commands that the mind was given.
    pub const fn executed(&self) -> u32 {
        self.interface.executed
    }

    fn step(&mut self, mosi: u8) -> u8 {
        match self.frame {
            Frame::Header(at, mut header) => {
                if let Some(byte) = header.get_mut(at) {
                    *byte = mosi;
                }
                if at < 3 {
                    self.frame = Frame::Header(at + 1, header);
                    return 0;
                }
                self.begin(header)
            }
            Frame::Waiting(left, data) => self.go_on(left, data),
            Frame::Data(data) => self.data(data, mosi),
            Frame::Over => 0xFF,
        }
    }

    fn begin(&mut self, header: [u8; 4]) -> u8 {
        let Some(data) = Data::parse(header) else {
            self.frame = Frame::Over;
            return 0xFF;
        };
        let waits = self.wait_states.next(0);
        self.go_on(waits, data)
    }

    /// Answers with the bit that says whether data follows.
    fn go_on(&mut self, left: u16, data: Data) -> u8 {
        if self.interface.temper.faults.contains(&Fault::WaitsForever) {
            self.frame = Frame::Waiting(u16::MAX, data);
            return 0;
        }
        match left.checked_sub(1) {
            Some(left) => {
                self.frame = Frame::Waiting(left, data);
                0
            }
            None => {
                self.frame = Frame::Data(data);
                1
            }
        }
    }

    fn data(&mut self, data: Data, mosi: u8) -> u8 {
        let miso = if data.reads {
            let byte = self.interface.read(data.address);
            self.interface.temper.distort(data.address & 0xFFF, byte)
        } else {
            self.interface.write(data.address, mosi);
            0xFF
        };
        let stays = data.address & 0xFFF == register::DATA_FIFO;
        let address = data.address.wrapping_add(u16::from(!stays));
        self.frame = match data.left.checked_sub(1) {
            Some(left) if left > 0 => Frame::Data(Data { address, left, ..data }),
            _ => Frame::Over,
        };
        miso
    }
}

impl<T> fmt::Debug for Chip<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Chip").field("frame", &self.frame).finish_non_exhaustive()
    }
}
