//! A GPU's report about itself (confidential computing): who it is and what firmware it runs, signed by a key in the chip.
//!
//! The bytes are handed on as they are; whoever doubts them checks them. Untested on chips: none was at hand.

use serde::{Deserialize, Serialize};

/// What NVML has room for: a report, and the certificates of its key.
pub const MAX_REPORT: usize = 8192;
/// See [`MAX_REPORT`].
pub const MAX_CERTIFICATES: usize = 5120;

/// One GPU's report, and the certificates that stand behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuReport {
    /// SPDM 1.1: a GET_MEASUREMENTS request with the nonce, and the signed response.
    pub report: Vec<u8>,
    /// The chain of certificates, PEM, the key's own first.
    pub certificates: Vec<u8>,
}

impl GpuReport {
    /// One that can be one; what is empty or too long is none.
    pub fn new(report: Vec<u8>, certificates: Vec<u8>) -> Option<Self> {
        let possible = |bytes: &[u8], most| !bytes.is_empty() && bytes.len() <= most;
        let both = possible(&report, MAX_REPORT) && possible(&certificates, MAX_CERTIFICATES);
        both.then_some(Self { report, certificates })
    }
}
