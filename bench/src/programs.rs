//! Which builds are measured.

use anyhow::{Context, Result};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use testbed::Programs;

/// Where the programs lie, and which of them are release builds.
#[derive(clap::Args)]
pub struct Parts {
    /// Folder with matrixai-inspector and matrixai, which are not measured
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub programs: PathBuf,
    /// Folder with the release build of matrixai-agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub release: PathBuf,
    /// Folder with matrixai-node
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub node: PathBuf,
    /// The node is a development build
    #[arg(long)]
    pub node_dev: bool,
    /// Folder where npm keeps its smoldot
    #[arg(long, value_name = "DIR", default_value = "npm-smoldot")]
    pub npm: PathBuf,
}

impl Parts {
    /// All of them in one folder, as a testbed wants them.
    pub fn gather(&self, folder: &Path) -> Result<Programs> {
        fs::create_dir_all(folder)?;
        let from = [
            (&self.node, "matrixai-node"),
            (&self.release, "matrixai-agent"),
            (&self.programs, "matrixai-inspector"),
            (&self.programs, "matrixai"),
        ];
        for (place, name) in from {
            // One that a section does not need may be missing: who starts it will say so.
            if let Ok(program) = place.join(name).canonicalize() {
                symlink(program, folder.join(name))?;
            }
        }
        Ok(Programs::in_folder(folder))
    }

    /// The release build of the agent.
    pub fn agent(&self) -> PathBuf {
        self.release.join("matrixai-agent")
    }

    /// What the node is called in the table.
    pub const fn node_name(&self) -> &'static str {
        if self.node_dev { "full node (development build)" } else { "full node" }
    }
}

/// The program built beside this one.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.parent().context("a program lies in a folder")?.join(name))
}

/// A file's size in MB.
pub fn megabytes(file: &Path) -> Result<f64> {
    let size = fs::metadata(file).with_context(|| format!("{}", file.display()))?.len();
    Ok(size as f64 / 1e6)
}
