//! The log as anybody's tools read it: [C2SP tlog-tiles](https://c2sp.org/tlog-tiles).

use crate::{LogError, LogStore};
use attest::tile::{self, Bundle, Tile};
use std::{fs, path::Path};

impl LogStore {
    /// Writes hash tiles and entry bundles of the log's first `size` records below `folder`. The checkpoint is the caller's: it
    /// goes there last, so that it never promises tiles that are not there yet.
    pub fn export(&self, folder: &Path, size: u64) -> Result<(), LogError> {
        self.within(size)?;
        for bundle in tile::bundles_for(size) {
            publish(&folder.join(bundle.path().as_str()), &self.bundle(bundle)?)?;
        }
        for tile in tile::tiles_for(size) {
            publish(&folder.join(tile.path().as_str()), &self.tile(tile)?)?;
        }
        Ok(())
    }

    fn tile(&self, tile: Tile) -> Result<Vec<u8>, LogError> {
        let around = if tile.tree_level() == 0 { &[tile.first()][..] } else { &[] };
        let nodes = self.nodes(around)?;
        let hashes = nodes.run(tile.tree_level(), tile.first(), tile.width.into());
        Ok(hashes.ok_or(attest::ProofError::MissingNode)?.as_flattened().to_vec())
    }

    /// Each entry behind its length, big-endian.
    fn bundle(&self, bundle: Bundle) -> Result<Vec<u8>, LogError> {
        let mut bytes = Vec::new();
        for entry in self.iter_from(bundle.first()).take(bundle.width.into()) {
            let (record, _) = entry?;
            bytes.extend_from_slice(&(record.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&record);
        }
        Ok(bytes)
    }
}

/// Whoever reads the folder meanwhile never sees half a file. Losing one in a power cut is no loss: exports are made anew.
fn publish(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let draft = path.with_added_extension("new");
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&draft, bytes)?;
        fs::rename(&draft, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&draft);
        LogError::io(path, error)
    })
}
