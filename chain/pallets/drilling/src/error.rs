//! What the `drilling` crate refuses, under its own name on chain.

use crate::{Config, Error};
use drilling::{FraudError, SpecError, tree::TreeError};

impl<T: Config> From<SpecError> for Error<T> {
    fn from(error: SpecError) -> Self {
        match error {
            SpecError::Rows => Self::BadRows,
            SpecError::Inputs => Self::BadInputs,
            SpecError::Outputs => Self::BadOutputs,
            SpecError::Rescale => Self::BadRescale,
            SpecError::Items => Self::BadItems,
            SpecError::Narrow => Self::TooNarrow,
            SpecError::Spread { .. } => Self::BadSpread,
            SpecError::Room(_) => Self::TooMuchMemory,
        }
    }
}

impl<T: Config> From<FraudError> for Error<T> {
    fn from(error: FraudError) -> Self {
        match error {
            FraudError::Spec(error) => error.into(),
            FraudError::TooLong
            | FraudError::Truncated
            | FraudError::TrailingBytes
            | FraudError::Version
            | FraudError::OutOfRange => Self::MalformedProof,
            FraudError::Roots => Self::ProofOfAnotherResult,
            FraudError::Accumulator(_) => Self::ProofOfNoAccumulator,
            FraudError::Inputs(_) => Self::ProofOfOtherInputs,
            FraudError::Weights(_) => Self::ProofOfOtherWeights,
            FraudError::Network => Self::ProofOfAnotherNetwork,
            FraudError::Honest => Self::Honest,
        }
    }
}

impl<T: Config> From<TreeError> for Error<T> {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::OutOfRange => Self::NoSuchPlace,
            TreeError::TooShort | TreeError::TooLong => Self::AnswerOfWrongLength,
            TreeError::WrongRoot => Self::WrongAnswer,
        }
    }
}
