//! Recordings in the place of GPUs, to try things out on a machine without. Whoever sets one up is told so everywhere.

use crate::config::Config;
use serde::Deserialize;
use std::path::Path;

/// Where the library that replays looks for its recording.
pub const VARIABLE: &str = "MATRIXAI_NVML_RECORDING";

/// Hours of many GPUs.
const LARGEST: u64 = 256 << 20;

#[derive(Deserialize)]
struct Recording {
    about: String,
}

/// What the recording says of itself, if GPUs are replayed.
pub fn recording(config: &Config) -> Option<String> {
    config.nvml_recording.as_deref().map(about)
}

fn about(path: &Path) -> String {
    let read = || Some(serde_json::from_slice::<Recording>(&plain_io::read(path, LARGEST).ok()?).ok()?.about);
    read().unwrap_or_else(|| "a recording that does not say what it is".into())
}

/// What to call readings: a recording of a real device is one thing, made-up numbers are another.
pub fn source(replay: Option<&str>) -> &'static str {
    match replay {
        None => "sensors",
        Some(about) if about.to_lowercase().contains("synthetic") => "synthetic replay",
        Some(_) => "replay",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_tells_of_itself() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("recording.json");
        std::fs::write(&file, r#"{"about": "Synthetic: made up.", "driver": "1", "gpus": []}"#).unwrap();
        assert_eq!(about(&file), "Synthetic: made up.");
        assert_eq!(source(Some(&about(&file))), "synthetic replay");
        std::fs::write(&file, "{").unwrap();
        assert_eq!(source(Some(&about(&file))), "replay", "never nothing");
        assert_eq!(source(None), "sensors");
    }
}
