//! The offline check: every signature, every statement, every counter, and the log under them.

use crate::{Bundle, EvidenceError, Signed, log};
use attest::verify::{AkPublic, AnchorHead, RingCheck, verify_anchor, verify_quote};
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
    /// Whether the exported log was hashed anew and gave every anchored root.
    pub log_checked: bool,
}

/// One verified anchor.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct AnchorReport {
    /// The block that the anchor is younger than.
    pub block: u64,
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
    if let Some(folder) = exported_log {
        check_log(bundle, folder)?;
    }
    Ok(Report {
        machine: hex::encode(bundle.machine()),
        anchors,
        quote: bundle.quote.is_some(),
        log_checked: exported_log.is_some(),
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

fn check_log(bundle: &Bundle, folder: &Path) -> Result<(), EvidenceError> {
    let sizes: Vec<u64> = bundle.anchors.iter().map(|anchor| anchor.size).collect();
    let roots = log::roots(folder, &sizes)?;
    for (index, (anchor, root)) in bundle.anchors.iter().zip(roots).enumerate() {
        if anchor.root != root {
            return Err(EvidenceError::LogDiffers(index));
        }
    }
    Ok(())
}

fn report(signed: &Signed, head: &AnchorHead) -> AnchorReport {
    AnchorReport {
        block: signed.block_number,
        size: head.size,
        root: hex::encode(head.root),
        counter: head.counter,
        resets: head.reset_count,
    }
}
