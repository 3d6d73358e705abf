//! A quote in the form that the stock `tpm2_checkquote` reads.

use crate::{Bundle, EvidenceError, file};
use attest::verify::AkPublic;
use p256::{EncodedPoint, PublicKey, elliptic_curve::sec1::FromEncodedPoint, pkcs8::EncodePublicKey};
use std::{fs, path::Path};

/// Writes `ak.pem`, `quote.msg`, `quote.sig` and `qualification.hex`.
pub fn export(bundle: &Bundle, folder: &Path) -> Result<(), EvidenceError> {
    let quote = bundle.quote.as_ref().ok_or(EvidenceError::NoQuote)?;
    let write = |name: &str, bytes: &[u8]| file::write(&folder.join(name), bytes);
    fs::create_dir_all(folder).map_err(|error| EvidenceError::Io(folder.into(), error))?;
    write("ak.pem", public_key_pem(bundle)?.as_bytes())?;
    write("quote.msg", &quote.message)?;
    write("quote.sig", &tpmt_signature(&quote.signature))?;
    write("qualification.hex", hex::encode(bundle.statement(quote).qualification()).as_bytes())
}

fn public_key_pem(bundle: &Bundle) -> Result<String, EvidenceError> {
    let ak = AkPublic::parse(&bundle.ak_public).map_err(EvidenceError::AttestationKey)?;
    let point = EncodedPoint::from_untagged_bytes(ak.xy().into());
    let key =
        Option::<PublicKey>::from(PublicKey::from_encoded_point(&point)).ok_or(EvidenceError::NotOnCurve)?;
    key.to_public_key_pem(p256::pkcs8::LineEnding::LF).map_err(|_| EvidenceError::NotOnCurve)
}

/// `TPMT_SIGNATURE`: ECDSA (0018), SHA-256 (000B), then r and s as `TPM2B` (TPM 2.0 Part 2, §11.3.4).
fn tpmt_signature(signature: &[u8; 64]) -> Vec<u8> {
    let (r, s) = signature.split_at(32);
    [&[0x00, 0x18, 0x00, 0x0B, 0x00, 0x20], r, &[0x00, 0x20], s].concat()
}
