//! A reader of TPM structures that cannot run past the end. Integers are big-endian; a `TPM2B` is a u16 length, then the bytes.

use crate::TpmError;

/// What of a reply is not read yet.
pub struct Reader<'a> {
    command: u32,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of what a command returned.
    pub const fn new(command: u32, bytes: &'a [u8]) -> Self {
        Self { command, rest: bytes }
    }

    /// Bytes that are not read yet.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], TpmError> {
        let (head, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.malformed("it is truncated"))?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], TpmError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.malformed("it is truncated"))?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, TpmError> {
        self.array().map(u8::from_be_bytes)
    }

    /// The next two bytes.
    pub fn u16(&mut self) -> Result<u16, TpmError> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four bytes.
    pub fn u32(&mut self) -> Result<u32, TpmError> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next eight bytes.
    pub fn u64(&mut self) -> Result<u64, TpmError> {
        self.array().map(u64::from_be_bytes)
    }

    /// The contents of the next `TPM2B`.
    pub fn sized(&mut self) -> Result<&'a [u8], TpmError> {
        let size = self.u16()?;
        self.bytes(size.into())
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), TpmError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("bytes follow its end")) }
    }

    /// An error about this reply.
    pub const fn malformed(&self, what: &'static str) -> TpmError {
        TpmError::Malformed { command: self.command, what }
    }
}
