//! Two blocks for one slot, two votes in one round.

use super::*;
use crate::{
    Registry,
    types::{KeyProof, State},
};
use frame_support::{assert_noop, assert_ok};
use sp_consensus_babe::digests::CompatibleDigestItem;
use sp_runtime::{traits::Header as _, transaction_validity::TransactionSource};

/// Two headers for one slot, sealed by an owner's key.
fn two_blocks(owner: u64, slot: u64) -> sp_consensus_babe::EquivocationProof<Header> {
    let header = |state: u8| {
        let mut header =
            Header::new(5, Default::default(), [state; 32].into(), Default::default(), digest(slot));
        let seal = DigestItem::babe_seal(babe(owner).sign(header.hash().as_ref()).into());
        header.digest_mut().push(seal);
        header
    };
    sp_consensus_babe::EquivocationProof {
        offender: keys(owner).babe,
        slot: slot.into(),
        first_header: header(1),
        second_header: header(2),
    }
}

fn two_votes(owner: u64, set: u64) -> sp_consensus_grandpa::EquivocationProof<sp_core::H256, u64> {
    let vote = |hash: u8| {
        let vote = finality_grandpa::Prevote { target_hash: sp_core::H256([hash; 32]), target_number: 3u64 };
        let message = finality_grandpa::Message::Prevote(vote.clone());
        let payload = sp_consensus_grandpa::localized_payload(1, set, &message);
        (vote, grandpa(owner).sign(&payload).into())
    };
    let equivocation = finality_grandpa::Equivocation {
        round_number: 1,
        identity: keys(owner).grandpa,
        first: vote(1),
        second: vote(2),
    };
    sp_consensus_grandpa::EquivocationProof::new(
        set,
        sp_consensus_grandpa::Equivocation::Prevote(equivocation),
    )
}

fn produced(owner: u64, epoch: u32) -> Option<KeyProof> {
    Authorities::prove_key(Role::Producing, &babe(owner).public().0, epoch)
}

fn voted(owner: u64, epoch: u32) -> Option<KeyProof> {
    Authorities::prove_key(Role::Voting, &grandpa(owner).public().0, epoch)
}

fn report_blocks(owner: u64, slot: u64, proof: KeyProof) -> Result<(), sp_runtime::DispatchError> {
    let evidence = Box::new(two_blocks(owner, slot));
    let done = Babe::report_equivocation(RuntimeOrigin::signed(19), evidence, proof);
    done.map(drop).map_err(|error| error.error)
}

#[test]
fn two_blocks_for_a_slot_cost_stake_and_place() {
    run(7, || {
        until_epoch(3, &[1, 2, 3, 4, 5, 6, 7]);
        // Of the epoch before: its sets are remembered.
        let slot = *pallet_babe::GenesisSlot::<Test>::get() + EPOCH + 3;
        let proof = produced(4, 1).unwrap();
        assert_ok!(report_blocks(4, slot, proof));
        // (3 / 7)² of it.
        let (offender, amount, reporter) = Slashed::get()[0];
        assert_eq!((offender, reporter), (4, Some(19)));
        assert_eq!(amount, Perbill::from_rational(3u32, 7).square() * (2 * SEAT));
        assert_eq!(Registry::<Test>::get(4).unwrap().stake, 2 * SEAT - amount);
        assert!(matches!(Registry::<Test>::get(4).unwrap().state, State::Leaving(_)));
        assert_eq!(
            report_blocks(4, slot, proof),
            Err(pallet_babe::Error::<Test>::DuplicateOffenceReport.into())
        );
        until_epoch(5, &[1, 2, 3, 5, 6, 7]);
        assert!(weights().iter().all(|(owner, _)| *owner != 4));
        assert!(!voters().contains(&4));
    });
}

