//! Reports of GPUs and chains of certificates, made here: none of a chip.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use attest::{Statement, sha256};
use evidence::{Bundle, GpuReport, GpuReports, Signed};
use inspector::gpu_report::{GpuIdentity, Message, Refusal, check, roots, verify};
use proptest::prelude::*;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::{fs, str::FromStr, sync::OnceLock, time::Duration};
use x509_cert::{
    Certificate, TbsCertificate, Version,
    der::{
        DateTime, Decode, Encode,
        asn1::{BitString, GeneralizedTime, OctetString, UtcTime},
        oid::{AssociatedOid, ObjectIdentifier},
    },
    ext::{Extension, pkix::BasicConstraints},
    name::Name,
    serial_number::SerialNumber,
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::{Time, Validity},
};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

struct Key(Vec<u8>);

impl Key {
    fn new() -> Self {
        let alg = &ECDSA_P384_SHA384_ASN1_SIGNING;
        Self(EcdsaKeyPair::generate_pkcs8(alg, &SystemRandom::new()).unwrap().as_ref().to_vec())
    }

    fn pair(&self, fixed: bool) -> EcdsaKeyPair {
        let alg = if fixed { &ECDSA_P384_SHA384_FIXED_SIGNING } else { &ECDSA_P384_SHA384_ASN1_SIGNING };
        EcdsaKeyPair::from_pkcs8(alg, &self.0, &SystemRandom::new()).unwrap()
    }

    fn sign(&self, message: &[u8], fixed: bool) -> Vec<u8> {
        self.pair(fixed).sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }
}

/// A certificate as NVIDIA's are: P-384, from 2020 to 9999.
fn certify(subject: &str, key: &Key, issuer: &str, issuer_key: &Key, authority: bool) -> Vec<u8> {
    let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_SHA384, parameters: None };
    let constraints = BasicConstraints { ca: true, path_len_constraint: None };
    let extension = Extension {
        extn_id: BasicConstraints::OID,
        critical: true,
        extn_value: OctetString::new(constraints.to_der().unwrap()).unwrap(),
    };
    let from = UtcTime::from_date_time(DateTime::new(2020, 10, 17, 0, 0, 0).unwrap()).unwrap();
    let to = GeneralizedTime::from_date_time(DateTime::new(9999, 12, 31, 23, 59, 59).unwrap());
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[7]).unwrap(),
        signature: algorithm.clone(),
        issuer: Name::from_str(issuer).unwrap(),
        validity: Validity { not_before: Time::UtcTime(from), not_after: Time::GeneralTime(to) },
        subject: Name::from_str(subject).unwrap(),
        subject_public_key_info: SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid: EC_PUBLIC_KEY, parameters: Some((&P384).into()) },
            subject_public_key: BitString::from_bytes(key.pair(true).public_key().as_ref()).unwrap(),
        },
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: authority.then(|| vec![extension]),
    };
    let signature = issuer_key.sign(&tbs.to_der().unwrap(), false);
    let signature = BitString::from_bytes(&signature).unwrap();
    Certificate { tbs_certificate: tbs, signature_algorithm: algorithm, signature }.to_der().unwrap()
}

fn pem(certificates: &[&[u8]]) -> Vec<u8> {
    use x509_cert::der::{EncodePem, pem::LineEnding};
    let pem = |der: &&[u8]| Certificate::from_der(der).unwrap().to_pem(LineEnding::LF).unwrap();
    certificates.iter().map(pem).collect::<String>().into_bytes()
}

/// A GPU's key with the chain behind it.
struct Gpu {
    key: Key,
    chain: Vec<u8>,
    root: Vec<u8>,
}

fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        let (root_key, middle_key, key) = (Key::new(), Key::new(), Key::new());
        let (root_name, middle_name) = ("CN=Device Identity CA", "CN=Provisioner");
        let root = certify(root_name, &root_key, root_name, &root_key, true);
        let middle = certify(middle_name, &middle_key, root_name, &root_key, true);
        let leaf = certify("CN=GSP FMC LF", &key, middle_name, &middle_key, false);
        Gpu { chain: pem(&[&leaf, &middle, &root]), key, root }
    })
}

/// The message of a report, from the text of DSP0274: request, then response up to the signature.
fn message(nonce: &[u8; 32], blocks: &[(u8, &[u8])], opaque: &[(u16, &[u8])]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_le_bytes();
    let mut record = Vec::new();
    for (index, value) in blocks {
        let size = (value.len() as u16 + 3).to_le_bytes();
        record.extend([&[*index, 1][..], &size, &[1], &length(value), value].concat());
    }
    let data: Vec<u8> = opaque
        .iter()
        .flat_map(|(kind, value)| [&kind.to_le_bytes()[..], &length(value), value].concat())
        .collect();
    let mut bytes = [&[0x11, 0xE0, 1, 0xFF][..], nonce, &[0]].concat();
    bytes.extend([0x11, 0x60, 0, 0, blocks.len() as u8]);
    bytes.extend(&(record.len() as u32).to_le_bytes()[..3]);
    bytes.extend([&record[..], &[9; 32], &length(&data), &data].concat());
    bytes
}

