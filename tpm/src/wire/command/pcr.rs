//! PCRs.

use super::{Command, Encoded, buffer, password, plain, with};
use crate::TpmError;
use tpm2_protocol::{
    data::{TpmAlgId, TpmlDigestValues, TpmlPcrSelection, TpmsPcrSelect, TpmsPcrSelection, TpmtHa, TpmuHa},
    frame::{TpmPcrExtendCommand, TpmPcrReadCommand},
};

/// Bitmaps of PCRs are three bytes long: 24 PCRs (Part 2, §10.6.1).
const PCR_BYTES: usize = 3;

impl Command {
    /// `TPM2_PCR_Read` (§22.4).
    pub fn pcr_read(pcrs: u32) -> Encoded {
        plain(&TpmPcrReadCommand { handles: [], pcr_selection_in: selection(pcrs)? })
    }

    /// `TPM2_PCR_Extend` (§22.2).
    pub fn pcr_extend(pcr: u8, digest: &[u8; 32]) -> Encoded {
        let digest = TpmuHa::Digest(buffer(digest, "the digest")?);
        let mut digests = TpmlDigestValues::new();
        digests
            .try_push(TpmtHa { hash_alg: TpmAlgId::Sha256, digest })
            .map_err(|_| TpmError::BadArgument("the digest"))?;
        with(&TpmPcrExtendCommand { handles: [u32::from(pcr).into()], digests }, &[password()])
    }
}

/// The SHA-256 bank, PCR 0 in the bitmap's lowest bit (Part 2, §10.6.2).
pub(super) fn selection(pcrs: u32) -> Result<TpmlPcrSelection, TpmError> {
    let misfit = |_| TpmError::BadArgument("the selection of PCRs");
    let bitmap = pcrs.to_le_bytes();
    let bitmap = bitmap.get(..PCR_BYTES).unwrap_or_default();
    let pcr_select = TpmsPcrSelect::try_from(bitmap).map_err(misfit)?;
    let mut list = TpmlPcrSelection::new();
    list.try_push(TpmsPcrSelection { hash: TpmAlgId::Sha256, pcr_select }).map_err(misfit)?;
    Ok(list)
}
