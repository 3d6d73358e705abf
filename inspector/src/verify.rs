//! The offline check of what a machine exported, for people and for programs.

use crate::{
    chain_word::{ChainWord, OnChain},
    ek_certificate::Level,
    error::Error,
    exported,
    gpu_challenges::{ChallengeAccount, Told},
    gpu_report::{self, GpuIdentity},
    judgement::{Judgement, Rules},
    remark::Remark,
    snapshots::{self, JobAccount},
};
use attest::record::{Body, GpuReport};
use evidence::{Bundle, Report};
use rustls_pki_types::UnixTime;
use serde::Serialize;
use std::{fmt, path::Path};

/// What was found.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// Whether this attestation key is known to live in the TPM of this machine: by the chain's word alone, for nothing in evidence shows it.
    pub identity_proven: bool,
    /// What whoever relies on the evidence has to know though nothing in it is wrong.
    pub remarks: Vec<Remark>,
    /// Anchors, quote and log.
    #[serde(flatten)]
    pub report: Report,
    /// What the EK certificate earns, where roots were given. It says what TPM has this endorsement key, not who signed the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ek_certificate: Option<Certified>,
    /// What the chain says of the machine, where its word was given and agrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<OnChain>,
    /// Jobs whose weights the log tells of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobAccount>,
    /// Challenges of the machine's GPUs, where the log tells of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenges: Option<ChallengeAccount>,
    /// What GPUs report about themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuIdentity>,
}

/// What an EK certificate earns its key.
#[derive(Debug, Serialize)]
pub struct Certified {
    /// The level.
    pub level: Level,
    /// Why no better.
    pub doubt: Option<String>,
}

/// What to hold evidence against.
#[derive(Debug, Default)]
pub struct Against<'a> {
    /// The exported log.
    pub log: Option<&'a Path>,
    /// The roots folder.
    pub roots: Option<&'a Path>,
    /// Whether an EK certificate of nobody known will do.
    pub allow_unverified: bool,
    /// The chain's word.
    pub machine: Option<&'a Path>,
}

/// Verifies evidence, with whatever there is to hold it against.
pub fn verify(bundle: &Path, against: &Against<'_>) -> Result<Verified, Error> {
    let rules = against.roots.map(Rules::load).transpose()?;
    let word = against.machine.map(ChainWord::read).transpose()?;
    let bundle = exported::bundle(bundle)?;
    let (mut told, mut reported, mut challenged) = (Vec::new(), Vec::new(), Told::default());
    let report = exported::check(&bundle, against.log, |record| {
        challenged.take(&record);
        match record.body {
            Body::GpuReport(report) => reported.push(report),
            _ => told.extend(snapshots::Entry::of(record)),
        }
    })?;
    let certified = rules.map(|rules| certified(&bundle, &rules, against.allow_unverified)).transpose()?;
    let chain = word.map(|word| word.agrees(&bundle, &report)).transpose()?;
    let jobs = snapshots::account(&bundle.machine(), &told, None);
    let challenges = challenged.account(&bundle.machine(), None);
    let gpus = gpus(&bundle, against.roots, against.log.map(|_| reported.as_slice()))?;
    let level = certified.as_ref().map(|certified| certified.level);
    Ok(Verified {
        identity_proven: chain.is_some(),
        remarks: chain.as_ref().map_or_else(Vec::new, |chain| chain.remarks(level)),
        report,
        ek_certificate: certified,
        chain,
        jobs,
        challenges,
        gpus,
    })
}

/// `logged`: what the log tells of reports, where there is one.
fn gpus(
    bundle: &Bundle,
    roots: Option<&Path>,
    logged: Option<&[GpuReport]>,
) -> Result<Vec<GpuIdentity>, Error> {
    let Some(reports) = &bundle.gpu_reports else { return Ok(Vec::new()) };
    let roots = roots.map(gpu_report::roots).transpose()?;
    gpu_report::check(bundle, reports, roots.as_deref(), logged, UnixTime::now())
        .map_err(|(gpu, why)| Error::GpuReport(gpu, why))
}

