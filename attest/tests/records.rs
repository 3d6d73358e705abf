//! One record, one encoding; anything else is refused by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use attest::{
    Body, MAX_RECORD, Record, RecordError,
    record::{
        Activity, Challenge, Check, Chip, ChipKind, ChipState, Drill, Finding, Gap, GapReason, GpuDetail,
        GpuReport, MAX_BODY, MAX_XIDS, Miss, Outcome, Snapshot, Verdict, Weights, text,
    },
};
use proptest::prelude::*;

/// The first tag that no body has.
const FIRST_UNKNOWN: u16 = 12;

fn bodies() -> impl Strategy<Value = Body> {
    let gap = (any::<u64>(), any::<u64>())
        .prop_map(|(from_ms, to_ms)| Body::Gap(Gap { from_ms, to_ms, reason: GapReason::Crashed }));
    let chip = (any::<u16>(), ".{0,200}", ".{0,200}", any::<Option<u64>>()).prop_map(
        |(index, name, reason, memory)| {
            Body::Chip(Chip {
                kind: ChipKind::Gpu,
                index,
                state: ChipState::Broken(text(&reason)),
                name: text(&name),
                id: text(&name),
                driver: text(&name),
                firmware: text(&name),
                memory_mib: memory,
            })
        },
    );
    let activity = (any::<u64>(), any::<[Option<u32>; 4]>(), any::<[Option<u64>; 5]>(), any::<Option<i16>>())
        .prop_map(|(from_ms, small, large, temperature)| {
            Body::Activity(Activity {
                kind: ChipKind::Cpu,
                index: 0,
                from_ms,
                span_ms: 60_000,
                samples: 60,
                failed: 0,
                power_mw: small[0],
                power_max_mw: small[1],
                energy_mj: large[0],
                utilisation: small[2].map(|value| value as u16),
                memory_utilisation: None,
                tensor: None,
                clock_mhz: small[3],
                temperature,
                memory_used_mib: large[1],
                read_bytes: large[2],
                written_bytes: large[3],
                throttle: large[4],
                ecc_errors: None,
                processes: None,
            })
        });
    let drill = (any::<[u8; 32]>(), any::<u64>(), any::<Option<u64>>(), any::<u16>()).prop_map(
        |(task, micro_ut, energy_mj, threads)| {
            Body::Drill(Drill {
                task,
                digest: [1; 32],
                commitment: [2; 32],
                micro_ut,
                span_ms: micro_ut / 2,
                energy_mj,
                threads,
            })
        },
    );
    let finding = (any::<[u8; 32]>(), ".{0,200}", any::<bool>()).prop_map(|(result, reason, challenged)| {
        Body::Finding(Finding {
            gpu: 3,
            check: Check::Memory,
            verdict: Verdict::Suspicious,
            score: 1000,
            challenge: challenged.then_some(Challenge { draw: [5; 32], result }),
            reason: text(&reason),
        })
    });
    let snapshot = (any::<[u8; 32]>(), any::<u64>(), any::<u32>(), 0..5u8).prop_map(
        |(digest, size, mean_blocks, which)| {
            let weights = Weights {
                digest,
                size,
                modified_ms: size / 3,
                behind: mean_blocks as u16,
                span_ms: size / 7,
            };
            let outcome = match which {
                0 => Outcome::Watching,
                1 => Outcome::Taken(weights),
                2 => Outcome::Unchanged(weights),
                3 => Outcome::Missed(Miss::Stalled),
                _ => Outcome::Unwatched { from: size },
            };
            Body::Snapshot(Snapshot {
                job: [3; 32],
                mean_blocks,
                block_number: size,
                block_hash: digest,
                outcome,
            })
        },
    );
    let detail = (
        any::<[Option<u16>; 4]>(),
        any::<[Option<u64>; 4]>(),
        prop::option::of(prop::collection::vec(any::<u32>(), 0..=MAX_XIDS)),
    )
        .prop_map(|(small, large, xids)| {
            Body::GpuDetail(GpuDetail {
                gpu: 7,
                from_ms: 1,
                span_ms: 60_000,
                tensor_half: small[0],
                tensor_integer: small[1],
                memory_bandwidth: small[2],
                nvlink_received_bytes: large[0],
                nvlink_sent_bytes: large[1],
                nvlinks: small[3],
                nvlinks_active: None,
                nvlink_errors: large[2],
                ecc_corrected: large[3],
                xids: xids.map(|xids| heapless::Vec::from_slice(&xids).unwrap()),
                parts: None,
            })
        });
    let report = (any::<[u8; 32]>(), any::<u16>()).prop_map(|(nonce, gpu)| {
        Body::GpuReport(GpuReport { gpu, nonce, report: [1; 32], certificates: [2; 32] })
    });
    let unknown = (FIRST_UNKNOWN.., prop::collection::vec(any::<u8>(), 0..MAX_BODY))
        .prop_map(|(tag, bytes)| Body::Unknown { tag, bytes: heapless::Vec::from_slice(&bytes).unwrap() });
    prop_oneof![gap, chip, activity, drill, finding, detail, report, snapshot, unknown]
}

fn records() -> impl Strategy<Value = Record> {
    (any::<u64>(), any::<u64>(), any::<u32>(), bodies()).prop_map(|(seq, time_ms, boot, body)| Record {
        seq,
        time_ms,
        boot,
        body,
    })
}

