//! Waking the TPM, putting it to bed, and wiping it.

use crate::{Tpm, TpmError, Transport, error::rc, wire::Command};

/// `TPM_RH_LOCKOUT` (Part 2, §7.4).
const LOCKOUT: u32 = 0x4000_000A;

impl<T: Transport> Tpm<T> {
    /// `TPM2_Startup(CLEAR)`. Firmware usually was faster, which is fine.
    pub fn startup(&mut self) -> Result<(), TpmError> {
        self.scoped(|tpm| match tpm.call(&Command::startup()?) {
            Err(error) if error.base() == Some(rc::INITIALIZE) => Ok(()),
            outcome => outcome.map(drop),
        })
    }

    /// `TPM2_Shutdown(CLEAR)`: before the power goes, so that the TPM doesn't count it as an attack. The next command undoes it.
    /// Under an operating system its driver does this.
    pub fn shutdown(&mut self) -> Result<(), TpmError> {
        self.scoped(|tpm| tpm.call(&Command::shutdown()?).map(drop))
    }

    /// Ends a lockout ([`TpmError::Lockout`]) and forgives all failed authorizations (`TPM2_DictionaryAttackLockReset`).
    ///
    /// An attestation key is subject to dictionary-attack protection, and a power cut after its use counts as a failed attempt: a
    /// machine that loses power often enough locks its own TPM. The reset concerns every key of the TPM, so it is for the machine's
    /// owner to decide. It is not tried where the lockout hierarchy has a password, because a wrong one locks that as well.
    pub fn reset_lockout(&mut self) -> Result<(), TpmError> {
        self.scoped(|tpm| {
            let command = Command::reset_lockout(LOCKOUT)?;
            if tpm.properties()?.lockout_password {
                return Err(TpmError::PasswordSet { command: command.code });
            }
            tpm.call(&command).map(drop)
        })
    }

    /// `TPM2_Clear`: a new owner. Attestation keys, sealed secrets and the counter are gone; the endorsement key stays. Meant for
    /// tests: works only where the lockout hierarchy has no password.
    pub fn clear(&mut self) -> Result<(), TpmError> {
        self.scoped(|tpm| tpm.call(&Command::clear(LOCKOUT)?).map(drop))
    }
}
