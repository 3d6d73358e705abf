//! Reports of GPUs about themselves (confidential computing), over the statement that the TPM quotes at a boot.
//!
//! Untested on chips: none that offers them was at hand. On a thread of its own that nobody waits for: a driver may never answer.

use crate::{files, recorder::Recorder};
use anyhow::{Context, Result};
use attest::{Statement, record, record::Body, sha256};
use evidence::{GpuReport, GpuReports};
use gpu_probe::{Options, Probe};
use std::{
    io,
    path::{Path, PathBuf},
    thread,
};

/// A report with its certificates is some KiB; there are dozens of GPUs.
const LARGEST: u64 = 64 << 20;

/// Asks all GPUs, keeps what they report in a file and its digests in the log; at once, in the background.
pub fn start(options: Options, statement: Statement, file: PathBuf, recorder: Recorder) -> io::Result<()> {
    let ask = move || {
        let reports = Probe::open(&options).gpu_reports(statement.gpu_nonce());
        if let Err(error) = keep(reports, &statement, &file, &recorder) {
            tracing::warn!("reports of GPUs are not kept: {error:#}");
        }
    };
    thread::Builder::new().name("gpu-report".into()).spawn(ask).map(drop)
}

/// The file first: the log tells only of what can be shown.
fn keep(
    reports: Vec<Option<gpu_probe::GpuReport>>,
    statement: &Statement,
    file: &Path,
    recorder: &Recorder,
) -> Result<()> {
    let number = |(gpu, report): (usize, Option<gpu_probe::GpuReport>)| {
        let gpu_probe::GpuReport { report, certificates } = report?;
        Some(GpuReport { gpu: u16::try_from(gpu).ok()?, report, certificates })
    };
    let reports: Vec<GpuReport> = reports.into_iter().enumerate().filter_map(number).collect();
    if reports.is_empty() {
        return Ok(());
    }
    let digests = reports.iter().map(|report| digest(report, statement)).map(Body::GpuReport).collect();
    let kept = GpuReports {
        block_hash: statement.block,
        size: statement.size,
        root: statement.root,
        device_key: statement.device_key,
        reports,
    };
    files::replace(file, &serde_json::to_vec_pretty(&kept)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    recorder.append(digests)?;
    Ok(())
}

fn digest(report: &GpuReport, statement: &Statement) -> record::GpuReport {
    record::GpuReport {
        gpu: report.gpu,
        nonce: statement.gpu_nonce(),
        report: sha256(&[&report.report]),
        certificates: sha256(&[&report.certificates]),
    }
}

/// The reports that were kept, if there are any.
pub fn load(file: &Path) -> Result<Option<GpuReports>> {
    let Some(bytes) = files::read(file, LARGEST)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).with_context(|| format!("{} is damaged", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use log_store::LogStore;
    use std::fs;

    #[test]
    fn what_is_kept_is_what_the_log_tells_of() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gpu-reports.json");
        let recorder = Recorder::new(LogStore::open(&dir.path().join("log")).unwrap(), 1);
        let statement = Statement {
            genesis: [1; 32],
            block: [2; 32],
            machine: [3; 32],
            size: 4,
            root: [5; 32],
            device_key: [6; 32],
        };
        keep(vec![None, None], &statement, &file, &recorder).unwrap();
        assert_eq!((load(&file).unwrap(), recorder.head().0), (None, 0), "nothing to tell");
        let report = gpu_probe::GpuReport { report: vec![7; 100], certificates: vec![8; 10] };
        keep(vec![None, Some(report)], &statement, &file, &recorder).unwrap();
        let kept = load(&file).unwrap().unwrap();
        assert_eq!((kept.block_hash, kept.device_key, kept.reports.len()), ([2; 32], [6; 32], 1));
        let body = recorder.look(|log| log.read(0).unwrap().body);
        let Body::GpuReport(told) = body else { panic!("{body:?}") };
        assert_eq!((told.gpu, told.nonce), (1, statement.gpu_nonce()));
        assert_eq!(told.report, sha256(&[&kept.reports[0].report]));
        assert_eq!(told.certificates, sha256(&[&kept.reports[0].certificates]));
        fs::write(&file, b"{").unwrap();
        assert!(load(&file).unwrap_err().to_string().contains("damaged"));
    }
}
