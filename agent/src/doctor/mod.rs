//! `matrixai-agent doctor`: looks at everything the agent depends on, and says what to do about what is wrong.

mod chain;
mod folder;
mod hardware;
mod kept;

use crate::{config::Config, output::Output, state_dir::StateDir};
use anyhow::{Result, bail};
use serde::Serialize;
use std::time::Duration;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Fine,
    /// It works, but not well.
    Doubtful,
    /// It does not work.
    Bad,
    /// It could not be looked at.
    Skipped,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub subject: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Finding {
    fn fine(subject: &'static str, found: impl Into<String>) -> Self {
        Self { subject, state: State::Fine, found: found.into(), advice: None }
    }

    fn skipped(subject: &'static str, found: impl Into<String>) -> Self {
        Self { subject, state: State::Skipped, found: found.into(), advice: None }
    }

    fn doubtful(subject: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { subject, state: State::Doubtful, found: found.into(), advice: Some(advice.into()) }
    }

    fn bad(subject: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { subject, state: State::Bad, found: found.into(), advice: Some(advice.into()) }
    }
}

/// Looks at everything and reports; fails if something does not work.
pub async fn doctor(config: &Config, patience: Duration, output: Output) -> Result<()> {
    let state = StateDir::new(&config.state_dir);
    let mut findings = vec![folder::folder(&state)];
    findings.extend(kept::agent(&state));
    findings.push(kept::log(&state));
    findings.extend(kept::outbox(&state));
    let (identity, unreadable) = kept::identity(&state);
    findings.extend(unreadable);
    findings.extend(hardware::tpm(config, identity.clone()).await);
    findings.extend(hardware::chips(config).await);
    findings.extend(kept::enrolment(identity.as_ref()));
    findings.extend(chain::clock_and_chain(config, &state, identity.as_ref(), patience).await);
    findings.extend(kept::obstacle(identity.as_ref(), &findings));
    let value = serde_json::to_value(&findings)?;
    output.result(&value, || {
        findings.iter().map(|finding| line(finding, &output)).collect::<Vec<_>>().join("\n")
    })?;
    let bad = findings.iter().filter(|finding| finding.state == State::Bad).count();
    if bad > 0 {
        bail!("{bad} of {} checks found something that does not work", findings.len());
    }
    Ok(())
}

fn line(finding: &Finding, output: &Output) -> String {
    let state = match finding.state {
        State::Fine => output.good("ok     "),
        State::Doubtful => output.doubtful("look at"),
        State::Bad => output.bad("bad    "),
        State::Skipped => "skipped".into(),
    };
    let advice = finding.advice.iter().map(|advice| format!("\n{:20}→ {advice}", ""));
    format!("{state}  {:9}  {}{}", finding.subject, finding.found, advice.collect::<String>())
}
