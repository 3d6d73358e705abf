//! Writes the runtime's metadata to a file, for the light client's typed calls.

use matrixai_runtime::Runtime;
use polkadot_sdk::{sc_cli, sp_io::TestExternalities};
use std::{fs, path::PathBuf};

/// The one version that every current library reads.
const VERSION: u32 = 15;

/// Writes the runtime's metadata, version 15, as SCALE.
#[derive(Debug, clap::Args)]
pub struct ExportMetadata {
    /// Where to
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

impl ExportMetadata {
    /// Writes it.
    pub fn run(&self) -> sc_cli::Result<()> {
        fs::write(&self.output, metadata()?)?;
        Ok(())
    }
}

/// Constants are read from storage where genesis chooses them: an empty state shows the production chain's.
fn metadata() -> sc_cli::Result<Vec<u8>> {
    let opaque = TestExternalities::default().execute_with(|| Runtime::metadata_at_version(VERSION));
    let opaque = opaque.ok_or_else(|| format!("the runtime has no metadata of version {VERSION}"))?;

    Ok(opaque.to_vec())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_starts_with_the_magic_and_version() {
        let bytes = super::metadata().unwrap();
        assert_eq!(&bytes[..5], b"meta\x0f");
    }
}
