//! NV indices.

use super::{Command, Encoded, password, plain, with};
use tpm2_protocol::{
    basic::TpmUint16,
    data::{Tpm2bAuth, Tpm2bDigest, Tpm2bNvPublic, TpmAlgId, TpmaNv, TpmsNvPublic},
    frame::{TpmNvDefineSpaceCommand, TpmNvIncrementCommand, TpmNvReadCommand, TpmNvReadPublicCommand},
};

impl Command {
    /// `TPM2_NV_DefineSpace` with an empty password, SHA-256 names and no policy (§31.3).
    pub fn nv_define(hierarchy: u32, index: u32, attributes: u32, size: u16) -> Encoded {
        let inner = TpmsNvPublic {
            nv_index: index.into(),
            name_alg: TpmAlgId::Sha256,
            attributes: TpmaNv::from_bits_truncate(attributes),
            auth_policy: Tpm2bDigest::default(),
            data_size: TpmUint16::from(size),
        };
        let (handles, auth) = ([hierarchy.into()], Tpm2bAuth::default());
        with(&TpmNvDefineSpaceCommand { handles, auth, public_info: Tpm2bNvPublic { inner } }, &[password()])
    }

    /// `TPM2_NV_ReadPublic` (§31.6).
    pub fn nv_read_public(index: u32) -> Encoded {
        plain(&TpmNvReadPublicCommand { handles: [index.into()] })
    }

    /// `TPM2_NV_Increment` by the index's own password (§31.8).
    pub fn nv_increment(index: u32) -> Encoded {
        with(&TpmNvIncrementCommand { handles: [index.into(), index.into()] }, &[password()])
    }

    /// `TPM2_NV_Read` by the index's own password (§31.13).
    pub fn nv_read(index: u32, size: u16, offset: u16) -> Encoded {
        let handles = [index.into(), index.into()];
        with(&TpmNvReadCommand { handles, size: size.into(), offset: offset.into() }, &[password()])
    }
}
