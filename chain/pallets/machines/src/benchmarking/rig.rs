//! A machine whose TPM is software, with a log too long for anybody to have: its proofs are the longest that there are.

use super::scene::{GENESIS, NOW, RECENT_HASH};
use crate::types::*;
use alloc::{vec, vec::Vec};
use attest::{
    Hash, Record, Statement,
    forge::SoftAk,
    leaf_hash, machine_id, node_hash,
    proof::{Nodes, prove_consistency, prove_inclusion, root_at},
    record::{Body, Join, text},
    statement::{DelegationFields, delegation_digest},
};
use polkadot_sdk::*;
use sp_core::{crypto::KeyTypeId, ed25519::Public};
use sp_io::crypto::{ed25519_generate, ed25519_sign};

const KEY: KeyTypeId = KeyTypeId(*b"bnch");

/// Records when the machine last anchored, and now: each on a path as deep as a log can be.
const OLD: u64 = (1 << 62) + 1;
const NEW: u64 = (1 << 63) - 1;

/// A log whose records are all the same, but for the first.
pub struct Log {
    first: [Hash; 64],
    others: [Hash; 64],
}

impl Nodes for Log {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        let nodes = if index == 0 { &self.first } else { &self.others };
        nodes.get(usize::from(level)).copied()
    }
}

impl Log {
    fn new(first: &[u8], others: u8) -> Self {
        let (mut first, mut others) = ([leaf_hash(first); 64], [leaf_hash(&[others]); 64]);
        for level in 1..64 {
            first[level] = node_hash(&first[level - 1], &others[level - 1]);
            others[level] = node_hash(&others[level - 1], &others[level - 1]);
        }
        Self { first, others }
    }

    /// The log when it held so many records.
    pub fn at(&self, size: u64) -> LogHead {
        LogHead { size, root: root_at(self, size).unwrap() }
    }
}

/// The machine and its keys.
pub struct Rig {
    ek_public: Vec<u8>,
    ak: SoftAk,
    join: Vec<u8>,
    device: Public,
    token: Public,
    log: Log,
}

impl Rig {
    /// A machine with an RSA endorsement key.
    pub fn new() -> Self {
        Self::with_ek(rsa_ek())
    }

    /// A machine with this endorsement key.
    pub fn with_ek(ek_public: Vec<u8>) -> Self {
        let longest = core::str::from_utf8(&[b'x'; 96]).unwrap();
        let join = Join {
            machine: machine_id(&ek_public),
            host: [5; 32],
            kernel: text(longest),
            agent: text(longest),
            cpus: u16::MAX,
            memory_mib: u64::MAX,
        };
        let record = Record { seq: 0, time_ms: u64::MAX, boot: 1, body: Body::Join(join) };
        let join = record.encode().unwrap().to_vec();
        let key = |name: &str| ed25519_generate(KEY, Some(name.as_bytes().to_vec()));
        Self {
            log: Log::new(&join, 1),
            ek_public,
            ak: SoftAk::new(1),
            join,
            device: key("//device"),
            token: key("//token"),
        }
    }

    pub fn id(&self) -> MachineId {
        machine_id(&self.ek_public)
    }

    pub fn device(&self) -> Account {
        Account::new(self.device.0)
    }

    pub fn token(&self) -> [u8; 32] {
        self.token.0
    }

    pub fn ek_public(&self) -> Bytes<512> {
        self.ek_public.clone().try_into().unwrap()
    }

    pub fn ak_public(&self) -> Bytes<128> {
        self.ak.public_area().to_vec().try_into().unwrap()
    }

    /// What the machine anchored last.
    pub fn anchored(&self) -> LogHead {
        self.log.at(OLD)
    }

    /// Its log now.
    pub fn log(&self) -> LogHead {
        self.log.at(NEW)
    }

    /// Proof that the one goes on from the other.
    pub fn consistency(&self) -> MerkleProof {
        prove_consistency(&self.log, OLD, NEW).unwrap().to_vec().try_into().unwrap()
    }

    fn statement(&self, log: &LogHead) -> Statement {
        Statement {
            genesis: GENESIS,
            block: RECENT_HASH,
            machine: self.id(),
            size: log.size,
            root: log.root,
            device_key: self.device.0,
        }
    }

