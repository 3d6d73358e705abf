//! What an order fixes before training begins, so that a trainer has nothing left to choose.
//!
//! Zhang (2022) and Fang (2023) showed that whoever may choose hyperparameters or data can make a proof of a training that never was.
//! Here the order chooses: graph, data, optimiser, learning rate, batches, seeds. The seeds come of the chain's randomness, drawn after
//! the order was placed.

mod architecture;
mod batches;
mod data;
mod decimal;
mod init;
mod optimiser;
mod parameter;
mod schedule;

pub use architecture::{Architecture, Layer};
pub use batches::Batches;
pub use data::{BLOCK, DataCommitment, DataError, Dataset};
pub use decimal::Decimal;
pub use init::{Mixture, initial};
pub use optimiser::Optimiser;
pub use parameter::{Init, Parameter};
pub use schedule::Schedule;

use crate::digest::Digest;
use serde::{Deserialize, Serialize};

/// The format that this crate reads and writes.
pub const FORMAT: &str = "matrixai-training-terms/1";
/// The most training steps.
pub const MAX_STEPS: u64 = 10_000_000;

/// Why terms were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// Not JSON of this format.
    #[error("{0}")]
    Malformed(String),
    /// Another version.
    #[error("the format is {0:?}; this program reads {FORMAT:?}")]
    Format(String),
    /// The same content in other bytes.
    #[error("not in canonical form")]
    NotCanonical,
    /// A value that makes no training.
    #[error("{0}: {1}")]
    Value(&'static str, String),
    /// Layers that do not fit one another.
    #[error("layer {0}: {1}")]
    Layer(String, String),
}

/// The terms of one training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The layers, where all are on the closed list of what can be replayed; the graph is then made from them.
    pub architecture: Option<Architecture>,
    /// Samples in a step.
    pub batch: u64,
    /// A checkpoint after so many steps, beside the one at the end of each epoch; 0 for those alone.
    pub checkpoint_every: u64,
    /// Classes that the model tells apart.
    pub classes: u64,
    /// The data to train on.
    pub data: DataCommitment,
    /// Passes over the data.
    pub epochs: u64,
    /// FLOP of the whole training: three times a forward pass for each sample, counted from the graph. Decimal digits.
    pub flop: String,
    /// [`FORMAT`].
    pub format: String,
    /// SHA-256 of the graph (ONNX).
    pub graph: Digest,
    /// Shape of one sample.
    pub input: Vec<usize>,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// The order's name.
    pub order: String,
    /// The chain's randomness, drawn after the order was placed.
    pub randomness: Digest,
    /// The learning rate.
    pub schedule: Schedule,
    /// The data that accuracy is measured on; the trainer need not have it.
    pub validation: DataCommitment,
}

impl Terms {
    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, TermsError> {
        serde_json::to_vec(self).map_err(|error| TermsError::Malformed(error.to_string()))
    }

    /// From bytes that must be canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, TermsError> {
        #[derive(Deserialize)]
        struct Version {
            format: String,
        }
        let malformed = |error: serde_json::Error| TermsError::Malformed(error.to_string());
        let Version { format } = serde_json::from_slice(bytes).map_err(malformed)?;
        if format != FORMAT {
            return Err(TermsError::Format(format));
        }
        let terms: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        if terms.encode()? != bytes {
            return Err(TermsError::NotCanonical);
        }
        terms.check()?;
        Ok(terms)
    }

    /// SHA-256 of the canonical bytes: what an order names.
    pub fn digest(&self) -> Result<Digest, TermsError> {
        Ok(Digest::of(&[&self.encode()?]))
    }

    /// Steps in an epoch: samples that fill no batch are left out, for BatchNorm's sake.
    pub const fn steps_per_epoch(&self) -> u64 {
        match self.data.samples.checked_div(self.batch) {
            Some(steps) => steps,
            None => 0,
        }
    }

    /// Steps in all.
    pub const fn steps(&self) -> u64 {
        self.steps_per_epoch().saturating_mul(self.epochs)
    }

    /// Whether the terms ask for a checkpoint after this step.
    pub const fn is_checkpoint(&self, step: u64) -> bool {
        step.is_multiple_of(self.steps_per_epoch())
            || (self.checkpoint_every > 0 && step.is_multiple_of(self.checkpoint_every))
    }

    /// Steps between checkpoints, at most.
    pub fn longest_interval(&self) -> u64 {
        let epoch = self.steps_per_epoch();
        if self.checkpoint_every == 0 { epoch } else { epoch.min(self.checkpoint_every) }
    }

    /// The batches of the whole training.
    pub fn batches(&self) -> Batches {
        Batches::new(&self.randomness, self.data.samples, self.batch)
    }

    /// Whether the values make a training.
    pub fn check(&self) -> Result<(), TermsError> {
        let value = |name, text: &str| Err(TermsError::Value(name, text.into()));
        if self.batch == 0 || self.batch > self.data.samples {
            return value("batch", "between 1 and the number of samples");
        }
        if self.epochs == 0 || self.steps() > MAX_STEPS {
            return value("epochs", "at least one, and at most 10,000,000 steps in all");
        }
        if self.classes < 2 || self.classes > 1 << 20 {
            return value("classes", "between 2 and 1,048,576");
        }
        let elements = self.input.iter().try_fold(1usize, |all, &one| all.checked_mul(one));
        if self.input.len() > 4 || elements.is_none_or(|all| all == 0 || all > 1 << 26) {
            return value("input", "up to four dimensions, 67,108,864 values in all");
        }
        if self.validation.samples < 2 {
            return value("validation", "at least two samples");
        }
        if self.flop.parse::<u128>().map(|flop| flop.to_string()).as_ref() != Ok(&self.flop) {
            return value("flop", "decimal digits");
        }
        self.optimiser.check()?;
        self.schedule.check()?;
        if let Some(architecture) = &self.architecture {
            let plan = crate::engine::Plan::new(&self.input, architecture)?;
            if plan.outputs() as u64 != self.classes {
                return value("classes", "as many as the last layer has outputs");
            }
        }
        Ok(())
    }
}
