//! The TPM as a whole.

use super::{Command, Encoded, password, plain, with};
use tpm2_protocol::{
    basic::TpmUint32,
    data::{TpmCap, TpmSu},
    frame::{
        TpmClearCommand, TpmDictionaryAttackLockResetCommand, TpmFlushContextCommand,
        TpmGetCapabilityCommand, TpmGetRandomCommand, TpmReadClockCommand, TpmShutdownCommand,
        TpmStartupCommand,
    },
};

impl Command {
    /// `TPM2_Startup` with `TPM_SU_CLEAR` (§9.3).
    pub fn startup() -> Encoded {
        plain(&TpmStartupCommand { handles: [], startup_type: TpmSu::Clear })
    }

    /// `TPM2_Shutdown` (§9.4).
    pub fn shutdown() -> Encoded {
        plain(&TpmShutdownCommand { handles: [], shutdown_type: TpmSu::Clear })
    }

    /// `TPM2_Clear` (§24.6).
    pub fn clear(hierarchy: u32) -> Encoded {
        with(&TpmClearCommand { handles: [hierarchy.into()] }, &[password()])
    }

    /// `TPM2_DictionaryAttackLockReset` (§25.2).
    pub fn reset_lockout(hierarchy: u32) -> Encoded {
        with(&TpmDictionaryAttackLockResetCommand { handles: [hierarchy.into()] }, &[password()])
    }

    /// `TPM2_FlushContext` (§28.4).
    pub fn flush_context(handle: u32) -> Encoded {
        plain(&TpmFlushContextCommand { handles: [], flush_handle: handle.into() })
    }

    /// `TPM2_GetCapability` of handles (§30.2).
    pub fn get_handles(first: u32, count: u32) -> Encoded {
        capability(TpmCap::Handles, first, count)
    }

    /// `TPM2_GetCapability` of properties (§30.2).
    pub fn get_properties(first: u32, count: u32) -> Encoded {
        capability(TpmCap::TpmProperties, first, count)
    }

    /// `TPM2_GetRandom` (§16.1).
    pub fn get_random(count: u16) -> Encoded {
        plain(&TpmGetRandomCommand { handles: [], bytes_requested: count.into() })
    }

    /// `TPM2_ReadClock` (§29.1).
    pub fn read_clock() -> Encoded {
        plain(&TpmReadClockCommand { handles: [] })
    }
}

fn capability(cap: TpmCap, first: u32, count: u32) -> Encoded {
    plain(&TpmGetCapabilityCommand {
        handles: [],
        cap,
        property: TpmUint32::from(first),
        property_count: TpmUint32::from(count),
    })
}
