//! The last boot's quote, as it is kept for exports.

use crate::{agent::Agent, failure::Failure, files, hex32::Hex32};
use anyhow::{Context, Result};
use attest::Statement;
use evidence::Signed;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tpm::{Attestation, TpmError};

/// A quote is some hundred bytes.
const LARGEST: u64 = 1 << 20;

/// A quote, and which boot and attestation key it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptQuote {
    /// Name of the attestation key.
    pub ak: String,
    /// The boot.
    pub boot: Hex32,
    /// The quote.
    pub signed: Signed,
}

impl KeptQuote {
    /// Reads the quote, if one was kept.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        let Some(bytes) = files::read(path, LARGEST)? else { return Ok(None) };
        let kept = serde_json::from_slice(&bytes).with_context(|| {
            format!("{} is damaged; move it away, and the agent's next start quotes anew", path.display())
        });
        Ok(Some(kept.map_err(Failure::Damaged)?))
    }

    /// Keeps the quote in place of the one before.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        files::replace(path, &text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Quotes the configured PCRs over a statement.
pub async fn take(agent: &Agent, statement: &Statement) -> Result<Attestation, TpmError> {
    let kind = agent.keeper.endorsement.into();
    let (ak, pcrs) = (agent.keeper.ak.blob(), agent.config.pcrs.clone());
    let qualification = statement.qualification();
    agent.tpm.run(move |tpm| tpm.quote(kind, &ak, &qualification, &pcrs)).await
}
