//! A TPM on an SPI bus: the FIFO interface (TIS) over [`embedded_hal`] 1.0, without operating system or allocator.
//!
//! Two layers. [`Registers`] reads and writes the chip's registers: [`BusRegisters`] holds chip select itself and waits while the
//! chip asks for it; [`DeviceRegisters`] goes through an `SpiDevice`, which can't look at a byte before it decides what to clock
//! next, and so suits chips without wait states only. [`Tis`] drives a command through them: claim the locality, write, execute,
//! read, and try again what may be tried again. A command is written again only as long as the chip can't have begun it; a reply
//! is read again with `responseRetry`, which doesn't execute anything. All else ends in an [`SpiError`] that names its cause.
//!
//! Nothing reads a clock: waits are counted in the pauses between looks at the chip, see [`Timeouts`].
//!
//! Sections, tables and registers are those of *TCG PC Client Platform TPM Profile for TPM 2.0*, 1.05 revision 14 ("PTP").
//!
//! ```no_run
//! use embedded_hal::{delay::DelayNs, digital::OutputPin, spi::SpiBus};
//! use tpm::{EkKind, Tpm, TpmError, transport::spi::{BusRegisters, Tis}};
//!
//! /// Mode 0, at most 10 MHz unless the chip's data sheet allows more.
//! fn certified(bus: impl SpiBus, chip_select: impl OutputPin, delay: impl DelayNs) -> Result<bool, TpmError> {
//!     let mut tis = Tis::new(BusRegisters::new(bus, chip_select), delay);
//!     tis.identify()?;
//!     let mut tpm = Tpm::new(tis);
//!     tpm.startup()?;
//!     Ok(tpm.identity(EkKind::Rsa2048)?.certificate.is_some())
//! }
//! ```

mod bus;
mod device;
mod error;
mod header;
mod reception;
mod registers;
mod timeouts;
mod tis;
mod transmission;

pub use self::{
    bus::{BusRegisters, WAIT_STATES},
    device::DeviceRegisters,
    error::SpiError,
    header::LONGEST_FRAME,
    registers::{ChipId, Locality, Registers, access, register, status},
    timeouts::Timeouts,
    tis::Tis,
};

use super::Transport;
use crate::TpmError;
use alloc::{vec, vec::Vec};
use embedded_hal::delay::DelayNs;

/// No TPM has longer commands or replies (Part 2, `MAX_COMMAND_SIZE` and `MAX_RESPONSE_SIZE`).
const LONGEST: usize = 4096;
/// Tag, size, code: no command or reply is shorter (Part 1, §18).
const HEADER: usize = 10;

impl<R: Registers, D: DelayNs> Transport for Tis<R, D> {
    fn transact(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError> {
        let mut reply = vec![0; LONGEST];
        let size = self.exchange(command, &mut reply)?;
        reply.truncate(size);
        Ok(reply)
    }

    fn release(&mut self) {
        // The next command claims it anew, whatever became of this.
        let _ = self.relinquish();
    }
}
