//! An exported log, read back from its C2SP files: only the entry bundles are believed, everything else is recomputed from them.
//! Files that a log of that size does not have are not looked at.

use crate::{EvidenceError, file::read};
use attest::{
    Frontier, Hash, Record,
    checkpoint::{self, Checkpoint, CheckpointError},
    leaf_hash, node_hash,
    tile::{self, Bundle, Tile},
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A bundle of 256 entries of the greatest length that its u16 can give.
const LONGEST_BUNDLE: u64 = 256 * (2 + 65_535);
const LONGEST_TILE: u64 = 256 * 32;

/// What an exported log was found to be.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// Records that its checkpoint covers, each of them read as one.
    pub size: u64,
    /// Hex of its root.
    pub root: String,
    /// Hex of the device key that signed the checkpoint: one that the TPM delegated.
    pub signed_by: String,
    /// Records after the last anchor: signed by the device, not by the TPM yet.
    pub after_last_anchor: u64,
    /// Files of hashes, each equal to what the entries give.
    pub tiles: usize,
}

/// Checks checkpoint, entries and tiles of the log of `machine`, signed with one of `devices`, and that it has each root at its
/// size: `anchored`, oldest first. Hands on every record as it is read, before the whole is known to be right.
pub fn check(
    folder: &Path,
    machine: &[u8; 32],
    devices: &[[u8; 32]],
    anchored: &[(u64, Hash)],
    mut each: impl FnMut(Record),
) -> Result<LogReport, EvidenceError> {
    let note = read(&folder.join("checkpoint"), checkpoint::MAX_NOTE as u64)?;
    let note = String::from_utf8(note).map_err(|_| CheckpointError::Malformed)?;
    let (head, signer) = signed(&note, &checkpoint::origin(machine), devices)?;
    let last = anchored.last().map_or(0, |(size, _)| *size);
    if head.size < last {
        return Err(EvidenceError::LogTooShort(head.size, last));
    }
    let mut leaves = Vec::new();
    let mut next = anchored.iter().enumerate().peekable();
    let frontier = replay(folder, head.size, |entry, frontier| {
        each(entry.record()?);
        leaves.push(entry.leaf);
        while let Some((index, (_, root))) = next.next_if(|(_, (size, _))| *size == frontier.size()) {
            if *root != frontier.root() {
                return Err(EvidenceError::LogDiffers(index));
            }
        }
        Ok(())
    })?;
    if frontier.root() != head.root {
        return Err(EvidenceError::CheckpointDiffers);
    }
    Ok(LogReport {
        size: head.size,
        root: hex::encode(head.root),
        signed_by: hex::encode(signer),
        after_last_anchor: head.size - last,
        tiles: check_tiles(folder, head.size, leaves)?,
    })
}

