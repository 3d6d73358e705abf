//! What the log is made of. A record is at most [`MAX_RECORD`] bytes of canonical postcard: one value, one encoding.
//!
//! On the wire: `seq` (varint u64), `time_ms` (varint u64), `boot` (varint u32), `tag` (varint u16), then the body's postcard bytes,
//! length-prefixed: a reader that does not know a tag keeps the bytes as they are.

use heapless::{String, Vec};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::hash::Hash;

/// The longest record, in bytes.
pub const MAX_RECORD: usize = 1024;
/// The longest body, in bytes: what is left of a record after its longest header.
pub const MAX_BODY: usize = 960;

/// A name that a vendor or operator gave.
pub type Text = String<96>;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Position in the log, from 0.
    pub seq: u64,
    /// Milliseconds since 1970 by the machine's own clock: a claim, not a proof.
    pub time_ms: u64,
    /// How often the machine's agent has seen the host boot.
    pub boot: u32,
    /// What happened.
    pub body: Body,
}

/// What a record tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // no allocator to box with
pub enum Body {
    /// The host, once, at its start of record keeping.
    Join(Join),
    /// A chip as it was found.
    Chip(Chip),
    /// A boot of the host.
    Boot(Boot),
    /// One window of samples of one chip.
    Activity(Activity),
    /// An anchor that the chain has finalised.
    Anchor(Anchor),
    /// A stretch without records.
    Gap(Gap),
    /// A task of the network, done.
    Drill(Drill),
    /// What a check of a GPU found.
    Finding(Finding),
    /// What a GPU tells besides its activity, in one window.
    GpuDetail(GpuDetail),
    /// A GPU's attestation report was had.
    GpuReport(GpuReport),
    /// What became of a draw of a job's weights.
    Snapshot(Snapshot),
    /// A body of a later version, kept as it came.
    Unknown {
        /// Its kind.
        tag: u16,
        /// Its bytes.
        bytes: Vec<u8, MAX_BODY>,
    },
}

/// The host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The machine's identifier.
    pub machine: Hash,
    /// SHA-256 of the operating system's machine-id.
    pub host: Hash,
    /// The operating system's kernel release.
    pub kernel: Text,
    /// This agent's version.
    pub agent: Text,
    /// Logical CPUs.
    pub cpus: u16,
    /// Memory, MiB.
    pub memory_mib: u64,
}

/// Kinds of chips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChipKind {
    /// A graphics or AI accelerator.
    Gpu,
    /// A processor package.
    Cpu,
    /// The host's memory.
    Memory,
    /// A disk.
    Disk,
}

/// Whether a chip can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChipState {
    /// It answers.
    Present,
    /// No chip of this kind, or no driver for it.
    Absent,
    /// There is a driver, but it fails.
    Broken(Text),
    /// The driver stopped answering and is left alone until the agent restarts.
    Hung,
    /// It is no chip but a recording, played back to try things out: nothing that is told of it was measured here. With what the
    /// recording says of itself.
    Replayed(Text),
}

/// A chip as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chip {
    /// Its kind.
    pub kind: ChipKind,
    /// Number among its kind.
    pub index: u16,
    /// Whether it can be read.
    pub state: ChipState,
    /// Maker's name.
    pub name: Text,
    /// UUID or serial number; empty if it has none.
    pub id: Text,
    /// Driver version; empty if unknown.
    pub driver: Text,
    /// Firmware or VBIOS version; empty if unknown.
    pub firmware: Text,
    /// Memory or capacity, MiB.
    pub memory_mib: Option<u64>,
}

/// A boot of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// SHA-256 of the kernel's boot id.
    pub boot_id: Hash,
    /// Bitmap of the PCRs that went into `pcr_digest`.
    pub pcr_selection: u32,
    /// SHA-256 over those PCRs.
    pub pcr_digest: Hash,
    /// The device key from now on.
    pub device_key: [u8; 32],
}

