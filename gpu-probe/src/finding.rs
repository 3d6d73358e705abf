//! What a check found: evidence for a log, with a reason. Nothing here judges a machine.

use attest::record::{self, text};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use attest::record::{Check, Verdict};

/// The highest score.
pub const MOST: u16 = 1000;

/// One check's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// What came of it.
    pub verdict: Verdict,
    /// How much it speaks against the machine's being what it says: 0 nothing, 1000 no honest machine does this. What is unknown has 0.
    pub score: u16,
    /// Why, for people.
    pub reason: String,
}

impl Finding {
    /// All is as it should be.
    pub fn consistent(check: Check, reason: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Consistent, score: 0, reason: reason.into() }
    }

    /// Something is wrong; `score` of at most 1000 says how much.
    pub fn suspicious(check: Check, score: u16, reason: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Suspicious, score: score.min(MOST), reason: reason.into() }
    }

    /// There is nothing to compare with.
    pub fn unknown(check: Check, reason: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Unknown, score: 0, reason: reason.into() }
    }

    /// It could not be done.
    pub fn failed(check: Check, reason: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Failed, score: 0, reason: reason.into() }
    }
}

impl Finding {
    /// As the log keeps it; `gpu` is the GPU's number. Reasons are cut to what a record holds.
    pub fn record(&self, gpu: u16) -> record::Finding {
        let Self { check, verdict, score, reason } = self;
        record::Finding {
            gpu,
            check: *check,
            verdict: *verdict,
            score: *score,
            challenge: None,
            reason: text(reason),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, verdict, score, reason } = self;
        write!(f, "{verdict:?} {score:>4} {check:?}: {reason}")
    }
}

/// All that was found about one GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The GPU's UUID as CUDA tells it.
    pub gpu: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The highest score among them.
    pub fn worst(&self) -> u16 {
        self.findings.iter().map(|finding| finding.score).max().unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} of {MOST}", self.gpu, self.worst())?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "  {finding}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_well_and_comes_back_from_json() {
        let findings = vec![
            Finding::consistent(Check::Uuid, "one UUID"),
            Finding::suspicious(Check::Mounts, 4000, "tmpfs over libcuda"),
            Finding::unknown(Check::Digests, "a driver nobody has listed"),
        ];
        let report = Report { gpu: "GPU-1".into(), findings };
        assert_eq!(report.worst(), 1000);
        assert!(report.to_string().contains("Suspicious 1000 Mounts: tmpfs over libcuda"));
        let json = serde_json::to_string(&report).unwrap();
        assert!(json.contains(r#"{"check":"uuid","verdict":"consistent","score":0"#), "{json}");
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}
