//! What a TPM says of itself.

use crate::{
    Tpm, TpmError, Transport,
    wire::{Command, Reply},
};
use alloc::{string::String, vec::Vec};

/// First of the fixed and of the variable properties (Part 2, §6.13).
const FIXED: u32 = 0x100;
const VARIABLE: u32 = 0x200;
/// As many as fit into any TPM's reply.
const MOST: u32 = 32;

/// `TPMS_TIME_INFO` (Part 2, §10.11.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockInfo {
    /// Milliseconds since the TPM got power.
    pub time: u64,
    /// Milliseconds of power since the TPM was cleared.
    pub clock: u64,
    /// Resets (power cycles) since the TPM was cleared.
    pub reset_count: u32,
    /// Restarts and resumes since the last reset.
    pub restart_count: u32,
    /// Whether `clock` never had this value before.
    pub safe: bool,
}

/// What `doctor` wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// The maker, four letters of the TCG's vendor registry.
    pub manufacturer: String,
    /// What the maker calls the part.
    pub vendor: String,
    /// Firmware version, as in attestations.
    pub firmware: u64,
    /// Whether the TPM refuses keys because of failed authorizations.
    pub in_lockout: bool,
    /// Failed authorizations that count at present.
    pub failed_tries: u32,
    /// How many lock the TPM.
    pub max_tries: u32,
    /// Seconds until one of them is forgiven.
    pub forgiven_after: u32,
    /// Whether the owner hierarchy has a password.
    pub owner_password: bool,
    /// Whether the endorsement hierarchy has a password.
    pub endorsement_password: bool,
    /// Whether the lockout hierarchy has a password.
    pub lockout_password: bool,
}

impl<T: Transport> Tpm<T> {
    /// The TPM's clock and counts of resets (`TPM2_ReadClock`).
    pub fn clock(&mut self) -> Result<ClockInfo, TpmError> {
        self.scoped(|tpm| {
            let reply = tpm.call(&Command::read_clock()?)?;
            let mut reader = reply.reader();
            let (time, clock) = (reader.u64()?, reader.u64()?);
            let (reset_count, restart_count, safe) = (reader.u32()?, reader.u32()?, reader.u8()? != 0);
            reader.end()?;
            Ok(ClockInfo { time, clock, reset_count, restart_count, safe })
        })
    }

    /// Maker, firmware, and the state of dictionary-attack protection (`TPM2_GetCapability`).
    pub fn properties(&mut self) -> Result<Properties, TpmError> {
        self.scoped(|tpm| {
            let fixed = Values::read(&tpm.call(&Command::get_properties(FIXED, MOST)?)?)?;
            let variable = Values::read(&tpm.call(&Command::get_properties(VARIABLE, MOST)?)?)?;
            let permanent = variable.get(0x200);
            Ok(Properties {
                manufacturer: fixed.text(&[0x105]),
                vendor: fixed.text(&[0x106, 0x107, 0x108, 0x109]),
                firmware: u64::from(fixed.get(0x10B)) << 32 | u64::from(fixed.get(0x10C)),
                in_lockout: permanent & 1 << 9 != 0,
                failed_tries: variable.get(0x20E),
                max_tries: variable.get(0x20F),
                forgiven_after: variable.get(0x210),
                owner_password: permanent & 1 != 0,
                endorsement_password: permanent & 1 << 1 != 0,
                lockout_password: permanent & 1 << 2 != 0,
            })
        })
    }
}

/// `TPML_TAGGED_TPM_PROPERTY` (Part 2, §10.8.2).
struct Values(Vec<(u32, u32)>);

impl Values {
    fn read(reply: &Reply) -> Result<Self, TpmError> {
        let mut reader = reply.reader();
        let (_more, _capability, count) = (reader.u8()?, reader.u32()?, reader.u32()?);
        let values =
            (0..count).map(|_| Ok((reader.u32()?, reader.u32()?))).collect::<Result<_, TpmError>>()?;
        reader.end()?;
        Ok(Self(values))
    }

    /// What a TPM leaves out is nought.
    fn get(&self, property: u32) -> u32 {
        self.0.iter().find(|(tag, _)| *tag == property).map_or(0, |(_, value)| *value)
    }

    /// Text in fours of letters.
    fn text(&self, properties: &[u32]) -> String {
        let bytes: Vec<u8> =
            properties.iter().flat_map(|property| self.get(*property).to_be_bytes()).collect();
        let printable = bytes.into_iter().filter(|byte| matches!(byte, b' '..=b'~')).map(char::from);
        printable.collect::<String>().trim().into()
    }
}
