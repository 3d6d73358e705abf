//! A machine: its log, its TPM, its key.

use alloc::vec::Vec;
use attest::{
    Frontier, Hash, LogFull, Record, RecordError, Statement,
    checkpoint::{self, Checkpoint, CheckpointError, Note},
    leaf_hash, machine_id,
    record::{Activity, Body, Boot, ChipKind, Join, text},
    sha256,
    statement::{RequestFields, answer, answer_commitment, request_digest},
};
use blake2::{Blake2b, Digest, digest::consts::U32};
use core::fmt;
use ed25519_dalek::{Signer, SigningKey};
use firmware_link::Block;
use tpm::{Attestation, EkKind, Identity, KeyBlob, Tpm, TpmError, Transport};

const ENDORSEMENT: EkKind = EkKind::Rsa2048;
/// Those that the agent quotes unless told otherwise.
const PCRS: [u8; 4] = [0, 2, 4, 7];
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
    /// What was made last for the chain: extrinsics that carry it may be signed.
    made: Vec<u8>,
}

/// An anchor, and the log it is of.
pub struct Anchored {
    pub size: u64,
    pub root: Hash,
    pub attestation: Attestation,
    pub checkpoint: Note,
}

/// A request to enrol, and the log it is of.
pub struct Requested {
    pub size: u64,
    pub root: Hash,
    pub quote: Attestation,
    pub signature: [u8; 64],
}

/// An inspector's credential, and what it is for.
#[derive(Clone, Copy)]
pub struct Challenge<'a> {
    pub request: Hash,
    pub inspector: [u8; 32],
    pub commitment: Hash,
    pub id_object: &'a [u8],
    pub encrypted_secret: &'a [u8],
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
        Ok(Self { tpm, identity, ak, id, device, log: Frontier::new(), made: Vec::new() })
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
    pub fn anchor(&mut self, block: &Block, keep: &mut impl FnMut(&[u8])) -> Result<Anchored, Failure> {
        let statement = self.tell(block, keep)?;
        let Statement { size, root, .. } = statement;
        self.tpm.increment_counter()?;
        let attestation = self.tpm.certify_counter(ENDORSEMENT, &self.ak, &statement.qualification())?;
        let origin = checkpoint::origin(&self.id);
        let head = Checkpoint { origin: &origin, size, root };
        let key = self.device_key();
        let checkpoint = checkpoint::sign(&head, &key, |body| self.device.sign(body).to_bytes())?;
        self.made.clone_from(&attestation.message);
        Ok(Anchored { size, root, attestation, checkpoint })
    }

    /// Writes what there is to say, then makes a request to enrol: a quote of the boot PCRs over the log, signed as the device.
    pub fn request(
        &mut self,
        block: &Block,
        token: &[u8; 32],
        keep: &mut impl FnMut(&[u8]),
    ) -> Result<Requested, Failure> {
        let statement = self.tell(block, keep)?;
        let quote = self.tpm.quote(ENDORSEMENT, &self.ak, &statement.qualification(), &PCRS)?;
        let digest = request_digest(&RequestFields {
            genesis: &block.genesis,
            token,
            device: &statement.device_key,
            ek_public: &self.identity.public,
            ek_certificate: self.identity.certificate.as_deref().unwrap_or_default(),
            ak_public: &self.ak.public,
            block_hash: &block.hash,
            size: statement.size,
            root: &statement.root,
            quote_message: &quote.message,
            quote_signature: &quote.signature,
        });
        let signature = self.device.sign(&digest).to_bytes();
        Ok(Requested { size: statement.size, root: statement.root, quote, signature })
    }

    /// Opens an inspector's credential. `None` where it is to be disputed.
    pub fn respond(&mut self, challenge: &Challenge<'_>) -> Result<Option<Hash>, Failure> {
        let Challenge { request, inspector, commitment, id_object, encrypted_secret } = challenge;
        let opened = self.tpm.activate_credential(ENDORSEMENT, &self.ak, id_object, encrypted_secret);
        let answer = match opened {
            Ok(secret) => Some(answer(request, inspector, &secret)),
            Err(TpmError::BadCredential) => None,
            Err(error) => return Err(error.into()),
        };
        let answer = answer.filter(|answer| answer_commitment(answer) == *commitment);
        self.made = [request.as_slice(), inspector, answer.as_ref().map_or(&[], Hash::as_slice)].concat();
        Ok(answer)
    }

    /// Signs the payload of an extrinsic that carries what was made last.
    pub fn sign(&self, payload: &[u8]) -> Result<[u8; 64], Failure> {
        let size = self.made.len();
        if size == 0 || !payload.windows(size).any(|part| part == self.made) {
            return Err(Failure::NotMine);
        }
        let signature = if payload.len() > LONGEST_PAYLOAD {
            self.device.sign(&Blake2b::<U32>::digest(payload))
        } else {
            self.device.sign(payload)
        };
        Ok(signature.to_bytes())
    }

    /// Writes what there is to say, and states the log.
    fn tell(&mut self, block: &Block, keep: &mut impl FnMut(&[u8])) -> Result<Statement, Failure> {
        // It may have been reset meanwhile.
        self.tpm.startup()?;
        if self.log.size() == 0 {
            self.append(block.time_ms, Body::Join(self.join()), keep)?;
            let boot = self.boot(block)?;
            self.append(block.time_ms, Body::Boot(boot), keep)?;
        }
        self.append(block.time_ms, Body::Activity(nothing_seen(block.time_ms)), keep)?;
        Ok(self.statement(block))
    }

    fn statement(&self, block: &Block) -> Statement {
        Statement {
            genesis: block.genesis,
            block: block.hash,
            machine: self.id,
            size: self.log.size(),
            root: self.log.root(),
            device_key: self.device_key(),
        }
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
    fn boot(&mut self, block: &Block) -> Result<Boot, Failure> {
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
            Self::NotMine => formatter.write_str("the payload does not carry what this device made last"),
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
