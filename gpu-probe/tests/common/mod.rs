//! The library that replays, and a process for each test that loads it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

const CHILD: &str = "GPU_PROBE_TEST_CHILD";

/// Runs the test's body in a process of its own with this misbehaviour.
pub fn alone(test: &str, misbehaviour: Option<&str>, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .env("MATRIXAI_NVML_RECORDING", recording_file());
    match misbehaviour {
        Some(name) => command.env("MATRIXAI_NVML_MISBEHAVE", name),
        None => command.env_remove("MATRIXAI_NVML_MISBEHAVE"),
    };
    assert!(command.status().unwrap().success());
}

pub fn recording_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/recordings/synthetic.json")
}

/// Cargo puts it beside the tests, since they depend on its crate.
pub fn library() -> PathBuf {
    let exe = env::current_exe().unwrap();
    let candidates = exe.ancestors().skip(1).take(2).map(|folder| folder.join("libnvml_replay.so"));
    candidates.into_iter().find(|file| file.exists()).expect("libnvml_replay.so is built with the tests")
}
