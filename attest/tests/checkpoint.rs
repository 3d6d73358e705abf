//! Checkpoints against C2SP's own rules, a known note, and damage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use attest::checkpoint::{self, Checkpoint, CheckpointError, MAX_ORIGIN};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

const ORIGIN: &str = "matrixai/machine/6d";

fn key() -> (SigningKey, [u8; 32]) {
    let key = SigningKey::from_bytes(&[9; 32]);
    let public = key.verifying_key().to_bytes();
    (key, public)
}

fn note(head: &Checkpoint<'_>) -> String {
    let (key, public) = key();
    checkpoint::sign(head, &public, |body| key.sign(body).to_bytes()).unwrap().as_str().into()
}

/// Any text as body, signed well.
fn note_of(body: &str) -> String {
    let (_, good) = key();
    let (signer, _) = key();
    let id = checkpoint::key_id(ORIGIN, &good);
    let blob: Vec<u8> = id.into_iter().chain(signer.sign(body.as_bytes()).to_bytes()).collect();
    format!("{body}\n\u{2014} {ORIGIN} {}\n", base64(&blob))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, i| word << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= chunk.len() { digit as char } else { '=' });
        }
    }
    text
}

#[test]
fn a_note_of_go_sumdb_verifies() {
    // The example of golang.org/x/mod/sumdb/note: a note by PeterNeumann, here only for its key identifier.
    // "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW": hash, then type byte and key in base64.
    let public = hex::decode("1a5cd907143c384c41e830c5bce12aa8817ec5649aaabf2c31388b35b2d744d6").unwrap();
    let public: [u8; 32] = public.try_into().unwrap();
    assert_eq!(checkpoint::key_id("PeterNeumann", &public), [0xc7, 0x4f, 0x20, 0xa3]);
}

#[test]
fn the_text_is_what_the_specification_says() {
    let head = Checkpoint { origin: ORIGIN, size: 15, root: [0; 32] };
    let text = note(&head);
    let body = "matrixai/machine/6d\n15\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    assert_eq!(text, note_of(body));
    let (_, public) = key();
    assert_eq!(checkpoint::verify(&text, ORIGIN, &public), Ok(head));
}

#[test]
fn others_signatures_are_passed_over_and_ours_is_required() {
    let (_, public) = key();
    let head = Checkpoint { origin: ORIGIN, size: 15, root: [3; 32] };
    let text = note(&head);
    let foreign = format!("\u{2014} witness.example/1 {}\n", base64(&[5; 76]));
    let (body, own) = text.split_once("\n\n").unwrap();
    let both = format!("{body}\n\n{foreign}{own}");
    assert_eq!(checkpoint::verify(&both, ORIGIN, &public), Ok(head));
    let only = format!("{body}\n\n{foreign}");
    assert_eq!(checkpoint::verify(&only, ORIGIN, &public), Err(CheckpointError::NotSigned));
    let twice = format!(
        "{text}\u{2014} {ORIGIN} {}\n",
        base64(&[&checkpoint::key_id(ORIGIN, &public)[..], &[1; 64]].concat())
    );
    assert_eq!(checkpoint::verify(&twice, ORIGIN, &public), Err(CheckpointError::BadSignature));
    let other = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
    assert_eq!(checkpoint::verify(&text, ORIGIN, &other), Err(CheckpointError::NotSigned));
    assert_eq!(checkpoint::verify(&text, "matrixai/machine/6e", &public), Err(CheckpointError::NotSigned));
}

#[test]
fn a_genuine_signature_over_something_else_is_refused() {
    let (_, public) = key();
    let root = base64(&[1; 32]);
    for (body, error) in [
        (format!("another\n1\n{root}\n"), CheckpointError::WrongOrigin),
        (format!("{ORIGIN}\n01\n{root}\n"), CheckpointError::Malformed),
        (format!("{ORIGIN}\n+1\n{root}\n"), CheckpointError::Malformed),
        (format!("{ORIGIN}\n-1\n{root}\n"), CheckpointError::Malformed),
        (format!("{ORIGIN}\n18446744073709551616\n{root}\n"), CheckpointError::Malformed),
        (format!("{ORIGIN}\n1\n{}\n", base64(&[1; 31])), CheckpointError::Malformed),
        (format!("{ORIGIN}\n1\n{}\n", base64(&[1; 33])), CheckpointError::Malformed),
        (format!("{ORIGIN}\n1\n"), CheckpointError::Malformed),
        (format!("{ORIGIN}\n1\n{root}\n\nmore\n"), CheckpointError::Malformed),
        (format!("{ORIGIN}\n1\n{root}\t\n"), CheckpointError::Malformed),
        ("\n".into(), CheckpointError::Malformed),
    ] {
        assert_eq!(checkpoint::verify(&note_of(&body), ORIGIN, &public), Err(error), "{body}");
    }
    let extended = format!("{ORIGIN}\n1\n{root}\nextension\n");
    assert_eq!(checkpoint::verify(&note_of(&extended), ORIGIN, &public).map(|head| head.size), Ok(1));
}

#[test]
fn origins_that_are_no_key_names_are_not_signed() {
    let (key, public) = key();
    let long = "x".repeat(MAX_ORIGIN + 1);
    for origin in ["", "a b", "a+b", "a\nb", "a\u{a0}b", &long] {
        let head = Checkpoint { origin, size: 1, root: [0; 32] };
        let result = checkpoint::sign(&head, &public, |body| key.sign(body).to_bytes());
        assert_eq!(result, Err(CheckpointError::BadOrigin), "{origin:?}");
    }
    let longest = "x".repeat(MAX_ORIGIN);
    let head = Checkpoint { origin: &longest, size: u64::MAX, root: [255; 32] };
    assert!(checkpoint::sign(&head, &public, |body| key.sign(body).to_bytes()).is_ok());
}

#[test]
fn every_damaged_byte_is_seen() {
    let (_, public) = key();
    let text = note(&Checkpoint { origin: ORIGIN, size: 1234, root: [77; 32] });
    for at in 0..text.len() {
        for flip in [1u8, 0x20, 0x80] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= flip;
            let Ok(damaged) = String::from_utf8(bytes) else { continue };
            assert!(checkpoint::verify(&damaged, ORIGIN, &public).is_err(), "byte {at}");
        }
        if text.is_char_boundary(at) {
            assert!(checkpoint::verify(&text[..at], ORIGIN, &public).is_err());
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_signed_verifies(size: u64, root: [u8; 32]) {
        let head = Checkpoint { origin: ORIGIN, size, root };
        let text = note(&head);
        prop_assert_eq!(checkpoint::verify(&text, ORIGIN, &key().1), Ok(head));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9/=+ \n\u{2014}]{0,200}") {
        prop_assert!(checkpoint::verify(&text, ORIGIN, &key().1).is_err());
    }
}
