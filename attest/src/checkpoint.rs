//! A log's head as others read it: a [C2SP checkpoint](https://c2sp.org/tlog-checkpoint), which is a
//! [signed note](https://c2sp.org/signed-note).
//!
//! The log's origin is also its key's name. Keys never come here: signing is a closure.
//!
//! ```
//! use attest::checkpoint::{self, Checkpoint};
//! use ed25519_dalek::{Signer, SigningKey};
//!
//! let key = SigningKey::from_bytes(&[7; 32]);
//! let public = key.verifying_key().to_bytes();
//! let head = Checkpoint { origin: "matrixai/machine/00", size: 0, root: attest::EMPTY_ROOT };
//! let note = checkpoint::sign(&head, &public, |body| key.sign(body).to_bytes())?;
//! assert_eq!(checkpoint::verify(&note, "matrixai/machine/00", &public)?, head);
//! # Ok::<(), checkpoint::CheckpointError>(())
//! ```

use base64ct::{Base64, Encoding};
use core::fmt::{self, Write};
use ed25519_dalek::{Signature, VerifyingKey};
use heapless::String;

use crate::hash::{Hash, sha256};

/// The longest origin that [`sign`] takes, in bytes.
pub const MAX_ORIGIN: usize = 128;
/// The longest note that [`verify`] reads, in bytes; room for other people's signatures.
pub const MAX_NOTE: usize = 64 * 1024;

/// A signed checkpoint, with the one signature.
pub type Note = String<512>;

/// C2SP's number of ed25519 among the key types.
const ED25519: u8 = 0x01;
const KEY_ID: usize = 4;
const SIGNATURE: usize = 64;

/// A log's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint<'a> {
    /// Which log.
    pub origin: &'a str,
    /// Its entries.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// Why a checkpoint was refused or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// An origin that is empty, too long, or holds a space, a plus or a control character.
    #[error(
        "the origin is no key name: not empty, at most {MAX_ORIGIN} bytes, without spaces, plus and control characters"
    )]
    BadOrigin,
    /// The text is no signed note, or its body no checkpoint.
    #[error("the text is not a signed checkpoint")]
    Malformed,
    /// Longer than [`MAX_NOTE`].
    #[error("the checkpoint is longer than {MAX_NOTE} bytes")]
    Oversized,
    /// The checkpoint is another log's.
    #[error("the checkpoint is of another log")]
    WrongOrigin,
    /// The key in question has not signed.
    #[error("the checkpoint has no signature by this key")]
    NotSigned,
    /// The key in question has signed something else.
    #[error("the checkpoint's signature does not verify")]
    BadSignature,
}

/// The name of a machine's log: `matrixai/machine/` and the machine's identifier in hex.
pub fn origin(machine: &[u8; 32]) -> String<MAX_ORIGIN> {
    let mut origin = String::new();
    let written = origin.write_str("matrixai/machine/");
    let written =
        machine.iter().fold(written, |written, byte| written.and_then(|()| write!(origin, "{byte:02x}")));
    debug_assert!(written.is_ok());
    origin
}

/// Writes the part that is signed: origin, size and root, a line each.
pub fn write_body(out: &mut impl Write, checkpoint: &Checkpoint<'_>) -> fmt::Result {
    let mut root = [0; 44];
    let root = Base64::encode(&checkpoint.root, &mut root).map_err(|_| fmt::Error)?;
    write!(out, "{}\n{}\n{root}\n", checkpoint.origin, checkpoint.size)
}

/// The key's short identifier in a signature line.
pub fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), &[b'\n', ED25519], key]);
    [a, b, c, d]
}

