//! The bundle's format: one JSON file, byte strings in lower-case hex.

use crate::{EvidenceError, file};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;

/// The format this crate writes; readers refuse others.
pub const VERSION: u32 = 1;

/// An anchor takes less than 1 KiB of the file, and a machine makes one an hour: room for fifteen years of them.
const LONGEST: u64 = 128 << 20;

/// Everything needed to check one machine's anchors without asking anyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`VERSION`].
    pub version: u32,
    /// Hash of the chain's first block.
    #[serde(with = "hex")]
    pub genesis: [u8; 32],
    /// `TPMT_PUBLIC` of the endorsement key.
    #[serde(with = "hex")]
    pub ek_public: Vec<u8>,
    /// DER, empty when the TPM has none. Others may leave it out then, or write `null`.
    #[serde(default, serialize_with = "hex::serialize", deserialize_with = "if_any")]
    pub ek_certificate: Vec<u8>,
    /// `TPMT_PUBLIC` of the attestation key.
    #[serde(with = "hex")]
    pub ak_public: Vec<u8>,
    /// The quote of the last boot, when there is one.
    pub quote: Option<Signed>,
    /// Anchors, oldest first.
    pub anchors: Vec<Signed>,
    /// What the GPUs report about themselves, where they do. Left out where there is none, so that older readers take the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_reports: Option<GpuReports>,
}

/// Reports of a machine's GPUs over one of its statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuReports {
    /// Hash of the block that the reports are younger than.
    #[serde(with = "hex")]
    pub block_hash: [u8; 32],
    /// Records in the log.
    pub size: u64,
    /// Root of the log at that size.
    #[serde(with = "hex")]
    pub root: [u8; 32],
    /// The device key.
    #[serde(with = "hex")]
    pub device_key: [u8; 32],
    /// The reports.
    pub reports: Vec<GpuReport>,
}

/// One GPU's report (confidential computing), as NVML gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuReport {
    /// The GPU's number.
    pub gpu: u16,
    /// SPDM 1.1: GET_MEASUREMENTS request and signed response.
    #[serde(with = "hex")]
    pub report: Vec<u8>,
    /// PEM, the certificate of the report's key first.
    #[serde(with = "hex")]
    pub certificates: Vec<u8>,
}

impl GpuReports {
    /// Whether they are over the statement that this attestation attests.
    pub fn are_of(&self, signed: &Signed) -> bool {
        (self.block_hash, self.size, self.root, self.device_key)
            == (signed.block_hash, signed.size, signed.root, signed.device_key)
    }
}

/// One TPM attestation and what its qualifyingData commits to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// Number of the block that the attestation is younger than.
    pub block_number: u64,
    /// That block's hash.
    #[serde(with = "hex")]
    pub block_hash: [u8; 32],
    /// Records in the log.
    pub size: u64,
    /// Root of the log at that size.
    #[serde(with = "hex")]
    pub root: [u8; 32],
    /// The device key that the attestation delegates.
    #[serde(with = "hex")]
    pub device_key: [u8; 32],
    /// `TPMS_ATTEST`.
    #[serde(with = "hex")]
    pub message: Vec<u8>,
    /// ECDSA P-256 over SHA-256 of the message, r‖s.
    #[serde(with = "hex")]
    pub signature: [u8; 64],
}

impl Bundle {
    /// Reads a bundle.
    pub fn read(file: &Path) -> Result<Self, EvidenceError> {
        let bytes = file::read(file, LONGEST)?;
        let bundle: Self = serde_json::from_slice(&bytes).map_err(EvidenceError::Malformed)?;
        if bundle.version != VERSION {
            return Err(EvidenceError::Version(bundle.version));
        }
        Ok(bundle)
    }

    /// Writes a bundle.
    pub fn write(&self, file: &Path) -> Result<(), EvidenceError> {
        let text = serde_json::to_vec_pretty(self).map_err(EvidenceError::Malformed)?;
        file::write(file, &text)
    }

    /// The machine's identifier.
    pub fn machine(&self) -> [u8; 32] {
        attest::machine_id(&self.ek_public)
    }

    /// What an attestation of this bundle must commit to.
    pub fn statement(&self, signed: &Signed) -> attest::Statement {
        attest::Statement {
            genesis: self.genesis,
            block: signed.block_hash,
            machine: self.machine(),
            size: signed.size,
            root: signed.root,
            device_key: signed.device_key,
        }
    }
}

fn if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    #[derive(Deserialize)]
    struct Hex(#[serde(with = "hex")] Vec<u8>);
    Ok(Option::<Hex>::deserialize(from)?.map_or_else(Vec::new, |Hex(bytes)| bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::{fs, fs::File, io::ErrorKind};

    fn bundle() -> Bundle {
        Bundle {
            version: VERSION,
            genesis: [1; 32],
            ek_public: vec![2],
            ek_certificate: Vec::new(),
            ak_public: vec![3],
            quote: None,
            anchors: Vec::new(),
            gpu_reports: None,
        }
    }

    /// What reading this text as evidence gives.
    fn read(text: &[u8]) -> Result<Bundle, EvidenceError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("evidence.json");
        fs::write(&file, text).unwrap();
        Bundle::read(&file)
    }

    #[test]
    fn no_certificate_may_be_said_in_three_ways() {
        let mut value = serde_json::to_value(bundle()).unwrap();
        assert_eq!(value["ek_certificate"], "");
        assert_eq!(read(value.to_string().as_bytes()).unwrap(), bundle());
        value["ek_certificate"] = Value::Null;
        assert_eq!(read(value.to_string().as_bytes()).unwrap(), bundle());
        value.as_object_mut().unwrap().remove("ek_certificate");
        assert_eq!(read(value.to_string().as_bytes()).unwrap(), bundle());
        value["ek_certificate"] = "3082".into();
        assert_eq!(read(value.to_string().as_bytes()).unwrap().ek_certificate, [0x30, 0x82]);
        value["ek_certificate"] = "none".into();
        assert!(matches!(read(value.to_string().as_bytes()), Err(EvidenceError::Malformed(_))));
    }

    #[test]
    fn newlines_without_an_end_are_refused_before_they_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("evidence.json");
        File::create(&file).unwrap().set_len(LONGEST + 1).unwrap();
        let refused = Bundle::read(&file);
        let too_large = |error: &std::io::Error| error.kind() == ErrorKind::FileTooLarge;
        assert!(
            matches!(&refused, Err(EvidenceError::Io(named, error)) if *named == file && too_large(error))
        );
    }
}
