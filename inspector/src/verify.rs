//! The offline check of what a machine exported, for people and for programs.

use crate::{
    ek_certificate::Level,
    error::Error,
    gpu_report::{self, GpuIdentity},
    judgement::{Judgement, Rules},
};
use evidence::{Bundle, Report};
use rustls_pki_types::UnixTime;
use serde::Serialize;
use std::{fmt, path::Path};

/// What was found: the evidence's report, and the certificate's level where roots were given.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// Anchors, quote and log.
    #[serde(flatten)]
    pub report: Report,
    /// What the EK certificate earns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What GPUs report about themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuIdentity>,
}

/// What an EK certificate earns its machine.
#[derive(Debug, Serialize)]
pub struct Identity {
    /// The level, or none where an inspector would refuse the machine.
    pub level: Option<Level>,
    /// Why no better.
    pub doubt: Option<String>,
}

/// Verifies evidence, with the exported log and the roots folder where they are given.
pub fn verify(bundle: &Path, log: Option<&Path>, roots: Option<&Path>) -> Result<Verified, Error> {
    let bundle = Bundle::read(bundle)?;
    let report = evidence::check(&bundle, log)?;
    let identity = roots.map(|folder| identity(&bundle, folder)).transpose()?;
    let gpus = gpus(&bundle, roots, &report)?;
    Ok(Verified { report, identity, gpus })
}

fn gpus(bundle: &Bundle, roots: Option<&Path>, report: &Report) -> Result<Vec<GpuIdentity>, Error> {
    let Some(reports) = &bundle.gpu_reports else { return Ok(Vec::new()) };
    let roots = roots.map(gpu_report::roots).transpose()?;
    let logged = report.log.as_ref().map(|log| log.gpu_reports.as_slice());
    gpu_report::check(bundle, reports, roots.as_deref(), logged, UnixTime::now())
        .map_err(|(gpu, why)| Error::GpuReport(gpu, why))
}

fn identity(bundle: &Bundle, roots: &Path) -> Result<Identity, Error> {
    let judgement = Rules::load(roots)?.judge(&bundle.ek_public, &bundle.ek_certificate, UnixTime::now());
    Ok(match judgement {
        Judgement::Vote(level, doubt) => {
            Identity { level: Some(level), doubt: doubt.map(|doubt| doubt.to_string()) }
        }
        Judgement::Refuse(why) => Identity { level: None, doubt: Some(why.to_string()) },
    })
}

impl fmt::Display for Verified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        writeln!(out, "machine     {}", report.machine)?;
        match &self.identity {
            Some(identity) => {
                let level = identity.level.map_or_else(|| "refused".into(), |level| level.to_string());
                writeln!(out, "identity    {level}{}", reason(identity.doubt.as_deref()))?;
            }
            None => writeln!(out, "identity    not checked, so the TPM may be anything: give --roots")?,
        }
        writeln!(out, "boot quote  {}", if report.quote { "verified" } else { "none in the evidence" })?;
        for GpuIdentity { gpu, driver, measurements, certified, doubt, .. } in &self.gpus {
            let whose =
                if *certified { "by a certified key" } else { "by a key that nobody known certifies" };
            writeln!(
                out,
                "GPU {gpu:<8}its report verified, {whose}{}; driver {driver}, {measurements} measurements, not compared. \
                 This check is untested on chips",
                reason(doubt.as_deref())
            )?;
        }
        match &report.log {
            Some(log) => writeln!(
                out,
                "log         {} records give every anchored root, and the checkpoint's; {} after the last anchor; {} tiles",
                log.size, log.after_last_anchor, log.tiles
            )?,
            None => writeln!(out, "log         not checked: give --log")?,
        }
        writeln!(out, "anchors     {} verified", report.anchors.len())?;
        if report.counts_not_shown > 0 {
            writeln!(
                out,
                "            {} counts between them without an anchor here",
                report.counts_not_shown
            )?;
        }
        writeln!(out, "\n{:>10}  {:>8}  {:>10}  {:>6}  root", "block*", "counter", "size", "resets")?;
        for anchor in &report.anchors {
            writeln!(
                out,
                "{:>10}  {:>8}  {:>10}  {:>6}  {}",
                anchor.claimed_block, anchor.counter, anchor.size, anchor.resets, anchor.root
            )?;
        }
        writeln!(
            out,
            "\n* as the machine says: the TPM signed the block's hash. Whether an anchor is on chain, the chain tells."
        )
    }
}

fn reason(doubt: Option<&str>) -> String {
    doubt.map(|doubt| format!(" ({doubt})")).unwrap_or_default()
}
