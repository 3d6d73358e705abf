//! The anchor counter: an NV index that only ever grows, even if somebody undefines and redefines it.

use crate::{Tpm, TpmError, Transport, error::rc, nv::NvPublic, wire::Command};

/// NV index of the counter, in the owner's range.
pub const COUNTER_INDEX: u32 = 0x0180_0A11;

/// `NT_COUNTER | OWNERWRITE | AUTHWRITE | OWNERREAD | AUTHREAD | NO_DA` (Part 2, §13.4). Not ORDERLY: that would live in RAM.
const ATTRIBUTES: u32 = 0x0206_0016;
/// Set by the TPM at the first increment.
const WRITTEN: u32 = 0x2000_0000;
const SHA256: u16 = 0x000B;
pub(crate) const SIZE: u16 = 8;
/// `TPM_RH_OWNER` (Part 2, §7.4).
pub(crate) const OWNER: u32 = 0x4000_0001;

impl<T: Transport> Tpm<T> {
    /// Defines the counter if it is missing, and increments it once if that never happened: before, it can't be read.
    pub fn ensure_counter(&mut self) -> Result<(), TpmError> {
        self.scoped(|tpm| {
            let public = match tpm.nv_public(COUNTER_INDEX)? {
                Some(public) => public,
                None => tpm.define_counter()?,
            };
            if !is_counter(&public) {
                return Err(TpmError::ForeignCounter);
            }
            if public.attributes & WRITTEN == 0 { tpm.increment_counter() } else { Ok(()) }
        })
    }

    /// Adds one to the counter.
    pub fn increment_counter(&mut self) -> Result<(), TpmError> {
        self.scoped(|tpm| tpm.call(&Command::nv_increment(COUNTER_INDEX)?).map(drop).map_err(counter_error))
    }

    /// The counter's value.
    pub fn read_counter(&mut self) -> Result<u64, TpmError> {
        self.scoped(|tpm| {
            let contents = tpm.nv_read(COUNTER_INDEX, SIZE, 0).map_err(counter_error)?;
            contents.try_into().map(u64::from_be_bytes).map_err(|_| TpmError::ForeignCounter)
        })
    }

    fn define_counter(&mut self) -> Result<NvPublic, TpmError> {
        match self.call(&Command::nv_define(OWNER, COUNTER_INDEX, ATTRIBUTES, SIZE)?) {
            // Another program was faster.
            Err(error) if error.base() == Some(rc::NV_DEFINED) => {}
            defined => drop(defined.map_err(|error| error.when(&[rc::NV_SPACE], TpmError::NvFull))?),
        }
        self.nv_public(COUNTER_INDEX)?.ok_or(TpmError::NoCounter)
    }
}

fn is_counter(public: &NvPublic) -> bool {
    let NvPublic { name_alg, attributes, policy, size } = public;
    (*name_alg, attributes & !WRITTEN, *size) == (SHA256, ATTRIBUTES, SIZE) && policy.is_empty()
}

/// What a refusal to use the counter means.
pub(crate) fn counter_error(error: TpmError) -> TpmError {
    match error {
        TpmError::PasswordSet { .. } => TpmError::ForeignCounter,
        error => error.when(&[rc::HANDLE, rc::NV_UNINITIALIZED], TpmError::NoCounter),
    }
}
