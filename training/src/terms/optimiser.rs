//! The optimisers that can be replayed, as PyTorch defines them.

use super::{Decimal, TermsError};
use serde::{Deserialize, Serialize};

/// One optimiser with its numbers. The learning rate is the schedule's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimiser {
    /// `g += decay·p; v = momentum·v + g; p −= rate·v`.
    Sgd {
        /// 0 for none.
        momentum: Decimal,
        /// Added to the gradient.
        weight_decay: Decimal,
    },
    /// Loshchilov and Hutter 2019, decoupled decay.
    Adamw {
        /// Of the first moment.
        beta1: Decimal,
        /// Of the second moment.
        beta2: Decimal,
        /// Added to the root of the second moment.
        epsilon: Decimal,
        /// Taken off the parameter, times the learning rate.
        weight_decay: Decimal,
    },
}

impl Optimiser {
    /// What the state of a parameter is called, in a checkpoint: `optimiser/<parameter>/<name>`.
    pub fn state(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum, .. } if momentum.value() == 0.0 => &[],
            Self::Sgd { .. } => &["momentum"],
            Self::Adamw { .. } => &["exp_avg", "exp_avg_sq"],
        }
    }

    pub(super) fn check(&self) -> Result<(), TermsError> {
        let (below_one, positive) = match self {
            Self::Sgd { momentum, .. } => (vec![momentum], None),
            Self::Adamw { beta1, beta2, epsilon, .. } => (vec![beta1, beta2], Some(epsilon)),
        };
        if below_one.iter().any(|value| value.value() >= 1.0) {
            return Err(TermsError::Value("optimiser", "momentum and betas are below 1".into()));
        }
        if positive.is_some_and(|epsilon| epsilon.value() == 0.0) {
            return Err(TermsError::Value("optimiser", "epsilon is above 0".into()));
        }
        Ok(())
    }
}
