//! EK certificates as `swtpm_setup` makes them, against roots that know their authority and roots that don't.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use inspector::{
    challenge,
    ek_certificate::{Doubt, Level, Roots, RootsError},
    judgement::{Judgement, Refusal, Rules},
    vault::{Drawn, Vault},
};
use p256::{
    EncodedPoint,
    ecdsa::{
        DerSignature, SigningKey, VerifyingKey,
        signature::{self, Keypair, Signer},
    },
};
use proptest::prelude::*;
use rustls_pki_types::UnixTime;
use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::OnceLock,
    time::Duration,
};
use tpm::{EkKind, Tpm, swtpm::SoftTpm, transport::AnyTransport};
use x509_cert::{
    attr::AttributeTypeAndValue,
    builder::{Builder, CertificateBuilder, Profile},
    der::{
        Any, Encode,
        asn1::{ObjectIdentifier, SetOfVec, Utf8StringRef},
    },
    ext::pkix::{ExtendedKeyUsage, SubjectAltName, name::GeneralName},
    name::{Name, RdnSequence, RelativeDistinguishedName},
    serial_number::SerialNumber,
    spki::{self, AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, SubjectPublicKeyInfoOwned},
    time::Validity,
};

/// One certified TPM for all tests; what is kept of it needs no running chip.
struct Sample {
    ek: Vec<u8>,
    certificate: Vec<u8>,
    ecc_ek: Vec<u8>,
    root: Vec<u8>,
    issuer: Vec<u8>,
}

fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let soft = SoftTpm::create(dir.path()).unwrap();
        let mut tpm = Tpm::new(AnyTransport::open(&soft.url()).unwrap());
        tpm.startup().unwrap();
        let rsa = tpm.identity(EkKind::Rsa2048).unwrap();
        Sample {
            ek: rsa.public,
            certificate: rsa.certificate.expect("swtpm_setup certifies the RSA key"),
            ecc_ek: tpm.identity(EkKind::EccP256).unwrap().public,
            root: fs::read(soft.root_certificate()).unwrap(),
            issuer: fs::read(soft.issuer_certificate()).unwrap(),
        }
    })
}

/// A roots folder in which the sample's authority plays the maker of `kind`.
fn folder(kind: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), kind, &sample().root);
    put(dir.path(), "intermediates", &sample().issuer);
    dir
}

fn put(roots: &Path, kind: &str, pem: &[u8]) -> PathBuf {
    fs::create_dir_all(roots.join(kind)).unwrap();
    let file = roots.join(kind).join("local.pem");
    fs::write(&file, pem).unwrap();
    file
}

fn judge(roots: &Path, ek: &[u8], certificate: &[u8]) -> (Level, Option<Doubt>) {
    Roots::load(roots).unwrap().judge(ek, certificate, UnixTime::now())
}

#[test]
fn a_known_authority_decides_the_level() {
    let Sample { ek, certificate, .. } = sample();
    assert_eq!(judge(folder("hardware").path(), ek, certificate), (Level::Hardware, None));
    assert_eq!(judge(folder("virtual").path(), ek, certificate), (Level::Virtual, None));
}

#[test]
fn an_unknown_authority_is_a_named_doubt() {
    let Sample { ek, certificate, .. } = sample();
    let (level, doubt) = judge(tempfile::tempdir().unwrap().path(), ek, certificate);
    assert_eq!(level, Level::Unverified);
    assert!(matches!(doubt, Some(Doubt::UnknownIssuer(_))), "{doubt:?}");
    let without_intermediate = tempfile::tempdir().unwrap();
    put(without_intermediate.path(), "hardware", &sample().root);
    let (_, doubt) = judge(without_intermediate.path(), ek, certificate);
    assert!(matches!(doubt, Some(Doubt::UnknownIssuer(_))), "{doubt:?}");
}

#[test]
fn no_certificate_is_a_named_doubt() {
    let doubted = judge(folder("hardware").path(), &sample().ek, &[]);
    assert_eq!(doubted, (Level::Unverified, Some(Doubt::NoCertificate)));
}

#[test]
fn a_certificate_of_another_key_is_worth_nothing() {
    let Sample { ek, certificate, ecc_ek, .. } = sample();
    let mut another = ek.clone();
    *another.last_mut().unwrap() ^= 2;
    for key in [another.as_slice(), ecc_ek, &[], &ek[1..]] {
        let judged = judge(folder("hardware").path(), key, certificate);
        assert_eq!(judged, (Level::Unverified, Some(Doubt::AnotherKey)));
    }
}

