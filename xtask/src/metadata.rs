//! `cargo xtask metadata`: the runtime's metadata beside the light client, written anew or compared.

use crate::sh;
use anyhow::{Result, bail};
use std::{fs, path::Path, process::Command};

/// What to do with the committed file.
#[derive(clap::Args)]
pub struct Options {
    /// Compare only: fail when the committed file is not the runtime's
    #[arg(long)]
    pub check: bool,
}

/// Writes or compares it. The node must be built.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    let committed = root.join("light-client/metadata.scale");
    let fresh = sh::target_dir().join("metadata.scale");
    let mut export = Command::new(sh::program("matrixai-node"));
    sh::step("metadata", export.arg("export-metadata").arg("--output").arg(&fresh))?;
    let (new, old) = (fs::read(&fresh)?, fs::read(&committed).unwrap_or_default());
    if new == old {
        return Ok(());
    }
    if options.check {
        bail!("light-client/metadata.scale is not the runtime's: run `cargo xtask metadata` and commit it");
    }
    fs::write(&committed, new)?;
    println!("wrote {}", committed.display());
    Ok(())
}
