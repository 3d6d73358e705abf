//! The library that replays, and a process for each test that loads it.
#![allow(dead_code)] // each test uses its part

use gpu_probe::Options;
use nvml_replay::Recording;
use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const CHILD: &str = "GPU_PROBE_TEST_CHILD";

/// Runs the test's body in a process of its own with this misbehaviour.
pub fn alone(test: &str, misbehaviour: Option<&str>, body: impl FnOnce()) {
    alone_with(test, misbehaviour, &recording_file(), body);
}

/// The same with another recording.
pub fn alone_with(test: &str, misbehaviour: Option<&str>, recording: &Path, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, "1").env("MATRIXAI_NVML_RECORDING", recording);
    match misbehaviour {
        Some(name) => command.env("MATRIXAI_NVML_MISBEHAVE", name),
        None => command.env_remove("MATRIXAI_NVML_MISBEHAVE"),
    };
    assert!(command.status().unwrap().success());
}

pub fn recording_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/recordings/synthetic.json")
}

/// GPUs that tell all there is to tell: the committed recording's, with made-up details.
pub fn detailed() -> Recording {
    let mut recording = Recording::parse(&fs::read_to_string(recording_file()).unwrap()).unwrap();
    for (number, gpu) in recording.gpus.iter_mut().enumerate() {
        (gpu.nvlinks, gpu.nvlinks_active) = (Some(18), Some(18 - number as u32));
        gpu.parts = Some(number as u32);
        gpu.report = Some("11e001ff".to_string() + &"ab".repeat(1000));
        gpu.certificates = Some("-----BEGIN CERTIFICATE-----".into());
        for (step, reading) in gpu.readings.iter_mut().enumerate() {
            reading.tensor_percent = Some(step as f64);
            reading.tensor_half_percent = Some(2.0 * step as f64);
            reading.tensor_integer_percent = Some(0.0);
            reading.bandwidth_percent = Some(55.5);
            reading.nvlink_received_mib_s = Some(1000.0);
            reading.nvlink_sent_mib_s = Some(10.0);
            reading.nvlink_errors = Some(7);
            reading.ecc_corrected = Some(3);
            reading.xid = Some(if step % 4 == 3 { 79 + step as u64 } else { 0 });
        }
    }
    recording
}

/// A program that runs the reader with these variables set, and another library perhaps.
pub fn reader(folder: &Path, variables: &[(&str, &str)]) -> PathBuf {
    let exports: String =
        variables.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
    let program = env!("CARGO_BIN_EXE_nvml-reader");
    script(folder, &format!("{exports}exec '{program}' \"$@\""))
}

/// A program that is a shell's script.
pub fn script(folder: &Path, body: &str) -> PathBuf {
    let file = folder.join("reader");
    fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

/// No files, so that GPUs are the only chips that are there; the library in a process of its own.
pub fn options(library: &Path, reader: Option<&Path>) -> Options {
    let nowhere = PathBuf::from("/nonexistent");
    Options {
        nvml: Some(library.into()),
        reader: reader.map(Into::into),
        sys: nowhere.clone(),
        proc_: nowhere,
    }
}

/// The library, with functions' names made unfindable.
pub fn library_without(names: &[&str], folder: &Path) -> PathBuf {
    let mut bytes = fs::read(library()).unwrap();
    for name in names {
        let name = [b"\0", name.as_bytes(), b"\0"].concat();
        let places: Vec<usize> =
            bytes.windows(name.len()).enumerate().filter(|(_, w)| *w == name).map(|(at, _)| at).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at + 1] = b'X');
    }
    let file = folder.join("libnvidia-ml.so.1");
    fs::write(&file, bytes).unwrap();
    file
}

/// The library as it was built.
pub fn library() -> PathBuf {
    nvml_replay::library().unwrap()
}
