//! Clock and chain, and the log held against what the chain has of it.

use super::{Finding, State};
use crate::{
    board, chain,
    clock::now_ms,
    config::Config,
    hex32::Hex32,
    identity::{Enrolment, Identity},
    output::count,
    standing,
    state_dir::StateDir,
    upkeep::LARGEST_SPECIFICATION,
};
use attest::Hash;
use light_client::LightClient;
use log_store::LogStore;
use std::{fs, path::Path, time::Duration};

/// The clock may be off by this before it is worth a word. A chain's finalised block is some seconds old.
const CLOCK_TOLERANCE_MS: u64 = 120_000;
/// Before this moment (2024) the clock was never set.
const CLOCK_NEVER_SET_MS: u64 = 1_704_067_200_000;

/// The clock as far as the host alone tells, and everything that the chain tells.
pub async fn clock_and_chain(
    config: &Config,
    state: &StateDir,
    identity: Option<&Identity>,
    patience: Duration,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if now_ms() < CLOCK_NEVER_SET_MS {
        findings.push(Finding::bad("clock", "the clock is years behind", "set it: timedatectl set-ntp true"));
    }
    let path = &config.chain_spec;
    let specification = match plain_io::read_to_string(path, LARGEST_SPECIFICATION) {
        Ok(text) => text,
        Err(error) => {
            let advice =
                "get the chain's specification, and set chain_spec in the configuration to where it is";
            findings.push(Finding::bad("chain", format!("{}: {error}", path.display()), advice));
            return findings;
        }
    };
    // A light client of its own: it must not write where a running agent's does.
    let scratch = std::env::temp_dir().join(format!("matrixai-doctor-{}", std::process::id()));
    let looked = look_at_chain(&specification, state, identity, &scratch, patience).await;
    let _ = fs::remove_dir_all(&scratch);
    findings.extend(looked);
    findings
}

/// Whether the specification is of the chain that the machine was enrolled on, if it was on any.
fn about_genesis(known: Option<Hex32>, specified: Hex32) -> Option<Finding> {
    const SUBJECT: &str = "identity";
    Some(match known? {
        known if known == specified => Finding::fine(SUBJECT, format!("works for the chain {known}")),
        known => Finding::bad(
            SUBJECT,
            format!(
                "works for the chain {known}, but the chain specification is of another one, {specified}"
            ),
            "set chain_spec to the specification of the machine's chain; for another chain take another state folder",
        ),
    })
}

async fn look_at_chain(
    specification: &str,
    state: &StateDir,
    identity: Option<&Identity>,
    scratch: &Path,
    patience: Duration,
) -> Vec<Finding> {
    const SUBJECT: &str = "chain";
    let client = match LightClient::start(specification, scratch).await {
        Ok(client) => client,
        Err(error) => {
            let advice = "write it anew from a running node: matrixai chain spec --node URL --out FILE";
            return vec![Finding::bad(SUBJECT, error.to_string(), advice)];
        }
    };
    let (known, specified) = (identity.and_then(|identity| identity.genesis), Hex32(client.genesis().0));
    let mut findings = Vec::from_iter(about_genesis(known, specified));
    if findings.iter().any(|finding| finding.state == State::Bad) {
        findings.push(Finding::skipped(SUBJECT, "not looked for: it is another one"));
        return findings;
    }
    if let Err(bad) = reach(&client, patience).await {
        findings.push(bad);
        return findings;
    }
    let status = client.status();
    let height = status.finalized.map_or(0, |block| block.number);
    findings.push(Finding::fine(SUBJECT, format!("reached: {} peers, block {height} final", status.peers)));
    findings.push(about_clock(chain::time_ms(&client).await.ok()));
    let enrolled = |identity: &&Identity| matches!(identity.enrolment, Enrolment::Enrolled { .. });
    if let Some(identity) = identity.filter(enrolled) {
        findings.extend(anchored(&client, state, identity).await);
    }
    findings
}