/// One window of samples of one chip. A signal that is missing is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The chip's kind.
    pub kind: ChipKind,
    /// Number among its kind.
    pub index: u16,
    /// Start of the window, ms since 1970.
    pub from_ms: u64,
    /// Length of the window, ms.
    pub span_ms: u32,
    /// Samples taken.
    pub samples: u32,
    /// Samples that failed.
    pub failed: u32,
    /// Mean power, mW.
    pub power_mw: Option<u32>,
    /// Highest power seen, mW.
    pub power_max_mw: Option<u32>,
    /// Energy used in the window, mJ.
    pub energy_mj: Option<u64>,
    /// Mean utilisation, ‰.
    pub utilisation: Option<u16>,
    /// Mean utilisation of memory bandwidth (GPU) or of memory, ‰.
    pub memory_utilisation: Option<u16>,
    /// Mean activity of tensor units, ‰.
    pub tensor: Option<u16>,
    /// Mean clock, MHz.
    pub clock_mhz: Option<u32>,
    /// Highest temperature, °C.
    pub temperature: Option<i16>,
    /// Memory in use at the end, MiB.
    pub memory_used_mib: Option<u64>,
    /// Bytes read (disk) or received (PCIe).
    pub read_bytes: Option<u64>,
    /// Bytes written (disk) or sent (PCIe).
    pub written_bytes: Option<u64>,
    /// Reasons for lowered clocks seen, as NVML's bits.
    pub throttle: Option<u64>,
    /// Uncorrected memory errors since the driver was loaded.
    pub ecc_errors: Option<u64>,
    /// Processes using the chip at the end.
    pub processes: Option<u16>,
}

/// Most XIDs that a record names.
pub const MAX_XIDS: usize = 16;

/// What a GPU tells besides its [`Activity`], in the same window; there is no such record where it tells none of it. A signal that
/// is missing is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuDetail {
    /// The GPU's number.
    pub gpu: u16,
    /// Start of the window, ms since 1970.
    pub from_ms: u64,
    /// Length of the window, ms.
    pub span_ms: u32,
    /// Mean activity of tensor units on 16-bit floats, ‰.
    pub tensor_half: Option<u16>,
    /// Mean activity of tensor units on integers, ‰.
    pub tensor_integer: Option<u16>,
    /// Mean share of the memory's bandwidth in use, ‰.
    pub memory_bandwidth: Option<u16>,
    /// Bytes received over NVLink: the mean of rates over the window's length.
    pub nvlink_received_bytes: Option<u64>,
    /// Bytes sent over NVLink, likewise.
    pub nvlink_sent_bytes: Option<u64>,
    /// NVLinks that the GPU has.
    pub nvlinks: Option<u16>,
    /// NVLinks that are up.
    pub nvlinks_active: Option<u16>,
    /// Errors on all its NVLinks (CRC, replay, recovery) since the driver was loaded.
    pub nvlink_errors: Option<u64>,
    /// Corrected memory errors since the driver was loaded.
    pub ecc_corrected: Option<u64>,
    /// XIDs of critical errors in this window, in order, as NVML delivers them: where several came between two samples, it gives the
    /// last one for each. The first [`MAX_XIDS`]; none at all means that no events can be had, an empty list that none came.
    pub xids: Option<Vec<u32, MAX_XIDS>>,
    /// Parts into which the GPU is divided (MIG); 0 while it is not.
    pub parts: Option<u16>,
}

impl GpuDetail {
    /// A window in which the GPU told none of it.
    pub const fn nothing(gpu: u16, from_ms: u64, span_ms: u32) -> Self {
        Self {
            gpu,
            from_ms,
            span_ms,
            tensor_half: None,
            tensor_integer: None,
            memory_bandwidth: None,
            nvlink_received_bytes: None,
            nvlink_sent_bytes: None,
            nvlinks: None,
            nvlinks_active: None,
            nvlink_errors: None,
            ecc_corrected: None,
            xids: None,
            parts: None,
        }
    }
}

/// A GPU's report about itself (confidential computing), by digest: the bytes travel with the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuReport {
    /// The GPU's number.
    pub gpu: u16,
    /// What it was asked over, [`Statement::gpu_nonce`](crate::Statement::gpu_nonce).
    pub nonce: Hash,
    /// SHA-256 of the report.
    pub report: Hash,
    /// SHA-256 of the certificates that came with it.
    pub certificates: Hash,
}

/// An anchor that the chain has finalised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The block that the anchor is younger than.
    pub block_number: u64,
    /// That block's hash.
    pub block_hash: Hash,
    /// Records anchored.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The TPM's counter.
    pub counter: u64,
}

/// Why records are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GapReason {
    /// The agent was stopped in order.
    Stopped,
    /// The agent ended without a word: a crash, a kill, a power cut.
    Crashed,
    /// The clock was set.
    ClockJump,
    /// Sensors did not answer.
    Sensors,
    /// The disk was full.
    DiskFull,
    /// The log before this record is lost.
    LogLost,
}

/// A stretch without records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Where it begins, ms since 1970.
    pub from_ms: u64,
    /// Where it ends, ms since 1970.
    pub to_ms: u64,
    /// Why.
    pub reason: GapReason,
}

/// A task of the network, done: written before the chain is told, so that the log has it whatever becomes of it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The task's identifier.
    pub task: Hash,
    /// Digest of its result.
    pub digest: Hash,
    /// What the chain is told first; it hides the digest.
    pub commitment: Hash,
    /// Its worth, micro-ut.
    pub micro_ut: u64,
    /// How long it took, ms.
    pub span_ms: u64,
    /// Energy that the processors used meanwhile, all their other work included, mJ. None where they do not tell.
    pub energy_mj: Option<u64>,
    /// Threads that worked on it.
    pub threads: u16,
}

