//! What the attestation key signs: the counter, and PCRs.

use crate::{
    COUNTER_INDEX, EkKind, KeyBlob, Tpm, TpmError, Transport,
    counter::{self, counter_error},
    pcr,
    wire::{Command, Reader, Reply},
};
use alloc::vec::Vec;

/// `TPM_ALG_ECDSA` with `TPM_ALG_SHA256` (Part 2, §6.3).
const ECDSA_SHA256: (u16, u16) = (0x0018, 0x000B);

/// A signed attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// `TPMS_ATTEST`, as the TPM wrote it.
    pub message: Vec<u8>,
    /// ECDSA P-256 over its SHA-256: r‖s, each padded to 32 bytes.
    pub signature: [u8; 64],
}

impl<T: Transport> Tpm<T> {
    /// Has the attestation key sign the counter's value together with `qualifying` (`TPM2_NV_Certify`).
    pub fn certify_counter(
        &mut self,
        ek: EkKind,
        ak: &KeyBlob,
        qualifying: &[u8; 32],
    ) -> Result<Attestation, TpmError> {
        self.with_ak(ek, ak, |tpm, ak| {
            let command = Command::nv_certify(ak, COUNTER_INDEX, qualifying, counter::SIZE)?;
            Attestation::read(&tpm.call(&command).map_err(counter_error)?)
        })
    }

    /// Has the attestation key sign a digest of SHA-256 PCRs together with `qualifying` (`TPM2_Quote`).
    pub fn quote(
        &mut self,
        ek: EkKind,
        ak: &KeyBlob,
        qualifying: &[u8; 32],
        pcrs: &[u8],
    ) -> Result<Attestation, TpmError> {
        let pcrs = pcr::bitmap(pcrs)?;
        self.with_ak(ek, ak, |tpm, ak| Attestation::read(&tpm.call(&Command::quote(ak, qualifying, pcrs)?)?))
    }
}

impl Attestation {
    /// `TPM2B_ATTEST`, `TPMT_SIGNATURE` (Part 2, §10.12.13 and §11.3.4).
    fn read(reply: &Reply) -> Result<Self, TpmError> {
        let mut reader = reply.reader();
        let message = reader.sized()?.into();
        if (reader.u16()?, reader.u16()?) != ECDSA_SHA256 {
            return Err(reader.malformed("it is not signed with ECDSA and SHA-256"));
        }
        let mut signature = [0; 64];
        let (r, s) = signature.split_at_mut(32);
        pad_left(r, &mut reader)?;
        pad_left(s, &mut reader)?;
        reader.end()?;
        Ok(Self { message, signature })
    }
}

/// Some TPMs leave out leading zeros.
fn pad_left(to: &mut [u8], reader: &mut Reader<'_>) -> Result<(), TpmError> {
    let from = reader.sized()?;
    let at = to.len().checked_sub(from.len());
    let to =
        at.and_then(|at| to.get_mut(at..)).ok_or_else(|| reader.malformed("its signature is too long"))?;
    to.copy_from_slice(from);
    Ok(())
}
