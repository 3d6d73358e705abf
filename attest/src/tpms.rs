//! The TPM structures that evidence is made of (TPM 2.0 Part 2, §10.12 and §12.2).

use crate::{
    hash::{Hash, sha256},
    reader::Reader,
    verify::EvidenceError,
};

/// A name of an object or NV index: its hash algorithm (SHA-256) and digest.
pub type Name = [u8; 34];

/// NV index of the anchor counter, in the owner's range.
pub const COUNTER_INDEX: u32 = 0x0180_0A11;

/// `NT_COUNTER | OWNERWRITE | AUTHWRITE | OWNERREAD | AUTHREAD | NO_DA`. Not ORDERLY: an orderly counter lives in RAM.
pub const COUNTER_ATTRIBUTES: u32 = 0x0206_0016;

/// Set by the TPM at the first increment.
pub const NV_WRITTEN: u32 = 0x2000_0000;

const GENERATED: u32 = 0xFF54_4347;
const ATTEST_NV: u16 = 0x8014;
const ATTEST_QUOTE: u16 = 0x8018;

/// Name of an object, given its `TPMT_PUBLIC`.
pub fn object_name(public_area: &[u8]) -> Name {
    name(sha256(&[public_area]))
}

/// Identifier of the machine whose endorsement key this is.
pub fn machine_id(ek_public: &[u8]) -> Hash {
    sha256(&[ek_public])
}

/// Name of the written counter index: what `TPM2_NV_Certify` must certify.
pub fn counter_name() -> Name {
    let attributes = COUNTER_ATTRIBUTES | NV_WRITTEN;
    // TPMS_NV_PUBLIC: index, nameAlg SHA-256, attributes, empty policy, 8 bytes of data.
    name(sha256(&[&COUNTER_INDEX.to_be_bytes(), &[0x00, 0x0B], &attributes.to_be_bytes(), &[0, 0], &[0, 8]]))
}

fn name(digest: Hash) -> Name {
    let mut name = [0; 34];
    let (algorithm, rest) = name.split_at_mut(2);
    algorithm.copy_from_slice(&[0x00, 0x0B]);
    rest.copy_from_slice(&digest);
    name
}

/// What every attestation carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attested<'a> {
    /// qualifyingData of the command.
    pub extra_data: &'a [u8],
    /// TPM resets (power cycles) since the last TPM2_Clear.
    pub reset_count: u32,
    /// TPM restarts and resumes since the last reset.
    pub restart_count: u32,
    /// The TPM's firmware version.
    pub firmware: u64,
    /// What was attested.
    pub what: What<'a>,
}

/// The two kinds of attestation in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What<'a> {
    /// `TPM2_NV_Certify`.
    Nv {
        /// Name of the index.
        name: &'a [u8],
        /// Where in the index the contents begin.
        offset: u16,
        /// The contents.
        contents: &'a [u8],
    },
    /// `TPM2_Quote`.
    Quote {
        /// Raw `TPML_PCR_SELECTION`, less its count: (algorithm, bitmap) of the one bank.
        bank: u16,
        /// Bitmap of the PCRs, PCR 0 in the lowest bit.
        selection: u32,
        /// Digest over the selected PCRs.
        digest: &'a [u8],
    },
}

/// Parses a `TPMS_ATTEST` to its last byte.
pub fn parse_attest(message: &[u8]) -> Result<Attested<'_>, EvidenceError> {
    if message.len() > 512 {
        return Err(EvidenceError::Oversized);
    }
    let mut reader = Reader::new(message);
    if reader.u32()? != GENERATED {
        return Err(EvidenceError::NotTpmGenerated);
    }
    let kind = reader.u16()?;
    let _qualified_signer = reader.sized()?;
    let extra_data = reader.sized()?;
    let _clock = reader.u64()?;
    let (reset_count, restart_count, _safe) = (reader.u32()?, reader.u32()?, reader.u8()?);
    let firmware = reader.u64()?;
    let what = match kind {
        ATTEST_NV => What::Nv { name: reader.sized()?, offset: reader.u16()?, contents: reader.sized()? },
        ATTEST_QUOTE => quote(&mut reader)?,
        _ => return Err(EvidenceError::WrongType),
    };
    reader.end()?;
    Ok(Attested { extra_data, reset_count, restart_count, firmware, what })
}

fn quote<'a>(reader: &mut Reader<'a>) -> Result<What<'a>, EvidenceError> {
    if reader.u32()? != 1 {
        return Err(EvidenceError::WrongPcrSelection);
    }
    let (bank, length) = (reader.u16()?, reader.u8()?);
    let bitmap = reader.bytes(length.into())?;
    if bitmap.len() > 4 {
        return Err(EvidenceError::WrongPcrSelection);
    }
    let selection = bitmap.iter().rev().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
    Ok(What::Quote { bank, selection, digest: reader.sized()? })
}