/// What was checked about a GPU (docs/gpu-challenges.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The UUID that CUDA tells is one that NVML tells.
    Uuid,
    /// CUDA and NVML see it at one PCI address.
    PciAddress,
    /// Both give it one name.
    Name,
    /// Both give it the same memory.
    MemorySize,
    /// NVML's cores are whole multiprocessors of CUDA's.
    Multiprocessors,
    /// Both give its memory's bus one width.
    BusWidth,
    /// The kernel's driver is the one that NVML tells.
    KernelDriver,
    /// The kernel's driver has this GPU at this address.
    KernelGpu,
    /// The PCI bus has NVIDIA's device there.
    PciDevice,
    /// Nothing is mounted over the driver's files.
    Mounts,
    /// Nothing is loaded ahead of all libraries.
    Preload,
    /// The driver's libraries come from where they belong.
    Libraries,
    /// Digests of the driver's files.
    Digests,
    /// Energy used fits the operations done.
    Energy,
    /// The memory challenge's result, and its time.
    Memory,
    /// Ratios of measured speeds are those of the chip that it says it is.
    Fingerprint,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it is on an honest machine.
    Consistent,
    /// As it hardly is on an honest machine.
    Suspicious,
    /// Nothing is known to compare with, such as for a new driver or chip. It says nothing against the machine.
    Unknown,
    /// The check could not be done.
    Failed,
}

/// What a check of a GPU found: evidence with a reason, and no judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The GPU's number.
    pub gpu: u16,
    /// What was checked.
    pub check: Check,
    /// What came of it.
    pub verdict: Verdict,
    /// How much it speaks against the machine's being what it says: 0 nothing, 1000 no honest machine does this. What is unknown has 0.
    pub score: u16,
    /// The challenge that it is about; none for checks that are none.
    pub challenge: Option<Challenge>,
    /// Why, for people.
    pub reason: Text,
}

/// A challenge of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// What nobody knew before: the hash of a block that the chain drew, or an inspector's randomness.
    pub draw: Hash,
    /// The result's digest.
    pub result: Hash,
}

/// What there is to tell of the watch over a job's weights, or over challenges of the GPUs, as of one block (docs/snapshots.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The job: [`snapshot::job`](crate::snapshot::job) of its name.
    pub job: Hash,
    /// Blocks between two draws, on average.
    pub mean_blocks: u32,
    /// The block's height: the one that drew, where something was drawn.
    pub block_number: u64,
    /// Its hash.
    pub block_hash: Hash,
    /// What there is to tell.
    pub outcome: Outcome,
}

/// What there is to tell of the watch over a job's weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Draws count from the next block on.
    Watching,
    /// Draws count no more from the next block on: the job is not watched any longer.
    Ended,
    /// The block drew, and the newest checkpoint was read.
    Taken(Weights),
    /// The block drew, and the newest checkpoint was the file that was read last, by inode, size and times: it was not read again.
    Unchanged(Weights),
    /// The block drew, and there is no digest.
    Missed(Miss),
    /// Nobody looked whether this block and those back to `from` drew.
    Unwatched {
        /// The first of them.
        from: u64,
    },
}

impl Outcome {
    /// The weights that the draw found, read then or before.
    pub const fn weights(&self) -> Option<&Weights> {
        match self {
            Self::Taken(weights) | Self::Unchanged(weights) => Some(weights),
            _ => None,
        }
    }
}

/// A job's weights, as they were found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// BLAKE3 of the file.
    pub digest: Hash,
    /// Its length, bytes.
    pub size: u64,
    /// When it was written last, ms since 1970, as its file system says.
    pub modified_ms: u64,
    /// By how many blocks finality was past the block that drew, when the agent saw it.
    pub behind: u16,
    /// From then until the file was read, ms.
    pub span_ms: u64,
}

/// Why there is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Miss {
    /// No file is there.
    NoCheckpoint,
    /// Each file there was being written.
    Unsettled,
    /// The file was written while it was read.
    Torn,
    /// The file was gone when it was opened.
    Vanished,
    /// A symbolic link is there, which is not followed.
    Symlink,
    /// Something that is no regular file is there: a pipe, a device, a socket, a folder.
    Irregular,
    /// The system did not let it be read.
    Unreadable,
    /// More files are there than are looked at.
    TooMany,
    /// The job's last snapshot was still being taken.
    Busy,
    /// The agent saw the block too late.
    Late,
    /// Reading took too long.
    Stalled,
}

