//! Replies: header, handle, parameters, authorizations (Part 1, §18; Part 3, §5.4).

use super::{Command, Reader};
use crate::TpmError;
use alloc::vec::Vec;

/// `TPM_ST_SESSIONS` and `TPM_ST_NO_SESSIONS` (Part 2, §6.9).
const SESSIONS: u16 = 0x8002;
const NO_SESSIONS: u16 = 0x8001;

/// A successful reply.
pub struct Reply {
    command: u32,
    /// The object or session made.
    pub handle: Option<u32>,
    parameters: Vec<u8>,
}

impl Reply {
    /// Takes a reply apart; a response code other than success is an error.
    pub fn parse(command: &Command, frame: &[u8]) -> Result<Self, TpmError> {
        let mut reader = Reader::new(command.code, frame);
        let (tag, size, code) = (reader.u16()?, reader.u32()?, reader.u32()?);
        if u32::try_from(frame.len()) != Ok(size) {
            return Err(reader.malformed("its size field is wrong"));
        }
        if code != 0 {
            return Err(TpmError::Response { command: command.code, code });
        }
        let handle = if command.makes_handle { Some(reader.u32()?) } else { None };
        let parameters = match tag {
            SESSIONS => sized_parameters(&mut reader)?,
            NO_SESSIONS => reader.bytes(reader.left())?,
            _ => return Err(reader.malformed("its tag is none of a reply")),
        };
        Ok(Self { command: command.code, handle, parameters: parameters.into() })
    }

    /// Reads the parameters.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(self.command, &self.parameters)
    }

    /// The handle that the command makes when it succeeds.
    pub fn made(&self) -> Result<u32, TpmError> {
        self.handle.ok_or_else(|| self.reader().malformed("it has no handle"))
    }
}

/// Behind the parameters follow the authorizations, which say nothing where passwords and policies are used.
fn sized_parameters<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], TpmError> {
    let size = reader.u32()?;
    reader.bytes(usize::try_from(size).unwrap_or(usize::MAX))
}
