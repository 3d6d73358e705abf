//! Validators, and the specification that light clients start from.

use crate::{Guarded, Programs, free_port, process::output};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Fixed node keys, so that their addresses are known before they start.
const VALIDATORS: [(&str, &str, &str); 4] = [
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
    (
        "charlie",
        "0000000000000000000000000000000000000000000000000000000000000003",
        "12D3KooWSCufgHzV4fCwRijfH2k3abrpAJxTKxEvN1FDuRXA2U9x",
    ),
    (
        "dave",
        "0000000000000000000000000000000000000000000000000000000000000004",
        "12D3KooWSsChzF81YDUKpe9Uk5AHV5oqAaXAcWNSPYgoLauUk4st",
    ),
];

/// The running chain.
pub struct Chain {
    programs: Programs,
    dir: PathBuf,
    genesis: PathBuf,
    ports: Vec<(u16, u16)>,
    nodes: Vec<Guarded>,
    /// Raw specification with a checkpoint and the nodes' addresses.
    pub spec: PathBuf,
    /// JSON-RPC port of the first node: for looking around, nothing of ours uses it.
    pub rpc: u16,
}

impl Chain {
    /// Starts the two validators of the local chain and waits until blocks are finalised.
    pub fn start(programs: Programs, dir: &Path) -> Result<Self> {
        Self::start_on(programs, dir, "local", 2)
    }

    /// The same on a chain that the node knows by name, or of a specification, with up to four validators.
    ///
    /// They start from the raw form: of any other, each of them would compile the runtime twice more to make its genesis.
    pub fn start_on(programs: Programs, dir: &Path, chain: &str, validators: usize) -> Result<Self> {
        let genesis = dir.join("raw.json");
        raw(&programs, chain, &genesis)?;
        let all = VALIDATORS.iter().take(validators);
        let ports: Vec<(u16, u16)> = all.map(|_| Ok((free_port()?, free_port()?))).collect::<Result<_>>()?;
        let rpc = ports.first().map(|(_, rpc)| *rpc).context("no validators")?;
        let (nodes, spec) = (Vec::new(), dir.join("chain.json"));
        let mut chain = Self { programs, dir: dir.into(), genesis, ports, nodes, spec, rpc };
        chain.resume()?;
        chain.wait_finalized(3)?;
        chain.export()?;
        Ok(chain)
    }

    /// Starts the nodes, on whatever state they left.
    pub fn resume(&mut self) -> Result<()> {
        self.nodes = (0..self.ports.len()).map(|index| self.node(index)).collect::<Result<_>>()?;
        Ok(())
    }

    /// SIGKILL to all nodes.
    pub fn cut(&mut self) {
        self.nodes.clear();
    }

    /// Kills a node, deletes its blocks and state, keeps its keys, and starts it again.
    pub fn wipe(&mut self, index: usize) -> Result<()> {
        let (name, ..) = VALIDATORS.get(index).context("no such validator")?;
        self.nodes.get_mut(index).context("no such node")?.kill();
        fs::remove_dir_all(self.dir.join(name))?;
        let node = self.node(index)?;
        if let Some(slot) = self.nodes.get_mut(index) {
            *slot = node;
        }
        Ok(())
    }

    /// An error if a node is no longer there.
    pub fn check(&self) -> Result<()> {
        self.nodes.iter().try_for_each(Guarded::check)
    }

    /// Lets the nodes live on.
    pub fn leave(&mut self) {
        self.nodes.drain(..).for_each(Guarded::leave);
    }

    /// Process number of a node.
    pub fn node_id(&self, index: usize) -> Option<u32> {
        self.nodes.get(index)?.id()
    }

    fn node(&self, index: usize) -> Result<Guarded> {
        let (name, key, _) = VALIDATORS.get(index).context("no such validator")?;
        let (p2p, rpc) = self.ports.get(index).context("no such validator")?;
        let mut command = self.programs.command("matrixai-node");
        command.arg("--chain").arg(&self.genesis);
        command.args([&format!("--{name}"), "--validator", "--node-key", key]);
        command.arg("--base-path").arg(self.dir.join(name));
        // Alone with the other one down it must go on, or a restart of both would wait for ever.
        command.args([
            "--force-authoring",
            "--no-mdns",
            "--no-telemetry",
            "--no-prometheus",
            "--allow-private-ip",
        ]);
        command.args(["--listen-addr", &format!("/ip4/127.0.0.1/tcp/{p2p}"), "--rpc-port", &rpc.to_string()]);
        command.args(["--rpc-methods", "unsafe"]);
        for (other, address) in self.addresses().into_iter().enumerate() {
            if other != index {
                command.args(["--bootnodes", &address]);
            }
        }
        Guarded::start(name, &self.dir, &mut command)
    }

    /// Where the nodes are found.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let pairs = VALIDATORS.iter().zip(&self.ports);
        pairs.map(|((_, _, peer), (port, _))| format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}")).collect()
    }

    /// Writes the specification with a checkpoint at the finalised block of now.
    pub fn export(&self) -> Result<()> {
        let mut spec = call(self.rpc, "sync_state_genSyncSpec", json!([true]))?;
        *spec.get_mut("bootNodes").context("a specification without bootNodes")? = json!(self.addresses());
        Ok(fs::write(&self.spec, serde_json::to_vec(&spec)?)?)
    }

    /// Waits until this height is final.
    pub fn wait_finalized(&self, at_least: u64) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(180);
        while Instant::now() < deadline {
            self.check()?;
            if finalized(self.rpc).unwrap_or(0) >= at_least {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        bail!(
            "block {at_least} was not finalised within 180 s; see the nodes' logs in {}",
            self.dir.display()
        )
    }
}

/// Writes a chain's specification in raw form.
fn raw(programs: &Programs, chain: &str, to: &Path) -> Result<()> {
    let mut command = programs.command("matrixai-node");
    command.args(["export-chain-spec", "--raw", "--chain", chain, "--output"]).arg(to);
    output(&mut command, || Ok(())).map(drop)
}

/// The finalised height, as a node tells it.
pub fn finalized(rpc: u16) -> Result<u64> {
    let head = call(rpc, "chain_getFinalizedHead", json!([]))?;
    let header = call(rpc, "chain_getHeader", json!([head]))?;
    let number = header.get("number").and_then(Value::as_str).context("a header without a number")?;
    Ok(u64::from_str_radix(number.trim_start_matches("0x"), 16)?)
}

/// Asks a node.
pub fn call(port: u16, method: &str, params: Value) -> Result<Value> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let response: Value =
        ureq::post(format!("http://127.0.0.1:{port}")).send_json(request)?.body_mut().read_json()?;
    if let Some(error) = response.get("error") {
        bail!("{method}: {error}");
    }
    response.get("result").cloned().with_context(|| format!("{method} answered nothing"))
}
