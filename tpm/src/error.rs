//! What can go wrong, by cause; the text says what to do.

use crate::wire::names;
use alloc::string::String;

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TpmError {
    /// The TPM could not be reached, or stopped answering.
    #[error("{0}")]
    Transport(String),
    /// A TPM on an SPI bus could not be reached, or stopped answering.
    #[cfg(feature = "spi")]
    #[error(transparent)]
    Spi(#[from] crate::transport::spi::SpiError),
    /// The TPM's answer cannot be read.
    #[error("the answer to {} cannot be read: {what}", names::command(*command))]
    Malformed {
        /// Command code.
        command: u32,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The TPM refused a command, for a reason that no other variant names.
    #[error("the TPM refused {}: {}", names::command(*command), names::response(*code))]
    Response {
        /// Command code.
        command: u32,
        /// Response code.
        code: u32,
    },
    /// A value does not fit into a command.
    #[error("{0} does not fit into a TPM command")]
    BadArgument(&'static str),
    /// The key blob is not one this crate wrote.
    #[error("the key blob is damaged: restore it, or enrol again")]
    DamagedKey,
    /// The blob belongs to another TPM, or to this one before it was cleared.
    #[error("the key belongs to another TPM, or to this one before it was cleared: enrol again")]
    KeyNotOfThisTpm,
    /// The credential was made for another endorsement or attestation key.
    #[error("the credential is not for this TPM and attestation key")]
    BadCredential,
    /// Somebody else's index sits where the anchor counter belongs.
    #[error(
        "NV index 0x01800A11 is not the anchor counter: free it with `tpm2_nvundefine 0x01800A11` if nobody needs it"
    )]
    ForeignCounter,
    /// The anchor counter is not there: the TPM was cleared, or never prepared.
    #[error("the TPM has no anchor counter (NV index 0x01800A11): it was cleared, or not prepared yet")]
    NoCounter,
    /// The TPM's NV memory is full.
    #[error(
        "the TPM's NV memory is full: list it with `tpm2_getcap handles-nv-index` and undefine what nobody needs"
    )]
    NvFull,
    /// The PCRs are not those that the secret was sealed to.
    #[error("the PCRs changed since the secret was sealed: other firmware, boot chain or kernel")]
    PcrsChanged,
    /// A PCR that does not exist, or a TPM without SHA-256 PCRs.
    #[error("the TPM has no SHA-256 PCR {0}: is the SHA-256 bank on in the firmware's setup?")]
    NoPcr(u8),
    /// Too many failed authorizations: the TPM refuses keys that are subject to dictionary-attack protection.
    #[error(
        "the TPM is locked after failed authorizations or power cuts: wait, or run `tpm2_dictionarylockout --clear-lockout`"
    )]
    Lockout,
    /// A hierarchy has a password; this crate works with empty ones.
    #[error("{} needs the password of a hierarchy, which is not the empty one: clear the TPM in the firmware's setup, or set it empty with `tpm2_changeauth`", names::command(*command))]
    PasswordSet {
        /// Command code.
        command: u32,
    },
}

impl TpmError {
    /// The response code without the number of the parameter, handle or session it complains of (Part 2, §6.6).
    pub(crate) const fn base(&self) -> Option<u32> {
        match self {
            Self::Response { code, .. } => Some(base(*code)),
            _ => None,
        }
    }

    /// Replaces the error where the TPM gave one of these base codes.
    pub(crate) fn when(self, codes: &[u32], meant: Self) -> Self {
        match self.base() {
            Some(base) if codes.contains(&base) => meant,
            _ => self,
        }
    }
}

/// Format-1 codes carry a number in bits 6 and 8 to 11.
pub(crate) const fn base(code: u32) -> u32 {
    if code & rc::FORMAT_ONE != 0 { code & 0xBF } else { code }
}

/// Response codes that mean something to this crate (Part 2, §6.6.3), without numbers of parameters.
pub(crate) mod rc {
    pub const FORMAT_ONE: u32 = 0x080;
    /// Of a format-1 code: what is wrong is a parameter.
    pub const PARAMETER: u32 = 0x040;

    pub const INITIALIZE: u32 = 0x100;
    pub const FAILURE: u32 = 0x101;
    pub const NV_AUTHORIZATION: u32 = 0x149;
    pub const NV_UNINITIALIZED: u32 = 0x14A;
    pub const NV_SPACE: u32 = 0x14B;
    pub const NV_DEFINED: u32 = 0x14C;
    pub const PCR_CHANGED: u32 = 0x128;

    pub const VALUE: u32 = 0x084;
    pub const HANDLE: u32 = 0x08B;
    pub const AUTH_FAIL: u32 = 0x08E;
    pub const SIZE: u32 = 0x095;
    pub const POLICY_FAIL: u32 = 0x09D;
    pub const INTEGRITY: u32 = 0x09F;
    pub const BAD_AUTH: u32 = 0x0A2;

    pub const OBJECT_MEMORY: u32 = 0x902;
    pub const SESSION_MEMORY: u32 = 0x903;
    pub const SESSION_HANDLES: u32 = 0x905;
    pub const OBJECT_HANDLES: u32 = 0x906;
    pub const YIELDED: u32 = 0x908;
    pub const TESTING: u32 = 0x90A;
    pub const NV_RATE: u32 = 0x920;
    pub const LOCKOUT: u32 = 0x921;
    pub const RETRY: u32 = 0x922;
}
