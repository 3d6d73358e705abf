//! `cargo xtask demo`: the main job, end to end, on real parts.
//!
//! Two validators, five inspectors, a software TPM with a certified endorsement key, an owner and the agent. The agent enrols, logs,
//! anchors; is killed, restarted; its TPM loses power, comes back; anchors each time. The closing table is read through a light client.

use crate::{
    net::{Chain, Guarded},
    setup, sh, wasm,
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tpm::swtpm::SoftTpm;

/// What the demo leaves behind.
#[derive(clap::Args)]
pub struct Options {
    /// Write the closing table as JSON here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Leave the network running when done
    #[arg(long)]
    keep: bool,
}

/// Accounts of the development chain that inspect.
const INSPECTORS: [&str; 5] = ["Bob", "Charlie", "Dave", "Eve", "Ferdie"];
const OWNER: &str = "Alice";
const PATIENCE: Duration = Duration::from_secs(180);

/// Builds everything and runs the story.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    setup::run()?;
    build(root)?;
    let started = Instant::now();
    let scratch = tempfile::Builder::new().prefix("matrixai-demo-").tempdir()?;
    let mut stage = Stage::set(scratch.path())?;
    stage.play()?;
    let table = stage.table()?;
    print_table(&table);
    println!("\nThe story took {:.0} s.", started.elapsed().as_secs_f32());
    if let Some(file) = &options.json {
        fs::write(file, serde_json::to_vec_pretty(&table)?)?;
    }
    if options.keep {
        stage.leave(&scratch.keep());
    }
    Ok(())
}

/// Builds the chain's WASM, the node and the programs.
pub fn build(root: &Path) -> Result<()> {
    println!("Building (the first time takes some fifteen minutes, most of it the chain)");
    wasm::build(root)?;
    sh::step("node", &mut sh::cargo(&["build", "-p", "matrixai-node"]))?;
    let programs = ["build", "-p", "matrixai-agent", "-p", "matrixai-inspector", "-p", "matrixai"];
    sh::step("agent, inspector, owner's tool", &mut sh::cargo(&programs))
}

/// Everything that runs.
struct Stage {
    dir: PathBuf,
    chain: Chain,
    inspectors: Vec<Guarded>,
    tpm: SoftTpm,
    agent: Option<Guarded>,
}

impl Stage {
    fn set(dir: &Path) -> Result<Self> {
        say("two validators");
        let chain = Chain::start(dir)?;
        say("a software TPM with an endorsement key certificate from a local authority");
        let tpm = SoftTpm::create(&dir.join("tpm")).map_err(|error| anyhow::anyhow!("{error}"))?;
        roots(&dir.join("roots"), &tpm)?;
        say("five inspectors, each with a light client of its own");
        let inspectors = INSPECTORS.iter().map(|name| inspector(dir, &chain, name)).collect::<Result<_>>()?;
        let stage = Self { dir: dir.into(), chain, inspectors, tpm, agent: None };
        fs::write(stage.config(), stage.agent_config())?;
        Ok(stage)
    }

    fn play(&mut self) -> Result<()> {
        say("the owner makes a join token");
        self.owner(&["token", "create", "--machines", "1", "--expires", "1d", "--out", "token.key"])?;
        say("the agent enrols: request, three challenges, credential activation, quorum");
        self.agent_once(&["enroll", "--token", "token.key"])?;
        self.start_agent()?;
        self.until_anchors(3, "three anchors")?;
        say("SIGKILL to the agent, then a restart");
        let before = self.counters()?;
        self.agent.as_mut().context("no agent")?.kill();
        self.start_agent()?;
        self.until_anchors(before.len() + 1, "an anchor after the crash")?;
        say("the TPM loses power and comes back");
        let before = self.counters()?;
        self.tpm.power_cut().map_err(|error| anyhow::anyhow!("{error}"))?;
        std::thread::sleep(Duration::from_secs(2));
        self.tpm.start().map_err(|error| anyhow::anyhow!("{error}"))?;
        self.until_anchors(before.len() + 1, "an anchor after the power cut")?;
        say("SIGTERM: a last anchor and a clean end");
        self.agent.as_mut().context("no agent")?.terminate()
    }

    fn start_agent(&mut self) -> Result<()> {
        let mut command = Command::new(sh::program("matrixai-agent"));
        command.arg("--config").arg(self.config()).arg("run").current_dir(&self.dir);
        self.agent = Some(Guarded::start("agent", &self.dir, &mut command)?);
        Ok(())
    }

    /// Distinct counters that the agent saw finalised.
    fn counters(&self) -> Result<BTreeSet<u64>> {
        let status = self.agent_once(&["status", "--json"])?;
        let status: Value = serde_json::from_str(&status).context("status is no JSON")?;
        let anchors = status["anchors"].as_array().cloned().unwrap_or_default();
        Ok(anchors.iter().filter_map(|anchor| anchor["counter"].as_u64()).collect())
    }

