//! Reports of GPUs about themselves (NVIDIA's confidential computing): does a key that NVIDIA certified sign one over this machine's log?
//!
//! A report is an SPDM 1.1 GET_MEASUREMENTS request and its response (DMTF DSP0274 1.1.1, §10.11), as `nvmlDeviceGetConfComputeGpuAttestationReport`
//! gives it: ECDSA P-384 over SHA-384 of everything before the signature. **Untested on chips**: reports and chains were made for the tests.
//! The measurements are not compared with the maker's reference values, and revocation is not looked up: both ask its servers.

use crate::ek_certificate::{RootsError, certificates};
use evidence::{Bundle, GpuReport, GpuReports};
use ring::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use rustls_pki_types::{CertificateDer, UnixTime, pem::PemObject};
use serde::Serialize;
use std::path::Path;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::{Certificate, der::Decode};

/// What NVML has room for.
const MAX_REPORT: usize = 8192;
const MAX_CERTIFICATES: usize = 5120;
/// A chain has five.
const MOST_CERTIFICATES: usize = 8;
/// r‖s of P-384.
const SIGNATURE: usize = 96;
/// Version, code, two parameters, nonce, slot.
const REQUEST: usize = 37;
const NONCE: usize = 32;

const SPDM_1_1: u8 = 0x11;
const GET_MEASUREMENTS: u8 = 0xE0;
const MEASUREMENTS: u8 = 0x60;
/// The only kind of measurement that SPDM 1.1 knows.
const DMTF: u8 = 1;
/// The driver's version among the opaque data.
const DRIVER_VERSION: u16 = 3;

/// tcg-dice-kp-attestLoc, 2.23.133.5.4.100.9: what a certificate that restricts its use must allow.
const PURPOSE_DER: &[u8] = &[0x67, 0x81, 0x05, 0x05, 0x04, 0x64, 0x09];

/// Why a report proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than NVML has room for.
    #[error("it is longer than NVML has room for")]
    Oversized,
    /// Ends before it should.
    #[error("it is truncated")]
    Truncated,
    /// More than its lengths say.
    #[error("it has bytes left over")]
    TrailingBytes,
    /// Another message.
    #[error("it is no GET_MEASUREMENTS of SPDM 1.1 with a signed response")]
    NotMeasurements,
    /// Measurements that are none.
    #[error("its measurement blocks make no sense")]
    BadBlock,
    /// For another statement.
    #[error("it is over another nonce than this statement's")]
    WrongNonce,
    /// Not by the key in its certificate.
    #[error("its signature is wrong")]
    BadSignature,
    /// Certificates that are none.
    #[error("its certificates do not parse: {0}")]
    Certificates(String),
    /// Over a log head that no attestation of the machine's TPM covers.
    #[error("it is over a statement that no attestation in this evidence covers")]
    NotAttested,
    /// The log does not tell of it.
    #[error("the log does not tell of it")]
    NotLogged,
}

/// What a report says, its signature aside.
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The requester's.
    pub nonce: &'a [u8; NONCE],
    /// Index and value, in order.
    pub measurements: Vec<(u8, &'a [u8])>,
    /// Type and value of the maker's own data, in order.
    pub opaque: Vec<(u16, &'a [u8])>,
    /// What is signed.
    pub signed: &'a [u8],
    /// r‖s.
    pub signature: &'a [u8; SIGNATURE],
}

/// A verified report, for people and machines.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct GpuIdentity {
    /// The GPU's number.
    pub gpu: u16,
    /// The driver's version, as the GPU says; empty if it does not.
    pub driver: String,
    /// Measurements in the report; they are not compared with anything.
    pub measurements: usize,
    /// Whether the key's certificates lead to a root in the folder.
    pub certified: bool,
    /// Why not.
    pub doubt: Option<String>,
    /// Whether the log tells of it; none where no log was given.
    pub logged: Option<bool>,
    /// That this check never met a chip.
    pub untested_on_chips: bool,
}

