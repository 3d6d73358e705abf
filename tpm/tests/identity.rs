//! Endorsement keys and their certificates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use credential::EkPublic;
use tpm::EkKind;
use x509_cert::{
    Certificate,
    der::{Decode, DecodePem, Encode},
};

#[test]
fn the_rsa_ek_is_the_default_one_and_its_maker_certifies_it() {
    let mut bench = common::bench();
    let identity = bench.tpm.identity(EkKind::Rsa2048).unwrap();
    let EkPublic::Rsa2048(modulus) = EkPublic::parse(&identity.public).unwrap() else { panic!("not RSA") };
    let certificate = Certificate::from_der(&identity.certificate.unwrap()).unwrap();
    let key = certificate.tbs_certificate.subject_public_key_info.to_der().unwrap();
    assert!(key.windows(256).any(|window| window == &modulus[..]), "the certificate is of another key");

    let read = |path| Certificate::from_pem(std::fs::read(path).unwrap()).unwrap().tbs_certificate;
    let (issuer, root) = (read(bench.soft.issuer_certificate()), read(bench.soft.root_certificate()));
    assert_eq!(certificate.tbs_certificate.issuer, issuer.subject);
    assert_eq!(issuer.issuer, root.subject);
}

#[test]
fn the_p256_ek_is_made_by_template_each_time_the_same() {
    let mut bench = common::bench();
    let identity = bench.tpm.identity(EkKind::EccP256).unwrap();
    assert!(matches!(EkPublic::parse(&identity.public), Ok(EkPublic::EccP256(_))));
    assert_eq!(identity.certificate, None, "swtpm certifies its P-384 key only");
    assert_eq!(bench.tpm.identity(EkKind::EccP256).unwrap(), identity);
}

#[test]
fn a_cleared_tpm_makes_its_ek_anew_the_same() {
    let mut bench = common::bench();
    let before = bench.tpm.identity(EkKind::Rsa2048).unwrap();
    bench.tpm.clear().unwrap();
    assert_eq!(bench.tpm.identity(EkKind::Rsa2048).unwrap(), before);
}

#[test]
fn a_tpm_says_what_it_is() {
    let mut bench = common::bench();
    let properties = bench.tpm.properties().unwrap();
    assert_eq!(properties.manufacturer, "IBM");
    assert!(properties.firmware > 0 && properties.max_tries > 0);
    assert!(!properties.in_lockout && !properties.owner_password && !properties.endorsement_password);
    assert!(bench.tpm.clock().unwrap().reset_count > 0);
}