#[test]
fn an_expired_certificate_is_doubted() {
    let Sample { ek, certificate, .. } = sample();
    let roots = Roots::load(folder("hardware").path()).unwrap();
    let before = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
    let (level, doubt) = roots.judge(ek, certificate, before);
    assert_eq!(level, Level::Unverified);
    assert!(matches!(doubt, Some(Doubt::UnknownIssuer(_))), "{doubt:?}");
}

#[test]
fn rules_vote_on_rsa_keys_and_take_padding_off() {
    let Sample { ek, certificate, .. } = sample();
    let rules = Rules::load(folder("hardware").path()).unwrap();
    let padded = [certificate.as_slice(), &[0xFF; 60]].concat();
    for certificate in [certificate.as_slice(), &padded] {
        assert_eq!(rules.judge(ek, certificate, UnixTime::now()), Judgement::Vote(Level::Hardware, None));
    }
    assert_eq!(
        rules.judge(ek, &[], UnixTime::now()),
        Judgement::Vote(Level::Unverified, Some(Doubt::NoCertificate))
    );
}

#[test]
fn rules_refuse_uncertified_ecc_keys() {
    let rules = Rules::load(folder("hardware").path()).unwrap();
    let refusal = |doubt| Judgement::Refuse(Refusal::EccUncertified(doubt));
    assert_eq!(rules.judge(&sample().ecc_ek, &[], UnixTime::now()), refusal(Doubt::NoCertificate));
    assert_eq!(
        rules.judge(&sample().ecc_ek, &sample().certificate, UnixTime::now()),
        refusal(Doubt::AnotherKey)
    );
}

/// A roots folder with a maker of hardware TPMs, and the certificate by which it calls the sample's elliptic key one of this vendor's.
fn certified_ecc(vendor: &str) -> (tempfile::TempDir, Vec<u8>) {
    let maker = Maker(SigningKey::from_slice(&[7; 32]).unwrap());
    let name = Name::from_str("CN=A maker").unwrap();
    let make = |profile, subject, key: &VerifyingKey, extend: &dyn Fn(&mut Certificates<'_>)| {
        let validity = Validity::from_now(Duration::from_secs(86_400)).unwrap();
        let key = SubjectPublicKeyInfoOwned::from_key(*key).unwrap();
        let serial = SerialNumber::from(7u32);
        let mut builder = CertificateBuilder::new(profile, serial, validity, subject, key, &maker).unwrap();
        extend(&mut builder);
        builder.build::<DerSignature>().unwrap().to_der().unwrap()
    };
    let root = make(Profile::Root, name.clone(), &maker.verifying_key(), &|_| ());
    let leaf = Profile::Leaf { issuer: name, enable_key_agreement: true, enable_key_encipherment: false };
    let certificate = make(leaf, Name::default(), &ecc_point(), &|builder| {
        let purpose = ExtendedKeyUsage(vec![ObjectIdentifier::new_unwrap("2.23.133.8.1")]);
        builder.add_extension(&purpose).unwrap();
        let names = SubjectAltName(vec![GeneralName::DirectoryName(made_by(vendor))]);
        builder.add_extension(&names).unwrap();
    });
    let roots = tempfile::tempdir().unwrap();
    put(roots.path(), "hardware", &root);
    (roots, certificate)
}

type Certificates<'a> = CertificateBuilder<'a, Maker>;

/// A maker's authority. It names its algorithm itself: `p256` does only with `sha2`'s list of names, which nobody else needs.
struct Maker(SigningKey);

impl Keypair for Maker {
    type VerifyingKey = VerifyingKey;

    fn verifying_key(&self) -> VerifyingKey {
        *self.0.verifying_key()
    }
}

impl Signer<DerSignature> for Maker {
    fn try_sign(&self, message: &[u8]) -> Result<DerSignature, signature::Error> {
        self.0.try_sign(message)
    }
}

impl DynSignatureAlgorithmIdentifier for Maker {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        // ecdsa-with-SHA256 (RFC 5758, 3.2)
        let oid = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
        Ok(AlgorithmIdentifierOwned { oid, parameters: None })
    }
}

/// The last fields of the key's `TPMT_PUBLIC`: x and y, each with its length.
fn ecc_point() -> VerifyingKey {
    let ek = &sample().ecc_ek;
    let unique = &ek[ek.len() - 68..];
    let point = EncodedPoint::from_affine_coordinates(unique[2..34].into(), unique[36..].into(), false);
    VerifyingKey::from_encoded_point(&point).unwrap()
}