/// Verifies every report of a bundle. One that is wrong is refused, with its GPU; one whose certificates lead nowhere known is told as such.
pub fn check(
    bundle: &Bundle,
    reports: &GpuReports,
    roots: Option<&[CertificateDer<'_>]>,
    logged: Option<&[attest::record::GpuReport]>,
    now: UnixTime,
) -> Result<Vec<GpuIdentity>, (u16, Refusal)> {
    let attested = bundle.quote.iter().chain(&bundle.anchors).find(|signed| reports.are_of(signed));
    let nonce = attested.map(|signed| bundle.statement(signed).gpu_nonce());
    let one = |report: &GpuReport| {
        let nonce = nonce.as_ref().ok_or(Refusal::NotAttested)?;
        let (message, chain) = verify(&report.report, &report.certificates, nonce)?;
        let logged = logged.map(|told| is_logged(report, nonce, told)).transpose()?;
        let doubt = match roots {
            Some(roots) => certified(&chain, roots, now).err(),
            None => Some("not checked: give --roots".into()),
        };
        let (certified, driver) = (doubt.is_none(), message.driver());
        let measurements = message.measurements.len();
        Ok(GpuIdentity {
            gpu: report.gpu,
            driver,
            measurements,
            certified,
            doubt,
            logged,
            untested_on_chips: true,
        })
    };
    reports.reports.iter().map(|report| one(report).map_err(|why| (report.gpu, why))).collect()
}

/// Roots of makers of GPUs: the folder `gpu` of a roots folder, which may be absent.
pub fn roots(folder: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    certificates(&folder.join("gpu"))
}

fn is_logged(
    report: &GpuReport,
    nonce: &[u8; NONCE],
    told: &[attest::record::GpuReport],
) -> Result<bool, Refusal> {
    let this = attest::record::GpuReport {
        gpu: report.gpu,
        nonce: *nonce,
        report: attest::sha256(&[&report.report]),
        certificates: attest::sha256(&[&report.certificates]),
    };
    told.contains(&this).then_some(true).ok_or(Refusal::NotLogged)
}

/// Parses a report, and verifies nonce and signature; returns its certificates too, of which only the first one's key was used.
pub fn verify<'a>(
    report: &'a [u8],
    certificates: &[u8],
    nonce: &[u8; NONCE],
) -> Result<(Message<'a>, Vec<CertificateDer<'static>>), Refusal> {
    let message = Message::parse(report)?;
    if message.nonce != nonce {
        return Err(Refusal::WrongNonce);
    }
    let chain = chain(certificates)?;
    let key = chain.first().ok_or_else(|| Refusal::Certificates("there is none".into())).and_then(key)?;
    let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key);
    key.verify(message.signed, message.signature).map_err(|_| Refusal::BadSignature)?;
    Ok((message, chain))
}

impl<'a> Message<'a> {
    /// Reads a report to its last byte.
    pub fn parse(report: &'a [u8]) -> Result<Self, Refusal> {
        if report.len() > MAX_REPORT {
            return Err(Refusal::Oversized);
        }
        let (request, response) = report.split_at_checked(REQUEST).ok_or(Refusal::Truncated)?;
        let nonce = request_nonce(request)?;
        let mut rest = Fields(response);
        let [version, code, _, _, blocks, a, b, c] = *rest.array()?;
        if (version, code) != (SPDM_1_1, MEASUREMENTS) {
            return Err(Refusal::NotMeasurements);
        }
        let record = rest.take(u32::from_le_bytes([a, b, c, 0]) as usize)?;
        let _response_nonce: &[u8; NONCE] = rest.array()?;
        let opaque_length = u16::from_le_bytes(*rest.array()?);
        let opaque = rest.take(opaque_length.into())?;
        let signature = rest.array()?;
        if !rest.0.is_empty() {
            return Err(Refusal::TrailingBytes);
        }
        let signed = report.get(..report.len() - SIGNATURE).ok_or(Refusal::Truncated)?;
        Ok(Self {
            nonce,
            measurements: measurements(record, blocks)?,
            opaque: opaque_fields(opaque)?,
            signed,
            signature,
        })
    }

