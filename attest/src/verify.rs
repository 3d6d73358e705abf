//! The one verification of evidence: the pallet, the inspector and the tools all call it.
//!
//! Order of the checks: form, type, qualifyingData, identity of the index, contents, history, and the signature last: it costs most.

use crate::{
    hash::Hash,
    proof::{ProofError, verify_consistency},
    reader::Reader,
    statement::Statement,
    tpms::{Attested, Name, What, counter_name, object_name, parse_attest},
};

/// Why evidence was refused; each cause has its own name on chain too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Bytes are missing.
    #[error("the structure is truncated")]
    Truncated,
    /// Bytes follow the structure's end.
    #[error("bytes follow the end of the structure")]
    TrailingBytes,
    /// Longer than any TPM makes it.
    #[error("the structure is longer than any TPM makes it")]
    Oversized,
    /// The magic of structures made inside a TPM is missing.
    #[error("the structure was not made inside a TPM")]
    NotTpmGenerated,
    /// Another kind of attestation than asked for.
    #[error("this is another kind of attestation")]
    WrongType,
    /// A quote over other banks than one.
    #[error("the quote does not cover exactly one bank of PCRs")]
    WrongPcrSelection,
    /// The attestation commits to something else: another block, log, machine or device key.
    #[error("the attestation commits to another block, log, machine or device key")]
    WrongQualification,
    /// The key could sign anything, so its signatures prove nothing.
    #[error("the attestation key is not restricted, fixed and born in its TPM (attributes 0x50472)")]
    AkNotRestricted,
    /// Not an ECDSA P-256 signing key with SHA-256.
    #[error("the attestation key is not ECDSA P-256 with SHA-256")]
    WrongAkKind,
    /// Another NV index was certified.
    #[error("another NV index than the anchor counter was certified")]
    WrongCounterIndex,
    /// The certified contents are not one counter.
    #[error("the certified contents are not a counter")]
    WrongCounterContents,
    /// The counter is not above the last anchor's.
    #[error("the counter did not increase: an old anchor")]
    CounterNotIncreased,
    /// The TPM was reset fewer times than at the last anchor.
    #[error("the TPM's reset count went back")]
    ResetCountWentBack,
    /// The log is shorter than at the last anchor.
    #[error("the log is shorter than at the last anchor")]
    LogShrunk,
    /// The log does not begin with the log of the last anchor.
    #[error("the log was rewritten: {0}")]
    LogRewritten(ProofError),
    /// The signature is not the attestation key's.
    #[error("the signature is not the attestation key's")]
    BadSignature,
}

/// A check of ECDSA P-256 signatures over SHA-256.
pub trait CheckP256 {
    /// Whether `signature` (r‖s) is `public`'s (x‖y) over `message`.
    fn check(public: &[u8; 64], message: &[u8], signature: &[u8; 64]) -> bool;
}

/// The check over the `p256` crate: what the runtime uses.
#[cfg(feature = "p256")]
pub struct P256Check;

#[cfg(feature = "p256")]
impl CheckP256 for P256Check {
    fn check(public: &[u8; 64], message: &[u8], signature: &[u8; 64]) -> bool {
        use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
        let point = p256::EncodedPoint::from_untagged_bytes(public.into());
        let key = VerifyingKey::from_encoded_point(&point);
        let signature = Signature::from_slice(signature);
        matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
    }
}

/// The check over `ring`: what hosts use.
#[cfg(feature = "ring")]
pub struct RingCheck;

#[cfg(feature = "ring")]
impl CheckP256 for RingCheck {
    fn check(public: &[u8; 64], message: &[u8], signature: &[u8; 64]) -> bool {
        let mut point = [0x04; 65];
        let (_, coordinates) = point.split_at_mut(1);
        coordinates.copy_from_slice(public);
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point);
        key.verify(message, signature).is_ok()
    }
}

/// An attestation key that may be believed: restricted, fixed to its TPM, ECDSA P-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AkPublic {
    name: Name,
    xy: [u8; 64],
}

/// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign. Without noDA a few power cuts would lock the TPM.
const AK_ATTRIBUTES: u32 = 0x0005_0472;

impl AkPublic {
    /// Parses a `TPMT_PUBLIC` to its last byte and refuses every key that could sign what its TPM didn't make.
    pub fn parse(public_area: &[u8]) -> Result<Self, EvidenceError> {
        if public_area.len() > 128 {
            return Err(EvidenceError::Oversized);
        }
        let mut reader = Reader::new(public_area);
        // ECC, nameAlg SHA-256
        if (reader.u16()?, reader.u16()?) != (0x0023, 0x000B) {
            return Err(EvidenceError::WrongAkKind);
        }
        if reader.u32()? != AK_ATTRIBUTES {
            return Err(EvidenceError::AkNotRestricted);
        }
        let policy = reader.sized()?;
        // no symmetric algorithm, ECDSA with SHA-256, P-256, no KDF
        let parameters: [u8; 10] = reader.array()?;
        if !policy.is_empty() || parameters != [0x00, 0x10, 0x00, 0x18, 0x00, 0x0B, 0x00, 0x03, 0x00, 0x10] {
            return Err(EvidenceError::WrongAkKind);
        }
        let mut xy = [0; 64];
        let (x, y) = xy.split_at_mut(32);
        pad_left(x, reader.sized()?)?;
        pad_left(y, reader.sized()?)?;
        reader.end()?;
        Ok(Self { name: object_name(public_area), xy })
    }

    /// The key's name.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The key's coordinates, x‖y.
    pub const fn xy(&self) -> &[u8; 64] {
        &self.xy
    }
}

