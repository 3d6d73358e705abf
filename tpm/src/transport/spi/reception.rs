//! A reply's way out of the chip.

use super::{HEADER, LONGEST_FRAME, Registers, SpiError, Tis, register, status, tis::ATTEMPTS};
use embedded_hal::delay::DelayNs;

/// Tag and size.
const HEAD: usize = 6;

impl<R: Registers, D: DelayNs> Tis<R, D> {
    /// Reads a reply, again where it doesn't add up: the chip keeps it until it is told that the reading is over.
    pub(super) fn receive(&mut self, reply: &mut [u8]) -> Result<usize, SpiError> {
        self.allow(self.timeouts.transfer);
        let mut outcome = self.receive_once(reply);
        for _ in 1..ATTEMPTS {
            if matches!(outcome, Ok(_) | Err(SpiError::Reset | SpiError::NoChip)) {
                break;
            }
            self.control(status::RESPONSE_RETRY)?;
            outcome = self.receive_once(reply);
        }
        outcome
    }

    /// The last byte comes alone: before it the chip has to have data, after it none. So a byte that it skipped or gave twice shows,
    /// also within the last burst.
    fn receive_once(&mut self, reply: &mut [u8]) -> Result<usize, SpiError> {
        let room = u32::try_from(reply.len()).unwrap_or(u32::MAX);
        let (head, rest) = reply.split_first_chunk_mut::<HEAD>().ok_or(SpiError::ReplySize(room))?;
        self.drain(head)?;
        let [_, _, size @ ..] = *head;
        let stated = u32::from_be_bytes(size);
        let size = usize::try_from(stated).unwrap_or(usize::MAX);
        let left = size.checked_sub(HEAD).filter(|_| size >= HEADER);
        let rest = left.and_then(|left| rest.get_mut(..left)).ok_or(SpiError::ReplySize(stated))?;
        let (last, body) = rest.split_last_mut().ok_or(SpiError::ReplySize(stated))?;
        self.drain(body)?;
        self.drain(core::slice::from_mut(last))?;
        if self.has_more()? { Err(SpiError::ReplyLong) } else { Ok(size) }
    }

    fn drain(&mut self, mut to: &mut [u8]) -> Result<(), SpiError> {
        while !to.is_empty() {
            let burst = self.wait(self.timeouts.a, SpiError::NoBurst, |tis| {
                let status = tis.status()?;
                if status.is_valid() && !status.has_data() {
                    return Err(SpiError::ReplyShort);
                }
                Ok((status.is_valid() && status.burst > 0).then_some(usize::from(status.burst)))
            })?;
            let size = to.len().min(burst).min(LONGEST_FRAME);
            let (now, later) = to.split_at_mut_checked(size).ok_or(SpiError::NoBurst)?;
            self.read(register::DATA_FIFO, now)?;
            to = later;
        }
        Ok(())
    }

    fn has_more(&mut self) -> Result<bool, SpiError> {
        self.wait(self.timeouts.c, SpiError::BadStatus, |tis| {
            let status = tis.status()?;
            Ok(status.is_valid().then_some(status.has_data()))
        })
    }
}