    /// An anchor with the longest proof.
    pub fn anchor(&self) -> AnchorCall {
        AnchorCall {
            block: recent(),
            log: self.log(),
            certified: self.certified(&self.log(), 2),
            consistency: self.consistency(),
        }
    }

    fn certified(&self, log: &LogHead, counter: u64) -> Attestation {
        let (message, signature) = self.ak.anchor(&self.statement(log), counter, 1);
        Attestation { message: message.to_vec().try_into().unwrap(), signature }
    }

    /// An attestation of another log of the same length, or of this one.
    pub fn testimony(&self, other: bool, counter: u64) -> Testimony {
        let log = if other { Log::new(&self.join, 2).at(NEW) } else { self.log() };
        let certified = self.certified(&log, counter);
        Testimony { block_hash: RECENT_HASH, log, device: self.device.0, certified }
    }

    /// An attestation of the log as it was when it was shorter.
    pub fn earlier_testimony(&self) -> Testimony {
        let log = self.log.at(OLD + 1);
        Testimony { block_hash: RECENT_HASH, log, device: self.device.0, certified: self.certified(&log, 2) }
    }

    fn quote(&self) -> Attestation {
        let (message, signature) = self.ak.quote(&self.statement(&self.log()), 1);
        Attestation { message: message.to_vec().try_into().unwrap(), signature }
    }

    /// A request that goes on from the last anchor.
    pub fn enrolment(&self) -> Enrolment {
        let join_proof = prove_inclusion(&self.log, 0, NEW).unwrap().to_vec();
        let mut enrolment = Enrolment {
            token: self.token.0,
            device: self.device.0,
            ek_public: self.ek_public(),
            ek_certificate: certificate(),
            ak_public: self.ak_public(),
            block: recent(),
            log: self.log(),
            quote: self.quote(),
            join_record: self.join.clone().try_into().unwrap(),
            join_proof: join_proof.try_into().unwrap(),
            consistency: self.consistency(),
            token_signature: [0; 64],
            device_signature: [0; 64],
        };
        let digest = enrolment.digest(&GENESIS);
        enrolment.token_signature = sign(&self.token, &digest);
        enrolment.device_signature = sign(&self.device, &digest);
        enrolment
    }

    /// A new device key, which is the rig's.
    pub fn delegation(&self) -> Delegation {
        let (log, quote) = (self.log(), self.quote());
        let Attestation { message, signature } = &quote;
        let statement = self.statement(&log);
        let fields =
            DelegationFields { statement: &statement, quote_message: message, quote_signature: signature };
        let device_signature = sign(&self.device, &delegation_digest(&fields));
        Delegation {
            machine: self.id(),
            device: self.device.0,
            block: recent(),
            log,
            quote,
            device_signature,
        }
    }
}

fn sign(key: &Public, digest: &Hash) -> [u8; 64] {
    ed25519_sign(KEY, key, digest).unwrap().0
}

fn recent() -> BlockRef {
    BlockRef { number: NOW - 1, hash: RECENT_HASH }
}

/// As long as one may be.
pub fn certificate() -> Bytes<2048> {
    vec![1; 2048].try_into().unwrap()
}

/// What the TCG's default templates have in common.
const TEMPLATE: [u8; 48] = [
    0x00, 0x0B, 0x00, 0x03, 0x00, 0xB2, 0x00, 0x20, 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A,
    0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24, 0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1,
    0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA, 0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10,
];

/// A default RSA-2048 endorsement key; nobody knows its factors.
pub fn rsa_ek() -> Vec<u8> {
    let mut modulus = [0xA5; 256];
    modulus[255] |= 1;
    [&[0x00, 0x01], &TEMPLATE[..], &[0x08, 0x00, 0, 0, 0, 0, 0x01, 0x00], &modulus].concat()
}

/// A default ECC P-256 endorsement key: the point is one that a software key has.
pub fn ecc_ek() -> Vec<u8> {
    let area = SoftAk::new(2).public_area();
    let coordinates = &area[area.len() - 68..];
    [&[0x00, 0x23], &TEMPLATE[..], &[0x00, 0x03, 0x00, 0x10], coordinates].concat()
}
