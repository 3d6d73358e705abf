//! Keys and other objects.

use super::{Command, Encoded, authorized, buffer, ends, makes_handle, password, plain, policy, with};
use crate::TpmError;
use tpm2_protocol::{
    TpmUnmarshal,
    data::{
        Tpm2bAuth, Tpm2bData, Tpm2bPublic, Tpm2bSensitiveCreate, TpmlPcrSelection, TpmsSensitiveCreate,
        TpmtPublic,
    },
    frame::{
        TpmActivateCredentialCommand, TpmCreateCommand, TpmCreatePrimaryCommand, TpmLoadCommand,
        TpmReadPublicCommand, TpmUnsealCommand,
    },
};

impl Command {
    /// `TPM2_CreatePrimary` (§24.1).
    pub fn create_primary(hierarchy: u32, template: &[u8]) -> Encoded {
        let command = TpmCreatePrimaryCommand {
            handles: [hierarchy.into()],
            in_sensitive: Tpm2bSensitiveCreate::default(),
            in_public: public(template)?,
            outside_info: Tpm2bData::default(),
            creation_pcr: TpmlPcrSelection::default(),
        };
        with(&command, &[password()]).map(makes_handle)
    }

    /// `TPM2_Create` of a key, or of a sealed `data` object, under a parent (§12.1).
    pub fn create(parent: u32, session: Option<u32>, template: &[u8], data: &[u8]) -> Encoded {
        let sensitive =
            TpmsSensitiveCreate { user_auth: Tpm2bAuth::default(), data: buffer(data, "the secret")? };
        let command = TpmCreateCommand {
            handles: [parent.into()],
            in_sensitive: Tpm2bSensitiveCreate { inner: sensitive },
            in_public: public(template)?,
            outside_info: Tpm2bData::default(),
            creation_pcr: TpmlPcrSelection::default(),
        };
        authorized(&command, session)
    }

    /// `TPM2_Load` (§12.2).
    pub fn load(parent: u32, session: Option<u32>, public_area: &[u8], private: &[u8]) -> Encoded {
        let command = TpmLoadCommand {
            handles: [parent.into()],
            in_private: buffer(private, "the key").map_err(|_| TpmError::DamagedKey)?,
            in_public: public(public_area)?,
        };
        authorized(&command, session).map(makes_handle)
    }

    /// `TPM2_ReadPublic` (§12.4).
    pub fn read_public(object: u32) -> Encoded {
        plain(&TpmReadPublicCommand { handles: [object.into()] })
    }

    /// `TPM2_ActivateCredential` (§12.5).
    pub fn activate_credential(ak: u32, ek: u32, session: u32, id_object: &[u8], secret: &[u8]) -> Encoded {
        let command = TpmActivateCredentialCommand {
            handles: [ak.into(), ek.into()],
            credential_blob: buffer(id_object, "the credential")?,
            secret: buffer(secret, "the credential's seed")?,
        };
        with(&command, &[password(), policy(session)]).map(|command| ends(command, session))
    }

    /// `TPM2_Unseal` (§12.7).
    pub fn unseal(object: u32, session: u32) -> Encoded {
        authorized(&TpmUnsealCommand { handles: [object.into()] }, Some(session))
    }
}

fn public(bytes: &[u8]) -> Result<Tpm2bPublic, TpmError> {
    match TpmtPublic::unmarshal(bytes) {
        Ok((inner, [])) => Ok(Tpm2bPublic { inner }),
        _ => Err(TpmError::DamagedKey),
    }
}