    /// The driver's version, fit for terminals; empty if the report has none.
    fn driver(&self) -> String {
        let found = self.opaque.iter().find(|(kind, _)| *kind == DRIVER_VERSION);
        let text = found.map(|(_, value)| String::from_utf8_lossy(value)).unwrap_or_default();
        text.chars().filter(|character| character.is_ascii_graphic()).take(32).collect()
    }
}

/// The request must ask for a signature: param1, bit 0.
fn request_nonce(request: &[u8]) -> Result<&[u8; NONCE], Refusal> {
    let mut fields = Fields(request);
    let [version, code, attributes, _] = *fields.array()?;
    if (version, code) != (SPDM_1_1, GET_MEASUREMENTS) || attributes & 1 == 0 {
        return Err(Refusal::NotMeasurements);
    }
    fields.array()
}

fn measurements(record: &[u8], blocks: u8) -> Result<Vec<(u8, &[u8])>, Refusal> {
    let mut fields = Fields(record);
    let mut found = Vec::new();
    for _ in 0..blocks {
        found.push(measurement(&mut fields).map_err(|_| Refusal::BadBlock)?);
    }
    if fields.0.is_empty() { Ok(found) } else { Err(Refusal::BadBlock) }
}

/// Index, specification, length; then the measurement: type, length, value.
fn measurement<'a>(fields: &mut Fields<'a>) -> Result<(u8, &'a [u8]), Refusal> {
    let [index, specification, a, b] = *fields.array()?;
    let mut inner = Fields(fields.take(u16::from_le_bytes([a, b]).into())?);
    let [_kind, a, b] = *inner.array()?;
    let value = inner.take(u16::from_le_bytes([a, b]).into())?;
    if specification == DMTF && inner.0.is_empty() { Ok((index, value)) } else { Err(Refusal::BadBlock) }
}

/// Type, length, value each.
fn opaque_fields(opaque: &[u8]) -> Result<Vec<(u16, &[u8])>, Refusal> {
    let mut fields = Fields(opaque);
    let mut found = Vec::new();
    while !fields.0.is_empty() {
        let [a, b, c, d] = *fields.array()?;
        found.push((u16::from_le_bytes([a, b]), fields.take(u16::from_le_bytes([c, d]).into())?));
    }
    Ok(found)
}

/// Bytes that are still to be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Refusal::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Refusal> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Refusal::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// PEM, the key's own first.
fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    if pem.len() > MAX_CERTIFICATES {
        return Err(Refusal::Oversized);
    }
    let certificates = CertificateDer::pem_slice_iter(pem).take(MOST_CERTIFICATES);
    certificates.collect::<Result<_, _>>().map_err(|error| Refusal::Certificates(format!("{error:?}")))
}

fn key(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, Refusal> {
    let malformed = |why: String| Refusal::Certificates(why);
    let parsed = Certificate::from_der(certificate).map_err(|error| malformed(error.to_string()))?;
    let key = parsed.tbs_certificate.subject_public_key_info.subject_public_key;
    key.as_bytes().map(<[u8]>::to_vec).ok_or_else(|| malformed("the key is no byte string".into()))
}

/// Whether the first certificate leads to one of the roots; why not, for people.
fn certified(
    chain: &[CertificateDer<'_>],
    roots: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), String> {
    if roots.is_empty() {
        return Err("the roots folder has no gpu/".into());
    }
    let (leaf, others) = chain.split_first().ok_or("there is no certificate")?;
    let leaf = EndEntityCert::try_from(leaf).map_err(|error| error.to_string())?;
    let anchors: Vec<_> = roots.iter().filter_map(|root| anchor_from_trusted_cert(root).ok()).collect();
    let purpose = KeyUsage::required_if_present(PURPOSE_DER);
    let found =
        leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, others, now, purpose, None, None);
    found.map(drop).map_err(|error| error.to_string())
}