/// tcg-at-tpmManufacturer, as makers write it.
fn made_by(vendor: &str) -> Name {
    let oid = ObjectIdentifier::new_unwrap("2.23.133.2.1");
    let value = Any::encode_from(&Utf8StringRef::new(vendor).unwrap()).unwrap();
    let names = SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }]).unwrap();
    RdnSequence(vec![RelativeDistinguishedName(names)])
}

#[test]
fn rules_refuse_certified_ecc_keys_of_makers_that_are_not_listed() {
    let (roots, certificate) = certified_ecc("id:494E5443");
    let judge = || Rules::load(roots.path()).unwrap().judge(&sample().ecc_ek, &certificate, UnixTime::now());
    let refused = Judgement::Refuse(Refusal::EccOfMakerWithRsa("id:494E5443".into()));
    assert_eq!(judge(), refused);
    fs::write(roots.path().join("ecc-only.txt"), "id:474F4F47\n").unwrap();
    assert_eq!(judge(), refused);
    fs::write(roots.path().join("ecc-only.txt"), "INTC # id:494E5443\n").unwrap();
    assert_eq!(judge(), Judgement::Vote(Level::Hardware, None));
}

#[test]
fn a_listed_makers_name_counts_only_with_its_authority() {
    let (_, certificate) = certified_ecc("id:494E5443");
    let others = folder("hardware");
    fs::write(others.path().join("ecc-only.txt"), "INTC\n").unwrap();
    let judged = Rules::load(others.path()).unwrap().judge(&sample().ecc_ek, &certificate, UnixTime::now());
    assert!(
        matches!(judged, Judgement::Refuse(Refusal::EccUncertified(Doubt::UnknownIssuer(_)))),
        "{judged:?}"
    );
}

#[test]
fn rules_without_roots_are_none() {
    let roots = tempfile::tempdir().unwrap();
    assert!(matches!(Rules::load(roots.path()), Err(RootsError::None(_))));
    put(roots.path(), "intermediates", &sample().issuer);
    assert!(matches!(Rules::load(roots.path()), Err(RootsError::None(_))));
    put(roots.path(), "virtual", &sample().root);
    assert!(Rules::load(roots.path()).is_ok());
}

#[test]
fn the_certificate_names_its_maker() {
    let maker = inspector::ecc_only::maker(&sample().certificate);
    assert!(maker.is_some_and(|maker| maker.starts_with("id:")), "swtpm names a vendor in its certificates");
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let roots = tempfile::tempdir().unwrap();
    let file = put(roots.path(), "hardware", b"hello");
    let error = Roots::load(roots.path()).err().unwrap();
    assert!(matches!(&error, RootsError::NoCertificate(named, _) if *named == file), "{error}");
}

#[test]
fn the_same_draw_makes_the_same_challenge() {
    let dir = tempfile::tempdir().unwrap();
    let ak = b"stands for an attestation key".as_slice();
    let make = |drawn: &Drawn| challenge::make(&[1; 32], &sample().ek, ak, &[2; 32], drawn).unwrap();
    let first = make(&Vault::open(dir.path()).unwrap().get_or_draw(&[1; 32], Level::Hardware).unwrap());
    let second = make(&Vault::open(dir.path()).unwrap().get_or_draw(&[1; 32], Level::Virtual).unwrap());
    assert_eq!(first, second);
    assert_eq!(first.level, Level::Hardware);
    assert_eq!(first.encrypted_secret.len(), 256);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_byte_never_raises_the_level(at: prop::sample::Index, bit in 0..8u32) {
        let Sample { ek, certificate, .. } = sample();
        let mut flipped = certificate.clone();
        let at = at.index(flipped.len());
        flipped[at] ^= 1 << bit;
        let (level, doubt) = judge(folder("hardware").path(), ek, &flipped);
        prop_assert_eq!(level, Level::Unverified);
        prop_assert!(doubt.is_some());
    }

    #[test]
    fn a_truncated_certificate_is_malformed(length: prop::sample::Index) {
        let Sample { ek, certificate, .. } = sample();
        let cut = &certificate[..length.index(certificate.len()).max(1)];
        let (_, doubt) = judge(folder("hardware").path(), ek, cut);
        prop_assert!(matches!(doubt, Some(Doubt::Malformed(_))), "{:?}", doubt);
    }

    #[test]
    fn arbitrary_bytes_never_panic(ek: Vec<u8>, certificate: Vec<u8>) {
        let rules = Rules::default();
        let _ = rules.judge(&ek, &certificate, UnixTime::now());
        let _ = rules.judge(&sample().ek, &certificate, UnixTime::now());
        let _ = inspector::ecc_only::maker(&certificate);
    }
}
