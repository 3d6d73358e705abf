//! Reading TPM structures: big-endian integers and length-prefixed strings, every one checked.

use crate::verify::EvidenceError;

/// The unread rest of a structure.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], EvidenceError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(EvidenceError::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, EvidenceError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, EvidenceError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, EvidenceError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, EvidenceError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], EvidenceError> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(EvidenceError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    /// A `TPM2B`: u16 length, then that many bytes.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], EvidenceError> {
        let length = self.u16()?;
        self.bytes(length.into())
    }

    /// The structure must end here.
    pub(crate) fn end(self) -> Result<(), EvidenceError> {
        if self.0.is_empty() { Ok(()) } else { Err(EvidenceError::TrailingBytes) }
    }
}
