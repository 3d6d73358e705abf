//! `matrixai-agent log …`: reading the log, also while the agent writes it.

use crate::{
    agent,
    config::Config,
    failure::Failure,
    identity::Identity,
    known::{self, Known},
    output::{Output, count},
    render,
    secrets::{self, Opened},
    standing::Obstacle,
    state_dir::StateDir,
    tpm_worker::TpmWorker,
};
use anyhow::{Context, Result, anyhow, bail};
use attest::{leaf_hash, proof};
use log_store::LogStore;
use serde_json::{Value, json};
use std::{fs, path::Path, time::Duration};

/// How long the TPM may take to sign an export.
const TPM_PATIENCE: Duration = Duration::from_secs(10);

/// Opens the log to look at it, if it is all there.
pub fn open(state: &StateDir) -> Result<LogStore> {
    Known::read(state)?.open_log(state)
}

/// `log list`.
pub fn list(config: &Config, from: Option<u64>, limit: u64, output: Output) -> Result<()> {
    let log = open(&StateDir::new(&config.state_dir))?;
    let from = from.unwrap_or_else(|| log.size().saturating_sub(limit));
    let count = usize::try_from(limit).unwrap_or(usize::MAX);
    let records = log.iter_from(from).take(count).map(|entry| entry.map(|(_, record)| record));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    let value = Value::Array(records.iter().map(render::value).collect());
    output.result(&value, || records.iter().map(render::line).collect::<Vec<_>>().join("\n"))
}

/// `log show`.
pub fn show(config: &Config, seq: u64, output: Output) -> Result<()> {
    let log = open(&StateDir::new(&config.state_dir))?;
    let (bytes, record) = (log.raw(seq)?, log.read(seq)?);
    let mut value = render::value(&record);
    if let Value::Object(fields) = &mut value {
        fields.insert("bytes".into(), hex::encode(&bytes).into());
        fields.insert("leaf_hash".into(), hex::encode(leaf_hash(&bytes)).into());
    }
    output.result(&value, || format!("{}\n{:#}", render::line(&record), value["body"]))
}

/// `log prove`.
pub fn prove(config: &Config, seq: u64, size: Option<u64>, output: Output) -> Result<()> {
    let log = open(&StateDir::new(&config.state_dir))?;
    let held = log.size();
    let size = size.unwrap_or(held);
    if size > held {
        bail!("the log has {held} records; --size {size} asks for more");
    }
    if seq >= size {
        bail!("record {seq} is not among the first {size}, which are numbered from 0");
    }
    let (leaf, root) = (leaf_hash(&log.raw(seq)?), log.root_at(size)?);
    let path = log.prove_inclusion(seq, size)?;
    proof::verify_inclusion(&leaf, seq, size, &path, &root)?;
    let hashes: Vec<String> = path.iter().map(hex::encode).collect();
    let value = json!({
        "seq": seq, "size": size, "leaf_hash": hex::encode(leaf), "root": hex::encode(root), "proof": hashes,
    });
    output.result(&value, || {
        let head =
            format!("record {seq} of {size}\nleaf  {}\nroot  {}", hex::encode(leaf), hex::encode(root));
        hashes.iter().fold(head, |text, hash| format!("{text}\nproof {hash}"))
    })
}

