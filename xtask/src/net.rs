//! A throwaway network of real processes on loopback: two validators, and whatever is started beside them.

use crate::sh;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A process that dies with its owner.
pub struct Guarded {
    name: String,
    child: Option<Child>,
    log: PathBuf,
}

impl Guarded {
    /// Starts a program; what it says goes to `<dir>/<name>.log`.
    pub fn start(name: &str, dir: &Path, command: &mut Command) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("cannot start {name}: {command:?}"))?;
        Ok(Self { name: name.into(), child: Some(child), log })
    }

    /// SIGKILL: what a crash looks like.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, then wait.
    pub fn terminate(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        child.kill()?;
        child.wait()?;
        bail!("{} did not end within 30 s of SIGTERM; {}", self.name, sh::tail(&self.log, 2_000))
    }

    /// An error with the log's end when the process is no longer there.
    pub fn check(&mut self) -> Result<()> {
        let Some(child) = self.child.as_mut() else { return Ok(()) };
        if let Some(status) = child.try_wait()? {
            bail!("{} ended ({status}):\n{}", self.name, sh::tail(&self.log, 4_000));
        }
        Ok(())
    }

    /// Lets the process live on after this program.
    pub fn leave(mut self) {
        self.child.take();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Fixed node keys, so that their addresses are known before they start.
const VALIDATORS: [(&str, &str, &str); 2] = [
    (
        "alice",
        "0000000000000000000000000000000000000000000000000000000000000001",
        "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp",
    ),
    (
        "bob",
        "0000000000000000000000000000000000000000000000000000000000000002",
        "12D3KooWHdiAxVd8uMQR1hGWXccidmfCwLqcMpGwR6QcTP6QRMuD",
    ),
];

/// Two validators and the specification that light clients start from.
pub struct Chain {
    /// The running nodes.
    pub nodes: Vec<Guarded>,
    /// Raw specification with a checkpoint and the nodes' addresses.
    pub spec: PathBuf,
    /// JSON-RPC port of the first node: for looking around, nothing of ours uses it.
    pub rpc: u16,
}

impl Chain {
    /// Starts both validators and waits until blocks are finalised.
    pub fn start(dir: &Path) -> Result<Self> {
        let ports: Vec<(u16, u16)> =
            VALIDATORS.iter().map(|_| Ok((free_port()?, free_port()?))).collect::<Result<_>>()?;
        let mut nodes = Vec::new();
        for ((name, key, _), (p2p, rpc)) in VALIDATORS.iter().zip(&ports) {
            let mut command = Command::new(sh::program("matrixai-node"));
            command.args(["--chain", "local", &format!("--{name}"), "--validator", "--node-key", key]);
            command.arg("--base-path").arg(dir.join(name));
            command.args([
                "--listen-addr",
                &format!("/ip4/127.0.0.1/tcp/{p2p}"),
                "--rpc-port",
                &rpc.to_string(),
            ]);
            command.args([
                "--no-mdns",
                "--no-telemetry",
                "--no-prometheus",
                "--allow-private-ip",
            ]);
            for ((other, _, peer), (port, _)) in VALIDATORS.iter().zip(&ports) {
                if other != name {
                    command.args(["--bootnodes", &format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}")]);
                }
            }
            nodes.push(Guarded::start(name, dir, &mut command)?);
        }
        let rpc = ports.first().map(|(_, rpc)| *rpc).context("no validators")?;
        let mut chain = Self { nodes, spec: dir.join("chain.json"), rpc };
        chain.wait_finalized(3)?;
        let mut spec = call(rpc, "sync_state_genSyncSpec", json!([true]))?;
        let boot: Vec<String> = VALIDATORS
            .iter()
            .zip(&ports)
            .map(|((_, _, peer), (port, _))| format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}"))
            .collect();
        spec["bootNodes"] = json!(boot);
        fs::write(&chain.spec, serde_json::to_vec(&spec)?)?;
        Ok(chain)
    }

    fn wait_finalized(&mut self, at_least: u64) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(120);
        while Instant::now() < deadline {
            for node in &mut self.nodes {
                node.check()?;
            }
            if finalized(self.rpc).unwrap_or(0) >= at_least {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        bail!("no block was finalised within 120 s; see the nodes' logs beside {}", self.spec.display())
    }
}

/// The finalised height, as a node tells it.
pub fn finalized(rpc: u16) -> Result<u64> {
    let head = call(rpc, "chain_getFinalizedHead", json!([]))?;
    let header = call(rpc, "chain_getHeader", json!([head]))?;
    let number = header["number"].as_str().context("header without a number")?;
    Ok(u64::from_str_radix(number.trim_start_matches("0x"), 16)?)
}

fn call(port: u16, method: &str, params: Value) -> Result<Value> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let response: Value =
        ureq::post(format!("http://127.0.0.1:{port}")).send_json(request)?.body_mut().read_json()?;
    if let Some(error) = response.get("error") {
        bail!("{method}: {error}");
    }
    Ok(response["result"].clone())
}

/// A TCP port nobody listens on right now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
