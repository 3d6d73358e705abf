//! The host itself.

use crate::{Options, files};
use attest::{Hash, record::Text, sha256};

/// What a log's first record tells of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// The kernel's release; empty if unknown.
    pub kernel: Text,
    /// Logical processors.
    pub cpus: u16,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// SHA-256 of the operating system's machine-id, or of nothing if it has none.
    pub machine_id_digest: Hash,
    /// SHA-256 of the kernel's boot id, another after each boot.
    pub boot_id: Hash,
}

impl HostFacts {
    pub(crate) fn read(options: &Options) -> Self {
        let proc_ = &options.proc_;
        let stat = files::read(proc_.join("stat")).unwrap_or_default();
        let is_cpu = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
        let meminfo = files::read(proc_.join("meminfo")).unwrap_or_default();
        let digest = |text: Option<String>| sha256(&[text.unwrap_or_default().trim().as_bytes()]);
        Self {
            kernel: files::name(proc_.join("sys/kernel/osrelease")),
            cpus: u16::try_from(stat.lines().filter(is_cpu).count()).unwrap_or(u16::MAX),
            memory_mib: files::field(&meminfo, "MemTotal").unwrap_or(0) / 1024,
            machine_id_digest: digest(files::read(proc_.with_file_name("etc").join("machine-id"))),
            boot_id: digest(files::read(proc_.join("sys/kernel/random/boot_id"))),
        }
    }
}
