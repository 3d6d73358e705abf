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
use drilling::Library;
use light_client::{
    AccountId32, AtBlock,
    outbox::{Intent, Outbox},
};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio::time::Instant;
use trails::Trails;
use truth::Truths;

/// How long one look at all disputes waits for tasks that are being done: small ones are done by then, large ones at a later look.
const PATIENCE: Duration = Duration::from_secs(2);

/// What stands in the way of one dispute.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The answers could not be kept.
    #[error("{path}: {1}; check that this user may write there and that the disk is not full", path = .0.display())]
    Io(std::path::PathBuf, std::io::Error),
    /// The task could not be done again.
    #[error("the task cannot be done again: {0}")]
    Work(#[from] drilling::WorkError),
    /// The published data that the task runs over.
    #[error(transparent)]
    Data(#[from] drilling::LibraryError),
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

/// Looks after all disputes that this inspector is drawn for. It outlives light clients, so that what was computed is not computed again.
pub struct Auditor {
    truths: Truths,
    trails: Trails,
    /// What stands in the way of a dispute: said once, not at every block.
    stuck: BTreeMap<[u8; 32], String>,
}

impl Auditor {
    /// Opens what earlier runs have learnt; published data come from this library.
    pub fn open(folder: &Path, library: Library) -> Result<Self, AuditError> {
        Ok(Self { truths: Truths::new(library), trails: Trails::open(folder)?, stuck: BTreeMap::new() })
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
        self.stuck.retain(|task, _| open.contains(task));
        let until = Instant::now() + PATIENCE;
        for case in &cases {
            match self.look_at(case, me, until).await {
                // Its task is being done.
                Ok(None) => {}
                Ok(Some(calls)) => {
                    self.stuck.remove(&case.id);
                    for intent in calls.iter().map(Call::intent).filter(|intent| due(intent)) {
                        tracing::info!(task = hex::encode(case.id), what = intent.kind, "in a dispute");
                        outbox.enqueue(intent)?;
                    }
                }
                Err(error) => self.note_stuck(case, &error),
            }
        }
        Ok(())
    }

    /// A dispute that goes no further is looked at again at the next block: data may come. An inspector that cannot tell who is right does
    /// not clear anybody; it misses its duty.
    fn note_stuck(&mut self, case: &Case, error: &AuditError) {
        let why = error.to_string();
        if self.stuck.get(&case.id) != Some(&why) {
            let (task, source) = (hex::encode(case.id), &case.source);
            tracing::error!(task, why, source, "a dispute goes no further");
            self.stuck.insert(case.id, why);
        }
    }

    /// What follows in one dispute; none while its task is being done.
    async fn look_at(
        &mut self,
        case: &Case,
        me: &AccountId32,
        until: Instant,
    ) -> Result<Option<Vec<Call>>, AuditError> {
        for accused in &case.accused {
            self.trails.learn(case, accused, me)?;
        }
        loop {
            let Some(truth) = self.truths.of(&case.task, until).await? else { return Ok(None) };
            match plan::next(case, me, truth, &self.trails)? {
                plan::Next::Calls(calls) => return Ok(Some(calls)),
                plan::Next::Layers(layers) => self.truths.keep_layers(&case.task, layers),
            }
        }
    }
}