    fn until_anchors(&mut self, wanted: usize, what: &str) -> Result<()> {
        let bar = sh::spinner(what);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.check()?;
            let seen = self.counters()?.len();
            bar.set_message(format!("{seen} of {wanted} finalised"));
            if seen >= wanted {
                bar.finish_and_clear();
                say(&format!("{what}: {seen} finalised"));
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        bail!("{what}: not within {} s\n{}", PATIENCE.as_secs(), sh::tail(&self.dir.join("agent.log"), 6_000))
    }

    fn check(&mut self) -> Result<()> {
        self.chain
            .nodes
            .iter_mut()
            .chain(&mut self.inspectors)
            .chain(&mut self.agent)
            .try_for_each(Guarded::check)
    }

    /// What the chain says, through the owner's light client, and what the offline tool says of the exports.
    fn table(&self) -> Result<Value> {
        self.agent_once(&["log", "export", "--out", "export/log"])?;
        self.agent_once(&["evidence", "export", "--out", "export"])?;
        let verify = ["verify", "--evidence", "export/evidence.json", "--log", "export/log", "--json"];
        let mut command = Command::new(sh::program("matrixai-inspector"));
        let offline: Value = serde_json::from_str(&output(command.args(verify).current_dir(&self.dir))?)?;
        let on_chain: Value = serde_json::from_str(&self.owner(&["machines", "--json"])?)?;
        let counters: BTreeSet<u64> = offline["anchors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|anchor| anchor["counter"].as_u64())
            .collect();
        let anchored = on_chain[0]["anchor"]["counter"].as_u64();
        if counters.len() < 3 || anchored.is_none_or(|counter| !counters.contains(&counter)) {
            bail!("the chain's last anchor is not among at least three verified ones: {on_chain} {offline}");
        }
        Ok(json!({ "chain": on_chain, "offline": offline }))
    }

    fn owner(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(sh::program("matrixai"));
        command.args(["--dev-account", OWNER, "--state", "owner"]).arg("--chain").arg(&self.chain.spec);
        output(command.args(arguments).current_dir(&self.dir))
    }

    fn agent_once(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(sh::program("matrixai-agent"));
        output(command.arg("--config").arg(self.config()).args(arguments).current_dir(&self.dir))
    }

    fn config(&self) -> PathBuf {
        self.dir.join("agent.toml")
    }

    fn agent_config(&self) -> String {
        format!(
            "state_dir = {:?}\ntpm = \"tcp:127.0.0.1:{}\"\nchain_spec = {:?}\nwindow_seconds = 5\nanchor_seconds = 10\n",
            self.dir.join("agent"),
            self.tpm.port(),
            self.chain.spec,
        )
    }

    fn leave(self, dir: &Path) {
        println!(
            "Left running; RPC of the first node on port {}; everything is in {}",
            self.chain.rpc,
            dir.display()
        );
        self.chain.nodes.into_iter().chain(self.inspectors).chain(self.agent).for_each(Guarded::leave);
        self.tpm.leave();
    }
}

fn inspector(dir: &Path, chain: &Chain, name: &str) -> Result<Guarded> {
    let mut command = Command::new(sh::program("matrixai-inspector"));
    command.args(["run", "--dev-account", name, "--state", &format!("inspector-{name}"), "--roots", "roots"]);
    command.arg("--chain").arg(&chain.spec).current_dir(dir);
    Guarded::start(&format!("inspector-{name}"), dir, &mut command)
}

/// The local authority plays a maker of hardware TPMs.
fn roots(dir: &Path, tpm: &SoftTpm) -> Result<()> {
    for (folder, file) in [("hardware", tpm.root_certificate()), ("intermediates", tpm.issuer_certificate())]
    {
        let folder = dir.join(folder);
        fs::create_dir_all(&folder)?;
        fs::copy(&file, folder.join("local.pem")).with_context(|| format!("{}", file.display()))?;
    }
    Ok(())
}

fn output(command: &mut Command) -> Result<String> {
    let out = command.output().with_context(|| format!("{command:?}"))?;
    if !out.status.success() {
        bail!("{command:?} failed ({}):\n{}", out.status, String::from_utf8_lossy(&out.stderr));
    }
    Ok(String::from_utf8(out.stdout)?)
}

fn say(what: &str) {
    println!("  ok  {what}");
}

fn print_table(table: &Value) {
    let machine = &table["chain"][0];
    println!("\nOn chain, read through a light client:");
    for key in ["id", "owner", "level", "standing", "epoch"] {
        println!("  {key:10} {}", text(&machine[key]));
    }
    println!("\nAnchors, verified offline against the exported log:");
    println!("  {:>8}  {:>8}  {:>6}  {:>6}  root", "block", "counter", "size", "resets");
    for anchor in table["offline"]["anchors"].as_array().into_iter().flatten() {
        let cell = |key: &str| text(&anchor[key]);
        println!(
            "  {:>8}  {:>8}  {:>6}  {:>6}  {:.16}…",
            cell("block"),
            cell("counter"),
            cell("size"),
            cell("resets"),
            cell("root")
        );
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
