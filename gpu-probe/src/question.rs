//! What is asked of a driver, and what it answers: in this process or in another.

use crate::{identity::NvmlView, nvml::Driver, report::GpuReport, window::Reading};
use attest::record::{Chip, ChipState};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A driver, or why there is none.
pub type Loaded = Result<Driver, ChipState>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    Chips,
    Identities,
    Sample,
    Reports([u8; 32]),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    Chips(Result<Vec<Chip>, ChipState>),
    Identities(Result<(String, Vec<NvmlView>), ChipState>),
    Sample(Vec<Option<Reading>>),
    Reports(Vec<Option<GpuReport>>),
    /// The wrapper panicked over what the library told.
    Nonsense,
}

impl Question {
    pub fn ask(self, driver: &mut Loaded) -> Answer {
        // What a panic leaves half done is of the sample that is lost.
        catch_unwind(AssertUnwindSafe(|| self.ask_trusting(driver))).unwrap_or(Answer::Nonsense)
    }

    fn ask_trusting(self, driver: &mut Loaded) -> Answer {
        let no = ChipState::clone;
        match self {
            Self::Chips => Answer::Chips(driver.as_ref().map(Driver::chips).map_err(no)),
            Self::Identities => Answer::Identities(driver.as_ref().map(Driver::identities).map_err(no)),
            Self::Sample => Answer::Sample(driver.as_mut().map(Driver::sample).unwrap_or_default()),
            Self::Reports(nonce) => {
                Answer::Reports(driver.as_ref().map(|driver| driver.reports(nonce)).unwrap_or_default())
            }
        }
    }
}
