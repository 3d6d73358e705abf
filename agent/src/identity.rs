//! Who the machine is, on disk: public parts in clear, private parts only as the TPM wrapped them.

use crate::{failure::Failure, files, hex32::Hex32, standing::Obstacle, state_dir::StateDir};
use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
};
use tpm::{EkKind, KeyBlob};

const VERSION: u32 = 1;
/// Some keys and a certificate: far less.
const LARGEST: u64 = 1 << 20;

/// A key as its TPM wrapped it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrapped {
    /// The public area.
    #[serde(with = "hex")]
    pub public: Vec<u8>,
    /// The private part, readable by that TPM only.
    #[serde(with = "hex")]
    pub private: Vec<u8>,
}

impl From<KeyBlob> for Wrapped {
    fn from(blob: KeyBlob) -> Self {
        Self { public: blob.public, private: blob.private }
    }
}

impl Wrapped {
    /// For the TPM.
    pub fn blob(&self) -> KeyBlob {
        KeyBlob { public: self.public.clone(), private: self.private.clone() }
    }
}

/// The device key, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The ed25519 public key, which is also the account on chain.
    #[serde(with = "hex")]
    pub public: [u8; 32],
    /// Its seed, sealed to the PCRs.
    pub sealed: Wrapped,
    /// Those PCRs.
    pub pcrs: Vec<u8>,
}

/// How often the host was seen to boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boots {
    /// Boots so far, this one included.
    pub count: u32,
    /// SHA-256 of this boot's id.
    pub id: Hex32,
    /// The device key that the log's record of this boot names, once there is such a record.
    pub recorded: Option<Hex32>,
}

/// How far the machine is in being taken on by the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enrolment {
    /// Nobody was asked.
    None,
    /// A request is on its way.
    Requested {
        /// Its digest, by which the chain knows it.
        id: Hex32,
        /// Whether finalised state has shown it. One that vanishes after that has failed.
        seen: bool,
    },
    /// The chain knows the machine.
    Enrolled {
        /// Which enrolment of this TPM it is.
        epoch: u32,
    },
}

/// A log that is gone, while the chain goes on holding the machine to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// How many records had been signed, as far as is known.
    pub signed: u64,
    /// How many of them were anchored, and final.
    pub anchored: u64,
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signed, anchored } = self;
        write!(
            formatter,
            "of the log that is lost, {signed} records had been signed and {anchored} anchored, as far as is known here; the chain takes \
             no anchor of the log that was begun since, until the machine is enrolled anew"
        )
    }
}

/// Which endorsement key names the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endorsement {
    /// RSA-2048.
    Rsa,
    /// Elliptic curve, of makers without an RSA one.
    Ecc,
}

impl From<Endorsement> for EkKind {
    fn from(kind: Endorsement) -> Self {
        match kind {
            Endorsement::Rsa => Self::Rsa2048,
            Endorsement::Ecc => Self::EccP256,
        }
    }
}

/// Everything that makes this machine this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Of this file's format.
    pub version: u32,
    /// SHA-256 of the endorsement key's public area.
    #[serde(with = "hex")]
    pub machine: [u8; 32],
    /// Which endorsement key it is.
    pub endorsement: Endorsement,
    /// `TPMT_PUBLIC` of the endorsement key.
    #[serde(with = "hex")]
    pub ek_public: Vec<u8>,
    /// DER of its certificate, or nothing.
    #[serde(with = "hex")]
    pub ek_certificate: Vec<u8>,
    /// The attestation key.
    pub ak: Wrapped,
    /// The device key.
    pub device: Device,
    /// Boots of the host.
    pub boots: Boots,
    /// Hash of the first block of the chain that the machine works for, once known.
    pub genesis: Option<Hex32>,
    /// How far enrolment is.
    pub enrolment: Enrolment,
    /// The log that this enrolment began with, if it is lost: until there are keys for a new enrolment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// Why nothing can be anchored, as the agent saw it last: until it sees otherwise, or there are new keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
}

impl Identity {
    /// An identity that nobody knows yet.
    pub fn new(
        endorsement: Endorsement,
        ek_public: Vec<u8>,
        ek_certificate: Vec<u8>,
        ak: Wrapped,
        device: Device,
    ) -> Self {
        Self {
            version: VERSION,
            machine: attest::machine_id(&ek_public),
            endorsement,
            ek_public,
            ek_certificate,
            ak,
            device,
            boots: Boots::default(),
            genesis: None,
            enrolment: Enrolment::None,
            lost: None,
            obstacle: None,
        }
    }

    /// Names the attestation key in the list of anchors.
    pub fn ak_name(&self) -> String {
        hex::encode(attest::object_name(&self.ak.public))
    }

    /// The chain has taken these keys and this log.
    pub fn be_enrolled(&mut self, epoch: u32) {
        self.enrolment = Enrolment::Enrolled { epoch };
        self.obstacle = None;
    }

