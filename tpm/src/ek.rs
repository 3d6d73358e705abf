//! The endorsement key: from its persistent handle, else made anew from the TPM's seed, which gives the same key each time.

use crate::{
    Tpm, TpmError, Transport,
    error::rc,
    template,
    wire::{Command, SessionKind},
};
use alloc::vec::Vec;

/// `TPM_RH_ENDORSEMENT` (Part 2, §7.4).
const ENDORSEMENT: u32 = 0x4000_000B;
/// Where makers and operating systems keep an endorsement key (TCG Registry of Reserved Handles, §2.3).
const PERSISTENT: u32 = 0x8101_0001;

/// Which endorsement key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EkKind {
    /// RSA-2048, template L-1 of the TCG EK Credential Profile.
    Rsa2048,
    /// ECC P-256, template L-2.
    EccP256,
}

impl EkKind {
    /// Everything of the public area before its unique part.
    fn head(self) -> Vec<u8> {
        match self {
            Self::Rsa2048 => template::ek_rsa(),
            Self::EccP256 => template::ek_p256(),
        }
    }

    fn template(self) -> Vec<u8> {
        let unique = match self {
            Self::Rsa2048 => template::zeros(256),
            Self::EccP256 => [template::zeros(32), template::zeros(32)].concat(),
        };
        [self.head(), unique].concat()
    }

    /// NV index of the maker's certificate (TCG EK Credential Profile, §2.2.1.4).
    pub(crate) const fn certificate_index(self) -> u32 {
        match self {
            Self::Rsa2048 => 0x01C0_0002,
            Self::EccP256 => 0x01C0_000A,
        }
    }
}

/// A loaded endorsement key.
pub(crate) struct Ek {
    /// Its handle.
    pub handle: u32,
    /// Its `TPMT_PUBLIC`.
    pub public: Vec<u8>,
}

impl<T: Transport> Tpm<T> {
    /// The endorsement key, loaded; within [`Tpm::scoped`].
    pub(crate) fn ek(&mut self, kind: EkKind) -> Result<Ek, TpmError> {
        if let Some(ek) = self.persistent_ek(kind)? {
            return Ok(ek);
        }
        let reply = self.call(&Command::create_primary(ENDORSEMENT, &kind.template())?)?;
        Ok(Ek { handle: reply.made()?, public: reply.reader().sized()?.into() })
    }

    /// A session that authorizes one use of the endorsement key (TCG EK Credential Profile, policy A).
    pub(crate) fn ek_session(&mut self) -> Result<u32, TpmError> {
        let session = self.call(&Command::start_session(SessionKind::Policy)?)?.made()?;
        self.call(&Command::policy_secret(ENDORSEMENT, session)?)?;
        Ok(session)
    }

    fn persistent_ek(&mut self, kind: EkKind) -> Result<Option<Ek>, TpmError> {
        let reply = match self.call(&Command::read_public(PERSISTENT)?) {
            Err(error) if error.base() == Some(rc::HANDLE) => return Ok(None),
            reply => reply?,
        };
        let public = Vec::from(reply.reader().sized()?);
        Ok(public.starts_with(&kind.head()).then_some(Ek { handle: PERSISTENT, public }))
    }
}
