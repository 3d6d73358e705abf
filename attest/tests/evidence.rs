//! Every way to cheat with an anchor ends in its own error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(all(feature = "forge", feature = "p256", feature = "ring"))]

use attest::{
    Frontier, Statement,
    forge::SoftAk,
    leaf_hash,
    verify::{
        AkPublic, AnchorHead, EvidenceError, Fork, P256Check, RingCheck, compare, verify_anchor, verify_quote,
    },
};
use proptest::prelude::*;

fn statement(size: u64) -> Statement {
    let mut log = Frontier::new();
    for index in 0..size {
        log.append(leaf_hash(&index.to_le_bytes())).unwrap();
    }
    Statement {
        genesis: [1; 32],
        block: [2; 32],
        machine: [3; 32],
        size,
        root: log.root(),
        device_key: [4; 32],
    }
}

fn key() -> (SoftAk, AkPublic) {
    let soft = SoftAk::new(1);
    let public = AkPublic::parse(&soft.public_area()).unwrap();
    (soft, public)
}

fn anchor(counter: u64, resets: u32, last: Option<&AnchorHead>) -> Result<AnchorHead, EvidenceError> {
    let (soft, public) = key();
    let (message, signature) = soft.anchor(&statement(8), counter, resets);
    verify_anchor::<P256Check>(&public, &statement(8), &message, &signature, last, &[])
}

#[test]
fn a_genuine_anchor_verifies_with_both_checks() {
    let (soft, public) = key();
    let (message, signature) = soft.anchor(&statement(8), 5, 1);
    let by_p256 =
        verify_anchor::<P256Check>(&public, &statement(8), &message, &signature, None, &[]).unwrap();
    let by_ring =
        verify_anchor::<RingCheck>(&public, &statement(8), &message, &signature, None, &[]).unwrap();
    assert_eq!(by_p256, by_ring);
    assert_eq!((by_ring.counter, by_ring.size), (5, 8));
}

#[test]
fn a_forged_signature_is_refused() {
    let (_, public) = key();
    let (message, signature) = SoftAk::new(2).anchor(&statement(8), 5, 1);
    let verdict = verify_anchor::<RingCheck>(&public, &statement(8), &message, &signature, None, &[]);
    assert_eq!(verdict, Err(EvidenceError::BadSignature));
}

#[test]
fn an_unrestricted_key_is_refused() {
    let verdict = AkPublic::parse(&SoftAk::new(1).public_area_with(0x0004_0072));
    assert_eq!(verdict, Err(EvidenceError::AkNotRestricted));
}

#[test]
fn another_index_is_refused() {
    let (soft, public) = key();
    let (message, signature) = soft.certify(&statement(8), &[9; 34], 5, 1);
    let verdict = verify_anchor::<RingCheck>(&public, &statement(8), &message, &signature, None, &[]);
    assert_eq!(verdict, Err(EvidenceError::WrongCounterIndex));
}

#[test]
fn another_block_log_or_device_is_refused() {
    let (soft, public) = key();
    let (message, signature) = soft.anchor(&statement(8), 5, 1);
    for other in [
        Statement { block: [9; 32], ..statement(8) },
        Statement { device_key: [9; 32], ..statement(8) },
        Statement { genesis: [9; 32], ..statement(8) },
        statement(9),
    ] {
        let verdict = verify_anchor::<RingCheck>(&public, &other, &message, &signature, None, &[]);
        assert_eq!(verdict, Err(EvidenceError::WrongQualification));
    }
}

#[test]
fn history_only_goes_forward() {
    let last = anchor(5, 2, None).unwrap();
    assert_eq!(anchor(5, 2, Some(&last)), Err(EvidenceError::CounterNotIncreased));
    assert_eq!(anchor(6, 1, Some(&last)), Err(EvidenceError::ResetCountWentBack));
    assert!(anchor(6, 2, Some(&last)).is_ok());
    let longer = AnchorHead { size: 9, ..last };
    assert_eq!(anchor(6, 2, Some(&longer)), Err(EvidenceError::LogShrunk));
    let rewritten = AnchorHead { root: [9; 32], ..last };
    assert!(matches!(anchor(6, 2, Some(&rewritten)), Err(EvidenceError::LogRewritten(_))));
}

#[test]
fn a_quote_is_no_anchor_and_an_anchor_no_quote() {
    let (soft, public) = key();
    let (message, signature) = soft.quote(&statement(8), 1);
    verify_quote::<RingCheck>(&public, &statement(8), &message, &signature).unwrap();
    let as_anchor = verify_anchor::<RingCheck>(&public, &statement(8), &message, &signature, None, &[]);
    assert_eq!(as_anchor, Err(EvidenceError::WrongType));
    let (message, signature) = soft.anchor(&statement(8), 1, 1);
    let as_quote = verify_quote::<RingCheck>(&public, &statement(8), &message, &signature);
    assert_eq!(as_quote, Err(EvidenceError::WrongType));
}

#[test]
fn forks_are_told_from_honest_histories() {
    let at = |counter, size, root| AnchorHead {
        size,
        root: [root; 32],
        counter,
        reset_count: 1,
        restart_count: 0,
    };
    assert_eq!(compare(&at(1, 9, 0), &at(2, 8, 0)), Fork::Shrunk);
    assert_eq!(compare(&at(2, 8, 0), &at(1, 9, 0)), Fork::Shrunk);
    assert_eq!(compare(&at(1, 8, 0), &at(2, 8, 1)), Fork::SameSizeDifferentRoot);
    assert_eq!(compare(&at(1, 8, 0), &at(2, 9, 1)), Fork::NeedsConsistency);
    assert_eq!(compare(&at(1, 8, 0), &at(1, 8, 0)), Fork::NotAFork);
    assert_eq!(compare(&at(1, 8, 0), &at(2, 8, 0)), Fork::NotAFork);
}

proptest! {
    #[test]
    fn truncated_or_extended_evidence_is_refused(cut in 0usize..145, extra in 1usize..200) {
        let (soft, public) = key();
        let (message, signature) = soft.anchor(&statement(8), 5, 1);
        let verify = |bytes: &[u8]| verify_anchor::<RingCheck>(&public, &statement(8), bytes, &signature, None, &[]);
        let cut = cut.min(message.len() - 1);
        prop_assert_eq!(verify(&message[..cut]), Err(EvidenceError::Truncated));
        let mut long = message.to_vec();
        long.resize(message.len() + extra, 0);
        prop_assert_eq!(verify(&long), Err(EvidenceError::TrailingBytes));
    }

    #[test]
    fn a_flipped_bit_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (soft, public) = key();
        let (message, signature) = soft.anchor(&statement(8), 5, 1);
        let mut message = message.to_vec();
        let at = at.index(message.len());
        message[at] ^= 1 << bit;
        prop_assert!(verify_anchor::<RingCheck>(&public, &statement(8), &message, &signature, None, &[]).is_err());
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let (_, public) = key();
        let _ = AkPublic::parse(&bytes);
        let _ = verify_anchor::<RingCheck>(&public, &statement(1), &bytes, &[0; 64], None, &[]);
        let _ = verify_quote::<RingCheck>(&public, &statement(1), &bytes, &[0; 64]);
    }
}
