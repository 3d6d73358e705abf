//! Disputed tasks: the work is done again, whoever differs is asked down to the chunk that is wrong, and a fraud proof convicts.
//!
//! - `case.rs`: a dispute as the chain has it; `plan.rs`: what to do next in one
//! - `truth.rs`: the task done again; `trails.rs`: what each accused has answered so far
//! - `debt.rs`: the calls, as intents of the outbox

mod case;
mod debt;
mod plan;
mod trails;
mod truth;

pub use case::{Accused, Case, Chain};
pub use debt::Call;

use crate::chain;
use light_client::{
    AccountId32, AtBlock,
    outbox::{Intent, Outbox},
};
use std::path::Path;
use trails::Trails;
use truth::Truths;

/// What stands in the way of one dispute.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The answers could not be kept.
    #[error("{path}: {1}; check that this user may write there and that the disk is not full", path = .0.display())]
    Io(std::path::PathBuf, std::io::Error),
    /// The task could not be done again.
    #[error("the task cannot be done again: {0}")]
    Work(#[from] drilling::WorkError),
    /// An answer that the chain took does not fit.
    #[error("an answer that the chain took does not fit: {0}")]
    Tree(#[from] drilling::tree::TreeError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] light_client::Error),
    /// The work was cut off.
    #[error("the work was cut off")]
    CutOff,
}

/// Looks after all disputes that this inspector is drawn for.
pub struct Auditor {
    truths: Truths,
    trails: Trails,
}

impl Auditor {
    /// Opens what earlier runs have learnt.
    pub fn open(folder: &Path) -> Result<Self, AuditError> {
        Ok(Self { truths: Truths::default(), trails: Trails::open(folder)? })
    }

    /// One look at every dispute; what follows goes into the outbox where `due` lets it.
    pub async fn round(
        &mut self,
        at: &AtBlock,
        me: &AccountId32,
        outbox: &Outbox,
        due: impl Fn(&Intent) -> bool,
    ) -> Result<(), AuditError> {
        let cases = chain::disputes_of(at, me).await?;
        let open: Vec<[u8; 32]> = cases.iter().map(|case| case.id).collect();
        self.trails.retain(&open)?;
        self.truths.retain(&open);
        for case in &cases {
            match self.look_at(case, me).await {
                Ok(calls) => {
                    for intent in calls.iter().map(Call::intent).filter(|intent| due(intent)) {
                        tracing::info!(task = hex::encode(case.id), what = intent.kind, "in a dispute");
                        outbox.enqueue(intent)?;
                    }
                }
                Err(error) => {
                    tracing::error!(task = hex::encode(case.id), %error, "a dispute goes no further")
                }
            }
        }
        Ok(())
    }

    async fn look_at(&mut self, case: &Case, me: &AccountId32) -> Result<Vec<Call>, AuditError> {
        for accused in &case.accused {
            self.trails.learn(case, accused, me)?;
        }
        loop {
            let truth = self.truths.of(&case.task).await?;
            match plan::next(case, me, truth, &self.trails)? {
                plan::Next::Calls(calls) => return Ok(calls),
                plan::Next::Layers(layers) => self.truths.keep_layers(&case.task, layers),
            }
        }
    }
}
