//! The learning rate of every step.

use super::{Decimal, TermsError};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// How the learning rate goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always the same.
    Constant {
        /// The rate.
        rate: Decimal,
    },
    /// Half a cosine from `rate` at the first step towards `last`.
    Cosine {
        /// At the first step.
        rate: Decimal,
        /// Where it would be after the last step.
        last: Decimal,
    },
}

impl Schedule {
    /// The rate of a step, counted from 0, of `steps` in all.
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        match self {
            Self::Constant { rate } => rate.value(),
            Self::Cosine { rate, last } => {
                let way = step as f64 / steps.max(1) as f64;
                last.value() + (rate.value() - last.value()) * 0.5 * (1.0 + libm::cos(PI * way))
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), TermsError> {
        let (Self::Constant { rate } | Self::Cosine { rate, .. }) = self;
        if rate.value() > 0.0 {
            return Ok(());
        }
        Err(TermsError::Value("schedule", "a learning rate above 0".into()))
    }
}