/// The checkpoint, and the first of the keys that has signed it.
fn signed<'a>(
    note: &'a str,
    origin: &str,
    devices: &[[u8; 32]],
) -> Result<(Checkpoint<'a>, [u8; 32]), CheckpointError> {
    let mut outcome = Err(CheckpointError::NotSigned);
    for device in devices {
        match checkpoint::verify(note, origin, device) {
            Ok(head) => return Ok((head, *device)),
            Err(CheckpointError::NotSigned) => {}
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

/// One entry of an exported log.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its place in the log, from 0.
    pub place: u64,
    /// What it holds.
    pub bytes: &'a [u8],
    /// Its hash.
    pub leaf: Hash,
}

impl Entry<'_> {
    /// The record that it must be: a log can be hashed and signed with anything in it.
    pub fn record(&self) -> Result<Record, EvidenceError> {
        let record =
            Record::decode(self.bytes).map_err(|error| EvidenceError::NoRecord(self.place, error))?;
        if record.seq != self.place {
            return Err(EvidenceError::Misplaced { place: self.place, says: record.seq });
        }
        Ok(record)
    }
}

/// Reads every entry in order and hands it on with the frontier after it; returns the last frontier.
pub fn replay(
    folder: &Path,
    size: u64,
    mut entry: impl FnMut(Entry<'_>, &Frontier) -> Result<(), EvidenceError>,
) -> Result<Frontier, EvidenceError> {
    let mut frontier = Frontier::new();
    for bundle in tile::bundles_for(size) {
        let path = |width| Bundle { width, ..bundle }.path();
        let (file, held) = widest(folder, bundle.width, path);
        let torn = || EvidenceError::TornBundle(file.clone());
        let bytes = read(&file, LONGEST_BUNDLE)?;
        let mut rest = bytes.as_slice();
        // A log that has grown since is exported with more in its last bundle; what is in it must still be whole.
        for number in 0..held {
            let (bytes, after) = split(rest).ok_or_else(torn)?;
            if number < bundle.width {
                let (place, leaf) = (frontier.size(), leaf_hash(bytes));
                frontier.append(leaf).map_err(|_| torn())?;
                entry(Entry { place, bytes, leaf }, &frontier)?;
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(torn());
        }
    }
    Ok(frontier)
}

/// Compares every tile with what the leaves give, level by level, and counts them.
fn check_tiles(folder: &Path, size: u64, leaves: Vec<Hash>) -> Result<usize, EvidenceError> {
    let mut hashes = leaves;
    let mut level = 0;
    let mut checked = 0;
    for tile in tile::tiles_for(size) {
        while level < tile.level {
            hashes = hashes.chunks_exact(tile::WIDTH.into()).map(full_subtree).collect();
            level += 1;
        }
        let (file, _) = widest(folder, tile.width, |width| Tile { width, ..tile }.path());
        let found = read(&file, LONGEST_TILE)?;
        let wanted = hashes.iter().skip(tile.first() as usize).take(tile.width.into());
        // One of a later export holds more after it.
        let same = found.len().is_multiple_of(32)
            && found.chunks(32).take(tile.width.into()).eq(wanted.map(|hash| hash.as_slice()));
        if !same {
            return Err(EvidenceError::TileDiffers(file));
        }
        checked += 1;
    }
    Ok(checked)
}

/// The root over 256 neighbours.
fn full_subtree(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node_hash(left, right),
                rest => rest.first().copied().unwrap_or_default(),
            })
            .collect();
    }
    level.first().copied().unwrap_or_default()
}

