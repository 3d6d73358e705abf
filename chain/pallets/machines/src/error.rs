//! Evidence that is refused, under its own name on chain.

use crate::{Config, Error, Pallet, types::BlockRef};
use attest::verify::EvidenceError;
use codec::Encode;
use polkadot_sdk::frame_support::pallet_prelude::Get;
use polkadot_sdk::*;
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};

impl<T: Config> From<EvidenceError> for Error<T> {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Truncated => Self::Truncated,
            EvidenceError::TrailingBytes => Self::TrailingBytes,
            EvidenceError::Oversized => Self::Oversized,
            EvidenceError::NotTpmGenerated => Self::NotTpmGenerated,
            EvidenceError::WrongType => Self::WrongType,
            EvidenceError::WrongPcrSelection => Self::WrongPcrSelection,
            EvidenceError::WrongQualification => Self::WrongQualification,
            EvidenceError::AkNotRestricted => Self::AkNotRestricted,
            EvidenceError::WrongAkKind => Self::WrongAkKind,
            EvidenceError::WrongCounterIndex => Self::WrongCounterIndex,
            EvidenceError::WrongCounterContents => Self::WrongCounterContents,
            EvidenceError::CounterNotIncreased => Self::CounterNotIncreased,
            EvidenceError::ResetCountWentBack => Self::ResetCountWentBack,
            EvidenceError::LogShrunk => Self::LogShrunk,
            EvidenceError::LogRewritten(_) => Self::LogRewritten,
            EvidenceError::BadSignature => Self::BadSignature,
        }
    }
}

impl<T: Config> Error<T> {
    /// How a pool names it.
    pub(crate) fn invalid(self) -> TransactionValidityError {
        let number = self.encode().first().copied().unwrap_or(u8::MAX);
        InvalidTransaction::Custom(number).into()
    }
}

impl<T: Config> Pallet<T> {
    /// A block that an attestation may name: of this chain, and recent.
    pub(crate) fn check_block(block: &BlockRef) -> Result<(), Error<T>> {
        let age = Self::now().checked_sub(block.number).ok_or(Error::<T>::UnknownBlock)?;
        if age > T::Freshness::get() {
            return Err(Error::BlockTooOld);
        }
        let known = frame_system::Pallet::<T>::block_hash(Self::height(block.number));
        if known.0 != block.hash || block.hash == [0; 32] { Err(Error::UnknownBlock) } else { Ok(()) }
    }
}
