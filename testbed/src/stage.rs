//! Everything that the demo needs, set up and running.

use crate::{
    Chain, Guarded, Programs,
    process::{output, output_if},
    tail,
};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tpm::swtpm::SoftTpm;

/// Accounts of the development chain that inspect.
pub const INSPECTORS: [&str; 5] = ["Bob", "Charlie", "Dave", "Eve", "Ferdie"];
/// The account that owns the machines.
pub const OWNER: &str = "Alice";
/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Debian's libfaketime.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// A running network with one machine.
pub struct Stage {
    programs: Programs,
    dir: PathBuf,
    /// The validators.
    pub chain: Chain,
    inspectors: Vec<Guarded>,
    /// The machine's TPM.
    pub tpm: SoftTpm,
    /// The agent, while it runs.
    pub agent: Option<Guarded>,
    /// Variables of its environment.
    settings: Vec<(&'static str, OsString)>,
}

impl Stage {
    /// Starts two validators, five inspectors and a TPM in a folder, which is created.
    pub fn set(programs: Programs, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let tpm = SoftTpm::create(&dir.join("tpm"))?;
        trust(&dir.join("roots"), &tpm)?;
        Self::set_with(programs, dir, tpm)
    }

    /// The same with a TPM of one's own.
    pub fn set_with(programs: Programs, dir: &Path, tpm: SoftTpm) -> Result<Self> {
        let chain = Chain::start(programs.clone(), dir)?;
        let mut stage = Self {
            programs,
            dir: dir.into(),
            chain,
            inspectors: Vec::new(),
            tpm,
            agent: None,
            settings: Vec::new(),
        };
        stage.specify()?;
        stage.summon_inspectors()?;
        stage.configure(10)?;
        Ok(stage)
    }

    /// Writes the chain's specification anew with the owner's tool, as an operator does: all that follows starts from that.
    fn specify(&self) -> Result<()> {
        let mut command = self.programs.command("matrixai");
        let node = format!("http://127.0.0.1:{}", self.chain.rpc);
        command.args(["chain", "spec", "--force", "--node", &node, "--out"]).arg(&self.chain.spec);
        self.chain.addresses().iter().for_each(|address| {
            command.args(["--bootnode", address]);
        });
        self.output(&mut command).map(drop)
    }

    /// Where everything lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the agent's configuration: quick windows, and an anchor each so many seconds.
    pub fn configure(&self, anchor_seconds: u64) -> Result<()> {
        Ok(fs::write(self.config(), self.configuration(&self.state(), &self.tpm, anchor_seconds))?)
    }

    pub(crate) fn configuration(&self, state: &Path, tpm: &SoftTpm, anchor_seconds: u64) -> String {
        format!(
            "state_dir = {state:?}\ntpm = {:?}\nchain_spec = {:?}\nwindow_seconds = 5\nanchor_seconds = {anchor_seconds}\n\
             drill_class = \"tiny\"\ndrill_threads = 1\ndrill_places = 4\n",
            tpm.url(),
            self.chain.spec,
        )
    }

    /// The agent's state folder.
    pub fn state(&self) -> PathBuf {
        self.dir.join("agent")
    }

    fn config(&self) -> PathBuf {
        self.dir.join("agent.toml")
    }

    fn inspector(&self, name: &str) -> Result<Guarded> {
        let mut command = self.programs.command("matrixai-inspector");
        let state = format!("inspector-{name}");
        command.args(["run", "--dev-account", name, "--state", &state, "--roots", "roots"]);
        command.arg("--chain").arg(&self.chain.spec).current_dir(&self.dir);
        Guarded::start(&state, &self.dir, &mut command)
    }

    /// The owner makes a join token, the agent enrols with it.
    pub fn enrol(&self) -> Result<String> {
        self.token()?;
        self.agent_once(&["enroll", "--token", "token.key"])
    }

    /// A join token for one machine in `token.key`.
    pub fn token(&self) -> Result<()> {
        let file = self.dir.join("token.key");
        surely(|| {
            if file.exists() {
                fs::remove_file(&file)?;
            }
            self.owner(&TOKEN)
        })
        .map(drop)
    }

    /// Starts the agent.
    pub fn start_agent(&mut self) -> Result<()> {
        self.agent = Some(self.another_agent("agent")?);
        Ok(())
    }

    /// Starts the agent under a clock that runs as much ahead or behind as a file says (`+1d`, `-1d`, `+0`).
    pub fn start_agent_with_clock(&mut self, offset: &Path) -> Result<()> {
        let mut command = self.agent_command();
        command.arg("run").env("LD_PRELOAD", FAKETIME).env("FAKETIME_TIMESTAMP_FILE", offset);
        // Timers go on as they are: it is the wall clock that is set.
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        self.agent = Some(Guarded::start("agent", &self.dir, &mut command)?);
        Ok(())
    }

    /// An agent beside the one of this stage, on the same state folder.
    pub fn another_agent(&self, name: &str) -> Result<Guarded> {
        Guarded::start(name, &self.dir, self.agent_command().arg("run"))
    }

    /// The running agent.
    pub fn agent(&mut self) -> Result<&mut Guarded> {
        self.agent.as_mut().context("no agent runs")
    }

    /// Sets a variable in the environment of this machine's agent, from its next start on.
    pub fn set_variable(&mut self, variable: &'static str, value: impl Into<OsString>) {
        self.settings.push((variable, value.into()));
    }

    fn agent_command(&self) -> Command {
        let mut command = self.agent_in(&self.dir);
        command.envs(self.settings.iter().map(|(variable, value)| (variable, value)));
        command
    }

