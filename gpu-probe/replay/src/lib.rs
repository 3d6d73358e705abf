//! A library with NVML's C interface, for machines without a GPU: it replays a recording, and misbehaves on demand.
//!
//! `libnvml_replay.so` is given to a program in place of `libnvidia-ml.so.1`. Two environment variables tell it what to do:
//!
//! - `MATRIXAI_NVML_RECORDING`: the recording, a JSON file ([`Recording`]). Without one there is no driver.
//! - `MATRIXAI_NVML_MISBEHAVE`: one of [`Misbehaviour`]'s names.
//!
//! `examples/record.rs` makes recordings on a host with GPUs.
//!
//! A question for a GPU's power begins its next reading; after the last comes the first, and energy goes on. This crate must not
//! know who asks. It is for tests and demonstrations: nothing it tells is a measurement.
//!
//! ```
//! let recording = nvml_replay::Recording::parse(include_str!("../recordings/synthetic.json"))?;
//! assert_eq!(recording.gpus.len(), 3);
//! # Ok::<(), serde_json::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod abi;
mod playback;
mod recording;

pub use playback::Misbehaviour;
pub use recording::{Gpu, Reading, Recording};

use std::{env, io, path::PathBuf};

const LIBRARY: &str = "libnvml_replay.so";

/// The library's file, for tests that load it: cargo puts it beside them, or into the folder over theirs, since their crate depends on this
/// one.
///
/// # Errors
///
/// If it is in neither.
pub fn library() -> io::Result<PathBuf> {
    let test = env::current_exe()?;
    let mut places = test.ancestors().skip(1).take(2).map(|folder| folder.join(LIBRARY));
    let absent = || io::Error::new(io::ErrorKind::NotFound, format!("there is no {LIBRARY} beside the test"));
    places.find(|file| file.exists()).ok_or_else(absent)
}
