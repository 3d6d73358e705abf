//! Keys that lie with the caller, and the attestation key among them.

use crate::{
    EkKind, Tpm, TpmError, Transport,
    error::rc,
    template,
    wire::{Command, Reply},
};
use alloc::vec::Vec;
use core::fmt;

/// A key, or a sealed secret, that only the TPM that made it can load. Its private part is encrypted by that TPM: whoever copies it
/// learns nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBlob {
    /// `TPMT_PUBLIC`.
    pub public: Vec<u8>,
    /// Contents of the `TPM2B_PRIVATE`.
    pub private: Vec<u8>,
}

impl fmt::Debug for KeyBlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyBlob").field("public", &self.public).finish_non_exhaustive()
    }
}

impl KeyBlob {
    /// From the beginning of what `TPM2_Create` returns: `TPM2B_PRIVATE`, `TPM2B_PUBLIC`.
    pub(crate) fn from_create(reply: &Reply) -> Result<Self, TpmError> {
        let mut reader = reply.reader();
        let private = reader.sized()?.into();
        Ok(Self { public: reader.sized()?.into(), private })
    }
}

impl<T: Transport> Tpm<T> {
    /// Makes an attestation key under the endorsement key: ECDSA P-256 with SHA-256, restricted, so that it signs nothing but what
    /// the TPM made itself. It lies in the endorsement hierarchy, whose attestations show reset counts unobscured.
    pub fn create_ak(&mut self, ek: EkKind) -> Result<KeyBlob, TpmError> {
        self.scoped(|tpm| {
            let ek = tpm.ek(ek)?;
            let session = tpm.ek_session()?;
            let reply = tpm.call(&Command::create(ek.handle, Some(session), &template::AK, &[])?)?;
            KeyBlob::from_create(&reply)
        })
    }

    /// Whether this TPM still loads the attestation key: [`TpmError::KeyNotOfThisTpm`] if it is another's, or if `TPM2_Clear` came
    /// between.
    pub fn check_ak(&mut self, ek: EkKind, ak: &KeyBlob) -> Result<(), TpmError> {
        self.with_ak(ek, ak, |_, _| Ok(()))
    }

    /// Runs `work` with the attestation key loaded, and nothing else.
    pub(crate) fn with_ak<R>(
        &mut self,
        ek: EkKind,
        ak: &KeyBlob,
        work: impl FnOnce(&mut Self, u32) -> Result<R, TpmError>,
    ) -> Result<R, TpmError> {
        self.scoped(|tpm| {
            let ek = tpm.ek(ek)?;
            let ak = tpm.load_ak(ek.handle, ak)?;
            tpm.flush_early(ek.handle);
            work(tpm, ak)
        })
    }

    /// Loads an attestation key under its endorsement key; within [`Tpm::scoped`].
    pub(crate) fn load_ak(&mut self, ek: u32, ak: &KeyBlob) -> Result<u32, TpmError> {
        let session = self.ek_session()?;
        self.load(ek, Some(session), ak)
    }

    /// Loads a blob; within [`Tpm::scoped`].
    pub(crate) fn load(
        &mut self,
        parent: u32,
        session: Option<u32>,
        blob: &KeyBlob,
    ) -> Result<u32, TpmError> {
        let command = Command::load(parent, session, &blob.public, &blob.private)?;
        let reply =
            self.call(&command).map_err(|error| error.when(&[rc::INTEGRITY], TpmError::KeyNotOfThisTpm))?;
        reply.made()
    }
}
