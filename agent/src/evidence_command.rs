//! `matrixai-agent evidence export`: what somebody who doubts this machine needs.

use crate::{
    config::Config,
    gpu_report,
    known::{self, Known},
    output::{Output, count},
    quote::KeptQuote,
    state_dir::StateDir,
};
use anyhow::{Context, Result, bail};
use evidence::{Bundle, GpuReports, VERSION};
use serde_json::json;
use std::{fs, path::Path};

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// `evidence.json`, for `matrixai-inspector verify`
    Bundle,
    /// `ak.pem quote.msg quote.sig qualification.hex`, for `tpm2_checkquote`
    Tpm2Tools,
}

/// Writes the evidence to a folder.
pub fn export(config: &Config, format: Format, out: &Path, output: Output) -> Result<()> {
    let state = StateDir::new(&config.state_dir);
    let (bundle, lacking) = bundle(&state)?;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    match format {
        Format::Bundle => bundle.write(&out.join("evidence.json"))?,
        Format::Tpm2Tools => evidence::tpm2_tools::export(&bundle, out)?,
    }
    let value = json!({
        "out": out.display().to_string(), "machine": hex::encode(bundle.machine()), "anchors": bundle.anchors.len(),
        "quote": bundle.quote.is_some(), "lost_attestations": lacking,
        "gpu_reports": bundle.gpu_reports.as_ref().map_or(0, |reports| reports.reports.len()),
    });
    if let Some(lacking) = &lacking {
        tracing::warn!("{lacking}");
    }
    output.result(&value, || match format {
        Format::Bundle => format!(
            "{} and {} boot quote written to {dir}/evidence.json\n\
             check it: matrixai-inspector verify --evidence {dir}/evidence.json --log DIR (of `log export`) \
             --machine FILE (of `matrixai machines show ID --json`: the chain alone knows whose key it is)",
            count(bundle.anchors.len() as u64, "anchor"),
            if bundle.quote.is_some() { "a" } else { "no" },
            dir = out.display()
        ),
        Format::Tpm2Tools => format!(
            "written to {dir}\ncheck it: cd {dir} && tpm2_checkquote -u ak.pem -m quote.msg -s quote.sig -g sha256 \
             -q $(cat qualification.hex)",
            dir = out.display()
        ),
    })
}

/// Anchors that are final and of the attestation key in use, and the last boot's quote if it is.
/// With it, what the log tells of attestations that are not there.
fn bundle(state: &StateDir) -> Result<(Bundle, Option<String>)> {
    let known = Known::read(state)?;
    let Some(identity) = known.identity.clone() else {
        bail!("there is no identity yet; start the agent first");
    };
    let genesis = identity.genesis.context(
        "this machine has not met its chain yet, so there is no evidence; run `matrixai-agent enroll` first",
    )?;
    let ak = identity.ak_name();
    // Attestations stand by themselves: a log that is damaged takes nothing from them.
    let log = known.open_log(state).ok();
    let lacking = log.and_then(|log| known::lost_attestations(&log, &known.journal));
    let journal = known.journal;
    let quote = KeptQuote::load(&state.quote())?.filter(|kept| kept.ak == ak).map(|kept| kept.signed);
    let of_quote = |reports: &GpuReports| quote.as_ref().is_some_and(|quote| reports.are_of(quote));
    let gpu_reports = gpu_report::load(&state.gpu_reports())?.filter(of_quote);
    let bundle = Bundle {
        version: VERSION,
        genesis: genesis.0,
        anchors: journal.finalised(&ak).map(|anchor| anchor.made.signed.clone()).collect(),
        ek_public: identity.ek_public,
        ek_certificate: identity.ek_certificate,
        ak_public: identity.ak.public,
        quote,
        gpu_reports,
    };
    Ok((bundle, lacking))
}