fn report(nonce: &[u8; 32]) -> Vec<u8> {
    let mut bytes = message(nonce, &[(1, &[4; 48]), (2, &[5; 48])], &[(3, b"550.90.07\0"), (6, &[1, 2])]);
    let signature = gpu().key.sign(&bytes, true);
    bytes.extend(signature);
    bytes
}

const NONCE: [u8; 32] = [7; 32];

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000))
}

#[test]
fn a_report_says_what_it_says() {
    let report = report(&NONCE);
    let (message, chain) = verify(&report, &gpu().chain, &NONCE).unwrap();
    assert_eq!(message.measurements, [(1, &[4; 48][..]), (2, &[5; 48])]);
    assert_eq!(message.opaque, [(3, &b"550.90.07\0"[..]), (6, &[1, 2])]);
    assert_eq!((message.signed.len(), chain.len()), (report.len() - 96, 3));
}

#[test]
fn every_flipped_byte_is_refused_by_name() {
    let report = report(&NONCE);
    for at in 0..report.len() {
        let mut flipped = report.clone();
        flipped[at] ^= 1;
        let refusal = verify(&flipped, &gpu().chain, &NONCE).expect_err(&at.to_string());
        match at {
            0..3 => assert_eq!(refusal, Refusal::NotMeasurements),
            3 => assert_eq!(refusal, Refusal::BadSignature),
            4..36 => assert_eq!(refusal, Refusal::WrongNonce),
            _ => {
                assert!(!matches!(refusal, Refusal::Certificates(_) | Refusal::Oversized), "{at}: {refusal}")
            }
        }
        if at >= report.len() - 96 {
            assert_eq!(refusal, Refusal::BadSignature);
        }
    }
}

#[test]
fn another_nonce_is_refused() {
    assert_eq!(verify(&report(&NONCE), &gpu().chain, &[8; 32]).unwrap_err(), Refusal::WrongNonce);
}

#[test]
fn a_request_without_a_signature_is_none() {
    let mut bytes = message(&NONCE, &[], &[]);
    bytes[2] = 0;
    let signature = gpu().key.sign(&bytes, true);
    bytes.extend(signature);
    assert_eq!(verify(&bytes, &gpu().chain, &NONCE).unwrap_err(), Refusal::NotMeasurements);
}

#[test]
fn cut_and_lengthened_reports_are_refused() {
    let report = report(&NONCE);
    for length in 0..report.len() {
        let refusal = Message::parse(&report[..length]).expect_err(&length.to_string());
        assert!(matches!(refusal, Refusal::Truncated), "{length}: {refusal}");
    }
    let longer = [&report[..], &[0]].concat();
    assert_eq!(Message::parse(&longer), Err(Refusal::TrailingBytes));
    assert_eq!(Message::parse(&[0; 8193]), Err(Refusal::Oversized));
    let chain = [&gpu().chain[..], &[b'\n'; 5120]].concat();
    assert_eq!(verify(&report, &chain, &NONCE).unwrap_err(), Refusal::Oversized);
}

#[test]
fn blocks_that_make_no_sense_are_refused() {
    let signed = |mut bytes: Vec<u8>| {
        let signature = gpu().key.sign(&bytes, true);
        bytes.extend(signature);
        bytes
    };
    // 37 of the request, 8 of the response's header; then index, specification, length (2), type, length (2).
    for (at, change) in [(37 + 4, 2u8), (37 + 4, 0), (37 + 8 + 1, 2), (37 + 8 + 2, 50), (37 + 8 + 5, 47)] {
        let mut bytes = message(&NONCE, &[(1, &[4; 48])], &[]);
        bytes[at] = change;
        assert_eq!(Message::parse(&signed(bytes)), Err(Refusal::BadBlock), "{at} {change}");
    }
}

#[test]
fn foreign_keys_and_certificates_are_refused() {
    let report = report(&NONCE);
    let stranger = Key::new();
    let leaf = certify("CN=Stranger", &stranger, "CN=Stranger", &stranger, false);
    assert_eq!(verify(&report, &pem(&[&leaf]), &NONCE).unwrap_err(), Refusal::BadSignature);
    for chain in [&b""[..], b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(verify(&report, chain, &NONCE), Err(Refusal::Certificates(_))));
    }
}

