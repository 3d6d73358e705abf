//! What lies in the state folder: who the machine is, its log, and what the running agent says of itself.

use super::{Finding, State};
use crate::{
    board::{LastChallenge, Part, Snapshot, Trouble},
    clock::now_ms,
    drill::CONVICTED,
    failure::{Failure, is_damage},
    identity::{Enrolment, Identity},
    known::{self, Known},
    output::{ago, count, span},
    standing::Obstacle,
    state_dir::StateDir,
    status::FRESH_MS,
};
use light_client::outbox::Outbox;

/// What to do where the agent says nothing.
const MUTE: &str = "see the folder above, and its journal: journalctl -u matrixai-agent";

/// What the running agent says of itself: it may know of trouble that does not show from outside.
pub fn agent(state: &StateDir) -> Vec<Finding> {
    const SUBJECT: &str = "agent";
    let Some(pid) = state.running() else {
        return vec![match state.running_unknown() {
            Some(error) => Finding::skipped(
                SUBJECT,
                format!("who runs cannot be told ({error}): run as the agent's user"),
            ),
            None => Finding::skipped(SUBJECT, "not running"),
        }];
    };
    let said = Snapshot::load(&state.status()).filter(|said| i64::from(said.pid) == i64::from(pid));
    let Some(Snapshot { troubles, drill, challenges, written_ms, .. }) = said else {
        return vec![Finding::doubtful(
            SUBJECT,
            format!("running (pid {pid}), but it has said nothing yet"),
            MUTE,
        )];
    };
    let silent = now_ms().saturating_sub(written_ms);
    if silent > FRESH_MS {
        let found = format!("running (pid {pid}), but it has said nothing for {}", span(silent));
        return vec![Finding::bad(SUBJECT, found, MUTE)];
    }
    let mut findings: Vec<Finding> =
        troubles.iter().map(|(part, trouble)| about_trouble(*part, trouble)).collect();
    if findings.is_empty() {
        findings.push(Finding::fine(SUBJECT, format!("running (pid {pid}), without trouble")));
    }
    let drill = drill.unwrap_or_default();
    findings.extend((drill.convicted > 0).then(|| {
        let found = format!("convicted {} on chain", count(drill.convicted.into(), "time"));
        Finding::doubtful("drilling", found, CONVICTED)
    }));
    let (no_supply, better_class) = (drill.no_supply, drill.better_class);
    findings.extend(no_supply.map(|why| {
        Finding::doubtful("drilling", why, "until then the machine waits, and earns nothing by drilling")
    }));
    findings.extend(better_class.map(|why| {
        Finding::doubtful("drilling", why, "until then compute power shows only a part of this machine")
    }));
    findings.extend(challenges.and_then(|view| about_challenge(&view.last?)));
    findings
}

/// What the last challenge of the GPUs found, where that is worth a word. It is in the log, whatever is done about it now.
fn about_challenge(last: &LastChallenge) -> Option<Finding> {
    let LastChallenge { block, at_ms, failed, score, why, .. } = last;
    let why = why.as_deref()?;
    let advice = match score {
        0 => "a GPU that others work on is left alone, and that is in order; otherwise see `nvidia-smi`",
        _ => {
            "whoever reads the log sees it; `matrixai-agent log list` has every check, docs/gpu-challenges.md what each compares"
        }
    };
    let found = format!(
        "the challenge of the GPUs that block {block} drew {}: score {score} of 1000, {failed} checks could not be done: {why}",
        ago(*at_ms)
    );
    Some(Finding::doubtful("GPU", found, advice))
}

fn about_trouble(part: Part, trouble: &Trouble) -> Finding {
    let advice = match part {
        Part::Tpm => "see the TPM below; the agent tries again by itself",
        Part::Chain => "see the chain below; the agent tries again by itself",
        Part::Log => {
            "free some space in the state folder; measuring goes on, and is written when there is room"
        }
        Part::Anchor => {
            "nothing is anchored until this is mended, and the machine lapses after a while; what it says comes first"
        }
        Part::Metrics => {
            "set `metrics` in the configuration to an address that is free, and restart the agent"
        }
    };
    let found = format!("has trouble with {}, {}: {}", part.name(), ago(trouble.since_ms), trouble.what);
    Finding::bad("agent", found, advice)
}

/// What becomes of anchors whose attestations are gone.
const UNATTESTED: &str =
    "anchors made from now on are not affected; those of before stand on chain, but not in `evidence export`";

/// Whether the log has every record that was signed or anchored.
pub fn log(state: &StateDir) -> Finding {
    const SUBJECT: &str = "log";
    let looked = Known::read(state).and_then(|known| {
        let log = known.open_log(state)?;
        Ok((known::lost_attestations(&log, &known.journal), count(log.size(), "record"), known.identity))
    });
    match looked {
        Ok((_, records, Some(Identity { lost: Some(lost), .. }))) => Finding::bad(
            SUBJECT,
            format!("{records}; {lost}"),
            "enrol anew: stop the agent, then matrixai-agent enroll --token FILE",
        ),
        Ok((Some(unattested), records, identity)) => Finding::doubtful(
            SUBJECT,
            format!("{records}; {unattested}"),
            identity.and_then(|identity| identity.obstacle).map_or(UNATTESTED, Obstacle::advice),
        ),
        Ok((None, records, _)) => {
            Finding::fine(SUBJECT, format!("{records}, all that were signed or anchored"))
        }
        Err(error) if !is_damage(&error) && matches!(state.log().try_exists(), Ok(false)) => {
            Finding::skipped(SUBJECT, "none yet")
        }
        Err(error) => Finding::bad(SUBJECT, format!("{error:#}"), advice_on_log(state, &error)),
    }
}