    /// A command of the agent whose configuration lies in a folder.
    pub fn agent_in(&self, dir: &Path) -> Command {
        let mut command = self.programs.command("matrixai-agent");
        command.args(["--config", "agent.toml"]).current_dir(dir);
        command
    }

    /// Runs one of the agent's commands to its end.
    pub fn agent_once(&self, arguments: &[&str]) -> Result<String> {
        self.output(self.agent_command().args(arguments))
    }

    /// Runs one of the owner's commands to its end.
    pub fn owner(&self, arguments: &[&str]) -> Result<String> {
        self.output(self.owner_command(OWNER).args(arguments).current_dir(&self.dir))
    }

    /// The tool of an owner with this development account.
    pub(crate) fn owner_command(&self, account: &str) -> Command {
        let mut command = self.command("matrixai");
        command.args(["--dev-account", account, "--state", "owner"]).arg("--chain").arg(&self.chain.spec);
        command
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        self.programs.command(program)
    }

    /// Runs one of the inspector's commands to its end.
    pub fn inspector_once(&self, arguments: &[&str]) -> Result<String> {
        self.output(self.programs.command("matrixai-inspector").args(arguments).current_dir(&self.dir))
    }

    /// Runs a command to its end, if no validator ends before it.
    pub(crate) fn output(&self, command: &mut Command) -> Result<String> {
        output(command, || self.chain.check())
    }

    /// The owner's machines, as the chain has them.
    pub fn machines(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.owner(&["machines", "--json"])?)?)
    }

    /// What the agent says of itself.
    pub fn status(&self) -> Result<Value> {
        self.status_by(&mut self.agent_command())
    }

    /// What an agent says of itself, also one that is not running or in trouble (1).
    pub(crate) fn status_by(&self, agent: &mut Command) -> Result<Value> {
        let command = agent.args(["status", "--json"]);
        let said = output_if(command, || self.chain.check(), |status| matches!(status.code(), Some(0 | 1)))?;
        serde_json::from_str(&said).context("status is no JSON")
    }

    /// Distinct counters of anchors that the agent saw finalised.
    pub fn counters(&self) -> Result<BTreeSet<u64>> {
        let status = self.status()?;
        let anchors = status.get("anchors").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(anchors.iter().filter_map(|anchor| anchor.get("counter")?.as_u64()).collect())
    }

    /// Waits until the agent has seen at least so many anchors finalised.
    pub fn until_anchors(&mut self, wanted: usize) -> Result<usize> {
        self.until(&format!("{wanted} anchors"), |stage| {
            let seen = stage.counters()?.len();
            Ok((seen >= wanted).then_some(seen))
        })
    }

    /// Waits for `wanted` more anchors than there are now.
    pub fn until_more_anchors(&mut self, wanted: usize) -> Result<usize> {
        let before = self.counters()?.len();
        self.until_anchors(before + wanted)
    }

    /// Waits until something is so; an error with the agent's last words if it takes too long.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Result<Option<T>>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.check()?;
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        bail!("{what}: not within {} s\n{}", PATIENCE.as_secs(), tail(&self.dir.join("agent.log"), 6_000))
    }

    /// An error if any process is gone.
    pub fn check(&self) -> Result<()> {
        self.chain.check()?;
        self.inspectors.iter().chain(&self.agent).try_for_each(Guarded::check)
    }

    /// Starts the inspectors.
    pub fn summon_inspectors(&mut self) -> Result<()> {
        self.inspectors = INSPECTORS.iter().map(|name| self.inspector(name)).collect::<Result<_>>()?;
        Ok(())
    }

    /// Stops the inspectors: nobody needs them once the machine is enrolled.
    pub fn dismiss_inspectors(&mut self) {
        self.inspectors.clear();
    }

    /// Exports log and evidence into `export/`.
    pub fn export(&self) -> Result<()> {
        let export = self.dir.join("export");
        if export.exists() {
            fs::remove_dir_all(&export)?;
        }
        // In this order: the log must cover every anchor of the evidence.
        self.agent_once(&["evidence", "export", "--out", "export"])?;
        self.agent_once(&["log", "export", "--out", "export/log"]).map(drop)
    }

    /// What the offline tool says of the exports.
    pub fn verify(&self) -> Result<Value> {
        let verify = ["verify", "--evidence", "export/evidence.json", "--log", "export/log", "--json"];
        Ok(serde_json::from_str(&self.inspector_once(&verify)?)?)
    }

    /// Leaves everything running.
    pub fn leave(mut self) {
        self.chain.leave();
        self.inspectors.into_iter().chain(self.agent).for_each(Guarded::leave);
        self.tpm.leave();
    }
}

/// A join token for one machine.
pub(crate) const TOKEN: [&str; 8] =
    ["token", "create", "--machines", "1", "--expires", "1d", "--out", "token.key"];

/// An owner's call, made again where the tool has lost sight of it, though the chain may have taken it. Twice does no harm here.
pub(crate) fn surely(mut call: impl FnMut() -> Result<String>) -> Result<String> {
    for _ in 0..2 {
        match call() {
            Err(error) if format!("{error:#}").contains("may have taken nonce") => {}
            done => return done,
        }
    }
    call()
}

/// The software TPM's local authority plays a maker of hardware TPMs.
fn trust(roots: &Path, tpm: &SoftTpm) -> Result<()> {
    for (folder, file) in [("hardware", tpm.root_certificate()), ("intermediates", tpm.issuer_certificate())]
    {
        let folder = roots.join(folder);
        fs::create_dir_all(&folder)?;
        fs::copy(&file, folder.join("local.pem")).with_context(|| format!("{}", file.display()))?;
    }
    Ok(())
}
