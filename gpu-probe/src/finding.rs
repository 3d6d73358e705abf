//! What a check found: evidence for a log, with a reason. Nothing here judges a machine.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The UUID that CUDA tells is one that NVML tells.
    Uuid,
    /// CUDA and NVML see it at one PCI address.
    PciAddress,
    /// Both give it one name.
    Name,
    /// Both give it the same memory.
    MemorySize,
    /// NVML's cores are whole multiprocessors of CUDA's.
    Multiprocessors,
    /// Both give its memory's bus one width.
    BusWidth,
    /// The kernel's driver is the one that NVML tells.
    KernelDriver,
    /// The kernel's driver has this GPU at this address.
    KernelGpu,
    /// The PCI bus has NVIDIA's device there.
    PciDevice,
    /// Nothing is mounted over the driver's files.
    Mounts,
    /// Nothing is loaded ahead of all libraries.
    Preload,
    /// The driver's libraries come from where they belong.
    Libraries,
    /// Digests of the driver's files.
    Digests,
    /// Energy used fits the operations done.
    Energy,
    /// The memory challenge's result, and its time.
    Memory,
    /// Ratios of measured speeds are those of the chip that it says it is.
    Fingerprint,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it is on an honest machine.
    Consistent,
    /// As it hardly is on an honest machine.
    Suspicious,
    /// Nothing is known to compare with, such as for a new driver or chip. It says nothing against the machine.
    Unknown,
    /// The check could not be done.
    Failed,
}

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
