//! The offline check: every signature, every statement, every counter, and the log under them.

use crate::{Bundle, EvidenceError, LogReport, Signed, log};
use attest::{
    Record,
    verify::{AkPublic, AnchorHead, RingCheck, verify_anchor, verify_quote},
};
use serde::Serialize;
use std::path::Path;

/// What was verified, for people and machines.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Hex of the machine's identifier.
    pub machine: String,
    /// Anchors in order, each verified.
    pub anchors: Vec<AnchorReport>,
    /// Whether a boot quote was there and verified.
    pub quote: bool,
    /// Counts of the TPM's counter between these anchors that none of them shows: attestations that the chain never took.
    pub counts_not_shown: u64,
    /// The exported log, hashed anew: it gave every anchored root and its own. None where no log was given.
    pub log: Option<LogReport>,
}

/// One verified anchor.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct AnchorReport {
    /// Height of the block that the anchor is younger than, as the machine says: the TPM signed its hash only.
    pub claimed_block: u64,
    /// Hex of that block's hash; the chain knows its height.
    pub block_hash: String,
    /// Records anchored.
    pub size: u64,
    /// Hex of the root.
    pub root: String,
    /// The TPM's counter.
    pub counter: u64,
    /// TPM resets at that time.
    pub resets: u32,
}

/// Verifies a bundle, and the log too when a folder with its export is given.
pub fn check(bundle: &Bundle, exported_log: Option<&Path>) -> Result<Report, EvidenceError> {
    check_reading(bundle, exported_log, |_| {})
}

/// As [`check`], and hands on every record of the log in order. They count only where this returns without an error: what is wrong with
/// the log may show at its end.
pub fn check_reading(
    bundle: &Bundle,
    exported_log: Option<&Path>,
    each: impl FnMut(Record),
) -> Result<Report, EvidenceError> {
    let ak = AkPublic::parse(&bundle.ak_public).map_err(EvidenceError::AttestationKey)?;
    if bundle.anchors.is_empty() {
        return Err(EvidenceError::NoAnchor);
    }
    let mut last: Option<AnchorHead> = None;
    let mut anchors = Vec::with_capacity(bundle.anchors.len());
    for (index, signed) in bundle.anchors.iter().enumerate() {
        let head = anchor(bundle, &ak, signed, last.as_ref())
            .map_err(|error| EvidenceError::Anchor(index, error))?;
        anchors.push(report(signed, &head));
        last = Some(head);
    }
    if let Some(quote) = &bundle.quote {
        verify_quote::<RingCheck>(&ak, &bundle.statement(quote), &quote.message, &quote.signature)
            .map_err(EvidenceError::Quote)?;
    }
    let log = exported_log.map(|folder| check_log(bundle, folder, each)).transpose()?;
    Ok(Report {
        machine: hex::encode(bundle.machine()),
        counts_not_shown: counts_not_shown(&anchors),
        anchors,
        quote: bundle.quote.is_some(),
        log,
    })
}

/// Consistency between neighbours is the log's business here: its roots are recomputed, which is stronger than a proof.
fn anchor(
    bundle: &Bundle,
    ak: &AkPublic,
    signed: &Signed,
    last: Option<&AnchorHead>,
) -> Result<AnchorHead, attest::verify::EvidenceError> {
    let head = verify_anchor::<RingCheck>(
        ak,
        &bundle.statement(signed),
        &signed.message,
        &signed.signature,
        None,
        &[],
    )?;
    if let Some(last) = last {
        head.follows(last)?;
    }
    Ok(head)
}

/// The log must be signed by a device key that the TPM delegated: in an anchor, or in the boot quote.
fn check_log(bundle: &Bundle, folder: &Path, each: impl FnMut(Record)) -> Result<LogReport, EvidenceError> {
    let mut devices: Vec<[u8; 32]> =
        bundle.quote.iter().chain(&bundle.anchors).map(|signed| signed.device_key).collect();
    devices.sort_unstable();
    devices.dedup();
    let anchored: Vec<_> = bundle.anchors.iter().map(|anchor| (anchor.size, anchor.root)).collect();
    log::check(folder, &bundle.machine(), &devices, &anchored, each)
}

fn counts_not_shown(anchors: &[AnchorReport]) -> u64 {
    let steps = anchors.iter().zip(anchors.iter().skip(1));
    steps.map(|(one, next)| next.counter.saturating_sub(one.counter).saturating_sub(1)).sum()
}

fn report(signed: &Signed, head: &AnchorHead) -> AnchorReport {
    AnchorReport {
        claimed_block: signed.block_number,
        block_hash: hex::encode(signed.block_hash),
        size: head.size,
        root: hex::encode(head.root),
        counter: head.counter,
        resets: head.reset_count,
    }
}
