//! Reading NV indices (Part 3, §31).

use crate::{Tpm, TpmError, Transport, error::rc, wire::Command};
use alloc::vec::Vec;

/// Every TPM returns so many bytes at once (Part 2, `MAX_NV_BUFFER_SIZE`, in PC Client TPMs 512 at least).
const CHUNK: u16 = 512;

/// What `TPM2_NV_ReadPublic` says, less the index (Part 2, §13.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NvPublic {
    /// Hash algorithm of the name.
    pub name_alg: u16,
    /// `TPMA_NV`.
    pub attributes: u32,
    /// Policy.
    pub policy: Vec<u8>,
    /// Bytes it holds.
    pub size: u16,
}

impl<T: Transport> Tpm<T> {
    /// The public area of an index, if it is defined.
    pub(crate) fn nv_public(&mut self, index: u32) -> Result<Option<NvPublic>, TpmError> {
        let reply = match self.call(&Command::nv_read_public(index)?) {
            Err(error) if error.base() == Some(rc::HANDLE) => return Ok(None),
            reply => reply?,
        };
        let mut reader = reply.reader();
        let (_size, _index) = (reader.u16()?, reader.u32()?);
        let (name_alg, attributes) = (reader.u16()?, reader.u32()?);
        let policy = reader.sized()?.into();
        Ok(Some(NvPublic { name_alg, attributes, policy, size: reader.u16()? }))
    }

    /// The contents of an index, as many bytes as it holds; nothing if it isn't defined, or never written, or closed to everybody.
    pub(crate) fn nv_contents(&mut self, index: u32) -> Result<Option<Vec<u8>>, TpmError> {
        let Some(public) = self.nv_public(index)? else { return Ok(None) };
        let mut contents = Vec::new();
        for offset in (0..public.size).step_by(CHUNK.into()) {
            let size = CHUNK.min(public.size - offset);
            match self.nv_read(index, size, offset) {
                Err(TpmError::Response { code: rc::NV_UNINITIALIZED | rc::NV_AUTHORIZATION, .. }) => {
                    return Ok(None);
                }
                Err(TpmError::PasswordSet { .. }) => return Ok(None),
                chunk => contents.extend(chunk?),
            }
        }
        Ok(Some(contents))
    }

    /// A part of an index.
    pub(crate) fn nv_read(&mut self, index: u32, size: u16, offset: u16) -> Result<Vec<u8>, TpmError> {
        let reply = self.call(&Command::nv_read(index, size, offset)?)?;
        let mut reader = reply.reader();
        let data = reader.sized()?;
        reader.end()?;
        if data.len() != usize::from(size) {
            return Err(reader.malformed("it has another size than asked for"));
        }
        Ok(data.into())
    }
}
