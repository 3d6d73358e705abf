//! `matrixai-agent doctor`: looks at everything the agent depends on, and says what to do about what is wrong.

use crate::{
    begin,
    board::{self, LastChallenge, Part, Snapshot, Trouble},
    chain,
    clock::now_ms,
    config::Config,
    failure::{Failure, is_damage},
    hex32::Hex32,
    identity::{Enrolment, Identity},
    known::{self, Known},
    output::{Output, ago, count, span},
    secrets,
    state_dir::StateDir,
    status::FRESH_MS,
    tpm_worker::TpmWorker,
    upkeep::LARGEST_SPECIFICATION,
};
use anyhow::{Result, bail};
use attest::{
    Hash,
    record::{Chip, ChipKind, ChipState},
};
use light_client::LightClient;
use log_store::LogStore;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};
use tpm::{EkKind, TpmError};

/// How long the TPM may take.
const TPM_PATIENCE: Duration = Duration::from_secs(30);
/// The clock may be off by this before it is worth a word. A chain's finalised block is some seconds old.
const CLOCK_TOLERANCE_MS: u64 = 120_000;
/// The log needs this much room, MiB.
const ROOM_MIB: u64 = 256;
/// Before this moment (2024) the clock was never set.
const CLOCK_NEVER_SET_MS: u64 = 1_704_067_200_000;

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
    let mut findings = vec![folder(&state)];
    findings.extend(agent(&state));
    findings.push(log(&state));
    let (identity, unreadable) = identity(&state);
    findings.extend(unreadable);
    findings.extend(tpm(config, identity.clone()).await);
    findings.extend(chips(config).await);
    findings.extend(enrolment(identity.as_ref()));
    findings.extend(clock_and_chain(config, &state, identity.as_ref(), patience).await);
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

fn folder(state: &StateDir) -> Finding {
    const SUBJECT: &str = "folder";
    let path = state.path();
    let owner = format!("create it for the agent's user: install -d -m 750 -o matrixai {}", path.display());
    if !path.is_dir() {
        return match nearest(path) {
            Some(file) if !file.is_dir() => Finding::bad(
                SUBJECT,
                format!("{} is no folder", file.display()),
                "set state_dir in the configuration to a folder, or move that file away",
            ),
            Some(parent) if writable(parent) => {
                Finding::fine(SUBJECT, format!("{} will be created", path.display()))
            }
            _ => Finding::bad(
                SUBJECT,
                format!("{} does not exist and cannot be created", path.display()),
                owner,
            ),
        };
    }
    if !writable(path) {
        let advice = format!("run as the user it belongs to, or: chown -R matrixai {}", path.display());
        return Finding::bad(SUBJECT, format!("{} cannot be written by this user", path.display()), advice);
    }
    if let Some(open) = state.writable_by_all() {
        return Finding::doubtful(SUBJECT, open, format!("chmod o-w {}", path.display()));
    }
    match state.room().map(|room| room >> 20) {
        Some(0) => {
            let advice = "free some space: nothing is logged or anchored until there is some";
            Finding::bad(SUBJECT, format!("{}: no room left", path.display()), advice)
        }
        Some(mib) if mib < ROOM_MIB => {
            let advice = format!("free some space; the log wants {ROOM_MIB} MiB to spare");
            Finding::doubtful(SUBJECT, format!("{}: {mib} MiB free", path.display()), advice)
        }
        Some(mib) => Finding::fine(SUBJECT, format!("{}: writable, {mib} MiB free", path.display())),
        None => Finding::fine(SUBJECT, format!("{}: writable", path.display())),
    }
}

/// The longest beginning of the path that exists, be it a folder or not.
fn nearest(path: &Path) -> Option<&Path> {
    let here = |part: &Path| part.as_os_str().is_empty();
    let parts = path.ancestors().map(|part| if here(part) { Path::new(".") } else { part });
    parts.into_iter().find(|part| fs::symlink_metadata(part).is_ok())
}

/// Tried, not deduced: read-only mounts and sandboxes do not show in permissions.
fn writable(folder: &Path) -> bool {
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&probe).is_ok();
    if written {
        let _ = fs::remove_file(&probe);
    }
    written
}

/// What to do where the agent says nothing.
const MUTE: &str = "see the folder above, and its journal: journalctl -u matrixai-agent";

