//! Opening a credential: the proof that both keys lie in one TPM (Part 1, §24).

use crate::{
    EkKind, KeyBlob, Tpm, TpmError, Transport,
    error::{base, rc},
    wire::Command,
};
use alloc::vec::Vec;

impl<T: Transport> Tpm<T> {
    /// Opens a credential made for this endorsement and attestation key and returns the secret in it. Both parts come without their
    /// size fields. [`TpmError::BadCredential`] if it is for others, or damaged.
    pub fn activate_credential(
        &mut self,
        ek: EkKind,
        ak: &KeyBlob,
        id_object: &[u8],
        encrypted_secret: &[u8],
    ) -> Result<Vec<u8>, TpmError> {
        self.scoped(|tpm| {
            let ek = tpm.ek(ek)?.handle;
            let ak = tpm.load_ak(ek, ak)?;
            let session = tpm.ek_session()?;
            let command = Command::activate_credential(ak, ek, session, id_object, encrypted_secret)
                .map_err(|_| TpmError::BadCredential)?;
            let reply = tpm.call(&command).map_err(|error| tpm.blame(error))?;
            let mut reader = reply.reader();
            let secret = reader.sized()?.into();
            reader.end()?;
            Ok(secret)
        })
    }

    /// Both parameters are the credential's: whatever the TPM holds against one, the credential is bad. Software TPMs over OpenSSL
    /// call a seed that doesn't decrypt a failure of their own; in a real one they would refuse everything from then on.
    fn blame(&mut self, error: TpmError) -> TpmError {
        let TpmError::Response { code, .. } = error else { return error };
        let parameter = code & rc::FORMAT_ONE != 0 && code & rc::PARAMETER != 0;
        let named = matches!(base(code), rc::VALUE | rc::SIZE | rc::INTEGRITY);
        if parameter || named || (code == rc::FAILURE && self.clock().is_ok()) {
            TpmError::BadCredential
        } else {
            error
        }
    }
}
