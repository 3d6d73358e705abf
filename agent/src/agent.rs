//! Everything that one agent holds: configuration, identity, log, and what it owes.

use crate::{
    backoff::Backoff,
    config::Config,
    head::Head,
    hex32::Hex32,
    identity::Keeper,
    journal::Journal,
    recorder::Recorder,
    secrets::{self, Opened, Stranger},
    standing::Obstacle,
    state_dir::StateDir,
    tpm_worker::TpmWorker,
};
use anyhow::{Context, Result};
use attest::{
    checkpoint::{self, Checkpoint},
    record::{Body, Boot},
};
use light_client::{Key, outbox::Outbox};

/// What lies in the state folder, open for writing.
pub struct Held {
    /// The log.
    pub recorder: Recorder,
    /// Attestations made.
    pub journal: Journal,
    /// Debts to the chain.
    pub outbox: Outbox,
}

/// What an agent works with.
pub struct Agent {
    /// Its settings.
    pub config: Config,
    /// Where everything lies.
    pub state: StateDir,
    /// The TPM.
    pub tpm: TpmWorker,
    /// Who the machine is.
    pub keeper: Keeper,
    /// The log.
    pub recorder: Recorder,
    /// Attestations made.
    pub journal: Journal,
    /// Debts to the chain.
    pub outbox: Outbox,
    /// When to answer inspectors again, after the chain refused an answer.
    pub answers: Backoff,
    /// Size of the log when its head was last signed.
    pub signed_size: u64,
}

impl Agent {
    /// An agent that has done nothing yet.
    pub fn new(config: Config, state: StateDir, tpm: TpmWorker, keeper: Keeper, held: Held) -> Self {
        let Held { recorder, journal, outbox } = held;
        let answers = Backoff::brisk();
        Self { config, state, tpm, keeper, recorder, journal, outbox, answers, signed_size: 0 }
    }

    /// Makes sure that the TPM is still the machine's, and gets the device key from it: a new one if the boot state changed.
    pub async fn open_device(&mut self) -> Result<Key, OpenError> {
        let (identity, pcrs) = (self.keeper.clone_identity(), self.config.pcrs.clone());
        let opened = self.tpm.run(move |tpm| match secrets::recognise(tpm, &identity) {
            Ok(()) => Ok(Ok(secrets::open_device(tpm, &identity.device, &pcrs)?)),
            Err(Stranger::Tpm(error)) => Err(error),
            Err(stranger) => Ok(Err(stranger)),
        });
        let key = match opened.await.map_err(Stranger::Tpm)?? {
            Opened::Known(key) => key,
            Opened::New(key, device) => {
                self.keeper.change(|identity| identity.device = device)?;
                key
            }
        };
        self.record_boot().await?;
        Ok(key)
    }

    /// Keeps what was learnt of the machine's fitness for who asks once this program has ended.
    pub fn keep_obstacle(&mut self, obstacle: Option<Obstacle>) -> Result<()> {
        self.keeper.change(|identity| identity.obstacle = obstacle)
    }

    /// Writes down this boot, once for each device key.
    async fn record_boot(&mut self) -> Result<(), OpenError> {
        let device = Hex32(self.keeper.device.public);
        if self.keeper.boots.recorded == Some(device) {
            return Ok(());
        }
        let pcrs = self.config.pcrs.clone();
        let pcr_selection = secrets::selection(&pcrs);
        let digest = self.tpm.run(move |tpm| secrets::pcr_digest(tpm, &pcrs));
        let pcr_digest = digest.await.map_err(Stranger::Tpm)?;
        let boot_id = self.keeper.boots.id.0;
        let boot = Boot { boot_id, pcr_selection, pcr_digest, device_key: device.0 };
        self.append(vec![Body::Boot(boot)]).await?;
        self.keeper.change(|identity| identity.boots.recorded = Some(device))?;
        Ok(())
    }

    /// Appends to the log without holding up the reactor.
    pub async fn append(&self, bodies: Vec<Body>) -> Result<u64> {
        let recorder = self.recorder.clone();
        let appended = tokio::task::spawn_blocking(move || recorder.append(bodies));
        Ok(appended.await.context("writing the log was cut off")??)
    }

    /// Signs the log's head, so that the log can be exported without the TPM.
    pub fn sign_head(&mut self, device: &Key) -> Result<()> {
        let (size, root) = self.recorder.head();
        if size == self.signed_size {
            return Ok(());
        }
        Head::leave(&self.state, &self.keeper.origin(), size, root, device)?;
        self.signed_size = size;
        Ok(())
    }
}

/// A C2SP checkpoint.
pub fn sign(origin: &str, size: u64, root: attest::Hash, device: &Key) -> Result<String> {
    let head = Checkpoint { origin, size, root };
    let note = checkpoint::sign(&head, &device.public(), |body| device.sign(body))?;
    Ok(note.as_str().to_owned())
}

/// Why there is no device key now.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The TPM does not give it.
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// The disk does not take what came of it.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}
