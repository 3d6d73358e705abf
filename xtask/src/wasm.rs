//! Builds the runtime's WASM by whichever way the machine allows.

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// Builds it and says where it lies.
pub fn build(_root: &Path) -> Result<PathBuf> {
    bail!("the runtime has no WASM build yet")
}