fn certified(bundle: &Bundle, rules: &Rules, allow_unverified: bool) -> Result<Certified, Error> {
    match rules.judge(&bundle.ek_public, &bundle.ek_certificate, UnixTime::now()) {
        Judgement::Vote(level, None) => Ok(Certified { level, doubt: None }),
        Judgement::Vote(level, Some(doubt)) if allow_unverified => {
            Ok(Certified { level, doubt: Some(doubt.to_string()) })
        }
        Judgement::Vote(_, Some(doubt)) => Err(Error::Unverified(doubt)),
        Judgement::Refuse(why) => Err(Error::Refused(why)),
    }
}

impl Verified {
    fn verdict(&self) -> String {
        match &self.chain {
            Some(OnChain { block, level, .. }) => format!(
                "consistent; its key is the one that the chain bound to this machine's TPM ({level}), as it had it at block {block}, \
                 by whoever made the file of --machine"
            ),
            None => "consistent in itself; WHOSE it is, is NOT PROVEN".into(),
        }
    }

    fn certificate(&self) -> String {
        match &self.ek_certificate {
            None => "not checked: give --roots".into(),
            Some(Certified { level: Level::Unverified, doubt }) => {
                format!("unverified ({})", doubt.as_deref().unwrap_or("no reason given"))
            }
            Some(Certified { level, .. }) => {
                format!("{level}: genuine, and public: anybody can show it")
            }
        }
    }
}

fn reason(doubt: Option<&str>) -> String {
    doubt.map_or_else(String::new, |doubt| format!(" ({doubt})"))
}

fn binding(out: &mut fmt::Formatter<'_>, chain: Option<&OnChain>) -> fmt::Result {
    let Some(chain) = chain else {
        return writeln!(
            out,
            "key's home   not shown: whether this attestation key lives in that TPM, only the chain knows. Ask it:\n\
             \x20            matrixai machines show ID --json > machine.json, then --machine machine.json"
        );
    };
    let OnChain { level, standing, epoch, lapses, absent, log_lost, latest_counter, .. } = chain;
    let OnChain { anchors_shown, anchors_counted, anchors_after, .. } = chain;
    writeln!(out, "key's home   that TPM, by the chain's word: level {level}, {standing}, epoch {epoch}")?;
    writeln!(
        out,
        "on chain     the anchor of counter {latest_counter}, the chain's last of {anchors_counted}; the evidence shows {anchors_shown} up \
         to it, {anchors_after} after it"
    )?;
    writeln!(out, "absences     {lapses} lapses, {absent} blocks altogether")?;
    let lost = if *log_lost {
        "LOST ONCE: records of an earlier epoch, anchored ones too, cannot be shown"
    } else {
        "never declared lost"
    };
    writeln!(out, "earlier log  {lost}")
}

impl fmt::Display for Verified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        writeln!(out, "verdict      {}", self.verdict())?;
        self.remarks.iter().try_for_each(|remark| writeln!(out, "remark       {remark}"))?;
        let says = if self.identity_proven { "" } else { ", as the evidence says" };
        writeln!(out, "machine      {}{says}", report.machine)?;
        writeln!(out, "certificate  {}", self.certificate())?;
        binding(out, self.chain.as_ref())?;
        writeln!(out, "boot quote   {}", if report.quote { "verified" } else { "none in the evidence" })?;
        for GpuIdentity { gpu, driver, measurements, certified, doubt, .. } in &self.gpus {
            let whose =
                if *certified { "by a certified key" } else { "by a key that nobody known certifies" };
            writeln!(
                out,
                "GPU {gpu:<9}its report verified, {whose}{}; driver {driver}, {measurements} measurements, not compared. \
                 This check is untested on chips",
                reason(doubt.as_deref())
            )?;
        }
        match &report.log {
            Some(log) => writeln!(
                out,
                "log          {} records give every anchored root, and the checkpoint's; {} after the last anchor; {} tiles",
                log.size, log.after_last_anchor, log.tiles
            )?,
            None => writeln!(out, "log          not checked: give --log")?,
        }
        self.jobs.iter().try_for_each(|job| write!(out, "{job}"))?;
        self.challenges.iter().try_for_each(|told| write!(out, "{told}"))?;
        writeln!(out, "anchors      {} verified", report.anchors.len())?;
        if report.counts_not_shown > 0 {
            writeln!(
                out,
                "             {} counts between them without an anchor here",
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
