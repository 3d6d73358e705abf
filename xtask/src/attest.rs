//! `cargo xtask attest`: enrols this machine, against a chain you name or a throwaway local one.

use crate::{
    demo::{build, programs},
    setup, sh,
};
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use testbed::Stage;

/// Which chain, which TPM.
#[derive(clap::Args)]
pub struct Options {
    /// Specification of the chain to enrol with; a throwaway local chain where none is named
    #[arg(long, value_name = "FILE", requires = "token")]
    chain: Option<PathBuf>,
    /// Join token that the owner made with `matrixai token create`
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// The TPM: device:PATH, tcp:HOST:PORT or unix:PATH
    #[arg(long, default_value = "device:/dev/tpmrm0")]
    tpm: String,
    /// Where the agent keeps its state
    #[arg(long, value_name = "DIR", default_value = "matrixai-state")]
    state: PathBuf,
}

/// Builds what is needed and enrols.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    setup::run()?;
    match (&options.chain, &options.token) {
        (Some(chain), Some(token)) => {
            sh::step("agent", &mut sh::cargo(&["build", "-p", "matrixai-agent"]))?;
            enrol(options, chain, token)
        }
        _ => on_a_throwaway_chain(root, options),
    }
}

fn on_a_throwaway_chain(root: &Path, options: &Options) -> Result<()> {
    build(root)?;
    let scratch = tempfile::Builder::new().prefix("matrixai-attest-").tempdir()?;
    println!("A throwaway local chain: two validators, five inspectors");
    let stage = Stage::set(programs(), scratch.path())?;
    stage.token()?;
    let device = options.tpm.strip_prefix("device:").map(Path::new);
    if device.is_some_and(|device| !device.exists()) {
        println!("{} is not there: enrolling a software TPM instead", options.tpm);
        print!("{}", stage.agent_once(&["enroll", "--token", "token.key"])?);
        return Ok(());
    }
    let throwaway =
        Options { state: scratch.path().join("state"), tpm: options.tpm.clone(), chain: None, token: None };
    enrol(&throwaway, &stage.chain.spec, &scratch.path().join("token.key"))
}

fn enrol(options: &Options, chain: &Path, token: &Path) -> Result<()> {
    let mut command = Command::new(sh::program("matrixai-agent"));
    command.args(["enroll", "--token"]).arg(token);
    command
        .env("MATRIXAI_STATE_DIR", &options.state)
        .env("MATRIXAI_TPM", &options.tpm)
        .env("MATRIXAI_CHAIN_SPEC", chain);
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!("the agent did not enrol ({status})");
    }
    Ok(())
}
