//! Leaving nothing loaded.

use crate::{Tpm, TpmError, Transport, wire::Command};
use alloc::vec::Vec;

/// Where a kind's handles begin (Part 2, §7.2): loaded sessions, of both kinds, and transient objects.
const LOADED_SESSIONS: u32 = 0x0200_0000;
const TRANSIENT_OBJECTS: u32 = 0x8000_0000;
/// More than any TPM holds.
const MOST: u32 = 64;

impl<T: Transport> Tpm<T> {
    /// Flushes what is ours beyond the `loaded` oldest. A failure is not reported: the operation's own outcome matters more, and
    /// what is left is flushed once the TPM runs out of room.
    pub(crate) fn flush_down_to(&mut self, loaded: usize) {
        while self.live.len() > loaded {
            let Some(handle) = self.live.pop() else { return };
            let _ = Command::flush_context(handle).and_then(|command| self.call(&command));
        }
    }

    /// Flushes an object of ours before its operation ends: real chips hold but three.
    pub(crate) fn flush_early(&mut self, handle: u32) {
        if let Some(at) = self.live.iter().position(|live| *live == handle) {
            self.live.remove(at);
            let _ = Command::flush_context(handle).and_then(|command| self.call(&command));
        }
    }

    /// Flushes what a program left behind that was killed. Through a resource manager (`/dev/tpmrm0`) there is nothing to see; on
    /// the bare TPM whoever talks to it is alone.
    pub(crate) fn flush_leftovers(&mut self) -> Result<(), TpmError> {
        for first in [TRANSIENT_OBJECTS, LOADED_SESSIONS] {
            for handle in self.handles(first)? {
                if !self.live.contains(&handle) {
                    let command = Command::flush_context(handle)?;
                    let _ = self.call(&command);
                }
            }
        }
        Ok(())
    }

    /// Handles in use, from `first` on (Part 3, §30.2).
    pub(crate) fn handles(&mut self, first: u32) -> Result<Vec<u32>, TpmError> {
        let reply = self.call(&Command::get_handles(first, MOST)?)?;
        let mut reader = reply.reader();
        let (_more, _capability) = (reader.u8()?, reader.u32()?);
        let count = reader.u32()?;
        let handles = (0..count.min(MOST)).map(|_| reader.u32()).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(handles)
    }
}
