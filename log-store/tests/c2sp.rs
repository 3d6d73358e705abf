//! A reader of exports that was written from the specifications alone (C2SP tlog-tiles, RFC 6962), with none of our code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::records;
use log_store::{LogError, LogStore};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

type Node = [u8; 32];

/// "N is encoded into 3-digit path elements; all but the last path element MUST begin with an x."
fn n_path(n: u64) -> String {
    let digits = n.to_string();
    let padded = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
    let groups: Vec<&str> = padded.as_bytes().chunks(3).map(|c| std::str::from_utf8(c).unwrap()).collect();
    let (last, head) = groups.split_last().unwrap();
    head.iter().map(|group| format!("x{group}/")).collect::<String>() + last
}

fn hash(parts: &[&[u8]]) -> Node {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Reads a resource by its "kind" (a level or `entries`): the full one, or the partial one of just that width.
fn resource(root: &Path, kind: &str, n: u64, width: u64) -> Vec<u8> {
    let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
    fs::read(root.join(format!("tile/{kind}/{}{partial}", n_path(n)))).unwrap()
}

/// "entries are a sequence of big-endian uint16 length-prefixed log entries"
fn entries(root: &Path, size: u64) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for n in 0..size.div_ceil(256) {
        let width = (size - n * 256).min(256);
        let bytes = resource(root, "entries", n, width);
        let (mut rest, mut count) = (bytes.as_slice(), 0);
        while !rest.is_empty() {
            let length = usize::from(rest[0]) << 8 | usize::from(rest[1]);
            all.push(rest[2..2 + length].to_vec());
            rest = &rest[2 + length..];
            count += 1;
        }
        assert_eq!(count, width);
    }
    all
}

/// "the n-th tile at level l holds 256 consecutive hashes of level 8·l": the hashes of all tiles of a level.
fn level(root: &Path, l: u32, size: u64) -> Vec<Node> {
    let count = size / 256u64.pow(l);
    let mut nodes = Vec::new();
    for n in 0..count.div_ceil(256) {
        let width = (count - n * 256).min(256);
        let bytes = resource(root, &l.to_string(), n, width);
        assert_eq!(bytes.len() as u64, width * 32);
        nodes.extend(bytes.chunks(32).map(|node| Node::try_from(node).unwrap()));
    }
    nodes
}

fn mth(leaves: &[Node]) -> Node {
    match leaves.len() {
        0 => hash(&[]),
        1 => leaves[0],
        n => {
            let mut k = 1;
            while k * 2 < n {
                k *= 2;
            }
            hash(&[&[1], &mth(&leaves[..k]), &mth(&leaves[k..])])
        }
    }
}

/// Files below a folder, relative to it.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { found.push(entry) }
        }
    }
    found
}

fn verify(root: &Path, size: u64) -> Node {
    let leaves: Vec<Node> = entries(root, size).iter().map(|entry| hash(&[&[0], entry])).collect();
    assert_eq!(leaves.len() as u64, size);
    let mut below = leaves.clone();
    let mut l = 0;
    let mut expected = size.div_ceil(256);
    while size / 256u64.pow(l) > 0 {
        let nodes = level(root, l, size);
        assert_eq!(nodes, below, "level {l}");
        expected += (nodes.len() as u64).div_ceil(256);
        below = nodes.chunks_exact(256).map(mth).collect();
        l += 1;
    }
    assert_eq!(files(root).len() as u64, expected, "what the specification names, and nothing else");
    mth(&leaves)
}

/// The root as the inspector's tool finds it.
fn replayed(root: &Path, size: u64) -> Node {
    evidence::log::replay(root, size, |_, _| Ok(())).unwrap().root()
}

#[test]
fn exports_of_many_sizes_are_read_by_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogStore::open(folder.path()).unwrap();
    log.append(&records(0, 70_000)).unwrap();
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 70_000] {
        let export = tempfile::tempdir().unwrap();
        log.export(export.path(), size).unwrap();
        let root = verify(export.path(), size);
        assert_eq!(root, log.root_at(size).unwrap(), "{size}");
        assert_eq!(replayed(export.path(), size), root);
    }
}

#[test]
fn an_export_grows_into_the_same_folder() {
    let (folder, export) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut log = LogStore::open(folder.path()).unwrap();
    log.append(&records(0, 300)).unwrap();
    log.export(export.path(), 100).unwrap();
    log.export(export.path(), 300).unwrap();
    // Earlier partial tiles may stay: whoever holds the older checkpoint still reads it.
    assert_eq!(replayed(export.path(), 300), log.root());
    assert_eq!(replayed(export.path(), 100), log.root_at(100).unwrap());
    assert!(matches!(log.export(export.path(), 301), Err(LogError::OutOfRange { asked: 301, size: 300 })));
}
