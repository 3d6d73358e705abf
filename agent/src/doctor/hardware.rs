//! The TPM and the chips, and whether the TPM is still this machine's.

use super::Finding;
use crate::{begin, config::Config, identity::Identity, secrets, tpm_worker::TpmWorker};
use attest::record::{Chip, ChipKind, ChipState};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tpm::{EkKind, TpmError};

/// How long the TPM may take.
const TPM_PATIENCE: Duration = Duration::from_secs(30);

/// What the TPM says.
pub async fn tpm(config: &Config, identity: Option<Identity>) -> Vec<Finding> {
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

/// What the probe finds.
pub async fn chips(config: &Config) -> Vec<Finding> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_missing_device_is_told_from_a_closed_one() {
        let error = TpmError::Transport("no".into());
        assert!(tpm_advice("device:/nonexistent", &error).contains("firmware"));
        assert!(tpm_advice("device:/dev/null", &error).contains("usermod -aG tss"));
        assert!(tpm_advice("tcp:127.0.0.1:1", &error).contains("software TPM"));
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
