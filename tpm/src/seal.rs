//! A secret that the TPM gives up only while PCRs have the values they had.

use crate::{
    KeyBlob, Tpm, TpmError, Transport,
    counter::OWNER,
    error::rc,
    pcr, template,
    wire::{Command, SessionKind},
};
use alloc::vec::Vec;

/// What every TPM can seal (Part 2, `MAX_SYM_DATA`).
const LONGEST: usize = 128;

impl<T: Transport> Tpm<T> {
    /// Seals a secret of up to 128 bytes to the present values of PCRs, under a storage key of the owner hierarchy. Failed attempts
    /// to open it don't lock the TPM.
    pub fn seal(&mut self, secret: &[u8], pcrs: &[u8]) -> Result<KeyBlob, TpmError> {
        let pcrs = pcr::bitmap(pcrs)?;
        if secret.is_empty() || secret.len() > LONGEST {
            return Err(TpmError::BadArgument("a secret that is empty or longer than 128 bytes"));
        }
        self.scoped(|tpm| {
            let policy = tpm.pcr_policy(pcrs)?;
            let parent = tpm.storage_key()?;
            let reply = tpm.call(&Command::create(parent, None, &template::sealed(&policy), secret)?)?;
            KeyBlob::from_create(&reply)
        })
    }

    /// Opens what [`Tpm::seal`] closed. The PCRs must be the same ones, with the same values: else [`TpmError::PcrsChanged`].
    ///
    /// The secret crosses the bus to the TPM in the clear: whoever can listen there learns it.
    pub fn unseal(&mut self, blob: &KeyBlob, pcrs: &[u8]) -> Result<Vec<u8>, TpmError> {
        let pcrs = pcr::bitmap(pcrs)?;
        self.scoped(|tpm| {
            let parent = tpm.storage_key()?;
            let object = tpm.load(parent, None, blob)?;
            let session = tpm.pcr_session(SessionKind::Policy, pcrs)?;
            let changed =
                |error: TpmError| error.when(&[rc::POLICY_FAIL, rc::PCR_CHANGED], TpmError::PcrsChanged);
            let reply = tpm.call(&Command::unseal(object, session)?).map_err(changed)?;
            let mut reader = reply.reader();
            let secret = reader.sized()?.into();
            reader.end()?;
            Ok(secret)
        })
    }

    /// The storage root key, made anew from the owner's seed: the same key until the TPM is cleared.
    fn storage_key(&mut self) -> Result<u32, TpmError> {
        self.call(&Command::create_primary(OWNER, &template::SRK)?)?.made()
    }

    fn pcr_policy(&mut self, pcrs: u32) -> Result<[u8; 32], TpmError> {
        self.scoped(|tpm| {
            let session = tpm.pcr_session(SessionKind::Trial, pcrs)?;
            let reply = tpm.call(&Command::policy_digest(session)?)?;
            let mut reader = reply.reader();
            reader.sized()?.try_into().map_err(|_| reader.malformed("a policy is not 32 bytes long"))
        })
    }

    fn pcr_session(&mut self, kind: SessionKind, pcrs: u32) -> Result<u32, TpmError> {
        let session = self.call(&Command::start_session(kind)?)?.made()?;
        self.call(&Command::policy_pcr(session, pcrs)?)?;
        Ok(session)
    }
}
