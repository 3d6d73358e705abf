//! Attestations.

use super::pcr::selection;
use super::{Command, Encoded, buffer, password, with};
use tpm2_protocol::{
    basic::TpmUint16,
    data::TpmtSigScheme,
    frame::{TpmNvCertifyCommand, TpmQuoteCommand},
};

impl Command {
    /// `TPM2_Quote` in the key's own scheme (§18.4).
    pub fn quote(ak: u32, qualifying: &[u8], pcrs: u32) -> Encoded {
        let command = TpmQuoteCommand {
            handles: [ak.into()],
            qualifying_data: buffer(qualifying, "the qualifying data")?,
            in_scheme: TpmtSigScheme::default(),
            pcr_select: selection(pcrs)?,
        };
        with(&command, &[password()])
    }

    /// `TPM2_NV_Certify` in the key's own scheme, from the index's beginning (§31.16).
    pub fn nv_certify(ak: u32, index: u32, qualifying: &[u8], size: u16) -> Encoded {
        let command = TpmNvCertifyCommand {
            handles: [ak.into(), index.into(), index.into()],
            qualifying_data: buffer(qualifying, "the qualifying data")?,
            in_scheme: TpmtSigScheme::default(),
            size: TpmUint16::from(size),
            offset: TpmUint16::from(0),
        };
        with(&command, &[password(), password()])
    }
}
