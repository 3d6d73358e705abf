//! A job's weights, watched through every fault of the story: whatever the chain drew, the log tells of.

use anyhow::{Context, Result, ensure};
use rand::RngCore;
use serde_json::{Value, json};
use std::{fs, io::Write, path::Path};
use testbed::{Stage, call, finalized};

/// One block in so many draws, on average.
const BLOCKS: &str = "10";
/// What `matrixai-inspector snapshot` says of a file that the log does not know.
const UNKNOWN: &str = "a file's digest is not in the log";

/// From the first start of the agent on.
pub fn watch(stage: &mut Stage) -> Result<()> {
    let folder = stage.dir().join("weights");
    fs::create_dir(&folder)?;
    checkpoint(&folder, "1.safetensors", 3 << 20)?;
    let job = format!("[{{name = \"llm\", checkpoints = \"{}/*.safetensors\"}}]", folder.display());
    stage.set_variable("MATRIXAI_JOB", job);
    stage.set_variable("MATRIXAI_SNAPSHOT_BLOCKS", BLOCKS);
    Ok(())
}

pub fn every_draw_is_told(stage: &mut Stage) -> Result<()> {
    checkpoint(stage.dir(), "strange.safetensors", 1 << 20)?;
    checkpoint(&stage.dir().join("weights"), "2.safetensors", 5 << 20)?;
    stage.until("the new checkpoint's digest in the log", |stage| {
        stage.export()?;
        found(stage, &["weights/2.safetensors", "weights/1.safetensors"])
    })?;
    ensure!(found(stage, &["strange.safetensors"])?.is_none(), "a file that no job had is found");
    ask(stage)?;
    headers(stage.chain.rpc, &stage.dir().join("headers.json"))?;
    let account = snapshot(stage, &["--headers", "headers.json"])?;
    let job = &account["jobs"][0];
    let count = |what: &str| job["draws"][what].as_u64().with_context(|| format!("no {what}: {job}"));
    ensure!(account["jobs"].as_array().is_some_and(|jobs| jobs.len() == 1), "{account}");
    ensure!(count("kept")? > 0 && job["digests"] == 2, "{account}");
    ensure!(count("without_header")? == 0, "{account}");
    // This host's agent has no GPUs to watch; that somebody asked is in the headers all the same.
    ensure!(account["challenges"]["asked"] == 1, "{account}");
    Ok(())
}

/// An inspector's question for the machine's GPUs, and a second one that comes too soon.
fn ask(stage: &Stage) -> Result<()> {
    let status = stage.status()?;
    let machine = status["machine"].as_str().context("no machine")?;
    let spec = stage.chain.spec.display().to_string();
    let command =
        ["ask", "--chain", &spec, "--state", "asking", "--dev-account", "Charlie", "--json", machine];
    let asked: Value = serde_json::from_str(&stage.inspector_once(&command)?)?;
    ensure!(asked["block"].is_u64(), "{asked}");
    let again = stage.inspector_once(&command).map(drop).err().context("asked twice")?.to_string();
    ensure!(again.contains("AskedBefore"), "{again}");
    Ok(())
}

fn checkpoint(folder: &Path, name: &str, bytes: usize) -> Result<()> {
    let mut weights = vec![0; bytes];
    rand::thread_rng().fill_bytes(&mut weights);
    Ok(fs::write(folder.join(name), weights)?)
}

fn snapshot(stage: &Stage, arguments: &[&str]) -> Result<Value> {
    let command = ["snapshot", "--evidence", "export/evidence.json", "--log", "export/log", "--json"];
    Ok(serde_json::from_str(&stage.inspector_once(&[&command, arguments].concat())?)?)
}

fn found(stage: &Stage, files: &[&str]) -> Result<Option<Value>> {
    match snapshot(stage, files) {
        Err(error) if error.to_string().contains(UNKNOWN) => Ok(None),
        found => found.map(Some),
    }
}

/// The first node's, up to its finalised block, as the documents say.
fn headers(rpc: u16, to: &Path) -> Result<()> {
    let mut file = fs::File::create(to)?;
    for number in 0..=finalized(rpc)? {
        let hash = call(rpc, "chain_getBlockHash", json!([number]))?;
        writeln!(file, "{}", call(rpc, "chain_getHeader", json!([hash]))?)?;
    }
    Ok(())
}
