//! What was drawn for each credential, on disk before anybody sees the credential.
//!
//! An inspector that cannot show its randomness when a credential is disputed loses its bond, and one that made a second credential
//! for the same request could not show it either. So the first draw for a request is the only one, whatever happens in between.

use crate::{durable, ek_certificate::Level};
use credential::Randomness;
use light_client::seed;
use rand::{RngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Identifier of a request.
pub type RequestId = [u8; 32];

/// What makes one credential, and the vote that goes with it.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// What only the machine's TPM can read.
    #[serde(with = "hex")]
    pub secret: [u8; 32],
    /// For an RSA key the seed that is encrypted, for an ECC key the ephemeral scalar.
    #[serde(with = "hex")]
    pub seed: [u8; 32],
    /// Randomness of the padding.
    #[serde(with = "hex")]
    pub oaep_seed: [u8; 32],
    /// The vote: a changed roots folder does not change it later.
    #[zeroize(skip)]
    pub level: Level,
}

impl Drawn {
    fn fresh(level: Level) -> Self {
        let mut drawn = Self { secret: [0; 32], seed: [0; 32], oaep_seed: [0; 32], level };
        for part in [&mut drawn.secret, &mut drawn.seed, &mut drawn.oaep_seed] {
            OsRng.fill_bytes(part);
        }
        drawn
    }

    /// The credential's randomness.
    pub fn randomness(&self) -> Randomness {
        Randomness { seed: self.seed, oaep_seed: self.oaep_seed }
    }
}

/// Secrets that cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A file or folder that cannot be used.
    #[error("{path}: {1}; check that this user may write there and that the disk is not full", path = .0.display())]
    Io(PathBuf, std::io::Error),
    /// A file that is not one of ours.
    #[error("{path} does not parse ({1}): restore it from a backup; without it a dispute costs the bond", path = .0.display())]
    Damaged(PathBuf, serde_json::Error),
}

/// A folder with one file for each request, readable by its owner only.
pub struct Vault(PathBuf);

impl Vault {
    /// Opens the folder, created if missing.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| VaultError::Io(folder.into(), error))?;
        Ok(Self(folder.into()))
    }

    /// What was drawn for this request, if anything was.
    pub fn get(&self, request: &RequestId) -> Result<Option<Drawn>, VaultError> {
        let file = self.file(request);
        match seed::read_file(&file) {
            Ok(text) => {
                serde_json::from_str(&text).map(Some).map_err(|error| VaultError::Damaged(file, error))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VaultError::Io(file, error)),
        }
    }

    /// What was drawn for this request, now if not before. Once this returns, no crash loses it.
    pub fn get_or_draw(&self, request: &RequestId, level: Level) -> Result<Drawn, VaultError> {
        if let Some(drawn) = self.get(request)? {
            return Ok(drawn);
        }
        let drawn = Drawn::fresh(level);
        self.keep(request, &drawn)?;
        Ok(drawn)
    }

    /// Lets go of what was drawn for a request that has ended.
    pub fn forget(&self, request: &RequestId) -> Result<(), VaultError> {
        let file = self.file(request);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(VaultError::Io(file, error)),
            _ => Ok(()),
        }
    }

    /// The requests that something was drawn for.
    pub fn requests(&self) -> Result<Vec<RequestId>, VaultError> {
        let unreadable = |error| VaultError::Io(self.0.clone(), error);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
            let mut request = RequestId::default();
            if id.is_some_and(|id| hex::decode_to_slice(id, &mut request).is_ok()) {
                found.push(request);
            }
        }
        Ok(found)
    }

    fn keep(&self, request: &RequestId, drawn: &Drawn) -> Result<(), VaultError> {
        let file = self.file(request);
        // A draft left by a crash was never used: its credential has not been seen by anybody.
        let text = serde_json::to_vec(drawn).map(Zeroizing::new).map_err(std::io::Error::from);
        text.and_then(|text| durable::replace(&file, &text)).map_err(|error| VaultError::Io(file, error))
    }

    fn file(&self, request: &RequestId) -> PathBuf {
        self.0.join(format!("{}.json", hex::encode(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("secrets")).unwrap();
        (dir, vault)
    }

    #[test]
    fn the_first_draw_stays_whatever_is_asked_later() {
        let (dir, vault) = vault();
        let first = vault.get_or_draw(&[1; 32], Level::Hardware).unwrap();
        let again = Vault::open(&dir.path().join("secrets")).unwrap();
        let second = again.get_or_draw(&[1; 32], Level::Unverified).unwrap();
        assert_eq!(
            (first.secret, first.seed, first.oaep_seed),
            (second.secret, second.seed, second.oaep_seed)
        );
        assert_eq!(second.level, Level::Hardware);
        assert_ne!(vault.get_or_draw(&[2; 32], Level::Virtual).unwrap().secret, first.secret);
    }

    #[test]
    fn nobody_else_may_read_it() {
        let (_dir, vault) = vault();
        vault.get_or_draw(&[1; 32], Level::Hardware).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&vault.file(&[1; 32])), mode(&vault.0)), (0o600, 0o700));
    }

    #[test]
    fn a_torn_draft_is_drawn_anew_and_a_damaged_file_is_not() {
        let (_dir, vault) = vault();
        fs::write(vault.file(&[1; 32]).with_extension("new"), "{\"sec").unwrap();
        vault.get_or_draw(&[1; 32], Level::Hardware).unwrap();
        fs::write(vault.file(&[2; 32]), "{\"sec").unwrap();
        assert!(matches!(vault.get_or_draw(&[2; 32], Level::Hardware), Err(VaultError::Damaged(..))));
    }

    #[test]
    fn what_has_ended_is_forgotten() {
        let (_dir, vault) = vault();
        vault.get_or_draw(&[1; 32], Level::Hardware).unwrap();
        assert_eq!(vault.requests().unwrap(), [[1; 32]]);
        vault.forget(&[1; 32]).unwrap();
        vault.forget(&[1; 32]).unwrap();
        assert_eq!(vault.requests().unwrap(), Vec::<RequestId>::new());
        assert!(vault.get(&[1; 32]).unwrap().is_none());
    }
}
