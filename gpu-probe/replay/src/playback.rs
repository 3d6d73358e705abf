//! What the library answers: the recording as it goes on, or mischief.

use crate::recording::{Gpu, Reading, Recording};
use std::{
    env, fs, process,
    sync::{
        OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// NVML's return codes, those in use here.
pub mod status {
    pub const SUCCESS: u32 = 0;
    pub const UNINITIALIZED: u32 = 1;
    pub const INVALID_ARGUMENT: u32 = 2;
    pub const NOT_SUPPORTED: u32 = 3;
    pub const INSUFFICIENT_SIZE: u32 = 7;
    pub const DRIVER_NOT_LOADED: u32 = 9;
    pub const TIMEOUT: u32 = 10;
    pub const FUNCTION_NOT_FOUND: u32 = 13;
    pub const GPU_IS_LOST: u32 = 15;
    pub const LIB_RM_VERSION_MISMATCH: u32 = 18;
}

/// Ways to misbehave, as `MATRIXAI_NVML_MISBEHAVE` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// `error`: it does not start.
    Error,
    /// `hang`: it stops answering at the third reading.
    Hang,
    /// `hang-start`: it never starts.
    HangStart,
    /// `garbage`: it answers at once, but nonsense.
    Garbage,
    /// `missing-symbols`: it has no functions but those that count GPUs and tell their UUIDs.
    MissingSymbols,
    /// `lost`: at the third reading the GPUs fall off their bus.
    Lost,
    /// `hostile`: any call may fail, lie, hang or crash, as [`SEED`](self) draws it.
    Hostile,
}

/// What a hostile library does instead of answering. Hangs and crashes never come so far.
pub enum Mischief {
    /// It fails, with whatever code.
    Error(u32),
    /// It succeeds, and tells what this number generates.
    Noise(u64),
}

/// Where the draws of `hostile` begin.
const SEED: &str = "MATRIXAI_NVML_SEED";
static DRAWS: AtomicU64 = AtomicU64::new(0);

/// The next number of a sequence (SplitMix64, S. Vigna).
pub fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// What becomes of this call, where the library is hostile.
pub fn mischief() -> Option<Mischief> {
    let playback = get().ok()?;
    let seed = playback.hostile?;
    let mut state = seed ^ DRAWS.fetch_add(1, Ordering::Relaxed).wrapping_mul(0xd134_2543_de82_ef95);
    // Some misbehave at once and often, some late and seldom.
    let rarity = [4, 64, 1024][(seed % 3) as usize];
    if !next(&mut state).is_multiple_of(rarity) {
        return None;
    }
    // Each has its way to be worst at.
    match (next(&mut state) % 8, seed / 3 % 4) {
        (0, 0) => hang(),
        (0, 1) => process::abort(),
        (0, 2) => process::exit(0),
        (0, _) => println!("this is no protocol"),
        (1..=3, _) => return Some(Mischief::Error((next(&mut state) % 40) as u32)),
        (4, _) => return Some(Mischief::Error(next(&mut state) as u32)),
        _ => return Some(Mischief::Noise(next(&mut state))),
    }
    None
}

/// The first reading at which `hang` and `lost` set in.
const SETS_IN: usize = 3;

impl Misbehaviour {
    /// By name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "error" => Self::Error,
            "hang" => Self::Hang,
            "hang-start" => Self::HangStart,
            "garbage" => Self::Garbage,
            "missing-symbols" => Self::MissingSymbols,
            "lost" => Self::Lost,
            "hostile" => Self::Hostile,
            _ => return None,
        })
    }
}

/// The loaded recording.
pub struct Playback {
    pub recording: Recording,
    pub misbehaviour: Option<Misbehaviour>,
    /// The seed of a hostile library's draws.
    hostile: Option<u64>,
    /// Readings begun, per GPU.
    steps: Vec<AtomicUsize>,
}

static PLAYBACK: OnceLock<Result<Playback, u32>> = OnceLock::new();

/// Reads the environment.
pub fn start() -> Result<(), u32> {
    PLAYBACK.get_or_init(Playback::load).as_ref().map(|_| ()).map_err(|status| *status)
}

/// What [`start`] loaded.
pub fn get() -> Result<&'static Playback, u32> {
    PLAYBACK.get().ok_or(status::UNINITIALIZED)?.as_ref().map_err(|status| *status)
}

fn hang() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

impl Playback {
    fn load() -> Result<Self, u32> {
        let misbehaviour = env::var("MATRIXAI_NVML_MISBEHAVE").ok();
        let misbehaviour = misbehaviour.as_deref().and_then(Misbehaviour::named);
        match misbehaviour {
            Some(Misbehaviour::Error) => return Err(status::LIB_RM_VERSION_MISMATCH),
            Some(Misbehaviour::HangStart) => hang(),
            _ => {}
        }
        let file = env::var_os("MATRIXAI_NVML_RECORDING").ok_or(status::DRIVER_NOT_LOADED)?;
        let json = fs::read_to_string(file).map_err(|_| status::DRIVER_NOT_LOADED)?;
        let recording = Recording::parse(&json).map_err(|_| status::LIB_RM_VERSION_MISMATCH)?;
        let steps = recording.gpus.iter().map(|_| AtomicUsize::new(0)).collect();
        let seed = env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
        let hostile = (misbehaviour == Some(Misbehaviour::Hostile)).then_some(seed);
        Ok(Self { recording, misbehaviour, hostile, steps })
    }

    pub fn is(&self, misbehaviour: Misbehaviour) -> bool {
        self.misbehaviour == Some(misbehaviour)
    }

    /// Readings of this GPU that were begun.
    pub fn begun(&self, index: usize) -> usize {
        self.steps.get(index).map_or(0, |step| step.load(Ordering::Relaxed))
    }

    /// The GPU, unless it is lost.
    pub fn gpu(&self, index: usize) -> Result<&Gpu, u32> {
        let gpu = self.recording.gpus.get(index).ok_or(status::INVALID_ARGUMENT)?;
        match self.misbehaviour {
            Some(Misbehaviour::Lost) if self.begun(index) >= SETS_IN => Err(status::GPU_IS_LOST),
            Some(Misbehaviour::Hang) if self.begun(index) >= SETS_IN => hang(),
            _ => Ok(gpu),
        }
    }

    /// The GPU, where a function is asked for that a library may lack.
    pub fn optional(&self, index: usize) -> Result<&Gpu, u32> {
        if self.is(Misbehaviour::MissingSymbols) { Err(status::FUNCTION_NOT_FOUND) } else { self.gpu(index) }
    }

    /// Begins the GPU's next reading.
    pub fn step(&self, index: usize) {
        if let Some(step) = self.steps.get(index) {
            step.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The GPU's reading now.
    pub fn reading(&self, index: usize) -> Result<Reading, u32> {
        let step = self.begun(index).saturating_sub(1);
        self.optional(index)?.reading(step).ok_or(status::NOT_SUPPORTED)
    }
}