/// One entry: a big-endian u16 length, then the bytes (C2SP tlog-tiles, "Log Entries").
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// The file that holds at least `width` things, and how many it holds: the very one, or one of a later export.
fn widest(folder: &Path, width: u16, path: impl Fn(u16) -> tile::Path) -> (PathBuf, u16) {
    let at = |width| folder.join(path(width).as_str());
    let held = (width..=tile::WIDTH).find(|held| at(*held).is_file()).unwrap_or(width);
    (at(held), held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::{
        Body, RecordError,
        record::{Gap, GapReason},
    };
    use ed25519_dalek::{Signer, SigningKey};
    use std::{
        fs::{self, File},
        io::ErrorKind,
        os::unix::fs::symlink,
    };

    const MACHINE: [u8; 32] = [9; 32];

    struct Export {
        folder: tempfile::TempDir,
        key: SigningKey,
        roots: Vec<(u64, Hash)>,
    }

    fn record(seq: u64) -> Vec<u8> {
        let body = Body::Gap(Gap { from_ms: seq, to_ms: seq + 1, reason: GapReason::Stopped });
        Record { seq, time_ms: 1_700_000_000_000, boot: 1, body }.encode().unwrap().to_vec()
    }

    fn export(size: u64) -> Export {
        export_of((0..size).map(record).collect())
    }

    /// A log written straight from the text of C2SP tlog-tiles, not by the code that exports ours.
    fn export_of(entries: Vec<Vec<u8>>) -> Export {
        let size = entries.len() as u64;
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_bytes(&[7; 32]);
        let mut frontier = Frontier::new();
        let mut roots = Vec::new();
        for entry in &entries {
            frontier.append(leaf_hash(entry)).unwrap();
            roots.push((frontier.size(), frontier.root()));
        }
        let put = |path: &str, bytes: &[u8]| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for (index, chunk) in entries.chunks(256).enumerate() {
            let bytes: Vec<u8> = chunk
                .iter()
                .flat_map(|entry| [&(entry.len() as u16).to_be_bytes()[..], entry].concat())
                .collect();
            put(tile::entries_path(index as u64, chunk.len() as u16).as_str(), &bytes);
        }
        let mut hashes: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for level in 0.. {
            for (index, chunk) in hashes.chunks(256).enumerate() {
                put(tile::path(level, index as u64, chunk.len() as u16).as_str(), chunk.as_flattened());
            }
            if hashes.len() < 256 {
                break;
            }
            let subtree = |chunk: &[Hash]| {
                let mut frontier = Frontier::new();
                chunk.iter().for_each(|hash| frontier.append(*hash).unwrap());
                frontier.root()
            };
            hashes = hashes.chunks_exact(256).map(subtree).collect();
        }
        let export = Export { folder, key, roots };
        export.sign(size, frontier.root());
        export
    }

    impl Export {
        fn sign(&self, size: u64, root: Hash) {
            let origin = checkpoint::origin(&MACHINE);
            let head = Checkpoint { origin: &origin, size, root };
            let public = self.key.verifying_key().to_bytes();
            let note = checkpoint::sign(&head, &public, |body| self.key.sign(body).to_bytes()).unwrap();
            fs::write(self.folder.path().join("checkpoint"), note.as_bytes()).unwrap();
        }

        fn check(&self, anchored: &[usize]) -> Result<LogReport, EvidenceError> {
            let anchored: Vec<_> = anchored.iter().map(|size| self.roots[size - 1]).collect();
            let devices = [[3; 32], self.key.verifying_key().to_bytes()];
            let mut read = 0;
            let report = check(self.folder.path(), &MACHINE, &devices, &anchored, |record| {
                assert_eq!(record.seq, read);
                read += 1;
            })?;
            assert_eq!(read, report.size);
            Ok(report)
        }

        fn change(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
            let file = self.folder.path().join(file);
            let mut bytes = fs::read(&file).unwrap();
            change(&mut bytes);
            fs::write(file, bytes).unwrap();
        }
    }

    #[test]
    fn an_honest_export_passes() {
        for size in [1, 255, 256, 257, 700] {
            let report = export(size).check(&[1, size as usize]).unwrap();
            assert_eq!((report.size, report.after_last_anchor), (size, 0));
        }
        assert_eq!(export(700).check(&[600]).unwrap().after_last_anchor, 100);
        assert_eq!(export(70_000).check(&[]).unwrap().tiles, 277);
    }

    #[test]
    fn a_grown_export_serves_an_older_checkpoint() {
        let export = export(700);
        let (size, root) = export.roots[599];
        export.sign(size, root);
        assert_eq!(export.check(&[300]).unwrap().size, 600);
        assert!(matches!(export.check(&[700]), Err(EvidenceError::LogTooShort(600, 700))));
    }

    #[test]
    fn every_changed_byte_is_seen() {
        let export = export(300);
        for file in
            ["tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]
        {
            for at in [0, 31] {
                export.change(file, |bytes| bytes[at] ^= 1);
                let error = export.check(&[300]).unwrap_err();
                let named = match file.contains("entries") {
                    true => matches!(
                        error,
                        EvidenceError::TornBundle(_)
                            | EvidenceError::NoRecord(..)
                            | EvidenceError::Misplaced { .. }
                            | EvidenceError::LogDiffers(0)
                    ),
                    false => matches!(error, EvidenceError::TileDiffers(_)),
                };
                assert!(named, "{file}: {error}");
                export.change(file, |bytes| bytes[at] ^= 1);
            }
        }
        export.check(&[300]).unwrap();
    }

    #[test]
    fn records_after_the_last_anchor_count_too() {
        let export = export(300);
        // The reason of the gap: still a record.
        export.change("tile/entries/001.p/44", |bytes| *bytes.last_mut().unwrap() ^= 1);
        assert!(matches!(export.check(&[10]), Err(EvidenceError::CheckpointDiffers)));
        assert!(matches!(export.check(&[10, 300]), Err(EvidenceError::LogDiffers(1))));
    }

    #[test]
    fn what_was_signed_must_be_records_in_their_places() {
        let with = |place: usize, entry: Vec<u8>| {
            let mut entries: Vec<_> = (0..300).map(record).collect();
            entries[place] = entry;
            export_of(entries).check(&[300])
        };
        let garbage = with(270, b"this machine computed 1e25 FLOP, honestly".to_vec());
        assert!(matches!(garbage, Err(EvidenceError::NoRecord(270, _))), "{garbage:?}");
        let longer = with(3, [record(3), vec![0]].concat());
        assert!(matches!(longer, Err(EvidenceError::NoRecord(3, RecordError::NotCanonical))), "{longer:?}");
        let repeated = with(299, record(298));
        assert!(matches!(repeated, Err(EvidenceError::Misplaced { place: 299, says: 298 })), "{repeated:?}");
    }

    #[test]
    fn what_is_no_file_of_its_size_is_refused_at_once() {
        let pipe = |path: &Path| {
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        };
        let huge = |path: &Path| File::create(path).unwrap().set_len(1 << 40).unwrap();
        for file in ["checkpoint", "tile/entries/001.p/44", "tile/0/000"] {
            refused(file, pipe, ErrorKind::InvalidInput);
            refused(file, |path| symlink("/dev/zero", path).unwrap(), ErrorKind::InvalidInput);
            refused(file, huge, ErrorKind::FileTooLarge);
        }
    }

    fn refused(file: &str, put: impl FnOnce(&Path), kind: ErrorKind) {
        let export = export(300);
        let path = export.folder.path().join(file);
        fs::remove_file(&path).unwrap();
        put(&path);
        let refused = export.check(&[300]);
        let named =
            matches!(&refused, Err(EvidenceError::Io(named, why)) if *named == path && why.kind() == kind);
        assert!(named, "{refused:?}");
    }

    #[test]
    fn what_does_not_belong_to_the_log_is_not_looked_at() {
        let export = export(300);
        fs::write(export.folder.path().join("tile/0/junk"), "junk").unwrap();
        export.check(&[300]).unwrap();
    }

    #[test]
    fn what_is_missing_is_named() {
        let export = export(300);
        fs::remove_file(export.folder.path().join("tile/1/000.p/1")).unwrap();
        assert!(matches!(export.check(&[300]), Err(EvidenceError::Io(file, _)) if file.ends_with("000.p/1")));
        fs::remove_file(export.folder.path().join("checkpoint")).unwrap();
        assert!(
            matches!(export.check(&[300]), Err(EvidenceError::Io(file, _)) if file.ends_with("checkpoint"))
        );
    }

    #[test]
    fn a_strangers_checkpoint_is_refused() {
        let export = export(3);
        let refused = check(export.folder.path(), &MACHINE, &[[3; 32]], &[], |_| {});
        assert!(matches!(refused, Err(EvidenceError::Checkpoint(CheckpointError::NotSigned))));
        let origin =
            check(export.folder.path(), &[8; 32], &[export.key.verifying_key().to_bytes()], &[], |_| {});
        assert!(matches!(origin, Err(EvidenceError::Checkpoint(_))));
        export.change("checkpoint", |bytes| bytes.extend([b'x'; 70_000]));
        assert!(matches!(export.check(&[]), Err(EvidenceError::Io(..))));
    }

    #[test]
    fn a_torn_entry_is_seen() {
        assert_eq!(split(&[0, 2, 7]), None);
        assert_eq!(split(&[0, 1, 7, 9]), Some((&[7u8][..], &[9u8][..])));
    }
}