/// What the running agent says of itself: it may know of trouble that does not show from outside.
fn agent(state: &StateDir) -> Vec<Finding> {
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
    let (no_supply, better_class) = drill.map_or((None, None), |drill| (drill.no_supply, drill.better_class));
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

/// Whether the log has every record that was signed or anchored.
fn log(state: &StateDir) -> Finding {
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
        Ok((Some(unattested), records, _)) => Finding::doubtful(
            SUBJECT,
            format!("{records}; {unattested}"),
            "anchors made from now on are not affected; those of before stand on chain, but not in `evidence export`",
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

/// Who the machine is, or why that cannot be read.
fn identity(state: &StateDir) -> (Option<Identity>, Option<Finding>) {
    match Identity::load(&state.identity()) {
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
fn enrolment(identity: Option<&Identity>) -> Option<Finding> {
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

async fn tpm(config: &Config, identity: Option<Identity>) -> Vec<Finding> {
    const SUBJECT: &str = "TPM";
    let Ok(worker) = TpmWorker::start(&config.tpm) else {
        return vec![Finding::skipped(SUBJECT, "no thread could be started")];
    };
    let pcrs = config.pcrs.clone();
    let look = worker.run(move |tpm| {
        let properties = tpm.properties()?;
        let ek = tpm.identity(EkKind::Rsa2048)?;
        tpm.read_pcrs(&pcrs)?;
        let stranger = identity.map(|identity| secrets::recognise(tpm, &identity));
        Ok((properties, ek.certificate.is_some(), stranger))
    });
    let looked = tokio::time::timeout(TPM_PATIENCE, look).await;
    match looked {
        Err(_) => {
            let advice = "another program may hold it; a power cycle may help";
            vec![Finding::bad(SUBJECT, format!("{} does not answer", config.tpm), advice)]
        }
        Ok(Err(error)) => vec![Finding::bad(SUBJECT, error.to_string(), tpm_advice(&config.tpm, &error))],
        Ok(Ok((properties, certified, stranger))) => {
            let mut findings = vec![about_tpm(&properties)];
            findings.push(about_certificate(certified));
            findings.extend(stranger.map(|known| match known {
                Ok(()) => {
                    Finding::fine("keys", "the TPM is this machine's, and its attestation key is alive")
                }
                Err(stranger) => {
                    let advice = "enrol again: matrixai-agent enroll --token FILE";
                    Finding::bad("keys", stranger.to_string(), advice)
                }
            }));
            findings
        }
    }
}

fn about_tpm(properties: &tpm::Properties) -> Finding {
    let found = format!(
        "answers: {} {}, firmware {:x}",
        properties.manufacturer, properties.vendor, properties.firmware
    );
    if properties.in_lockout {
        let advice = "wait, or: tpm2_dictionarylockout --clear-lockout";
        return Finding::doubtful("TPM", format!("{found}; locked after failed authorizations"), advice);
    }
    Finding::fine("TPM", found)
}

fn about_certificate(certified: bool) -> Finding {
    if certified {
        return Finding::fine(
            "EK",
            "the TPM carries a certificate of its endorsement key (not checked here)",
        );
    }
    let advice = "inspectors will vote `unverified`; clouds often leave the certificate out, firmware updates may bring it";
    Finding::doubtful("EK", "the TPM carries no certificate of its endorsement key", advice)
}

/// The error itself says much already; what is left is where to look.
fn tpm_advice(url: &str, error: &TpmError) -> String {
    let device = url.strip_prefix("device:");
    match (device, error) {
        (Some(path), TpmError::Transport(_)) if !Path::new(path).exists() => {
            "no such device: switch the TPM on in the firmware's setup, or give the virtual machine a vTPM"
                .into()
        }
        (Some(path), TpmError::Transport(_)) => format!(
            "see `ls -l {path}`: the agent's user must be in the group it belongs to (usermod -aG tss matrixai), then log in \
             again or restart the service"
        ),
        (None, TpmError::Transport(_)) => {
            format!("start the software TPM at {url}, or set `tpm` in the configuration")
        }
        _ => "see the TPM's manual, or try after a restart of the host".into(),
    }
}

async fn chips(config: &Config) -> Vec<Finding> {
    let config = config.clone();
    let chips = tokio::task::spawn_blocking(move || begin::probe(&config).inventory()).await;
    let chips = chips.unwrap_or_default();
    let gpus = chips.iter().filter(|chip| chip.kind == ChipKind::Gpu).map(about_gpu);
    let rest =
        [ChipKind::Cpu, ChipKind::Memory, ChipKind::Disk].into_iter().map(|kind| about_rest(kind, &chips));
    gpus.chain(rest).collect()
}

fn about_gpu(chip: &Chip) -> Finding {
    const SUBJECT: &str = "GPU";
    match &chip.state {
        ChipState::Present => {
            Finding::fine(SUBJECT, format!("{} {}, driver {}", chip.index, chip.name, chip.driver))
        }
        ChipState::Replayed(recording) => Finding::doubtful(
            SUBJECT,
            format!("{} {} is a recording that is played back: {recording}", chip.index, chip.name),
            "unset MATRIXAI_NVML_RECORDING and `nvml` where real work is to be logged",
        ),
        ChipState::Absent => Finding::skipped(SUBJECT, "none, or no NVIDIA driver"),
        ChipState::Broken(why) => Finding::bad(
            SUBJECT,
            format!("the driver fails: {why}"),
            "see `nvidia-smi` and `dmesg | grep -i nvrm`; after a driver update without a restart, restart the host",
        ),
        ChipState::Hung => Finding::bad(
            SUBJECT,
            "the driver does not answer",
            "see `dmesg | grep -i xid`; reset the GPU (nvidia-smi --gpu-reset) or restart the host, then the agent",
        ),
    }
}

fn about_rest(kind: ChipKind, chips: &[Chip]) -> Finding {
    let subject = match kind {
        ChipKind::Cpu => "CPU",
        ChipKind::Memory => "memory",
        _ => "disk",
    };
    let of_kind: Vec<&Chip> = chips.iter().filter(|chip| chip.kind == kind).collect();
    let present = of_kind.iter().filter(|chip| chip.state == ChipState::Present).count();
    match of_kind.len() {
        0 => Finding::skipped(subject, "none found"),
        all if present == all => Finding::fine(subject, names(&of_kind)),
        _ => Finding::doubtful(
            subject,
            format!("{present} of {} can be read", of_kind.len()),
            "is /sys or /proc hidden from the agent by a container?",
        ),
    }
}

/// Each name once, with how many there are of it.
fn names(chips: &[&Chip]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    chips.iter().for_each(|chip| *counts.entry(&chip.name).or_default() += 1);
    let told = counts.iter().map(|(name, count)| format!("{count} × {name}"));
    told.collect::<Vec<_>>().join(", ")
}

async fn clock_and_chain(
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
    if machine.ak_public != identity.ak.public {
        let found = "the chain has another attestation key of this machine: it was enrolled anew, and not from this folder";
        let advice =
            "use the folder that it was enrolled from, or enrol anew: matrixai-agent enroll --token FILE";
        return Some(Finding::bad(SUBJECT, found, advice));
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
    fn a_missing_folder_is_fine_where_it_can_be_made() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(folder(&StateDir::new(&dir.path().join("a/b"))).state, State::Fine);
        assert_eq!(folder(&StateDir::new(dir.path())).state, State::Fine);
        assert_eq!(folder(&StateDir::new(Path::new("/proc/matrixai"))).state, State::Bad);
        assert_eq!(folder(&StateDir::new(Path::new("target/nowhere"))).state, State::Fine);
    }

    #[test]
    fn a_file_in_the_folders_place_is_bad() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state");
        fs::write(&file, "").unwrap();
        for place in [file.clone(), file.join("deeper")] {
            let found = folder(&StateDir::new(&place));
            assert_eq!(found.state, State::Bad);
            assert!(found.found.contains("is no folder"), "{found:?}");
        }
    }

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
    fn a_machine_that_is_not_enrolled_is_told_so() {
        assert!(enrolment(None).is_some());
        let mut identity = crate::identity::tests::made_up();
        identity.enrolment = Enrolment::Enrolled { epoch: 0 };
        assert_eq!(enrolment(Some(&identity)), None);
        identity.enrolment = Enrolment::None;
        assert!(enrolment(Some(&identity)).unwrap().found.contains("not enrolled"));
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

    #[test]
    fn a_missing_device_is_told_from_a_closed_one() {
        let error = TpmError::Transport("no".into());
        assert!(tpm_advice("device:/nonexistent", &error).contains("firmware"));
        assert!(tpm_advice("device:/dev/null", &error).contains("usermod -aG tss"));
        assert!(tpm_advice("tcp:127.0.0.1:1", &error).contains("software TPM"));
    }

    #[test]
    fn a_wrong_clock_is_doubtful() {
        assert_eq!(about_clock(Some(now_ms())).state, State::Fine);
        assert_eq!(about_clock(Some(now_ms() - 86_400_000)).state, State::Doubtful);
        assert_eq!(about_clock(None).state, State::Skipped);
    }

    #[test]
    fn driver_trouble_has_advice() {
        let mut chip = Chip {
            kind: ChipKind::Gpu,
            index: 0,
            state: ChipState::Hung,
            name: Default::default(),
            id: Default::default(),
            driver: Default::default(),
            firmware: Default::default(),
            memory_mib: None,
        };
        assert!(about_gpu(&chip).advice.is_some());
        chip.state = ChipState::Broken(attest::record::text("version mismatch"));
        assert!(about_gpu(&chip).found.contains("version mismatch"));
        chip.state = ChipState::Absent;
        assert_eq!(about_gpu(&chip).state, State::Skipped);
    }
}
