//! What the chain keeps of tokens, requests and machines, and what calls carry.

use attest::{
    Hash,
    statement::{RequestFields, request_digest},
    verify::AnchorHead,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use polkadot_sdk::*;
use scale_info::TypeInfo;

use frame_support::{BoundedVec, traits::ConstU32};
use sp_runtime::AccountId32;

/// An account; a device's is its ed25519 key.
pub type Account = AccountId32;
/// Bytes up to a bound.
pub type Bytes<const N: u32> = BoundedVec<u8, ConstU32<N>>;
/// A Merkle proof.
pub type MerkleProof = BoundedVec<Hash, ConstU32<65>>;
/// Identifier of a machine: SHA-256 of its endorsement key's public area.
pub type MachineId = Hash;
/// Identifier of a request: its digest.
pub type RequestId = Hash;
/// Duties of one request at one time.
pub type Duties = BoundedVec<Duty, ConstU32<DRAWN>>;

/// Inspectors drawn for a request.
pub const DRAWN: u32 = 3;
/// Answered challenges that enrol.
pub const QUORUM: u32 = 2;
/// Inspectors that must be registered before anybody is drawn.
pub const REGISTERED: u32 = 5;
/// Requests that wait for their draw, at most.
pub const WAITING: u32 = 512;
/// Draws in one block, at most.
pub const DRAWS_PER_BLOCK: u32 = 4;
/// Items that fall due in one block, at most.
pub const DUE_PER_BLOCK: u32 = 512;
/// How many blocks later than wanted an item may be scheduled when blocks are full.
pub const DUE_SLACK: u32 = 64;
/// Calls without a fee that a device may send at once.
pub const BURST: u32 = 8;
/// Calls without a fee that it may then send in each anchor period.
pub const CALLS_PER_PERIOD: u32 = 2;
/// Draws for one request, the first included.
pub const TRIES: u8 = 3;
/// Anchors kept in a machine's record.
pub const RECENT: u32 = 8;
/// Blocks from one question for a machine's GPUs to the next.
pub const ASK_PAUSE: u32 = 600;
/// Questions in one block's header, at most.
pub const ASKS_PER_BLOCK: u32 = 16;

macro_rules! wire {
    ($(#[$meta:meta])* $kind:ident $name:ident $body:tt) => {
        $(#[$meta])*
        #[derive(Encode, Decode, DecodeWithMemTracking, Clone, PartialEq, Eq, Debug, TypeInfo, MaxEncodedLen)]
        pub $kind $name $body
    };
}

wire! {
/// How far a machine's identity can be trusted, best first.
#[derive(Copy, PartialOrd, Ord)]
enum Level {
    /// The endorsement key's certificate chains to a known TPM maker.
    Hardware,
    /// It chains to a known issuer of virtual TPMs.
    Virtual,
    /// There is no certificate, or one from nobody known.
    Unverified,
}}

wire! {
/// A machine's standing.
#[derive(Copy)]
enum Standing {
    /// Anchors in time.
    Active,
    /// Missed its anchor or did not answer an accusation; the next anchor brings it back.
    Lapsed,
    /// Proven to have rewritten its log: slashed, for ever.
    Forked,
    /// Taken out of service by its owner.
    Retired,
}}

wire! {
/// A block that something is younger than.
#[derive(Copy)]
struct BlockRef {
    /// Height.
    pub number: u32,
    /// Hash.
    pub hash: Hash,
}}

wire! {
/// What a TPM returned: `TPMS_ATTEST` and its ECDSA signature, r‖s.
struct Attestation {
    /// The attested bytes.
    pub message: Bytes<512>,
    /// The signature.
    pub signature: [u8; 64],
}}

wire! {
/// A log's state.
#[derive(Copy)]
struct LogHead {
    /// Records.
    pub size: u64,
    /// Their root.
    pub root: Hash,
}}

wire! {
/// A request to enrol, as the machine sends it.
struct Enrolment {
    /// Public half of the owner's join token.
    pub token: [u8; 32],
    /// The machine's device key.
    pub device: [u8; 32],
    /// `TPMT_PUBLIC` of the endorsement key.
    pub ek_public: Bytes<512>,
    /// DER of its certificate, or nothing.
    pub ek_certificate: Bytes<2048>,
    /// `TPMT_PUBLIC` of the attestation key.
    pub ak_public: Bytes<128>,
    /// The block that the quote is younger than.
    pub block: BlockRef,
    /// The log.
    pub log: LogHead,
    /// The join quote.
    pub quote: Attestation,
    /// The log's first record.
    pub join_record: Bytes<1024>,
    /// Proof that it is the first.
    pub join_proof: MerkleProof,
    /// Where the machine was enrolled before: proof that its log goes on from the last anchor. Empty if that log is lost.
    pub consistency: MerkleProof,
    /// The token's signature of the request's digest.
    pub token_signature: [u8; 64],
    /// The device's signature of it.
    pub device_signature: [u8; 64],
}}

wire! {
/// An anchor, as the machine sends it.
struct AnchorCall {
    /// The block that it is younger than.
    pub block: BlockRef,
    /// The log.
    pub log: LogHead,
    /// The certified counter.
    pub certified: Attestation,
    /// Proof that the log goes on from the last anchor.
    pub consistency: MerkleProof,
}}

wire! {
/// A new device key, as the machine sends it.
struct Delegation {
    /// The machine.
    pub machine: MachineId,
    /// The new key.
    pub device: [u8; 32],
    /// The block that the quote is younger than.
    pub block: BlockRef,
    /// The log.
    pub log: LogHead,
    /// The boot quote.
    pub quote: Attestation,
    /// The new key's signature of the delegation's digest.
    pub device_signature: [u8; 64],
}}

wire! {
/// An attestation of one machine, with its preimage.
struct Testimony {
    /// The block that it names.
    pub block_hash: Hash,
    /// The log that it names.
    pub log: LogHead,
    /// The device key that it names.
    pub device: [u8; 32],
    /// What the TPM returned.
    pub certified: Attestation,
}}

wire! {
/// Permission to enrol.
struct Token {
    /// Who pays and will own the machines.
    pub owner: Account,
    /// Machines that may still enrol.
    pub left: u32,
    /// Last block in which it can be used.
    pub expires: u32,
}}

wire! {
/// An inspector's credential for a machine.
struct Challenge {
    /// Contents of the `TPM2B_ID_OBJECT`.
    pub id_object: Bytes<128>,
    /// Contents of the `TPM2B_ENCRYPTED_SECRET`.
    pub encrypted_secret: Bytes<256>,
    /// SHA-256 of the right answer.
    pub commitment: Hash,
    /// The inspector's vote, which counts once the challenge is answered.
    pub level: Level,
}}

wire! {
/// How far one inspector's part of a request is.
struct Duty {
    /// Who was drawn.
    pub inspector: Account,
    /// What the machine is to answer.
    pub challenge: Option<Challenge>,
    /// Whether it did.
    pub answered: bool,
    /// Whether the machine says that the credential is bad.
    pub disputed: bool,
    /// Whether the inspector has nothing more to do here: answered, refused, or shown to be right.
    pub closed: bool,
    /// Whether the inspector will not have this machine.
    pub refused: bool,
}}

wire! {
/// A request that waits.
struct Request {
    /// The machine asked for.
    pub machine: MachineId,
    /// Who will own it.
    pub owner: Account,
    /// The join token it used.
    pub token: [u8; 32],
    /// What is held of the owner for it, less what inspectors have earned.
    pub held: u128,
    /// The machine's account.
    pub device: Account,
    /// `TPMT_PUBLIC` of the endorsement key.
    pub ek_public: Bytes<512>,
    /// Its certificate.
    pub ek_certificate: Bytes<2048>,
    /// `TPMT_PUBLIC` of the attestation key.
    pub ak_public: Bytes<128>,
    /// The log at the time.
    pub head: Head,
    /// SHA-256 over the boot PCRs.
    pub pcr_digest: Hash,
    /// The last anchor of the machine's earlier epoch, if the request proves that the log goes on from there.
    pub continues: Option<LogHead>,
    /// Epoch in which the candidates freeze.
    pub frozen_in: u64,
    /// Draws so far.
    pub tries: u8,
    /// When the drawn inspectors and the machine must be done.
    pub deadline: u32,
    /// The drawn inspectors.
    pub duties: Duties,
}}

wire! {
/// What an anchor left: [`AnchorHead`] on the wire.
#[derive(Copy)]
struct Head {
    /// Records.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The TPM's anchor counter.
    pub counter: u64,
    /// TPM resets.
    pub reset_count: u32,
    /// TPM restarts since the last reset.
    pub restart_count: u32,
}}

wire! {
/// A past anchor.
#[derive(Copy)]
struct Anchored {
    /// In which block it came.
    pub at: u32,
    /// The block that it is younger than.
    pub block: BlockRef,
    /// The log.
    pub log: LogHead,
    /// The TPM's anchor counter.
    pub counter: u64,
}}

wire! {
/// A machine.
struct Machine {
    /// Who owns it.
    pub owner: Account,
    /// Its account: the delegated device key.
    pub device: Account,
    /// `TPMT_PUBLIC` of the attestation key.
    pub ak_public: Bytes<128>,
    /// How far its identity can be trusted.
    pub level: Level,
    /// Its standing.
    pub standing: Standing,
    /// Counts enrolments of this TPM, from 0: one more after each TPM2_Clear.
    pub epoch: u32,
    /// Block of the last enrolment.
    pub enrolled_at: u32,
    /// What the last anchor left.
    pub head: Head,
    /// Anchors of this epoch.
    pub anchors: u32,
    /// The last of them, oldest first.
    pub recent: BoundedVec<Anchored, ConstU32<RECENT>>,
    /// Block of the last anchor or enrolment.
    pub seen_at: u32,
    /// Without an anchor after this block it lapses; once retired, its deposit comes back in this block.
    pub due: u32,
    /// In which block the chain next looks whether it has lapsed.
    pub watched: u32,
    /// How often it has lapsed.
    pub lapses: u32,
    /// Blocks spent lapsed, altogether.
    pub absent: u32,
    /// Height that the last delegation is younger than: an older one cannot be played again.
    pub delegated_at: u32,
    /// SHA-256 over the boot PCRs, by the last quote.
    pub pcr_digest: Hash,
    /// Whether the log of an earlier epoch was lost.
    pub log_lost: bool,
    /// Anchors whose counter is not above this belong to a log that is lost.
    pub floor: u64,
    /// What is held of the owner for it.
    pub deposit: u128,
}}

impl Machine {
    /// Blocks spent lapsed, altogether, by this one.
    pub(crate) fn absent_by(&self, now: u32) -> u32 {
        let away = if self.standing == Standing::Lapsed { now.saturating_sub(self.due) } else { 0 };
        self.absent.saturating_add(away)
    }
}

wire! {
/// What an account that pays no fees is.
#[derive(Copy)]
enum Role {
    /// The device of a request.
    Requesting(RequestId),
    /// The device of a machine.
    Enrolled(MachineId),
}}

wire! {
/// A device's right to send without a fee: a few calls at once, then one per period. Failed calls count too, for every call that
/// gets into a block uses up a nonce.
#[derive(Copy)]
struct Device {
    /// Whose it is.
    pub role: Role,
    /// The account's nonce when counting began.
    pub nonce: u32,
    /// The block when counting began.
    pub since: u32,
}}

wire! {
/// Two anchors that only a consistency proof can reconcile.
struct Accusation {
    /// Who says so; loses a bond if the machine can.
    pub reporter: Account,
    /// The smaller log.
    pub old: LogHead,
    /// The larger log.
    pub new: LogHead,
    /// Without a proof after this block the machine lapses.
    pub deadline: u32,
}}

wire! {
/// Something that falls due.
#[derive(Copy)]
enum Item {
    /// A machine's anchor, or its deposit once it is retired.
    Machine(MachineId),
    /// A request's duties.
    Request(RequestId),
    /// A machine's answer to an accusation.
    Accusation(MachineId),
    /// A request that is over, and too old to be played again.
    Ended(RequestId),
}}

impl Enrolment {
    /// What token and device sign; names the request.
    pub fn digest(&self, genesis: &Hash) -> RequestId {
        request_digest(&RequestFields {
            genesis,
            token: &self.token,
            device: &self.device,
            ek_public: &self.ek_public,
            ek_certificate: &self.ek_certificate,
            ak_public: &self.ak_public,
            block_hash: &self.block.hash,
            size: self.log.size,
            root: &self.log.root,
            quote_message: &self.quote.message,
            quote_signature: &self.quote.signature,
        })
    }
}

impl From<AnchorHead> for Head {
    fn from(head: AnchorHead) -> Self {
        let AnchorHead { size, root, counter, reset_count, restart_count } = head;
        Self { size, root, counter, reset_count, restart_count }
    }
}

impl From<Head> for AnchorHead {
    fn from(head: Head) -> Self {
        let Head { size, root, counter, reset_count, restart_count } = head;
        Self { size, root, counter, reset_count, restart_count }
    }
}

impl Head {
    /// Size and root.
    pub const fn log(&self) -> LogHead {
        LogHead { size: self.size, root: self.root }
    }
}
