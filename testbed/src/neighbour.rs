//! A second machine, of another owner: replicas of a task never go to two machines of one.

use crate::{
    Guarded, Stage,
    stage::{TOKEN, surely},
};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tpm::swtpm::SoftTpm;

/// The machine, in a folder of its own.
pub struct Neighbour {
    owner: &'static str,
    dir: PathBuf,
    /// Its TPM.
    pub tpm: SoftTpm,
    /// Its agent, while it runs.
    pub agent: Option<Guarded>,
}

impl Neighbour {
    /// Gives its owner, `//NAME` of the development phrase, some of the first owner's tokens, and enrols its machine.
    pub fn join(stage: &Stage, owner: &'static str) -> Result<Self> {
        Self::endow(stage, owner)?;
        Self::enrol(stage, owner, owner)
    }

    /// Enrols a machine of an owner who has tokens, in a folder of this name.
    pub fn enrol(stage: &Stage, owner: &'static str, name: &str) -> Result<Self> {
        let dir = stage.dir().join(name);
        fs::create_dir_all(&dir)?;
        let tpm = SoftTpm::create(&dir.join("tpm"))?;
        let neighbour = Self { owner, dir, tpm, agent: None };
        fs::write(
            neighbour.dir.join("agent.toml"),
            stage.configuration(&neighbour.state(), &neighbour.tpm, 10),
        )?;
        let token = neighbour.dir.join("token.key");
        surely(|| {
            if token.exists() {
                fs::remove_file(&token)?;
            }
            neighbour.owner(stage, &TOKEN)
        })?;
        stage.output(neighbour.command(stage).args(["enroll", "--token", "token.key"]))?;
        Ok(neighbour)
    }

    /// Where everything of it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The agent's state folder.
    pub fn state(&self) -> PathBuf {
        self.dir.join("agent")
    }

    /// Starts the agent.
    pub fn start(&mut self, stage: &Stage) -> Result<()> {
        self.start_with(stage, &[])
    }

    /// Starts the agent with settings of its own, as variables.
    pub fn start_with(&mut self, stage: &Stage, settings: &[(&str, &str)]) -> Result<()> {
        let mut command = self.command(stage);
        command.arg("run").envs(settings.iter().copied());
        self.agent = Some(Guarded::start("agent", &self.dir, &mut command)?);
        Ok(())
    }

    /// What its agent says of itself.
    pub fn status(&self, stage: &Stage) -> Result<Value> {
        stage.status_by(&mut self.command(stage))
    }

    /// Runs one of the agent's commands to its end.
    pub fn agent_once(&self, stage: &Stage, arguments: &[&str]) -> Result<String> {
        stage.output(self.command(stage).args(arguments))
    }

    /// Runs one of its owner's commands to its end.
    pub fn owner(&self, stage: &Stage, arguments: &[&str]) -> Result<String> {
        stage.output(stage.owner_command(self.owner).args(arguments).current_dir(&self.dir))
    }

    /// Its owner stakes for the machine, which is given no tasks before.
    pub fn stake(&self, stage: &Stage) -> Result<()> {
        self.bond(stage, "100")
    }

    /// Its owner stakes so many tokens.
    pub fn bond(&self, stage: &Stage, tokens: &str) -> Result<()> {
        surely(|| self.owner(stage, &["stake", "bond", tokens])).map(drop)
    }

    /// Leaves everything running.
    pub fn leave(self) {
        self.agent.into_iter().for_each(Guarded::leave);
        self.tpm.leave();
    }

    /// Gives an owner some of the first owner's tokens.
    fn endow(stage: &Stage, owner: &str) -> Result<()> {
        let shown: Value =
            serde_json::from_str(&stage.output(
                stage.owner_command(owner).args(["key", "show", "--json"]).current_dir(stage.dir()),
            )?)?;
        let account = shown["address"].as_str().context("a key without an address")?;
        surely(|| stage.owner(&["transfer", account, "10000"])).map(drop)
    }

    fn command(&self, stage: &Stage) -> Command {
        stage.agent_in(&self.dir)
    }
}
