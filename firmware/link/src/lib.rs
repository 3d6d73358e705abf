//! What the firmware example and its host say to each other, over two serial lines.
//!
//! On one line the host asks and the device answers: [`Request`], [`Answer`]. The host is not trusted with anything: it carries
//! blocks to the device, and records and evidence away. The other line, [`wire`], stands in for the SPI bus that an emulator
//! lacks. This crate must not know what log, TPM or chain are: it moves bytes.
//!
//! A message is a length of two bytes, little-endian, and as many bytes of postcard.
//!
//! ```
//! use firmware_link::{Request, decode, encode, length};
//!
//! let mut buffer = [0; 64];
//! let frame = encode(&Request::Sign { payload: b"a call" }, &mut buffer)?;
//! let (head, body) = frame.split_at(2);
//! assert_eq!(length([head[0], head[1]])?, body.len());
//! assert!(matches!(decode(body)?, Request::Sign { payload: b"a call" }));
//! # Ok::<(), firmware_link::LinkError>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

pub mod wire;

use serde::{Deserialize, Serialize};

/// The longest message, in bytes, length included.
pub const LONGEST: usize = 4096;
const HEAD: usize = 2;

/// A recent block, as the host tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Hash of the chain's first block.
    pub genesis: [u8; 32],
    /// Its hash.
    pub hash: [u8; 32],
    /// Its time, ms since 1970. A device without a clock has no other.
    pub time_ms: u64,
}

/// What the host asks of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Who are you?
    Introduce,
    /// Anchor the log to this block of this chain.
    Anchor {
        /// The block that the anchor is younger than.
        block: Block,
    },
    /// Ask the chain to take you on, with this owner's token.
    Enrol {
        /// The block that the request is younger than.
        block: Block,
        /// Public half of the join token.
        token: [u8; 32],
    },
    /// Open an inspector's credential.
    Respond {
        /// The request's identifier.
        request: [u8; 32],
        /// The inspector's account.
        inspector: [u8; 32],
        /// SHA-256 of the right answer.
        commitment: [u8; 32],
        /// Contents of the `TPM2B_ID_OBJECT`.
        id_object: &'a [u8],
        /// Contents of the `TPM2B_ENCRYPTED_SECRET`.
        encrypted_secret: &'a [u8],
    },
    /// Sign the payload of an extrinsic. It must carry what the device made last; all else is refused.
    Sign {
        /// What Substrate signs: call, extensions, implicit values.
        payload: &'a [u8],
    },
    /// How much memory do you take?
    Measure,
    /// The end.
    Stop,
}

/// What the device answers. [`Answer::Record`] comes before others, as often as there are new records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer<'a> {
    /// The first word after a reset, unasked: what the host sends before is lost.
    Awake,
    /// Who it is.
    Introduction {
        /// `TPMT_PUBLIC` of the endorsement key.
        ek_public: &'a [u8],
        /// DER of its certificate, or nothing.
        ek_certificate: &'a [u8],
        /// `TPMT_PUBLIC` of the attestation key.
        ak_public: &'a [u8],
        /// The ed25519 key that the device made for itself.
        device_key: [u8; 32],
    },
    /// A record of the log, to be kept: the device itself has room for the log's frontier only.
    Record {
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// An anchor.
    Anchored {
        /// Records in the log.
        size: u64,
        /// Its root.
        root: [u8; 32],
        /// The counter's `TPMS_ATTEST`.
        message: &'a [u8],
        /// Its signature, r‖s.
        signature: &'a [u8],
        /// The log's head as a signed note.
        checkpoint: &'a str,
    },
    /// A request to enrol.
    Requested {
        /// Records in the log.
        size: u64,
        /// Its root.
        root: [u8; 32],
        /// The boot PCRs' `TPMS_ATTEST`.
        message: &'a [u8],
        /// Its signature, r‖s.
        signature: &'a [u8],
        /// The device key's signature of the request's digest.
        device_signature: &'a [u8],
    },
    /// A credential opened.
    Answered {
        /// What the inspector committed to.
        answer: [u8; 32],
    },
    /// A credential doesn't open, or holds another secret than promised.
    Disputed,
    /// An extrinsic's signature.
    Signed {
        /// ed25519.
        signature: &'a [u8],
    },
    /// Memory, in bytes.
    Memory(Memory),
    /// Why not.
    Refused {
        /// For people.
        why: &'a str,
    },
    /// The device ends.
    Stopped,
}

/// What the device takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Code and constants.
    pub flash: u32,
    /// Variables, the heap's whole arena among them.
    pub statics: u32,
    /// Of the heap, at most at one time.
    pub heap: u32,
    /// The heap's arena.
    pub arena: u32,
    /// Of the stack, at most at one time.
    pub stack: u32,
}

impl Memory {
    /// All the RAM that was ever in use.
    pub const fn ram(&self) -> u32 {
        self.statics.saturating_add(self.stack)
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Longer than [`LONGEST`].
    #[error("a message is longer than {LONGEST} bytes")]
    TooLong,
    /// Not what this crate writes.
    #[error("the bytes are no message")]
    Malformed,
}

/// Writes a message with its length.
pub fn encode<'a>(message: &impl Serialize, to: &'a mut [u8]) -> Result<&'a [u8], LinkError> {
    let (head, body) = to.split_first_chunk_mut::<HEAD>().ok_or(LinkError::TooLong)?;
    let size = postcard::to_slice(message, body).map_err(|_| LinkError::TooLong)?.len();
    *head = u16::try_from(size).map_err(|_| LinkError::TooLong)?.to_le_bytes();
    to.get(..HEAD.saturating_add(size)).ok_or(LinkError::TooLong)
}

/// The size of the message behind these two bytes.
pub fn length(head: [u8; HEAD]) -> Result<usize, LinkError> {
    let size = usize::from(u16::from_le_bytes(head));
    if size > LONGEST - HEAD { Err(LinkError::TooLong) } else { Ok(size) }
}

/// Reads a message, without its length.
pub fn decode<'a, M: Deserialize<'a>>(bytes: &'a [u8]) -> Result<M, LinkError> {
    postcard::from_bytes(bytes).map_err(|_| LinkError::Malformed)
}
