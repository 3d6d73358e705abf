//! An exported log, read back from its C2SP tiles: only the entry bundles are believed, everything else is recomputed.

use crate::EvidenceError;
use attest::{Frontier, Hash, leaf_hash};
use std::{
    fs,
    path::{Path, PathBuf},
};

const BUNDLE: u64 = 256;

/// Reads every entry in order and hands its bytes over; returns the frontier after the last.
pub fn replay(
    folder: &Path,
    size: u64,
    mut entry: impl FnMut(u64, &[u8], &Frontier),
) -> Result<Frontier, EvidenceError> {
    let mut frontier = Frontier::new();
    while frontier.size() < size {
        let index = frontier.size() / BUNDLE;
        let width = (size - frontier.size()).min(BUNDLE);
        let (file, held) = widest_bundle(folder, index, width);
        let bytes = fs::read(&file).map_err(|error| EvidenceError::Io(file.clone(), error))?;
        let mut rest = bytes.as_slice();
        for _ in 0..width {
            let (record, after) = split(rest).ok_or_else(|| EvidenceError::TornBundle(file.clone()))?;
            frontier.append(leaf_hash(record)).map_err(|_| EvidenceError::TornBundle(file.clone()))?;
            entry(frontier.size(), record, &frontier);
            rest = after;
        }
        // A log that has grown since is exported with more in its last bundle; what is in it must still be whole.
        for _ in width..held {
            (_, rest) = split(rest).ok_or_else(|| EvidenceError::TornBundle(file.clone()))?;
        }
        if !rest.is_empty() {
            return Err(EvidenceError::TornBundle(file));
        }
    }
    Ok(frontier)
}

/// The log's roots at the wanted sizes, which must be sorted.
pub fn roots(folder: &Path, sizes: &[u64]) -> Result<Vec<Hash>, EvidenceError> {
    let last = sizes.last().copied().unwrap_or(0);
    let mut wanted = sizes.iter().peekable();
    let mut roots = Vec::with_capacity(sizes.len());
    let take = |frontier: &Frontier,
                wanted: &mut std::iter::Peekable<std::slice::Iter<'_, u64>>,
                roots: &mut Vec<Hash>| {
        while wanted.next_if(|size| **size == frontier.size()).is_some() {
            roots.push(frontier.root());
        }
    };
    take(&Frontier::new(), &mut wanted, &mut roots);
    replay(folder, last, |_, _, frontier| take(frontier, &mut wanted, &mut roots))?;
    Ok(roots)
}

/// One entry: a big-endian u16 length, then the bytes (C2SP tlog-tiles, "Log Entries").
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// The bundle that holds at least `width` entries, and how many it holds: the very one, or one of a later export.
fn widest_bundle(folder: &Path, index: u64, width: u64) -> (PathBuf, u64) {
    let exact = folder.join(bundle_path(index, width));
    if exact.is_file() {
        return (exact, width);
    }
    let later = (width + 1..=BUNDLE).map(|held| (folder.join(bundle_path(index, held)), held));
    later.into_iter().find(|(path, _)| path.is_file()).unwrap_or((exact, width))
}

/// `tile/entries/x001/x234/067[.p/W]` (C2SP tlog-tiles, "Parameters").
fn bundle_path(index: u64, width: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width == BUNDLE { String::new() } else { format!(".p/{width}") };
    format!("tile/entries/{path}{partial}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(bundle_path(0, 256), "tile/entries/000");
        assert_eq!(bundle_path(1_234_067, 256), "tile/entries/x001/x234/067");
        assert_eq!(bundle_path(273, 112), "tile/entries/273.p/112");
    }

    #[test]
    fn a_torn_entry_is_seen() {
        assert_eq!(split(&[0, 2, 7]), None);
        assert_eq!(split(&[0, 1, 7, 9]), Some((&[7u8][..], &[9u8][..])));
    }
}
