//! `matrixai-agent drill pause` and `resume`: also while the agent runs, which looks at every turn.

use crate::{config::Config, output::Output, state_dir::StateDir};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::{fs, io::ErrorKind};

/// `drill pause`.
pub fn pause(config: &Config, output: Output) -> Result<()> {
    let state = StateDir::new(&config.state_dir);
    if !state.path().is_dir() {
        bail!(
            "there is no state folder {} yet, and nothing to rest from; start the agent first",
            state.path().display()
        );
    }
    let file = state.drill_pause();
    fs::write(&file, "").with_context(|| format!("cannot write {}", file.display()))?;
    output.result(&json!({ "paused": true }), || {
        "paused: what is being worked on rests, and no new work is taken until `matrixai-agent drill resume`".into()
    })
}

/// `drill resume`.
pub fn resume(config: &Config, output: Output) -> Result<()> {
    let file = StateDir::new(&config.state_dir).drill_pause();
    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", file.display()));
        }
        _ => {}
    }
    output.result(&json!({ "paused": false }), || "drilling goes on".into())
}
