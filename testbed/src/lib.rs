//! A whole network of real processes on loopback: validators, inspectors, a software TPM, an owner and an agent.
//!
//! The demo tells its story with it, fault tests break things in it. It knows the programs by their command lines only: what they do
//! inside is none of its business.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let programs = testbed::Programs::beside_this_one()?;
//! let folder = std::env::temp_dir().join("network");
//! let mut stage = testbed::Stage::set(programs, &folder)?;
//! stage.enrol()?;
//! stage.start_agent()?;
//! stage.until_anchors(3)?;
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod chain;
mod neighbour;
mod process;
mod stage;

pub use chain::{Chain, call, finalized};
pub use neighbour::Neighbour;
pub use process::{Guarded, free_port, tail};
pub use stage::{INSPECTORS, OWNER, PATIENCE, Stage};

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The folder that holds our built programs.
#[derive(Debug, Clone)]
pub struct Programs(PathBuf);

impl Programs {
    /// Those in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.into())
    }

    /// Those built beside the running test (`target/debug`), or in the folder that `MATRIXAI_PROGRAMS` names.
    pub fn beside_this_one() -> Result<Self> {
        if let Some(folder) = std::env::var_os("MATRIXAI_PROGRAMS") {
            return Ok(Self(folder.into()));
        }
        let this = std::env::current_exe()?;
        let folder = this.ancestors().nth(2).context("a test lies in target/debug/deps")?;
        let programs = Self(folder.into());
        for name in ["matrixai-node", "matrixai-agent", "matrixai-inspector", "matrixai"] {
            if !programs.path(name).is_file() {
                bail!(
                    "{} is missing: build it first, or run `cargo xtask test`",
                    programs.path(name).display()
                );
            }
        }
        Ok(programs)
    }

    /// Where a program is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A command of a program.
    pub fn command(&self, name: &str) -> std::process::Command {
        std::process::Command::new(self.path(name))
    }
}
