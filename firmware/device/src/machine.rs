//! A machine: its log, its TPM, its key.

use attest::{
    Frontier, Hash, LogFull, Record, RecordError, Statement,
    checkpoint::{self, Checkpoint, CheckpointError, Note},
    leaf_hash, machine_id,
    record::{Activity, Body, Boot, ChipKind, Join, text},
    sha256,
};
use blake2::{Blake2b, Digest, digest::consts::U32};
use core::fmt;
use ed25519_dalek::{Signer, SigningKey};
use tpm::{Attestation, EkKind, Identity, KeyBlob, Tpm, TpmError, Transport};

const ENDORSEMENT: EkKind = EkKind::Rsa2048;
/// Firmware, its settings, boot loader, and what they start.
const PCRS: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
/// A payload longer than this is hashed before it is signed, as on every Substrate chain.
const LONGEST_PAYLOAD: usize = 256;

/// The machine.
pub struct Machine<T: Transport> {
    tpm: Tpm<T>,
    identity: Identity,
    ak: KeyBlob,
    id: Hash,
    /// Lasts until the next boot; the log tells of each new one.
    device: SigningKey,
    log: Frontier,
    /// What was anchored last.
    attested: Option<Attestation>,
}

/// An anchor, and the log it is of.
pub struct Anchored<'a> {
    pub size: u64,
    pub root: Hash,
    pub attestation: &'a Attestation,
    pub checkpoint: Note,
}

/// A block that an anchor is younger than.
#[derive(Clone, Copy)]
pub struct Block {
    pub genesis: Hash,
    pub hash: Hash,
    pub time_ms: u64,
}

impl<T: Transport> Machine<T> {
    /// Wakes the TPM, makes an attestation key and a device key.
    pub fn new(mut tpm: Tpm<T>) -> Result<Self, Failure> {
        tpm.startup()?;
        let identity = tpm.identity(ENDORSEMENT)?;
        tpm.ensure_counter()?;
        let ak = tpm.create_ak(ENDORSEMENT)?;
        let device = SigningKey::from_bytes(&tpm.random()?);
        let id = machine_id(&identity.public);
        Ok(Self { tpm, identity, ak, id, device, log: Frontier::new(), attested: None })
    }

    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn ak_public(&self) -> &[u8] {
        &self.ak.public
    }

    pub fn device_key(&self) -> [u8; 32] {
        self.device.verifying_key().to_bytes()
    }

    /// Writes what there is to say, then has the TPM certify its counter over the log. `keep` takes the new records.
    pub fn anchor(&mut self, block: Block, mut keep: impl FnMut(&[u8])) -> Result<Anchored<'_>, Failure> {
        if self.log.size() == 0 {
            self.append(block.time_ms, Body::Join(self.join()), &mut keep)?;
            let boot = self.boot(block)?;
            self.append(block.time_ms, Body::Boot(boot), &mut keep)?;
        }
        self.append(block.time_ms, Body::Activity(nothing_seen(block.time_ms)), &mut keep)?;
        let (size, root) = (self.log.size(), self.log.root());
        let device_key = self.device_key();
        let statement = Statement {
            genesis: block.genesis,
            block: block.hash,
            machine: self.id,
            size,
            root,
            device_key,
        };
        self.tpm.increment_counter()?;
        let attestation = self.tpm.certify_counter(ENDORSEMENT, &self.ak, &statement.qualification())?;
        let origin = checkpoint::origin(&self.id);
        let head = Checkpoint { origin: &origin, size, root };
        let checkpoint =
            checkpoint::sign(&head, &device_key, |body| self.device.sign(body).to_bytes())?;
        Ok(Anchored { size, root, attestation: self.attested.insert(attestation), checkpoint })
    }

    /// Signs the payload of an extrinsic that carries the last anchor.
    pub fn sign(&self, payload: &[u8]) -> Result<[u8; 64], Failure> {
        let attested = self.attested.as_ref().ok_or(Failure::NotMine)?;
        if !payload.windows(attested.message.len()).any(|part| part == attested.message) {
            return Err(Failure::NotMine);
        }
        let signature = if payload.len() > LONGEST_PAYLOAD {
            self.device.sign(&Blake2b::<U32>::digest(payload))
        } else {
            self.device.sign(payload)
        };
        Ok(signature.to_bytes())
    }

    fn append(&mut self, time_ms: u64, body: Body, keep: &mut impl FnMut(&[u8])) -> Result<(), Failure> {
        let bytes = Record { seq: self.log.size(), time_ms, boot: 1, body }.encode()?;
        self.log.append(leaf_hash(&bytes))?;
        keep(&bytes);
        Ok(())
    }

    fn join(&self) -> Join {
        Join {
            machine: self.id,
            host: sha256(&[b"no operating system"]),
            kernel: text("none"),
            agent: text(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"))),
            cpus: 1,
            memory_mib: 0,
        }
    }

    /// Without a boot id of its own, the block that is first heard of tells this boot from others.
    fn boot(&mut self, block: Block) -> Result<Boot, Failure> {
        let values = self.tpm.read_pcrs(&PCRS)?;
        Ok(Boot {
            boot_id: sha256(&[&block.hash, &self.device_key()]),
            pcr_selection: PCRS.iter().fold(0, |bits, pcr| bits | 1 << pcr),
            pcr_digest: sha256(&[values.as_flattened()]),
            device_key: self.device_key(),
        })
    }
}

/// A window without a single sample: this example has no sensors, and says so.
const fn nothing_seen(time_ms: u64) -> Activity {
    Activity {
        kind: ChipKind::Cpu,
        index: 0,
        from_ms: time_ms,
        span_ms: 0,
        samples: 0,
        failed: 0,
        power_mw: None,
        power_max_mw: None,
        energy_mj: None,
        utilisation: None,
        memory_utilisation: None,
        tensor: None,
        clock_mhz: None,
        temperature: None,
        memory_used_mib: None,
        read_bytes: None,
        written_bytes: None,
        throttle: None,
        ecc_errors: None,
        processes: None,
    }
}

/// Why something was not done.
pub enum Failure {
    Tpm(TpmError),
    Record(RecordError),
    Log(LogFull),
    Checkpoint(CheckpointError),
    NotMine,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tpm(error) => error.fmt(formatter),
            Self::Record(error) => error.fmt(formatter),
            Self::Log(error) => error.fmt(formatter),
            Self::Checkpoint(error) => error.fmt(formatter),
            Self::NotMine => formatter.write_str("the payload does not carry this device's last anchor"),
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}
from!(TpmError => Tpm, RecordError => Record, LogFull => Log, CheckpointError => Checkpoint);
