//! Failures that scripts tell apart by the exit code.

use crate::{config::ConfigError, hex32::Hex32};
use log_store::LogError;
use std::{path::PathBuf, process::ExitCode};

/// A failure with an exit code of its own; every other one is 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The state folder has an owner.
    #[error("another agent{} uses {folder}; stop it first (systemctl stop matrixai-agent)", pid_text(*.pid))]
    AnotherAgent {
        /// The folder.
        folder: PathBuf,
        /// Its owner, if it has said so.
        pid: Option<i32>,
    },
    /// There is nothing on chain to work for.
    #[error("this machine is not enrolled; run `matrixai-agent enroll --token FILE`")]
    NotEnrolled,
    /// What lies in the state folder is not what was once written there.
    #[error("{0:#}")]
    Damaged(anyhow::Error),
    /// `status` has said what.
    #[error("{0}")]
    NotWorking(&'static str),
    /// Options that do not go together.
    #[error("{0}")]
    Usage(&'static str),
    /// The machine was enrolled on another chain, or has begun to.
    #[error(
        "the chain specification is of another chain ({specified}) than the one this machine works for ({known}): set chain_spec to that \
         chain's; for another chain take another state folder"
    )]
    OtherChain {
        /// The specification's genesis.
        specified: Hex32,
        /// The machine's.
        known: Hex32,
    },
    /// The identity is gone for good.
    #[error("{0}; stop the agent and run `matrixai-agent enroll --token FILE` with a new join token")]
    EnrolAgain(String),
    /// The owner has retired the machine of this state folder.
    #[error(
        "the chain has retired this machine (epoch {epoch}), and this state folder is of no more use to it. To take the machine into \
         service again, set state_dir to a new folder and run `matrixai-agent enroll --token FILE` with a join token that has a machine \
         left: the chain takes this TPM as the same machine in a new epoch"
    )]
    Retired {
        /// Its last epoch.
        epoch: u32,
    },
    /// The chain holds a rewritten log against the machine.
    #[error(
        "the chain holds a rewritten log against this machine (standing: forked) and takes its TPM no more, by whatever token or state \
         folder; there is nothing to mend here: ask the owner, whom `matrixai machines show` tells more"
    )]
    Forked,
}

fn pid_text(pid: Option<i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// What `--help` says.
pub const EXIT_CODES: &str = "Exit codes:
  0  fine
  1  failure; of `status`: it is not running, or in trouble
  2  wrong usage or configuration
  3  another agent runs on this state folder
  4  the machine is not enrolled, or must be enrolled again
  5  a file in the state folder is damaged; the message says which, and what to do";

/// The exit code of an error.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<ConfigError>().is_some() {
        return ExitCode::from(2);
    }
    if is_damage(error) {
        return ExitCode::from(5);
    }
    match error.downcast_ref::<Failure>() {
        Some(Failure::Usage(_) | Failure::OtherChain { .. }) => ExitCode::from(2),
        Some(Failure::AnotherAgent { .. }) => ExitCode::from(3),
        Some(Failure::NotEnrolled | Failure::EnrolAgain(_) | Failure::Retired { .. } | Failure::Forked) => {
            ExitCode::from(4)
        }
        Some(Failure::Damaged(_) | Failure::NotWorking(_)) | None => ExitCode::FAILURE,
    }
}

/// Whether a file in the state folder is not what was once written there.
pub fn is_damage(error: &anyhow::Error) -> bool {
    let of_log = |error: &LogError| {
        use LogError::{Corrupt, Exchanged, Missing, Record};
        matches!(error, Corrupt { .. } | Exchanged { .. } | Missing { .. } | Record(..))
    };
    matches!(error.downcast_ref(), Some(Failure::Damaged(_))) || error.downcast_ref().is_some_and(of_log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_under_context() {
        let error = anyhow::Error::from(Failure::NotEnrolled).context("while doing something");
        assert_eq!(exit_code(&error), ExitCode::from(4));
        assert_eq!(exit_code(&anyhow::anyhow!("anything")), ExitCode::FAILURE);
    }

    #[test]
    fn a_damaged_log_is_damage_whoever_reads_it() {
        let corrupt = LogError::Corrupt { file: "segment".into(), offset: 7 };
        assert_eq!(exit_code(&anyhow::Error::from(corrupt).context("reading")), ExitCode::from(5));
        let absent = LogError::OutOfRange { asked: 1, size: 0 };
        assert_eq!(exit_code(&absent.into()), ExitCode::FAILURE);
    }

    #[test]
    fn a_retired_machine_is_told_what_to_do() {
        let error = Failure::Retired { epoch: 2 };
        assert!(error.to_string().contains("(epoch 2), and this state folder is of no more use"));
        assert_eq!(exit_code(&error.into()), ExitCode::from(4));
    }

    #[test]
    fn another_agent_is_named() {
        let error = Failure::AnotherAgent { folder: "/var/lib/matrixai".into(), pid: Some(7) };
        assert!(error.to_string().starts_with("another agent (pid 7) uses /var/lib/matrixai"));
    }
}
