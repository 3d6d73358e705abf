//! Accounts of made-up logs over headers that are really chained.

use super::*;
use attest::{
    record::{Miss, Weights},
    snapshot,
};
use light_client::{
    H256,
    randomness::{Header, hash},
    subxt::config::substrate::{Digest, DigestItem},
};
use std::fs;

pub const MACHINE: Hash = [9; 32];
const JOB: Hash = [3; 32];
const MEAN: u32 = 5;
pub const FIRST: u64 = 1_000;

/// So many headers with a VRF output each.
pub fn chain(count: u64) -> Vec<Header> {
    let mut parent = H256([7; 32]);
    let next = |number: u64| {
        let output = attest::sha256(&[&number.to_le_bytes()]);
        let won = [vec![1; 13], output.to_vec(), vec![2; 64]].concat();
        let header = Header {
            parent_hash: parent,
            number,
            state_root: H256([1; 32]),
            extrinsics_root: H256([2; 32]),
            digest: Digest { logs: vec![DigestItem::PreRuntime(*b"BABE", won)] },
        };
        parent = H256(hash(&header));
        header
    };
    (FIRST..FIRST + count).map(next).collect()
}

pub fn headers(chain: &[Header]) -> Headers {
    let mut headers = Headers::default();
    chain.iter().for_each(|header| headers.push(header).unwrap());
    headers
}

fn drawn(headers: &Headers) -> Vec<u64> {
    let drew = |(number, randomness): &(u64, Option<Hash>)| {
        snapshot::is_drawn(&MACHINE, &JOB, *number, &randomness.unwrap(), MEAN)
    };
    headers.iter().filter(drew).map(|(number, _)| number).collect()
}

fn weights(bytes: &[u8]) -> Weights {
    let digest = blake3::hash(bytes).into();
    Weights { digest, size: bytes.len() as u64, modified_ms: 1, behind: 1, span_ms: 1 }
}

fn entry(headers: &Headers, block_number: u64, outcome: Outcome) -> Entry {
    let block_hash = headers.get(block_number).map_or([0; 32], |(hash, _)| hash);
    Entry {
        seq: block_number,
        time_ms: 5,
        snapshot: Snapshot { job: JOB, mean_blocks: MEAN, block_number, block_hash, outcome },
    }
}

/// A log as it is to be: the watch begins before the first header.
fn honest(headers: &Headers) -> Vec<Entry> {
    let taken = |number: u64| entry(headers, number, Outcome::Taken(weights(&number.to_le_bytes())));
    let watching = entry(headers, FIRST - 1, Outcome::Watching);
    std::iter::once(watching).chain(drawn(headers).into_iter().map(taken)).collect()
}

fn draws_of(entries: &[Entry], headers: &Headers) -> Draws {
    account(&MACHINE, entries, Some(headers)).remove(0).draws.unwrap()
}

#[test]
fn an_honest_log_is_kept() {
    let headers = headers(&chain(200));
    let drawn = drawn(&headers);
    let draws = draws_of(&honest(&headers), &headers);
    assert!((20..60).contains(&drawn.len()), "{}: a fifth of 200", drawn.len());
    let wanted =
        Draws { blocks: 200, drawn: drawn.len() as u64, kept: drawn.len() as u64, ..Draws::default() };
    assert_eq!(draws, wanted);
    assert!(draws.are_kept());
}

#[test]
fn what_a_log_leaves_out_or_makes_up_is_found() {
    let headers = headers(&chain(200));
    let drawn = drawn(&headers);
    let (third, idle) = (drawn[2], (FIRST..).find(|number| !drawn.contains(number)).unwrap());
    let mut silent = honest(&headers);
    silent.retain(|entry| entry.snapshot.block_number != third);
    assert_eq!(draws_of(&silent, &headers).silent, [third]);
    let mut made_up = honest(&headers);
    made_up.push(entry(&headers, idle, Outcome::Taken(weights(b"chosen"))));
    assert_eq!(draws_of(&made_up, &headers).not_drawn, [idle]);
    let mut elsewhere = honest(&headers);
    elsewhere[3].snapshot.block_hash = [1; 32];
    assert_eq!(draws_of(&elsewhere, &headers).of_another_chain, [third]);
    for bad in [silent, made_up, elsewhere] {
        assert!(!draws_of(&bad, &headers).are_kept());
    }
}

