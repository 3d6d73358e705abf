//! A command's way into the chip.

use super::{LONGEST_FRAME, Registers, SpiError, Tis, register, status, tis::ATTEMPTS};
use embedded_hal::delay::DelayNs;

impl<R: Registers, D: DelayNs> Tis<R, D> {
    /// Writes a command. Until it is started nothing of it can have happened, so a failure is reason to write it again.
    pub(super) fn send(&mut self, command: &[u8]) -> Result<(), SpiError> {
        self.allow(self.timeouts.transfer);
        let mut outcome = self.send_once(command);
        for _ in 1..ATTEMPTS {
            if outcome.is_ok() {
                break;
            }
            // Aborts what was written; after a reset there is nothing to abort, and this goes nowhere.
            let _ = self.control(status::COMMAND_READY);
            outcome = self.send_once(command);
        }
        outcome
    }

    /// The last byte goes alone: before it the chip has to expect more, after it nothing (PTP Table 21, `Expect`).
    fn send_once(&mut self, command: &[u8]) -> Result<(), SpiError> {
        self.claim()?;
        self.get_ready()?;
        let (last, body) = command.split_last().ok_or(SpiError::CommandSize(0))?;
        self.fill(body)?;
        if !self.expects()? {
            return Err(SpiError::EndedEarly);
        }
        self.fill(core::slice::from_ref(last))?;
        if self.expects()? { Err(SpiError::ExpectsMore) } else { Ok(()) }
    }

    fn fill(&mut self, mut bytes: &[u8]) -> Result<(), SpiError> {
        while !bytes.is_empty() {
            let burst = self.wait(self.timeouts.a, SpiError::NoBurst, |tis| {
                let burst = usize::from(tis.status()?.burst);
                Ok((burst > 0).then_some(burst))
            })?;
            let size = bytes.len().min(burst).min(LONGEST_FRAME);
            let (now, later) = bytes.split_at_checked(size).unwrap_or((bytes, &[]));
            self.write(register::DATA_FIFO, now)?;
            bytes = later;
        }
        Ok(())
    }

    fn expects(&mut self) -> Result<bool, SpiError> {
        self.wait(self.timeouts.c, SpiError::BadStatus, |tis| {
            let status = tis.status()?;
            Ok(status.is_valid().then_some(status.expects()))
        })
    }
}
