//! Proof of Training: verifying a large package, against numpy and against plain reading and hashing.

use crate::{
    process::Memory,
    programs::Parts,
    table::{Bar, Quantity, Row, Table},
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::Read,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const SECTION: &str = "training";
/// Both sides have as many.
const THREADS: &str = "2";
const MEBIBYTES: usize = 1024;

/// Measures all of it.
pub fn run(parts: &Parts, reference: &Path, table: &mut Table) -> Result<()> {
    println!("Proof of Training: a package of {MEBIBYTES} MiB, {THREADS} threads on either side");
    let scratch = tempfile::Builder::new().prefix("matrixai-bench-").tempdir()?;
    let package = scratch.path().join("package");
    let mut large = Command::new(parts.release.join("training-lab"));
    let made = large.arg("large").arg(&package).args(["--mebibytes", &MEBIBYTES.to_string()]).status()?;
    ensure!(made.success(), "training-lab large failed");
    let (hashed, bytes) = read_and_hash(&package)?;
    let (ours, peak, report) = verify(parts, &package)?;
    let theirs = numpy(reference, &package)?;
    same(&report, &theirs)?;
    let seconds = theirs["seconds"].as_f64().context("numpy told no time")?;
    let rate = |time: Duration| Quantity::more(bytes / 1e6 / time.as_secs_f64(), "MB/s");
    table.row(
        Row::new(
            SECTION,
            "verification: integrity, terms, rules 2 to 6",
            Quantity::less(ours.as_secs_f64(), "s"),
        )
        .against("numpy, rules 2 to 6 alone", Quantity::less(seconds, "s"))
        .bar(Bar::Ratio(5.0)),
    );
    table.row(
        Row::new(SECTION, "the same", rate(ours))
            .against("reading and SHA-256, one thread", rate(hashed))
            .bar(Bar::Ratio(0.1)),
    );
    let largest = largest_layer(&package)?;
    table.row(
        Row::new(
            SECTION,
            format!("peak memory (largest layer {largest:.0} MiB)"),
            Quantity::less(peak, "MiB"),
        )
        .bar(Bar::AtMost((2.0 * largest + 100.0).floor())),
    );
    table.note("Proof of Training: the statistics of both sides agree within 5 % (where a certified bound decides, the bound is told).");
    Ok(())
}

fn read_and_hash(package: &Path) -> Result<(Duration, f64)> {
    let started = Instant::now();
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
    for file in fs::read_dir(package.join("checkpoints"))? {
        let (mut file, mut hash) = (File::open(file?.path())?, Sha256::new());
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            bytes += read;
        }
        std::hint::black_box(hash.finalize());
    }
    Ok((started.elapsed(), bytes as f64))
}

fn verify(parts: &Parts, package: &Path) -> Result<(Duration, f64, Value)> {
    let started = Instant::now();
    let mut child = Command::new(parts.release.join("training"))
        .arg("verify")
        .arg(package)
        .arg("--json")
        .env("RAYON_NUM_THREADS", THREADS)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut out = child.stdout.take().context("no output")?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let mut peak: f64 = 0.0;
    while child.try_wait()?.is_none() {
        peak = Memory::of(child.id()).map_or(peak, |memory| memory.peak.max(peak));
        std::thread::sleep(Duration::from_millis(5));
    }
    let time = started.elapsed();
    let text = reader.join().ok().context("the reader ended")??;
    Ok((time, peak, serde_json::from_str(&text).with_context(|| text)?))
}

fn numpy(reference: &Path, package: &Path) -> Result<Value> {
    let out = Command::new("/usr/bin/python3")
        .arg(reference)
        .arg(package)
        .envs([("OMP_NUM_THREADS", THREADS), ("OPENBLAS_NUM_THREADS", THREADS)])
        .output()?;
    ensure!(out.status.success(), "numpy: {}", String::from_utf8_lossy(&out.stderr));
    Ok(serde_json::from_slice(&out.stdout)?)
}

/// Both sides must have computed the same.
fn same(report: &Value, theirs: &Value) -> Result<()> {
    let rule = |number: usize, form: &str, at: usize| report["rules"][number - 1][form][at]["value"].as_f64();
    let pairs = [
        ("Wasserstein-1", rule(2, "strict", 0), theirs["shift"].as_f64(), 0.05),
        ("edge", rule(4, "tolerant", 0), theirs["edge"].as_f64(), 0.03),
        ("distance", report["distances"][0].as_f64(), theirs["distances"][0].as_f64(), 1e-4),
        ("ratio", rule(6, "tolerant", 0), theirs["ratio"].as_f64(), 1e-3),
    ];
    for (name, ours, theirs, within) in pairs {
        let (ours, theirs) = (ours.with_context(|| name)?, theirs.with_context(|| name)?);
        ensure!((ours / theirs - 1.0).abs() <= within, "{name}: {ours} here, {theirs} by numpy");
    }
    Ok(())
}

fn largest_layer(package: &Path) -> Result<f64> {
    let mut file = File::open(package.join("checkpoints/0000000000.safetensors"))?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let mut header = vec![0; u64::from_le_bytes(length) as usize];
    file.read_exact(&mut header)?;
    let header: Value = serde_json::from_slice(&header)?;
    let size = |info: &Value| Some(info["data_offsets"][1].as_f64()? - info["data_offsets"][0].as_f64()?);
    let sizes = header.as_object().into_iter().flatten().filter_map(|(_, info)| size(info));
    Ok(sizes.fold(0.0, f64::max) / f64::from(1 << 20))
}
