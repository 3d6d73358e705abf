//! Policy sessions.

use super::pcr::selection;
use super::{Command, Encoded, buffer, makes_handle, password, plain, with};
use tpm2_protocol::{
    basic::TpmInt32,
    data::{Tpm2bDigest, Tpm2bEncryptedSecret, Tpm2bNonce, TpmAlgId, TpmSe, TpmtSymDef},
    frame::{
        TpmPolicyGetDigestCommand, TpmPolicyPcrCommand, TpmPolicySecretCommand, TpmStartAuthSessionCommand,
    },
};

/// `TPM_RH_NULL` (Part 2, §7.4).
const NULL: u32 = 0x4000_0007;

/// What a policy session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// To authorize a command.
    Policy,
    /// To compute a policy's digest.
    Trial,
}

impl Command {
    /// `TPM2_StartAuthSession`, unbound and unsalted (§11.1). No HMAC is computed over its nonce, so that may be constant.
    pub fn start_session(kind: SessionKind) -> Encoded {
        let command = TpmStartAuthSessionCommand {
            handles: [NULL.into(), NULL.into()],
            nonce_caller: buffer(&[0; 32], "the nonce")?,
            encrypted_salt: Tpm2bEncryptedSecret::default(),
            session_type: match kind {
                SessionKind::Policy => TpmSe::Policy,
                SessionKind::Trial => TpmSe::Trial,
            },
            symmetric: TpmtSymDef { algorithm: TpmAlgId::Null, ..TpmtSymDef::default() },
            auth_hash: TpmAlgId::Sha256,
        };
        plain(&command).map(makes_handle)
    }

    /// `TPM2_PolicySecret` of a hierarchy with an empty password (§23.4).
    pub fn policy_secret(hierarchy: u32, session: u32) -> Encoded {
        let command = TpmPolicySecretCommand {
            handles: [hierarchy.into(), session.into()],
            nonce_tpm: Tpm2bNonce::default(),
            cp_hash_a: Tpm2bDigest::default(),
            policy_ref: Tpm2bNonce::default(),
            expiration: TpmInt32::from(0),
        };
        with(&command, &[password()])
    }

    /// `TPM2_PolicyPCR` of the values that the PCRs have now (§23.7).
    pub fn policy_pcr(session: u32, pcrs: u32) -> Encoded {
        let (handles, pcr_digest) = ([session.into()], Tpm2bDigest::default());
        plain(&TpmPolicyPcrCommand { handles, pcr_digest, pcrs: selection(pcrs)? })
    }

    /// `TPM2_PolicyGetDigest` (§23.6).
    pub fn policy_digest(session: u32) -> Encoded {
        plain(&TpmPolicyGetDigestCommand { handles: [session.into()] })
    }
}
