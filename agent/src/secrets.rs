//! What only the TPM can give: the machine's identity, its attestation key, and the device key, sealed to the boot state.

use crate::{
    identity::{Device, Endorsement, Identity, Wrapped},
    tpm_worker::TpmWorker,
};
use attest::Hash;
use light_client::Key;
use rand::{RngCore, rngs::OsRng};
use tpm::{EkKind, Tpm, TpmError, transport::Transport};
use zeroize::Zeroizing;

/// The device key in memory, and how it came there.
#[derive(Debug)]
pub enum Opened {
    /// The TPM unsealed the one it was given.
    Known(Key),
    /// The boot state is another one: a new key, which somebody has to be told of.
    New(Key, Device),
}

/// A new machine's identity: endorsement key, attestation key, counter, device key.
pub fn create<T: Transport>(tpm: &mut Tpm<T>, pcrs: &[u8]) -> Result<(Identity, Key), TpmError> {
    let endorsement = Endorsement::Rsa;
    let ek = tpm.identity(endorsement.into())?;
    let ak = create_ak(tpm, endorsement)?;
    let (key, device) = create_device(tpm, pcrs)?;
    let certificate = ek.certificate.unwrap_or_default();
    Ok((Identity::new(endorsement, ek.public, certificate, ak, device), key))
}

/// A new attestation key, and the counter that it certifies.
pub fn create_ak<T: Transport>(tpm: &mut Tpm<T>, endorsement: Endorsement) -> Result<Wrapped, TpmError> {
    tpm.ensure_counter()?;
    Ok(tpm.create_ak(endorsement.into())?.into())
}

/// A new device key.
pub fn create_device<T: Transport>(tpm: &mut Tpm<T>, pcrs: &[u8]) -> Result<(Key, Device), TpmError> {
    let mut seed = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(seed.as_mut());
    let key = Key::ed25519(&seed);
    let sealed = tpm.seal(seed.as_ref(), pcrs)?.into();
    let device = Device { public: key.public(), sealed, pcrs: pcrs.to_vec() };
    Ok((key, device))
}

/// Why a TPM does not give this identity.
#[derive(Debug, thiserror::Error)]
pub enum Stranger {
    /// Another TPM: a disk that was moved, a machine that was cloned.
    #[error("this state folder belongs to another machine: its TPM has another endorsement key")]
    OtherMachine,
    /// The TPM was cleared: its old keys are gone.
    #[error("the TPM was cleared, and with it this machine's attestation key")]
    Cleared,
    /// Anything else.
    #[error("TPM: {0}")]
    Tpm(#[from] TpmError),
}

impl Stranger {
    /// Whether no waiting mends it.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::OtherMachine | Self::Cleared)
    }
}

/// Whether this is the machine's TPM, with its attestation key alive.
pub fn recognise<T: Transport>(tpm: &mut Tpm<T>, identity: &Identity) -> Result<(), Stranger> {
    let kind = EkKind::from(identity.endorsement);
    if tpm.identity(kind)?.public != identity.ek_public {
        return Err(Stranger::OtherMachine);
    }
    match tpm.check_ak(kind, &identity.ak.blob()) {
        Err(TpmError::KeyNotOfThisTpm) => return Err(Stranger::Cleared),
        result => result?,
    };
    tpm.ensure_counter()?;
    Ok(())
}

/// The same, on the TPM's own thread.
pub async fn recognised(tpm: &TpmWorker, identity: Identity) -> Result<(), Stranger> {
    let known = tpm.run(move |tpm| match recognise(tpm, &identity) {
        Err(Stranger::Tpm(error)) => Err(error),
        other => Ok(other),
    });
    known.await?
}

/// Unseals the device key, or makes a new one where the boot state (or the choice of PCRs) has changed.
pub fn open_device<T: Transport>(tpm: &mut Tpm<T>, device: &Device, pcrs: &[u8]) -> Result<Opened, TpmError> {
    if device.pcrs == pcrs {
        match tpm.unseal(&device.sealed.blob(), pcrs) {
            Ok(seed) => {
                let seed = Zeroizing::new(seed);
                let key = <&[u8; 32]>::try_from(&seed[..]).map(Key::ed25519);
                if let Some(key) = key.ok().filter(|key| key.public() == device.public) {
                    return Ok(Opened::Known(key));
                }
                tracing::warn!("the sealed device key is not the one on record; making a new one");
            }
            Err(TpmError::PcrsChanged) => {
                tracing::warn!("the boot state has changed; making a new device key")
            }
            Err(error) => return Err(error),
        }
    }
    let (key, device) = create_device(tpm, pcrs)?;
    Ok(Opened::New(key, device))
}

/// SHA-256 over the PCRs, as a quote has it.
pub fn pcr_digest<T: Transport>(tpm: &mut Tpm<T>, pcrs: &[u8]) -> Result<Hash, TpmError> {
    Ok(attest::sha256(&[tpm.read_pcrs(pcrs)?.as_flattened()]))
}

/// Bitmap of PCRs, PCR 0 in the lowest bit.
pub fn selection(pcrs: &[u8]) -> u32 {
    pcrs.iter().fold(0, |bits, pcr| bits | 1u32.checked_shl((*pcr).into()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_a_bitmap() {
        assert_eq!(selection(&[0, 2, 4, 7]), 0b1001_0101);
        assert_eq!(selection(&[]), 0);
    }
}