#[test]
fn a_padded_varint_is_not_canonical() {
    // seq 5 as two bytes (85 00) instead of one (05); then an empty body of an unknown kind.
    assert!(Record::decode(&[0x05, 0, 0, 99, 0]).is_ok());
    assert_eq!(Record::decode(&[0x85, 0x00, 0, 0, 99, 0]), Err(RecordError::NotCanonical));
}

#[test]
fn an_oversized_record_is_refused() {
    assert_eq!(Record::decode(&[0; MAX_RECORD + 1]), Err(RecordError::Oversized));
}

#[test]
fn the_format_is_frozen() {
    let gap = Gap { from_ms: 1, to_ms: 300, reason: GapReason::ClockJump };
    let record = Record { seq: 7, time_ms: 1_000, boot: 2, body: Body::Gap(gap) };
    assert_eq!(hex::encode(record.encode().unwrap()), "07e8070206040".to_string() + "1ac0202");
}

#[test]
fn a_snapshot_is_frozen() {
    let of = |outcome| {
        let body =
            Snapshot { job: [7; 32], mean_blocks: 100, block_number: 300, block_hash: [8; 32], outcome };
        let record = Record { seq: 1, time_ms: 2, boot: 3, body: Body::Snapshot(body) };
        let bytes = record.encode().unwrap();
        assert_eq!(Record::decode(&bytes).unwrap(), record);
        // seq, time, boot, tag 11, length of the body; its bytes from the mean on.
        assert_eq!(bytes[..4], [1, 2, 3, 11]);
        hex::encode(&bytes[5 + 32..])
    };
    let head = "64".to_string() + "ac02" + &"08".repeat(32);
    let weights = Weights { digest: [9; 32], size: 1 << 40, modified_ms: 5, behind: 2, span_ms: 6 };
    assert_eq!(of(Outcome::Watching), head.clone() + "00");
    assert_eq!(of(Outcome::Ended), head.clone() + "01");
    let taken = "09".repeat(32) + "808080808020" + "05" + "02" + "06";
    assert_eq!(of(Outcome::Taken(weights.clone())), head.clone() + "02" + &taken);
    assert_eq!(of(Outcome::Unchanged(weights)), head.clone() + "03" + &taken);
    assert_eq!(of(Outcome::Missed(Miss::Torn)), head.clone() + "04" + "02");
    assert_eq!(of(Outcome::Missed(Miss::Stalled)), head.clone() + "04" + "0a");
    assert_eq!(of(Outcome::Unwatched { from: 299 }), head + "05" + "ab02");
}

#[test]
fn a_window_of_every_kind_has_kept_its_bytes() {
    let activity = Activity {
        kind: ChipKind::Gpu,
        index: 1,
        from_ms: 300,
        span_ms: 60_000,
        samples: 60,
        failed: 0,
        power_mw: Some(700_000),
        power_max_mw: None,
        energy_mj: Some(1),
        utilisation: Some(1000),
        memory_utilisation: None,
        tensor: Some(398),
        clock_mhz: None,
        temperature: Some(-1),
        memory_used_mib: None,
        read_bytes: None,
        written_bytes: None,
        throttle: Some(4),
        ecc_errors: Some(0),
        processes: None,
    };
    let detail = GpuDetail {
        gpu: 1,
        from_ms: 300,
        span_ms: 60_000,
        tensor_half: Some(398),
        tensor_integer: None,
        memory_bandwidth: Some(0),
        nvlink_received_bytes: None,
        nvlink_sent_bytes: None,
        nvlinks: Some(18),
        nvlinks_active: Some(18),
        nvlink_errors: None,
        ecc_corrected: Some(300),
        xids: Some([79, 48].into_iter().collect()),
        parts: Some(0),
    };
    for (body, bytes) in [(Body::Activity(activity), ACTIVITY), (Body::GpuDetail(detail), DETAIL)] {
        let record = Record { seq: 0, time_ms: 0, boot: 0, body };
        assert_eq!(hex::encode(record.encode().unwrap()), bytes);
    }
}

/// An empty header, tag, length; then field by field: 00 is none, 01 some.
const ACTIVITY: &str = concat!(
    "00000004", "22", "00", "01", "ac02", "e0d403", "3c", "00", "01e0dc2a", "00", "0101", "01e807", "00",
    "018e03", "00", "0101", "00", "00", "00", "0104", "0100", "00"
);
const DETAIL: &str = concat!(
    "00000009", "1c", "01", "ac02", "e0d403", "018e03", "00", "0100", "00", "00", "0112", "0112", "00",
    "01ac02", "01024f30", "0100"
);

proptest! {
    #[test]
    fn what_is_encoded_comes_back(record in records()) {
        let bytes = record.encode().unwrap();
        prop_assert_eq!(Record::decode(&bytes).unwrap(), record);
    }

    #[test]
    fn a_truncated_or_extended_record_is_refused(record in records(), at in any::<prop::sample::Index>(), extra in any::<u8>()) {
        let bytes = record.encode().unwrap();
        prop_assert!(Record::decode(&bytes[..at.index(bytes.len())]).is_err());
        let mut longer = bytes.to_vec();
        longer.push(extra);
        prop_assert!(Record::decode(&longer).is_err());
    }

    #[test]
    fn foreign_bytes_never_panic_and_decode_to_themselves(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(record) = Record::decode(&bytes) {
            let again = record.encode().unwrap();
            prop_assert_eq!(again.as_slice(), &bytes[..]);
        }
    }
}
