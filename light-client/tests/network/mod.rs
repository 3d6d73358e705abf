//! Two validators of our own node on free ports, and the specification a light client starts from.

use serde_json::Value;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Fixed network keys: a wrong peer identifier in the specification would only show as silence.
const VALIDATORS: [(&str, &str); 2] = [
    ("--alice", "0000000000000000000000000000000000000000000000000000000000000001"),
    ("--bob", "0000000000000000000000000000000000000000000000000000000000000002"),
];

/// Where the node is, or why there is none.
pub fn node() -> Result<PathBuf, String> {
    let named = std::env::var_os("MATRIXAI_NODE").map(PathBuf::from);
    let built = || {
        let tests = std::env::current_exe().ok()?;
        Some(tests.ancestors().nth(2)?.join("matrixai-node"))
    };
    let path = named.or_else(built).ok_or("no target folder")?;
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("{} is missing: build it, or name one in MATRIXAI_NODE", path.display())),
    }
}

pub struct Network {
    node: PathBuf,
    folder: tempfile::TempDir,
    specification: PathBuf,
    ports: [u16; 2],
    running: Vec<Child>,
}

impl Network {
    /// Exports the local preset, writes the boot nodes into it and starts both validators.
    pub fn start(node: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = [(); 2].map(|()| free_port());
        let specification = folder.path().join("chain.json");
        let mut network = Self { node, folder, specification, ports, running: Vec::new() };
        network.write_specification();
        network.resume();
        network
    }

    /// What a light client is given.
    pub fn specification(&self) -> String {
        fs::read_to_string(&self.specification).unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the validators, on whatever state they left.
    pub fn resume(&mut self) {
        self.running = VALIDATORS
            .iter()
            .zip(self.ports)
            .map(|((name, key), port)| self.validator(name, key, port))
            .collect();
    }

    /// Kills the validators as a power cut would.
    pub fn cut(&mut self) {
        for mut child in self.running.drain(..) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn validator(&self, name: &str, key: &str, port: u16) -> Child {
        let base = self.folder.path().join(name.trim_start_matches('-'));
        let log = File::options().create(true).append(true).open(base.with_extension("log")).unwrap();
        Command::new(&self.node)
            .arg("--chain")
            .arg(&self.specification)
            .arg("--base-path")
            .arg(base)
            .args([
                name,
                "--validator",
                "--force-authoring",
                "--no-telemetry",
                "--no-prometheus",
                "--no-mdns",
            ])
            .args(["--allow-private-ip", "--rpc-port", "0", "--node-key", key])
            .arg(format!("--listen-addr=/ip4/127.0.0.1/tcp/{port}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn write_specification(&self) {
        let exported = self.folder.path().join("exported.json");
        let status = Command::new(&self.node)
            .args(["export-chain-spec", "--chain", "local", "--raw", "--output"])
            .arg(&exported)
            .status()
            .unwrap();
        assert!(status.success(), "export-chain-spec failed");
        let mut specification: Value = serde_json::from_slice(&fs::read(exported).unwrap()).unwrap();
        let boot: Vec<_> = VALIDATORS
            .iter()
            .zip(self.ports)
            .map(|((_, key), port)| Value::from(format!("/ip4/127.0.0.1/tcp/{port}/p2p/{}", self.peer(key))))
            .collect();
        specification["bootNodes"] = Value::Array(boot);
        fs::write(&self.specification, specification.to_string()).unwrap();
    }

    fn peer(&self, key: &str) -> String {
        let file = self.folder.path().join(key);
        fs::write(&file, key).unwrap();
        let output =
            Command::new(&self.node).args(["key", "inspect-node-key", "--file"]).arg(file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.cut();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