#[test]
fn what_is_missed_by_name_is_no_silence() {
    let headers = headers(&chain(200));
    let drawn = drawn(&headers);
    let mut entries = honest(&headers);
    entries[1].snapshot.outcome = Outcome::Missed(Miss::Torn);
    // Three draws fell into a stretch that nobody looked at, the last two are not told yet.
    let (from, to) = (drawn[2], drawn[4]);
    entries.retain(|entry| !drawn[2..=4].contains(&entry.snapshot.block_number));
    entries.truncate(entries.len() - 2);
    entries.push(entry(&headers, to, Outcome::Unwatched { from }));
    let told = account(&MACHINE, &entries, Some(&headers)).remove(0);
    assert_eq!((told.missed["torn"], told.unwatched_blocks), (1, to - from + 1));
    let draws = told.draws.unwrap();
    assert_eq!((draws.missed, draws.unwatched, draws.open, draws.silent.len()), (1, 3, 2, 0));
    assert_eq!(draws.kept + 1 + 3 + 2, draws.drawn);
    assert!(draws.are_kept());
}

#[test]
fn blocks_count_from_the_watch_on_until_its_end() {
    let headers = headers(&chain(200));
    let entries =
        [entry(&headers, FIRST + 49, Outcome::Watching), entry(&headers, FIRST + 149, Outcome::Ended)];
    let told = account(&MACHINE, &entries, Some(&headers)).remove(0);
    assert!(told.ended);
    let within = drawn(&headers).into_iter().filter(|number| (FIRST + 50..FIRST + 150).contains(number));
    let draws = told.draws.unwrap();
    assert_eq!((draws.blocks, draws.silent), (100, within.collect::<Vec<_>>()));
}

#[test]
fn headers_that_do_not_follow_each_other_are_refused() {
    let mut chain = chain(3);
    chain[1].state_root = H256([8; 32]);
    let mut headers = Headers::default();
    headers.push(&chain[0]).unwrap();
    headers.push(&chain[1]).unwrap();
    assert!(matches!(headers.push(&chain[2]), Err(Error::NotAChain(number)) if number == FIRST + 2));
    assert!(matches!(headers.push(&chain[0]), Err(Error::NotAChain(_))));
}

const LAST: &str = "ebac7c0f1c7f4947fefe2a76149534e3488df8c5615d5f35491f59aa4762660e";

/// Headers of a development node, as `chain_getHeader` gave them, and the last one's hash, as `chain_getBlockHash` gave it.
#[test]
fn a_nodes_headers_are_read_to_its_own_hash() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/snapshots/headers.json");
    let headers = Headers::read(&path).unwrap();
    assert_eq!(headers.last().map(|(number, hash)| (number, hex::encode(hash))), Some((24, LAST.into())));
    let outputs: BTreeSet<_> = headers.iter().map(|(_, randomness)| randomness.unwrap()).collect();
    assert_eq!(outputs.len(), 24, "each block has randomness of its own");
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken.json");
    fs::write(&broken, "{\"number\": 7}").unwrap();
    assert!(matches!(Headers::read(&broken), Err(Error::Headers { .. })));
    assert!(matches!(Headers::read(&dir.path().join("none")), Err(Error::File { .. })));
}

#[test]
fn newlines_without_an_end_are_no_header() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("headers.json");
    let first = serde_json::to_string(&chain(1)[0]).unwrap();
    let newlines = "\n".repeat(1 << 20);
    fs::write(&file, format!("{first}{}{first}", &newlines[..1000])).unwrap();
    assert!(matches!(Headers::read(&file), Err(Error::NotAChain(FIRST))));
    fs::write(&file, format!("{first}{newlines}{first}")).unwrap();
    let refused = Headers::read(&file).unwrap_err();
    assert!(refused.to_string().contains("larger than 1 MiB"), "{refused}");
    assert!(matches!(Headers::read(dir.path()), Err(Error::File { .. })));
}

#[test]
fn a_files_digest_is_found_in_the_first_anchor_that_covers_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.safetensors");
    fs::write(&file, b"weights").unwrap();
    let headers = headers(&chain(10));
    let entries = [
        entry(&headers, FIRST, Outcome::Taken(weights(b"weights"))),
        entry(&headers, FIRST + 1, Outcome::Taken(weights(b"other"))),
        entry(&headers, FIRST + 2, Outcome::Unchanged(weights(b"weights"))),
    ];
    let anchor = |size, counter| AnchorReport {
        claimed_block: 1,
        block_hash: String::new(),
        size,
        root: String::new(),
        counter,
        resets: 0,
    };
    let anchors = [anchor(FIRST, 1), anchor(FIRST + 1, 2)];
    let found = find(&file, &entries, &anchors).unwrap();
    let records: Vec<_> = found.records.iter().map(|record| (record.seq, record.counter)).collect();
    assert_eq!(records, [(FIRST, Some(2)), (FIRST + 2, None)]);
    fs::write(&file, b"never logged").unwrap();
    assert!(find(&file, &entries, &anchors).unwrap().records.is_empty());
}