fn advice_on_log(state: &StateDir, error: &anyhow::Error) -> String {
    if !is_damage(error) {
        return "run as the agent's user".into();
    }
    if let Some(Failure::Damaged(_)) = error.downcast_ref() {
        // A file beside the log: its own words say what becomes of the log without it.
        return "stop the agent, keep what is damaged for a look at it, and do what is said there; the log stays where it is".into();
    }
    let log = state.log();
    format!(
        "stop the agent and keep what is damaged for a look at it. Only the very same state may be restored from a copy: an older one, run \
         in its place, marks the machine as forked for ever. Without that, {log} is lost: move it away, start the agent, whose new log \
         says so, and enrol anew",
        log = log.display()
    )
}

/// Whether what is owed to the chain can be read; while an agent runs, it has it open.
pub fn outbox(state: &StateDir) -> Option<Finding> {
    const SUBJECT: &str = "outbox";
    if state.running().is_some() || !state.outbox().exists() {
        return None;
    }
    Some(match Outbox::open(&state.outbox()).and_then(|outbox| outbox.entries()) {
        Ok(owed) => Finding::fine(SUBJECT, format!("{} to the chain", count(owed.len() as u64, "debt"))),
        Err(error @ light_client::Error::OutboxDamaged { .. }) => Finding::bad(
            SUBJECT,
            error.to_string(),
            "what it held is owed again once the agent runs, but for what has become due meanwhile",
        ),
        Err(error) => Finding::skipped(SUBJECT, format!("{error}: run as the agent's user")),
    })
}

/// Who the machine is, or why that cannot be read.
pub fn identity(state: &StateDir) -> (Option<Identity>, Option<Finding>) {
    match Identity::of(state) {
        Ok(identity) => (identity, None),
        Err(error) => {
            let advice = if is_damage(&error) {
                "put that very file back; without it, move it away and enrol anew"
            } else {
                "run as the agent's user"
            };
            (None, Some(Finding::bad("identity", format!("{error:#}"), advice)))
        }
    }
}

/// A machine that is not enrolled keeps a log that nobody anchors.
pub fn enrolment(identity: Option<&Identity>) -> Option<Finding> {
    let (found, advice) = match identity.map(|identity| identity.enrolment) {
        Some(Enrolment::Enrolled { .. }) => return None,
        Some(Enrolment::Requested { .. }) => (
            "a request to enrol is under way",
            "let `matrixai-agent enroll` come to its end; it says where it is",
        ),
        Some(Enrolment::None) | None => {
            ("this machine is not enrolled: nobody anchors its log", "matrixai-agent enroll --token FILE")
        }
    };
    Some(Finding::doubtful("enrolment", found, advice))
}

/// Why nothing can be anchored, as the agent saw it last, unless TPM or chain have just said it themselves, or otherwise.
pub fn obstacle(identity: Option<&Identity>, found: &[Finding]) -> Option<Finding> {
    let obstacle = identity?.obstacle?;
    let witness = if obstacle == Obstacle::Cleared { "keys" } else { "on chain" };
    let heard = found.iter().any(|one| one.subject == witness && one.state != State::Skipped);
    let told = || Finding::bad("enrolment", obstacle.seen_last(), obstacle.advice());
    (!heard).then(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_the_agent_knows_of_counts() {
        let trouble = Trouble { since_ms: now_ms(), what: "the log does not go on".into() };
        for part in Part::ALL {
            let finding = about_trouble(part, &trouble);
            assert_eq!(finding.state, State::Bad);
            assert!(finding.found.contains("the log does not go on") && finding.advice.is_some());
        }
    }

    #[test]
    fn a_machine_that_is_not_enrolled_is_told_so() {
        assert!(enrolment(None).is_some());
        let mut identity = crate::identity::tests::made_up();
        identity.enrolment = Enrolment::Enrolled { epoch: 0 };
        assert_eq!(enrolment(Some(&identity)), None);
        identity.enrolment = Enrolment::None;
        assert!(enrolment(Some(&identity)).unwrap().found.contains("not enrolled"));
    }

    #[test]
    fn what_stands_in_the_way_is_told_from_memory_until_the_chain_has_spoken() {
        let mut identity = crate::identity::tests::made_up();
        assert_eq!(obstacle(Some(&identity), &[]), None);
        identity.obstacle = Some(Obstacle::OtherLog(7));
        let others = [Finding::fine("keys", "alive"), Finding::skipped("on chain", "no answer")];
        let told = obstacle(Some(&identity), &others).unwrap();
        assert!(told.state == State::Bad && told.found.contains("the 7 records"), "{told:?}");
        assert_eq!(obstacle(Some(&identity), &[Finding::fine("on chain", "7 records")]), None);
        identity.obstacle = Some(Obstacle::Cleared);
        assert_eq!(obstacle(Some(&identity), &others), None);
    }

    #[test]
    fn a_damaged_file_beside_the_log_does_not_cost_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let beside = anyhow::Error::from(Failure::Damaged(anyhow::anyhow!("checkpoint is damaged")));
        assert!(!advice_on_log(&state, &beside).contains("enrol anew"));
        let log = anyhow::Error::from(log_store::LogError::Corrupt { file: "segment".into(), offset: 7 });
        assert!(advice_on_log(&state, &log).contains("enrol anew"));
    }
}