/// `log verify`: every checksum, every record, and every root that was ever attested.
pub fn verify(config: &Config, output: Output) -> Result<()> {
    let state = StateDir::new(&config.state_dir);
    // Read first: an anchor made meanwhile is then not asked of a log that was read before it.
    let known = Known::read(&state)?;
    let log = known.open_log(&state)?;
    let Known { identity, journal, .. } = known;
    let ak = identity.as_ref().map(Identity::ak_name);
    let mut jumps = 0u64;
    let mut last_ms = 0;
    for entry in log.iter_from(0) {
        let (_, record) = entry?;
        jumps += u64::from(record.time_ms < last_ms);
        last_ms = record.time_ms;
    }
    let mut checked = 0u64;
    // A machine that was enrolled again may have begun a new log.
    for anchor in journal.all().iter().filter(|anchor| ak.as_ref().is_none_or(|ak| *ak == anchor.made.ak)) {
        let signed = &anchor.made.signed;
        if log.root_at(signed.size)? != signed.root {
            return damaged(format!(
                "the log does not have the root that was attested with counter {}: it was rewritten or replaced",
                anchor.made.counter
            ));
        }
        checked += 1;
    }
    let torn = log.recovered().truncated_bytes;
    let loss = known::loss_in_words(&log, identity.as_ref())?;
    let unattested = known::lost_attestations(&log, &journal);
    let obstacle = identity.as_ref().and_then(|identity| identity.obstacle).map(Obstacle::seen_last);
    let value = json!({
        "records": log.size(), "root": hex::encode(log.root()), "attested_roots": checked,
        "clock_went_back": jumps, "torn_bytes": torn, "follows_a_lost_log": loss, "lost_attestations": unattested,
        "obstacle": obstacle,
    });
    output.result(&value, || {
        let records = count(log.size(), "record");
        let mut lines =
            vec![format!("{} {records}, root {}", output.good("sound:"), hex::encode(log.root()))];
        lines.extend(loss.iter().chain(&unattested).chain(&obstacle).map(|told| output.bad(told)));
        lines.push(match checked {
            1 => "1 attested root is a root of this log".into(),
            _ => format!("{checked} attested roots are roots of this log"),
        });
        if jumps > 0 {
            lines.push(format!("the clock went back {}", count(jumps, "time")));
        }
        if torn > 0 {
            let bytes = count(torn, "byte");
            lines.push(format!("{bytes} of an interrupted write at the end; the next start cuts them off"));
        }
        lines.join("\n")
    })
}

fn damaged(what: String) -> Result<()> {
    Err(Failure::Damaged(anyhow!(what)).into())
}

/// `log export`: C2SP tiles, and the checkpoint last.
pub async fn export(config: &Config, out: &Path, output: Output) -> Result<()> {
    let state = StateDir::new(&config.state_dir);
    // In this order: the log has every record that the checkpoint has.
    let known = Known::read(&state)?;
    let log = known.open_log(&state)?;
    let Known { identity, journal, head } = known;
    let identity = identity.context("there is no identity yet; start the agent first")?;
    let left = head.filter(|head| head.by_device).map(|head| (head.note, head.size));
    let (note, size) = match left {
        Some((note, size)) if size == log.size() || state.running().is_some() => (note, size),
        left => match (sign(config, &identity, &log).await, left) {
            (Ok(note), _) => (note, log.size()),
            (Err(error), Some((note, size))) => {
                tracing::warn!(%error, size, "the TPM did not sign the whole log; exporting what was signed before");
                (note, size)
            }
            (Err(error), None) => return Err(error),
        },
    };
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    // Who knows the log from the chain looks for the tiles of the anchored size.
    let anchored = journal.finalised(&identity.ak_name()).last().map(|anchor| anchor.made.signed.size);
    if let Some(anchored) = anchored.filter(|anchored| *anchored < size) {
        log.export(out, anchored)?;
    }
    log.export(out, size)?;
    log_store::publish(out, "checkpoint", note.as_bytes())?;
    let (place, root, later) =
        (out.display().to_string(), hex::encode(log.root_at(size)?), log.size() - size);
    let loss = known::loss_in_words(&log, Some(&identity))?;
    let unattested = known::lost_attestations(&log, &journal);
    let obstacle = identity.obstacle.map(Obstacle::seen_last);
    let value = json!({
        "out": place, "size": size, "root": root, "checkpoint": note, "later_records": later, "follows_a_lost_log": loss,
        "lost_attestations": unattested, "obstacle": obstacle,
    });
    output.result(&value, || {
        let mut lines = vec![format!("{} exported to {}", count(size, "record"), out.display())];
        if later > 0 {
            let later = count(later, "later record");
            lines.push(format!(
                "without {later}: what came after the head that was signed last; export again in a while"
            ));
        }
        lines.extend(loss.iter().chain(&unattested).chain(&obstacle).map(|told| output.bad(told)));
        lines.join("\n")
    })
}

async fn sign(config: &Config, identity: &Identity, log: &LogStore) -> Result<String> {
    let tpm = TpmWorker::start(&config.tpm)?;
    let (device, pcrs) = (identity.device.clone(), identity.device.pcrs.clone());
    let opened = tpm.run(move |tpm| secrets::open_device(tpm, &device, &pcrs));
    let opened = tokio::time::timeout(TPM_PATIENCE, opened).await.context("the TPM does not answer")??;
    match opened {
        Opened::Known(key) => agent::sign(&identity.origin(), log.size(), log.root(), &key),
        Opened::New(..) => bail!("the boot state has changed; start the agent, which makes a new device key"),
    }
}
