//! `matrixai-agent report --html FILE`: a machine's last days on one page, from its log on disk. Nothing on the page is fetched from anywhere.

mod chart;
mod digest;
mod draws;
mod page;

use crate::{
    clock::now_ms, config::Config, identity::Identity, log_command, output::Output, state_dir::StateDir,
};
use anyhow::{Context, Result, bail};
use attest::snapshot;
use digest::Digest;
use serde_json::json;
use std::{fs, path::Path};

const DAY_MS: u64 = 86_400_000;

/// Writes the page.
pub fn report(config: &Config, html: &Path, days: u32, output: Output) -> Result<()> {
    if days == 0 {
        bail!("a report covers one day at least: --days 1");
    }
    let state = StateDir::new(&config.state_dir);
    let identity = Identity::of(&state)?;
    let log = log_command::open(&state)?;
    if log.size() == 0 {
        bail!("the log is empty; let the agent run for a minute");
    }
    let now = now_ms();
    let digest = Digest::of(&log, now.saturating_sub(u64::from(days).saturating_mul(DAY_MS)), now)?;
    let names = config.job.iter().map(|job| (snapshot::job(&job.name), job.name.clone())).collect();
    let (size, root) = (log.size(), log.root());
    let about = page::About { identity: identity.as_ref(), size, root, now_ms: now, names };
    let page = page::page(&digest, &about);
    // Meant for others: it is as readable as any new file.
    fs::write(html, page).with_context(|| format!("cannot write {}", html.display()))?;
    let value = json!({
        "html": html.display().to_string(), "from_ms": digest.from_ms, "to_ms": digest.to_ms, "records": digest.records, "gaps": digest.gaps.count,
        "anchors": digest.anchors.count, "weights": digest.draws.digests(), "challenges": digest.draws.challenges.count, "replay": digest.replay(),
    });
    output.result(&value, || format!("{} records of {days} days, in {}", digest.records, html.display()))
}

#[cfg(test)]
mod tests;
