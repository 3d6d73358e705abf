//! Platform configuration registers, of the SHA-256 bank.

use crate::{
    Tpm, TpmError, Transport,
    wire::{Command, Reader},
};
use alloc::vec::Vec;

const PCRS: u8 = 24;
const SHA256: u16 = 0x000B;

impl<T: Transport> Tpm<T> {
    /// The values of PCRs, in the order asked for.
    pub fn read_pcrs(&mut self, pcrs: &[u8]) -> Result<Vec<[u8; 32]>, TpmError> {
        let wanted = bitmap(pcrs)?;
        let mut values = [None; PCRS as usize];
        self.scoped(|tpm| tpm.collect_pcrs(wanted, &mut values))?;
        let value = |pcr: &u8| values.get(usize::from(*pcr)).copied().flatten().ok_or(TpmError::NoPcr(*pcr));
        pcrs.iter().map(value).collect()
    }

    /// Extends a PCR's SHA-256 bank. Nothing undoes that before the next reset.
    pub fn extend_pcr(&mut self, pcr: u8, digest: &[u8; 32]) -> Result<(), TpmError> {
        bitmap(&[pcr])?;
        self.scoped(|tpm| tpm.call(&Command::pcr_extend(pcr, digest)?).map(drop))
    }

    /// A TPM returns eight values at most and says which.
    fn collect_pcrs(&mut self, wanted: u32, values: &mut [Option<[u8; 32]>]) -> Result<(), TpmError> {
        let mut left = wanted;
        while left != 0 {
            let reply = self.call(&Command::pcr_read(left)?)?;
            let mut reader = reply.reader();
            let _update_counter = reader.u32()?;
            let returned = returned(&mut reader)? & left;
            if returned == 0 {
                return Err(TpmError::NoPcr(u8::try_from(left.trailing_zeros()).unwrap_or(u8::MAX)));
            }
            take(&mut reader, returned, values)?;
            left &= !returned;
        }
        Ok(())
    }
}

/// PCR 0 in the lowest bit.
pub(crate) fn bitmap(pcrs: &[u8]) -> Result<u32, TpmError> {
    pcrs.iter()
        .try_fold(0, |bits, pcr| if *pcr < PCRS { Ok(bits | 1 << *pcr) } else { Err(TpmError::NoPcr(*pcr)) })
}

/// `TPML_PCR_SELECTION` (Part 2, §10.9.7): the SHA-256 bank's bitmap in it.
fn returned(reader: &mut Reader<'_>) -> Result<u32, TpmError> {
    let mut bits = 0;
    for _ in 0..reader.u32()? {
        let (bank, length) = (reader.u16()?, reader.u8()?);
        let bytes = reader.bytes(length.into())?;
        if bank == SHA256 {
            bits = bytes.iter().take(3).rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        }
    }
    Ok(bits)
}

/// `TPML_DIGEST` (Part 2, §10.9.5), lowest PCR first.
fn take(reader: &mut Reader<'_>, returned: u32, values: &mut [Option<[u8; 32]>]) -> Result<(), TpmError> {
    if reader.u32()? != returned.count_ones() {
        return Err(reader.malformed("it has another number of PCRs than it says"));
    }
    for (pcr, value) in (0u32..).zip(values) {
        if returned & 1 << pcr != 0 {
            let digest = reader.sized()?;
            *value = Some(digest.try_into().map_err(|_| reader.malformed("a PCR is not 32 bytes long"))?);
        }
    }
    reader.end()
}