impl Miss {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoCheckpoint => "no-checkpoint",
            Self::Unsettled => "unsettled",
            Self::Torn => "torn",
            Self::Vanished => "vanished",
            Self::Symlink => "symlink",
            Self::Irregular => "irregular",
            Self::Unreadable => "unreadable",
            Self::TooMany => "too-many",
            Self::Busy => "busy",
            Self::Late => "late",
            Self::Stalled => "stalled",
        }
    }
}

/// Why bytes are no record, or a record has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Longer than [`MAX_RECORD`].
    #[error("the record is longer than {MAX_RECORD} bytes")]
    Oversized,
    /// Bytes are missing or make no sense.
    #[error("the record is truncated or malformed")]
    Malformed,
    /// Another encoding of the same record is the canonical one.
    #[error("the record is not canonically encoded")]
    NotCanonical,
}

#[derive(Serialize, Deserialize)]
struct Frame<'a> {
    seq: u64,
    time_ms: u64,
    boot: u32,
    tag: u16,
    body: &'a [u8],
}

impl Record {
    /// The record's bytes.
    pub fn encode(&self) -> Result<Vec<u8, MAX_RECORD>, RecordError> {
        let mut scratch = [0; MAX_BODY];
        let (tag, body) = self.body.encode(&mut scratch)?;
        let frame = Frame { seq: self.seq, time_ms: self.time_ms, boot: self.boot, tag, body };
        let mut bytes = [0; MAX_RECORD];
        let bytes = postcard::to_slice(&frame, &mut bytes).map_err(|_| RecordError::Oversized)?;
        Vec::from_slice(bytes).map_err(|_| RecordError::Oversized)
    }

    /// Reads a record, to its last byte.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD {
            return Err(RecordError::Oversized);
        }
        let frame: Frame<'_> = postcard::from_bytes(bytes).map_err(|_| RecordError::Malformed)?;
        let body = Body::decode(frame.tag, frame.body)?;
        let record = Self { seq: frame.seq, time_ms: frame.time_ms, boot: frame.boot, body };
        // Also refuses trailing bytes and varints longer than they need to be.
        if record.encode()? == bytes { Ok(record) } else { Err(RecordError::NotCanonical) }
    }
}

impl Body {
    fn encode<'a>(&'a self, scratch: &'a mut [u8]) -> Result<(u16, &'a [u8]), RecordError> {
        fn pack<'a>(body: &impl Serialize, scratch: &'a mut [u8]) -> Result<&'a [u8], RecordError> {
            postcard::to_slice(body, scratch).map(|bytes| &*bytes).map_err(|_| RecordError::Oversized)
        }
        Ok(match self {
            Self::Join(body) => (1, pack(body, scratch)?),
            Self::Chip(body) => (2, pack(body, scratch)?),
            Self::Boot(body) => (3, pack(body, scratch)?),
            Self::Activity(body) => (4, pack(body, scratch)?),
            Self::Anchor(body) => (5, pack(body, scratch)?),
            Self::Gap(body) => (6, pack(body, scratch)?),
            Self::Drill(body) => (7, pack(body, scratch)?),
            Self::Finding(body) => (8, pack(body, scratch)?),
            Self::GpuDetail(body) => (9, pack(body, scratch)?),
            Self::GpuReport(body) => (10, pack(body, scratch)?),
            Self::Snapshot(body) => (11, pack(body, scratch)?),
            Self::Unknown { tag, bytes } => (*tag, bytes),
        })
    }

    fn decode(tag: u16, bytes: &[u8]) -> Result<Self, RecordError> {
        fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RecordError> {
            postcard::from_bytes(bytes).map_err(|_| RecordError::Malformed)
        }
        Ok(match tag {
            1 => Self::Join(unpack(bytes)?),
            2 => Self::Chip(unpack(bytes)?),
            3 => Self::Boot(unpack(bytes)?),
            4 => Self::Activity(unpack(bytes)?),
            5 => Self::Anchor(unpack(bytes)?),
            6 => Self::Gap(unpack(bytes)?),
            7 => Self::Drill(unpack(bytes)?),
            8 => Self::Finding(unpack(bytes)?),
            9 => Self::GpuDetail(unpack(bytes)?),
            10 => Self::GpuReport(unpack(bytes)?),
            11 => Self::Snapshot(unpack(bytes)?),
            tag => Self::Unknown { tag, bytes: Vec::from_slice(bytes).map_err(|_| RecordError::Oversized)? },
        })
    }
}

/// Text cut to what fits, at a character's edge.
pub fn text(from: &str) -> Text {
    let mut text = Text::new();
    for character in from.chars() {
        if text.push(character).is_err() {
            break;
        }
    }
    text
}