/// Some TPMs leave out leading zeros.
fn pad_left(to: &mut [u8], from: &[u8]) -> Result<(), EvidenceError> {
    let at = to.len().checked_sub(from.len()).ok_or(EvidenceError::Oversized)?;
    to.get_mut(at..).ok_or(EvidenceError::Oversized)?.copy_from_slice(from);
    Ok(())
}

/// What is remembered of an anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnchorHead {
    /// Records anchored.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The TPM's anchor counter.
    pub counter: u64,
    /// TPM resets.
    pub reset_count: u32,
    /// TPM restarts since the last reset.
    pub restart_count: u32,
}

impl AnchorHead {
    /// Whether this head may come after `last`, consistency of the two logs apart.
    pub fn follows(&self, last: &Self) -> Result<(), EvidenceError> {
        if self.counter <= last.counter {
            return Err(EvidenceError::CounterNotIncreased);
        }
        if self.reset_count < last.reset_count
            || (self.reset_count == last.reset_count && self.restart_count < last.restart_count)
        {
            return Err(EvidenceError::ResetCountWentBack);
        }
        if self.size < last.size {
            return Err(EvidenceError::LogShrunk);
        }
        Ok(())
    }
}

/// Verifies an anchor: `message` and `signature` are what `TPM2_NV_Certify` of the counter returned. `consistency` proves that the log
/// begins with the log of `last`.
pub fn verify_anchor<C: CheckP256>(
    ak: &AkPublic,
    statement: &Statement,
    message: &[u8],
    signature: &[u8; 64],
    last: Option<&AnchorHead>,
    consistency: &[Hash],
) -> Result<AnchorHead, EvidenceError> {
    let head = read_anchor(statement, message)?;
    if let Some(last) = last {
        head.follows(last)?;
        verify_consistency(last.size, &last.root, head.size, &head.root, consistency)
            .map_err(EvidenceError::LogRewritten)?;
    }
    if !C::check(&ak.xy, message, signature) {
        return Err(EvidenceError::BadSignature);
    }
    Ok(head)
}

fn read_anchor(statement: &Statement, message: &[u8]) -> Result<AnchorHead, EvidenceError> {
    let attested = parse_attest(message)?;
    let What::Nv { name, offset, contents } = attested.what else { return Err(EvidenceError::WrongType) };
    qualified(&attested, statement)?;
    if name != counter_name() {
        return Err(EvidenceError::WrongCounterIndex);
    }
    let counter: [u8; 8] = contents.try_into().map_err(|_| EvidenceError::WrongCounterContents)?;
    if offset != 0 {
        return Err(EvidenceError::WrongCounterContents);
    }
    Ok(AnchorHead {
        size: statement.size,
        root: statement.root,
        counter: u64::from_be_bytes(counter),
        reset_count: attested.reset_count,
        restart_count: attested.restart_count,
    })
}

fn qualified(attested: &Attested<'_>, statement: &Statement) -> Result<(), EvidenceError> {
    if attested.extra_data == statement.qualification() {
        Ok(())
    } else {
        Err(EvidenceError::WrongQualification)
    }
}

/// What a verified quote says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    /// Bitmap of the PCRs quoted, PCR 0 in the lowest bit.
    pub selection: u32,
    /// SHA-256 over them.
    pub pcr_digest: Hash,
    /// TPM resets.
    pub reset_count: u32,
    /// TPM restarts since the last reset.
    pub restart_count: u32,
    /// The TPM's firmware version.
    pub firmware: u64,
}

/// Verifies a quote of SHA-256 PCRs.
pub fn verify_quote<C: CheckP256>(
    ak: &AkPublic,
    statement: &Statement,
    message: &[u8],
    signature: &[u8; 64],
) -> Result<Quoted, EvidenceError> {
    let attested = parse_attest(message)?;
    let What::Quote { bank, selection, digest } = attested.what else { return Err(EvidenceError::WrongType) };
    qualified(&attested, statement)?;
    let (0x000B, Ok(pcr_digest)) = (bank, digest.try_into()) else {
        return Err(EvidenceError::WrongPcrSelection);
    };
    if !C::check(&ak.xy, message, signature) {
        return Err(EvidenceError::BadSignature);
    }
    let Attested { reset_count, restart_count, firmware, .. } = attested;
    Ok(Quoted { selection, pcr_digest, reset_count, restart_count, firmware })
}

/// What two anchors of one machine and epoch say about each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// The later one covers fewer records: the log was cut.
    Shrunk,
    /// Same size, different roots: the log was rewritten.
    SameSizeDifferentRoot,
    /// The log grew: only a consistency proof can tell.
    NeedsConsistency,
    /// Nothing is wrong: the same anchor, or one that says the same again.
    NotAFork,
}

/// Compares two verified anchors of one machine and epoch, in either order.
pub fn compare(one: &AnchorHead, other: &AnchorHead) -> Fork {
    let (earlier, later) = if one.counter <= other.counter { (one, other) } else { (other, one) };
    match (earlier.counter == later.counter, earlier.size.cmp(&later.size)) {
        (_, core::cmp::Ordering::Equal) if earlier.root != later.root => Fork::SameSizeDifferentRoot,
        (_, core::cmp::Ordering::Equal) => Fork::NotAFork,
        // A counter certified twice says nothing about order.
        (true, _) | (false, core::cmp::Ordering::Less) => Fork::NeedsConsistency,
        (false, core::cmp::Ordering::Greater) => Fork::Shrunk,
    }
}