    /// The log's name in checkpoints.
    pub fn origin(&self) -> String {
        attest::checkpoint::origin(&self.machine).as_str().to_owned()
    }

    /// Whose a state folder is; nobody's where it is new. A file that is missing beside what its keys attested to was taken away.
    pub fn of(state: &StateDir) -> Result<Option<Self>> {
        let identity = Self::load(&state.identity())?;
        let attested = || std::fs::metadata(state.anchors()).is_ok_and(|anchors| anchors.len() > 0);
        if identity.is_none() && attested() {
            let missing = anyhow!(
                "{} is missing, though attestations by its keys lie beside it: put that very file back; without it, move the whole state \
                 folder away and enrol anew",
                state.identity().display()
            );
            return Err(Failure::Damaged(missing).into());
        }
        Ok(identity)
    }

    /// Reads the file; nothing where there is none.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        let Some(bytes) = files::read(path, LARGEST)? else { return Ok(None) };
        Self::parse(&bytes, path).map(Some).map_err(|error| Failure::Damaged(error).into())
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let path = path.display();
        let identity: Self = serde_json::from_slice(bytes).with_context(|| {
            format!(
                "{path} is not an identity this agent can read; put that very file back, or move it away and enrol anew"
            )
        })?;
        if identity.version != VERSION {
            return Err(anyhow!("{path}: format version {}, this agent knows {VERSION}", identity.version));
        }
        if identity.machine != attest::machine_id(&identity.ek_public) {
            return Err(anyhow!(
                "{path}: it names another machine than its endorsement key does; put that very file back, or move it away and enrol anew"
            ));
        }
        Ok(identity)
    }
}

/// The identity and its file, which always agree: a change is on disk before it is believed.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    identity: Identity,
}

impl Keeper {
    /// Keeps an identity in a file, where it may lie already.
    pub const fn new(path: PathBuf, identity: Identity) -> Self {
        Self { path, identity }
    }

    /// A copy that can travel to the TPM's thread.
    pub fn clone_identity(&self) -> Identity {
        self.identity.clone()
    }

    /// Changes the identity, durably.
    pub fn change(&mut self, change: impl FnOnce(&mut Identity)) -> Result<()> {
        let mut next = self.identity.clone();
        change(&mut next);
        if next != self.identity || !self.path.exists() {
            let text = serde_json::to_vec_pretty(&next)?;
            files::replace(&self.path, &text)
                .with_context(|| format!("cannot write {}", self.path.display()))?;
            self.identity = next;
        }
        Ok(())
    }
}

impl std::ops::Deref for Keeper {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An identity without any TPM behind it.
    pub fn made_up() -> Identity {
        let wrapped = Wrapped { public: vec![1], private: vec![2] };
        let device = Device { public: [3; 32], sealed: wrapped.clone(), pcrs: vec![0] };
        Identity::new(Endorsement::Rsa, vec![4], vec![], wrapped, device)
    }

    #[test]
    fn a_change_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.json");
        assert_eq!(Identity::load(&path).unwrap(), None);
        let mut keeper = Keeper::new(path.clone(), made_up());
        keeper.change(|identity| identity.boots.count = 7).unwrap();
        keeper.change(|identity| identity.genesis = Some(Hex32([9; 32]))).unwrap();
        assert_eq!(Identity::load(&path).unwrap().as_ref(), Some(&*keeper));
    }

    #[test]
    fn a_damaged_file_is_an_error_that_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.json");
        std::fs::write(&path, b"{").unwrap();
        let error = Identity::load(&path).unwrap_err();
        assert!(error.to_string().contains("enrol anew"));
        assert!(crate::failure::is_damage(&error));
    }

    #[test]
    fn an_identity_that_was_taken_away_is_damage_and_a_new_folder_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        std::fs::write(state.anchors(), "").unwrap();
        assert_eq!(Identity::of(&state).unwrap(), None);
        std::fs::write(state.anchors(), "{}\n").unwrap();
        let error = Identity::of(&state).unwrap_err();
        assert!(crate::failure::is_damage(&error) && error.to_string().contains("is missing"), "{error}");
        Keeper::new(state.identity(), made_up()).change(|_| {}).unwrap();
        assert!(Identity::of(&state).unwrap().is_some());
    }

    #[test]
    fn another_machines_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.json");
        let mut keeper = Keeper::new(path.clone(), made_up());
        keeper.change(|identity| identity.machine[0] ^= 1).unwrap();
        assert!(Identity::load(&path).unwrap_err().to_string().contains("another machine"));
    }

    #[test]
    fn a_change_that_cannot_be_written_is_not_believed() {
        let mut keeper = Keeper::new("/nonexistent/identity.json".into(), made_up());
        assert!(keeper.change(|identity| identity.boots.count = 7).is_err());
        assert_eq!(keeper.boots.count, 0);
    }
}
