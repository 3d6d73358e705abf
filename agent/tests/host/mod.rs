//! A host with a software TPM, an agent's configuration, and nothing else.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tpm::{KeyBlob, Tpm, TpmError, swtpm::SoftTpm, transport::AnyTransport};

/// Half a byte of the tests' join token.
pub const TOKEN: &str = "5a";
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Host {
    dir: TempDir,
    pub tpm: SoftTpm,
}

impl Host {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tpm = SoftTpm::create(&dir.path().join("tpm")).unwrap();
        let host = Self { dir, tpm };
        let config = format!(
            "state_dir = {:?}\ntpm = {:?}\nchain_spec = {:?}\nwindow_seconds = 1\nanchor_seconds = 5\n",
            host.state(),
            host.tpm.url(),
            host.dir().join("no-chain.json")
        );
        fs::write(host.config(), config).unwrap();
        host
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn state(&self) -> PathBuf {
        self.dir().join("state")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.state().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.dir().join("agent.toml")
    }

    pub fn token(&self) -> String {
        let file = self.dir().join("token.key");
        fs::write(&file, format!("# a token\n{}\n", TOKEN.repeat(32))).unwrap();
        file.to_str().unwrap().into()
    }

    /// The program, without any configuration.
    pub fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_matrixai-agent"));
        command.args(arguments).stdin(Stdio::null()).env_remove("MATRIXAI_LOG");
        command
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(&["--config", self.config().to_str().unwrap()]);
        command.args(arguments);
        command
    }

    pub fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// With variables in its environment.
    pub fn start_with(&self, variables: &[(&str, &str)]) -> Running {
        let log = fs::File::create(self.dir().join("agent.log")).unwrap();
        let mut command = self.command(&["run"]);
        command.envs(variables.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let running = Running(child);
        let lock = self.file("lock");
        let pid = running.pid().to_string();
        wait_until("the lock", || fs::read_to_string(&lock).is_ok_and(|text| text.trim() == pid));
        running
    }

    /// Long enough for the TPM to have given the device key.
    pub fn start_and_stop(&self) {
        let agent = self.start();
        wait_until("the device key", || {
            fs::read_to_string(self.dir().join("agent.log")).unwrap().contains("given the device key")
        });
        agent.terminate();
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// `status`, which fails here since nothing is enrolled, but reports first.
    pub fn status(&self) -> Value {
        let output = self.command(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    }

    pub fn records(&self) -> Vec<Value> {
        self.json(&["log", "list", "--from", "0", "--limit", "100000"]).as_array().unwrap().clone()
    }

    pub fn records_if_any(&self) -> Vec<Value> {
        if self.file("log").is_dir() { self.records() } else { Vec::new() }
    }

    pub fn wait_for_records(&self, wanted: usize) {
        wait_until("records", || self.records_if_any().len() >= wanted);
    }

    pub fn with_tpm<R>(&self, work: impl FnOnce(&mut Tpm<AnyTransport>) -> Result<R, TpmError>) -> R {
        work(&mut Tpm::new(AnyTransport::open(&self.tpm.url()).unwrap())).unwrap()
    }

    fn identity(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file("identity.json")).unwrap()).unwrap()
    }

    pub fn origin_and_device(&self) -> (String, [u8; 32]) {
        let identity = self.identity();
        let device = hex::decode(identity["device"]["public"].as_str().unwrap()).unwrap();
        let origin = format!("matrixai/machine/{}", identity["machine"].as_str().unwrap());
        (origin, device.try_into().unwrap())
    }

    pub fn device_seed(&self) -> [u8; 32] {
        let device = &self.identity()["device"];
        let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let sealed = &device["sealed"];
        let blob = KeyBlob { public: bytes(&sealed["public"]), private: bytes(&sealed["private"]) };
        let seed = self.with_tpm(|tpm| tpm.unseal(&blob, &[0, 2, 4, 7]));
        seed.try_into().unwrap()
    }

    pub fn state_files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.state()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }
}

/// An agent that runs; killed with the test.
pub struct Running(Child);

impl Running {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn terminate(mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let status = self.0.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn exit_code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}", stderr(output)))
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(50));
    }
}
