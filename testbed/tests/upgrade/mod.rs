//! The chain's runtime is replaced by a later one with one pallet more; the agent was built before it.

use anyhow::{Context, Result};
use light_client::{
    Error, Key, LightClient,
    dynamic::{Value, tx},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use testbed::Stage;

/// Where `cargo xtask test` leaves it: beside the folder of the programs.
fn next_version() -> Result<PathBuf> {
    let named = std::env::var_os("MATRIXAI_NEXT_WASM").map(PathBuf::from);
    let this = std::env::current_exe()?;
    let beside = this.ancestors().nth(3).map(|target| target.join("matrixai_runtime_next.wasm"));
    named
        .or(beside)
        .filter(|path| path.is_file())
        .context("no WASM of the next version: run `cargo xtask test`")
}

pub fn runtime_upgrade(stage: &mut Stage) -> Result<()> {
    let code = fs::read(next_version()?)?;
    let spec = fs::read_to_string(&stage.chain.spec)?;
    let state = stage.dir().join("sudo");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // A client of its own each time: one that saw the upgrade may have stumbled over it.
    let runs = |wanted| {
        let version = async { tokio::time::timeout(Duration::from_secs(60), version(&spec, &state)).await };
        Ok(matches!(runtime.block_on(version), Ok(Ok(found)) if found == wanted).then_some(()))
    };
    stage.until("this version on chain", |_| runs(1))?;
    // Where the machine is busy, the nodes may stand still for longer than the light client waits: the call is made again then.
    stage.until("the call that upgrades", |_| match runtime.block_on(upgrade(&spec, &state, &code)) {
        // It got there, and the light client lost sight of it: what counts is the version below.
        Ok(()) | Err(Error::NonceTaken(_) | Error::OutOfSight(_)) => Ok(Some(())),
        Err(Error::Unanswered(why)) => {
            println!("  {why}");
            Ok(None)
        }
        Err(error) => Err(anyhow::Error::from(error)),
    })?;
    stage.until("the next version on chain", |_| runs(2))?;
    stage.until_more_anchors(2)?;
    // One that starts after the upgrade must do as well.
    stage.agent()?.kill();
    stage.start_agent()?;
    stage.until_more_anchors(1).map(drop)
}

async fn upgrade(spec: &str, state: &Path, code: &[u8]) -> Result<(), Error> {
    let client = LightClient::start(spec, state).await?;
    client.wait_ready().await?;
    let code = Value::from_bytes(code);
    let set_code = Value::unnamed_variant("System", [Value::named_variant("set_code", [("code", code)])]);
    let weight = Value::named_composite([("ref_time", Value::u128(1)), ("proof_size", Value::u128(0))]);
    let call = tx("Sudo", "sudo_unchecked_weight", vec![set_code, weight]);
    client.call(&call, &Key::development("Alice")).await.map(drop)
}

async fn version(spec: &str, state: &Path) -> Result<u32> {
    let client = LightClient::start(spec, state).await?;
    client.wait_ready().await?;
    Ok(client.latest().await?.spec_version())
}