/// Makes the note: `sign` signs the body with the private half of `key`.
pub fn sign(
    checkpoint: &Checkpoint<'_>,
    key: &[u8; 32],
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Result<Note, CheckpointError> {
    if !is_key_name(checkpoint.origin) || checkpoint.origin.len() > MAX_ORIGIN {
        return Err(CheckpointError::BadOrigin);
    }
    let mut note = Note::new();
    write_body(&mut note, checkpoint).map_err(|_| CheckpointError::Oversized)?;
    let signature = sign(note.as_bytes());
    write_signature(&mut note, checkpoint.origin, key, &signature).map_err(|_| CheckpointError::Oversized)?;
    Ok(note)
}

fn write_signature(
    out: &mut impl Write,
    name: &str,
    key: &[u8; 32],
    signature: &[u8; SIGNATURE],
) -> fmt::Result {
    let mut blob = [0; KEY_ID + SIGNATURE];
    let (id, rest) = blob.split_at_mut(KEY_ID);
    id.copy_from_slice(&key_id(name, key));
    rest.copy_from_slice(signature);
    let mut text = [0; 92];
    let text = Base64::encode(&blob, &mut text).map_err(|_| fmt::Error)?;
    write!(out, "\n\u{2014} {name} {text}\n")
}

/// Reads a note that the log named `origin` signed with `key`. Signatures of other keys are passed over.
pub fn verify<'a>(note: &'a str, origin: &str, key: &[u8; 32]) -> Result<Checkpoint<'a>, CheckpointError> {
    if note.len() > MAX_NOTE {
        return Err(CheckpointError::Oversized);
    }
    if note.bytes().any(|byte| byte.is_ascii_control() && byte != b'\n') {
        return Err(CheckpointError::Malformed);
    }
    // The body ends with a newline of its own, so that the blank line's belongs to neither part.
    let blank = note.rfind("\n\n").ok_or(CheckpointError::Malformed)?;
    let (body, signatures) = note.split_at_checked(blank + 1).ok_or(CheckpointError::Malformed)?;
    let signatures = signatures.strip_prefix('\n').ok_or(CheckpointError::Malformed)?;
    let checkpoint = parse_body(body)?;
    check_signatures(body, signatures, origin, key)?;
    if checkpoint.origin == origin { Ok(checkpoint) } else { Err(CheckpointError::WrongOrigin) }
}

/// Reads the part that is signed. Further lines are extensions, which say nothing to us.
fn parse_body(body: &str) -> Result<Checkpoint<'_>, CheckpointError> {
    let body = body.strip_suffix('\n').ok_or(CheckpointError::Malformed)?;
    let mut lines = body.split('\n');
    let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Malformed);
    let (origin, size, root) = (line()?, line()?, line()?);
    if lines.any(str::is_empty) {
        return Err(CheckpointError::Malformed);
    }
    Ok(Checkpoint { origin, size: decimal(size)?, root: decode(root)? })
}

/// ASCII digits without leading zeros.
fn decimal(text: &str) -> Result<u64, CheckpointError> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| canonical).ok_or(CheckpointError::Malformed)
}

/// Base64 of exactly `N` bytes.
fn decode<const N: usize>(text: &str) -> Result<[u8; N], CheckpointError> {
    let mut bytes = [0; N];
    let length = Base64::decode(text, &mut bytes).map_err(|_| CheckpointError::Malformed)?.len();
    if length == N { Ok(bytes) } else { Err(CheckpointError::Malformed) }
}

/// At least one line is the key's, and every line that claims to be is genuine.
fn check_signatures(body: &str, signatures: &str, name: &str, key: &[u8; 32]) -> Result<(), CheckpointError> {
    let lines = signatures.strip_suffix('\n').ok_or(CheckpointError::Malformed)?;
    let id = Base64Id::of(name, key);
    let mut signed = false;
    for line in lines.split('\n') {
        let rest = line.strip_prefix("\u{2014} ").ok_or(CheckpointError::Malformed)?;
        let (signer, blob) = rest.split_once(' ').ok_or(CheckpointError::Malformed)?;
        if !is_key_name(signer) || blob.len() < 8 {
            return Err(CheckpointError::Malformed);
        }
        if signer == name && id.leads(blob) {
            check_signature(body, &decode(blob)?, key)?;
            signed = true;
        }
    }
    if signed { Ok(()) } else { Err(CheckpointError::NotSigned) }
}

fn check_signature(
    body: &str,
    blob: &[u8; KEY_ID + SIGNATURE],
    key: &[u8; 32],
) -> Result<(), CheckpointError> {
    let (_, signature) = blob.split_last_chunk::<SIGNATURE>().ok_or(CheckpointError::Malformed)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| CheckpointError::BadSignature)?;
    key.verify_strict(body.as_bytes(), &Signature::from_bytes(signature))
        .map_err(|_| CheckpointError::BadSignature)
}

/// A key identifier, compared with the first bytes of a blob whose length depends on somebody's key type.
struct Base64Id([u8; KEY_ID]);

impl Base64Id {
    fn of(name: &str, key: &[u8; 32]) -> Self {
        Self(key_id(name, key))
    }

    /// The first eight characters are six bytes, the identifier and two more.
    fn leads(&self, blob: &str) -> bool {
        let mut bytes = [0; 6];
        let head = blob.get(..8).and_then(|head| Base64::decode(head, &mut bytes).ok());
        head.is_some_and(|head| head.starts_with(&self.0))
    }
}

/// What a signed note lets a key be called.
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}