/// Evidence with one report, over the statement of its quote; nothing else in it is real.
fn bundle() -> (Bundle, Statement) {
    let quote = Signed {
        block_number: 1,
        block_hash: [2; 32],
        size: 5,
        root: [3; 32],
        device_key: [4; 32],
        message: vec![],
        signature: [0; 64],
    };
    let mut bundle = Bundle {
        version: evidence::VERSION,
        genesis: [1; 32],
        ek_public: vec![9],
        ek_certificate: vec![],
        ak_public: vec![],
        quote: Some(quote.clone()),
        anchors: vec![],
        gpu_reports: None,
    };
    let statement = bundle.statement(&quote);
    let one = GpuReport { gpu: 2, report: report(&statement.gpu_nonce()), certificates: gpu().chain.clone() };
    bundle.gpu_reports = Some(GpuReports {
        block_hash: [2; 32],
        size: 5,
        root: [3; 32],
        device_key: [4; 32],
        reports: vec![one],
    });
    (bundle, statement)
}

fn judge(bundle: &Bundle, roots: Option<&[CertificateDer<'_>]>) -> Result<Vec<GpuIdentity>, (u16, Refusal)> {
    check(bundle, bundle.gpu_reports.as_ref().unwrap(), roots, None, now())
}

#[test]
fn the_nonce_is_what_the_documents_say() {
    let (_, statement) = bundle();
    let preimage = [&b"matrixai:gpu-report:v1"[..], &[2; 32], &[4; 32], &[3; 32]].concat();
    assert_eq!(statement.gpu_nonce(), sha256(&[&preimage]));
}

#[test]
fn a_chain_to_a_root_in_the_folder_is_certified() {
    let (bundle, _) = bundle();
    let folder = tempfile::tempdir().unwrap();
    assert!(roots(folder.path()).unwrap().is_empty());
    fs::create_dir(folder.path().join("gpu")).unwrap();
    fs::write(folder.path().join("gpu/root.pem"), pem(&[&gpu().root])).unwrap();
    let identity = judge(&bundle, Some(&roots(folder.path()).unwrap())).unwrap().remove(0);
    assert_eq!((identity.gpu, identity.driver.as_str(), identity.measurements), (2, "550.90.07", 2));
    assert!(identity.certified && identity.doubt.is_none() && identity.untested_on_chips, "{identity:?}");
}

#[test]
fn a_chain_to_nowhere_known_is_told_as_such() {
    let (bundle, _) = bundle();
    let stranger = Key::new();
    let root = certify("CN=Device Identity CA", &stranger, "CN=Device Identity CA", &stranger, true);
    let wrong = [CertificateDer::from(root)];
    for roots in [None, Some(&[][..]), Some(&wrong[..])] {
        let identity = judge(&bundle, roots).unwrap().remove(0);
        assert!(!identity.certified && identity.doubt.is_some(), "{identity:?}");
    }
    let right = [CertificateDer::from(gpu().root.clone())];
    let early = UnixTime::since_unix_epoch(Duration::from_secs(1_000_000_000));
    let reports = bundle.gpu_reports.as_ref().unwrap();
    assert!(!check(&bundle, reports, Some(&right), None, early).unwrap()[0].certified, "not valid yet");
}

#[test]
fn a_report_over_what_the_tpm_did_not_attest_is_refused() {
    let (mut bundle, _) = bundle();
    bundle.quote.as_mut().unwrap().root = [8; 32];
    assert_eq!(judge(&bundle, None), Err((2, Refusal::NotAttested)));
    // As an anchor it counts as well.
    let mut anchor = bundle.quote.take().unwrap();
    anchor.root = [3; 32];
    bundle.anchors.push(anchor);
    assert!(judge(&bundle, None).is_ok());
}

#[test]
fn a_report_of_another_machines_statement_is_refused() {
    let (mut bundle, _) = bundle();
    let reports = bundle.gpu_reports.as_mut().unwrap();
    reports.device_key = [5; 32];
    bundle.quote.as_mut().unwrap().device_key = [5; 32];
    assert_eq!(judge(&bundle, None), Err((2, Refusal::WrongNonce)));
}

#[test]
fn the_log_must_tell_of_it() {
    let (bundle, statement) = bundle();
    let reports = bundle.gpu_reports.as_ref().unwrap();
    let told = attest::record::GpuReport {
        gpu: 2,
        nonce: statement.gpu_nonce(),
        report: sha256(&[&reports.reports[0].report]),
        certificates: sha256(&[&reports.reports[0].certificates]),
    };
    let with = |logged: &[attest::record::GpuReport]| check(&bundle, reports, None, Some(logged), now());
    assert_eq!(with(&[told]).unwrap()[0].logged, Some(true));
    let another = attest::record::GpuReport { report: [0; 32], ..told };
    for logged in [&[][..], &[another]] {
        assert_eq!(with(logged), Err((2, Refusal::NotLogged)));
    }
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..4000, with in any::<u8>()) {
        let _ = Message::parse(&bytes);
        let mut changed = report(&NONCE);
        let at = at % changed.len();
        changed.splice(at..(at + 3).min(changed.len()), bytes.iter().copied().chain([with]));
        let _ = verify(&changed, &bytes, &NONCE);
        prop_assert!(verify(&changed, &gpu().chain, &NONCE).is_err() || changed == report(&NONCE));
    }
}
