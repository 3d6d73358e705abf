//! Randomness for those who have no other source of it.

use crate::{Tpm, TpmError, Transport, wire::Command};

impl<T: Transport> Tpm<T> {
    /// 32 bytes of the TPM's random number generator. They cross the bus in the clear: whoever listens there learns them.
    pub fn random(&mut self) -> Result<[u8; 32], TpmError> {
        self.scoped(|tpm| {
            let reply = tpm.call(&Command::get_random(32)?)?;
            let mut reader = reply.reader();
            let bytes = reader.sized()?;
            reader.end()?;
            bytes.try_into().map_err(|_| reader.malformed("it holds another number of bytes than asked for"))
        })
    }
}