#[test]
fn two_votes_in_a_round_cost_the_same_and_past_sets_count() {
    run(3, || {
        until_epoch(2, &[1, 2, 3]);
        assert_ok!(join(4, SEAT));
        until_epoch(4, &[1, 2, 3]);
        assert_eq!(pallet_grandpa::CurrentSetId::<Test>::get(), 1);
        let report = |owner, set, proof| {
            Grandpa::report_equivocation(RuntimeOrigin::signed(19), Box::new(two_votes(owner, set)), proof)
                .map(drop)
                .map_err(|error| error.error)
        };
        // Set 0 voted until epoch 2, where set 1 began: each with the proof of its own time only.
        let (old, new) = (voted(2, 1).unwrap(), voted(2, 4).unwrap());
        assert_eq!((old.members, new.members), (3, 4));
        assert!(report(2, 0, new).is_err() && report(2, 1, old).is_err());
        assert_eq!(voted(4, 1), None, "was not there yet");
        assert_ok!(report(2, 0, old));
        assert_eq!(Slashed::get().len(), 1);
        assert_eq!(report(2, 0, old), Err(pallet_grandpa::Error::<Test>::DuplicateOffenceReport.into()));
    });
}

#[test]
fn what_is_no_equivocation_is_refused() {
    run(3, || {
        until_epoch(3, &[1, 2, 3]);
        let slot = *pallet_babe::GenesisSlot::<Test>::get() + 2 * EPOCH + 1;
        let right = produced(2, 2).unwrap();
        let call =
            |evidence, proof| Babe::report_equivocation(RuntimeOrigin::signed(19), Box::new(evidence), proof);
        let mut same = two_blocks(2, slot);
        same.second_header = same.first_header.clone();
        assert!(call(same, right).is_err());
        let mut forged = two_blocks(2, slot);
        forged.offender = keys(3).babe;
        assert!(call(forged, produced(3, 2).unwrap()).is_err());
        // Another epoch's set, another number of members, somebody who never was in one.
        assert!(report_blocks(2, slot, produced(2, 1).unwrap()).is_err());
        assert!(report_blocks(2, slot, KeyProof { members: 2, ..right }).is_err());
        assert_eq!(produced(9, 2), None);
        assert!(report_blocks(9, slot, right).is_err());
        assert!(Slashed::get().is_empty());
    });
}

#[test]
fn nodes_report_without_an_account_and_the_author_counts_as_reporter() {
    run(3, || {
        until_epoch(2, &[1, 2, 3]);
        block(3);
        let slot = *pallet_babe::GenesisSlot::<Test>::get() + 2 * EPOCH;
        let proof = produced(1, 2).unwrap();
        let call = pallet_babe::Call::<Test>::report_equivocation_unsigned {
            equivocation_proof: Box::new(two_blocks(1, slot)),
            key_owner_proof: proof,
        };
        assert!(Babe::validate_unsigned(TransactionSource::Local, &call).is_ok());
        assert!(Babe::validate_unsigned(TransactionSource::External, &call).is_err());
        let evidence = Box::new(two_blocks(1, slot));
        assert_ok!(
            Babe::report_equivocation_unsigned(RuntimeOrigin::none(), evidence, proof)
                .map(drop)
                .map_err(|e| e.error)
        );
        assert_eq!(Slashed::get()[0].2, Some(3));
        assert!(Babe::pre_dispatch(&call).is_err(), "known by now");
    });
}

#[test]
fn who_has_nothing_left_cannot_fill_the_chain_with_reports() {
    run(3, || {
        until_epoch(2, &[1, 2, 3]);
        let slot = *pallet_babe::GenesisSlot::<Test>::get() + 2 * EPOCH;
        // One of three: all of the stake.
        assert_ok!(report_blocks(1, slot, produced(1, 2).unwrap()));
        assert_eq!(Registry::<Test>::get(1).unwrap().stake, 0);
        let again = report_blocks(1, slot + 1, produced(1, 2).unwrap());
        assert_noop!(again, pallet_babe::Error::<Test>::DuplicateOffenceReport);
    });
}
