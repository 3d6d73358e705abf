//! The FIFO interface's states, seen from the host (PTP §6.5.2).

use super::{
    ChipId, HEADER, LONGEST, Locality, Registers, SpiError, Timeouts, access, register, status,
    timeouts::Wait,
};
use embedded_hal::delay::DelayNs;

/// What is tried again is tried so often in all.
pub(super) const ATTEMPTS: u32 = 3;

/// A TPM behind its registers.
#[derive(Debug)]
pub struct Tis<R, D> {
    registers: R,
    delay: D,
    locality: Locality,
    pub(super) timeouts: Timeouts,
    /// Microseconds of pauses left to the transfer or the execution under way.
    allowance: u64,
}

impl<R: Registers, D: DelayNs> Tis<R, D> {
    /// Speaks from locality zero and waits as long as [`Timeouts::default`] says.
    pub fn new(registers: R, delay: D) -> Self {
        let timeouts = Timeouts::default();
        Self { registers, delay, locality: Locality::Zero, timeouts, allowance: 0 }
    }

    /// Speaks from another locality.
    pub fn with_locality(self, locality: Locality) -> Self {
        Self { locality, ..self }
    }

    /// Waits otherwise.
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// Gives registers and delay back.
    pub fn into_parts(self) -> (R, D) {
        (self.registers, self.delay)
    }

    /// Which chip it is. Registers that read as all ones or all zeros are nobody's.
    pub fn identify(&mut self) -> Result<ChipId, SpiError> {
        let mut id = [0; 4];
        self.read(register::DID_VID, &mut id)?;
        if matches!(id, [0xFF, 0xFF, 0xFF, 0xFF] | [0, 0, 0, 0]) {
            return Err(SpiError::NoChip);
        }
        let mut revision = [0];
        self.read(register::RID, &mut revision)?;
        let ([v0, v1, d0, d1], [revision]) = (id, revision);
        Ok(ChipId { vendor: u16::from_le_bytes([v0, v1]), device: u16::from_le_bytes([d0, d1]), revision })
    }

    /// Has the chip execute a command; the reply lies at the beginning of `reply`, its size is returned. A reply that doesn't fit
    /// there is refused as [`SpiError::ReplySize`]: 4096 bytes hold every reply.
    pub fn exchange(&mut self, command: &[u8], reply: &mut [u8]) -> Result<usize, SpiError> {
        if !(HEADER..=LONGEST).contains(&command.len()) {
            return Err(SpiError::CommandSize(command.len()));
        }
        let exchanged = self.send(command).and_then(|()| self.execute()).and_then(|()| self.receive(reply));
        // Ends the reading, or aborts what failed.
        let ended = self.control(status::COMMAND_READY);
        exchanged.and_then(|size| ended.map(|()| size))
    }

    /// Lets other localities have the chip until the next command.
    pub fn relinquish(&mut self) -> Result<(), SpiError> {
        self.write(register::ACCESS, &[access::ACTIVE])
    }

    /// Makes this locality the active one.
    pub(super) fn claim(&mut self) -> Result<(), SpiError> {
        let mut requested = false;
        self.wait(self.timeouts.a, SpiError::LocalityRefused, |tis| {
            let access = tis.access()?;
            if access & access::VALID == 0 {
                return Ok(None);
            }
            if access & access::ACTIVE != 0 {
                return Ok(Some(()));
            }
            if !requested {
                tis.write(register::ACCESS, &[access::REQUEST])?;
                requested = true;
            }
            Ok(None)
        })
    }

    /// From whichever state to that which takes a command.
    pub(super) fn get_ready(&mut self) -> Result<(), SpiError> {
        if self.status()?.flags & status::COMMAND_READY != 0 {
            return Ok(());
        }
        self.control(status::COMMAND_READY)?;
        self.wait(self.timeouts.b, SpiError::NotReady, |tis| {
            let ready = tis.status()?.flags & status::COMMAND_READY != 0;
            Ok(ready.then_some(()))
        })
    }

    fn execute(&mut self) -> Result<(), SpiError> {
        self.allow(self.timeouts.execution);
        self.control(status::GO)?;
        self.wait(self.timeouts.execution, SpiError::Unanswered, |tis| {
            let Status { flags, .. } = tis.status()?;
            if flags & status::COMMAND_READY != 0 {
                return Err(SpiError::Reset);
            }
            let done = status::VALID | status::DATA_AVAILABLE;
            Ok((flags & done == done).then_some(()))
        })
    }

    /// Sets the time that a transfer or an execution may take in all, in milliseconds.
    pub(super) fn allow(&mut self, milliseconds: u32) {
        self.allowance = u64::from(milliseconds) * 1_000;
    }

    /// Looks until there is something to see, or fails with `late`.
    pub(super) fn wait<T>(
        &mut self,
        milliseconds: u32,
        late: SpiError,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>, SpiError>,
    ) -> Result<T, SpiError> {
        let mut wait = Wait::new(milliseconds);
        loop {
            if let Some(seen) = look(self)? {
                return Ok(seen);
            }
            let pause = wait.next_pause(&mut self.allowance).ok_or(late)?;
            self.delay.delay_us(pause);
        }
    }

    /// Status flags and burst count, in one access so that they belong together.
    pub(super) fn status(&mut self) -> Result<Status, SpiError> {
        let mut outcome = Err(SpiError::BadStatus);
        for _ in 0..ATTEMPTS {
            outcome = self.status_once();
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn status_once(&mut self) -> Result<Status, SpiError> {
        let mut bytes = [0; 3];
        self.read(register::STATUS, &mut bytes)?;
        let [flags, low, high] = bytes;
        if flags & status::ZERO == 0 {
            return Ok(Status { flags, burst: u16::from_le_bytes([low, high]) });
        }
        // Without the locality, which a reset takes away, the register reads as ones.
        match self.access()? & (access::VALID | access::ACTIVE) {
            access::VALID => Err(SpiError::Reset),
            _ => Err(SpiError::BadStatus),
        }
    }

    fn access(&mut self) -> Result<u8, SpiError> {
        let mut byte = [0];
        self.read(register::ACCESS, &mut byte)?;
        let [access] = byte;
        if access == 0xFF { Err(SpiError::NoChip) } else { Ok(access) }
    }

    /// Writes the status register's first byte.
    pub(super) fn control(&mut self, bits: u8) -> Result<(), SpiError> {
        self.write(register::STATUS, &[bits])
    }

    pub(super) fn read(&mut self, register: u16, to: &mut [u8]) -> Result<(), SpiError> {
        self.registers.read(self.locality.address(register), to)
    }

    pub(super) fn write(&mut self, register: u16, bytes: &[u8]) -> Result<(), SpiError> {
        self.registers.write(self.locality.address(register), bytes)
    }
}

/// The status register, less what nobody asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Status {
    pub flags: u8,
    /// Bytes that the FIFO takes or gives without a wait.
    pub burst: u16,
}

impl Status {
    pub const fn is_valid(self) -> bool {
        self.flags & status::VALID != 0
    }

    pub const fn expects(self) -> bool {
        self.flags & status::EXPECT != 0
    }

    pub const fn has_data(self) -> bool {
        self.flags & status::DATA_AVAILABLE != 0
    }
}
