//! Truncated, oversized and non-canonical encodings of what calls carry: refused by name, never a panic.

use super::*;
use codec::{Decode, DecodeAll, Encode};

fn truncations<M: Decode>(bytes: &[u8]) {
    for length in 0..bytes.len() {
        assert!(M::decode_all(&mut &bytes[..length]).is_err(), "{length} of {} bytes decoded", bytes.len());
    }
    let longer = [bytes, &[0]].concat();
    assert!(M::decode_all(&mut longer.as_slice()).is_err(), "a byte too many");
}

#[test]
fn calls_decode_from_their_exact_bytes_only() {
    run(|| {
        let mut rig = enrolled(10);
        truncations::<AnchorCall>(&rig.anchor().encode());
        truncations::<Delegation>(&rig.delegation().encode());
        truncations::<Testimony>(&rig.testimony().encode());
        let enrolment = rig.enrolment().encode();
        assert!(Enrolment::decode_all(&mut &enrolment[..enrolment.len() - 1]).is_err());
        truncations::<Enrolment>(&enrolment);
    });
}

#[test]
fn oversized_fields_do_not_decode() {
    let long = vec![7u8; 513];
    assert!(Attestation::decode(&mut (long, [0u8; 64]).encode().as_slice()).is_err());
    let proof = vec![[0u8; 32]; 66].encode();
    assert!(MerkleProof::decode(&mut proof.as_slice()).is_err());
}

#[test]
fn a_length_that_is_not_canonical_does_not_decode() {
    // Compact 1 as two bytes.
    assert!(MerkleProof::decode(&mut [&[0x05, 0x00][..], &[0; 32]].concat().as_slice()).is_err());
}

#[test]
fn every_cut_and_flip_of_a_certified_counter_is_refused() {
    run(|| {
        let mut rig = enrolled(10);
        let call = rig.anchor();
        let bytes = call.certified.message.to_vec();
        for length in 0..bytes.len() {
            let mut cut = call.clone();
            cut.certified.message = bytes[..length].to_vec().try_into().unwrap();
            refused("Truncated", || rig.send(&cut));
        }
        let mut longer = call.clone();
        longer.certified.message.try_push(0).unwrap();
        refused("TrailingBytes", || rig.send(&longer));
        for position in 0..bytes.len() {
            let mut flipped = call.clone();
            flipped.certified.message[position] ^= 1;
            assert!(rig.send(&flipped).is_err(), "byte {position}");
        }
        rig.send(&call).unwrap();
    });
}