async fn reach(client: &LightClient, patience: Duration) -> Result<(), Finding> {
    if tokio::time::timeout(patience, client.wait_ready()).await.is_ok() {
        return Ok(());
    }
    let status = client.status();
    let found = format!(
        "not reached within {} s: {}, {} peers",
        patience.as_secs(),
        board::phase(status.phase),
        status.peers
    );
    let advice = status.stall.map_or(
        "let it try longer (--wait), and look at network, firewall and boot nodes",
        board::stall_text,
    );
    Err(Finding::bad("chain", found, advice))
}

/// The log, held against what the chain has of it: files beside it may be gone, or older.
async fn anchored(client: &LightClient, state: &StateDir, identity: &Identity) -> Option<Finding> {
    const SUBJECT: &str = "on chain";
    let machine = match chain::machine(client, identity.machine).await {
        Ok(Some(machine)) => machine,
        Ok(None) => {
            let advice = "enrol anew: matrixai-agent enroll --token FILE";
            return Some(Finding::bad(SUBJECT, "the chain does not know this machine", advice));
        }
        Err(error) => return Some(Finding::skipped(SUBJECT, error.to_string())),
    };
    if let Some(obstacle) = standing::obstacle(&machine, &identity.ak.public) {
        return Some(Finding::bad(SUBJECT, obstacle.to_string(), obstacle.advice()));
    }
    // Now: a running agent has written on since.
    let log = LogStore::open_read_only(&state.log()).ok();
    let root = |size| log.as_ref().and_then(|log| log.root_at(size).ok());
    Some(about_anchored(machine.head.size, &machine.head.root, root))
}

/// Whether a log, by its root at a size, begins with what was anchored.
fn about_anchored(size: u64, root: &Hash, root_at: impl Fn(u64) -> Option<Hash>) -> Finding {
    const SUBJECT: &str = "on chain";
    let records = count(size, "record");
    let found = match root_at(size) {
        Some(ours) if ours == *root => {
            return Finding::fine(SUBJECT, format!("{records} anchored, and the log begins with them"));
        }
        Some(_) => format!("{records} anchored, and the log here does not begin with them"),
        None => format!("{records} anchored, and they are not in the log here"),
    };
    let advice = "do not start the agent on an older copy: it would be a fork. Unless that very log can be put back, enrol anew: \
                  matrixai-agent enroll --token FILE";
    Finding::bad(SUBJECT, found, advice)
}

fn about_clock(chain_ms: Option<u64>) -> Finding {
    const SUBJECT: &str = "clock";
    let Some(chain_ms) = chain_ms else {
        return Finding::skipped(SUBJECT, "the chain's clock could not be read");
    };
    let off = now_ms().abs_diff(chain_ms);
    if off <= CLOCK_TOLERANCE_MS {
        return Finding::fine(SUBJECT, "agrees with the chain's");
    }
    let found = format!("{} s off the chain's", off / 1000);
    Finding::doubtful(
        SUBJECT,
        found,
        "set it: timedatectl set-ntp true; records carry wrong times until then",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_chains_specification_is_found_out() {
        let (one, other) = (Hex32([1; 32]), Hex32([2; 32]));
        assert_eq!(about_genesis(None, one), None);
        assert_eq!(about_genesis(Some(one), one).unwrap().state, State::Fine);
        assert_eq!(about_genesis(Some(one), other).unwrap().state, State::Bad);
    }

    #[test]
    fn a_log_that_the_chain_contradicts_is_found_out() {
        let roots = |size: u64| (size <= 5).then_some([size as u8; 32]);
        assert_eq!(about_anchored(5, &[5; 32], roots).state, State::Fine);
        let other = about_anchored(5, &[6; 32], roots);
        assert!(other.state == State::Bad && other.found.contains("does not begin"), "{other:?}");
        let short = about_anchored(6, &[6; 32], roots);
        assert!(short.state == State::Bad && short.found.contains("not in the log"), "{short:?}");
    }

    #[test]
    fn a_wrong_clock_is_doubtful() {
        assert_eq!(about_clock(Some(now_ms())).state, State::Fine);
        assert_eq!(about_clock(Some(now_ms() - 86_400_000)).state, State::Doubtful);
        assert_eq!(about_clock(None).state, State::Skipped);
    }
}
