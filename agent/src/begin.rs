//! The beginning of every run: the log is opened, and what it missed is the first thing it is told.

use crate::{
    agent::Held,
    clock::now_ms,
    config::Config,
    failure::Failure,
    head::Head,
    hex32::Hex32,
    identity::{Enrolment, Keeper, Lost},
    journal::Journal,
    known,
    recorder::{self, Recorder},
    replay,
    state_dir::StateDir,
};
use anyhow::Result;
use attest::record::{Body, Chip, Gap, GapReason, Join, text};
use gpu_probe::{HostFacts, Options, Probe};
use light_client::outbox::Outbox;
use log_store::{LogError, LogStore};

/// A log that is being written, and the chips it knows.
pub struct Begun {
    /// The log, and what lies beside it.
    pub held: Held,
    /// Reads the chips.
    pub probe: Probe,
    /// As they were found.
    pub chips: Vec<Chip>,
}

/// Where the probe reads. NVML's library is loaded by another process of this program, also after an update has replaced its file.
pub fn probe_options(config: &Config) -> Options {
    // A test's program is another.
    let reader = (!cfg!(test)).then(|| "/proc/self/exe".into());
    Options { nvml: config.nvml.clone(), reader, ..Options::default() }
}

/// The probe as configured.
pub fn probe(config: &Config) -> Probe {
    let probe = Probe::open(&probe_options(config));
    match replay::recording(config) {
        Some(recording) => probe.replaying(&recording),
        None => probe,
    }
}

/// Opens everything, then writes down what happened since the last record: a start that fails leaves the log as it was. Blocks on
/// disks and drivers.
pub fn begin(config: &Config, state: &StateDir, keeper: &mut Keeper) -> Result<Begun> {
    let mut journal = Journal::open(&state.anchors())?;
    let outbox = Outbox::open(&state.outbox()).map_err(|error| Failure::Damaged(error.into()))?;
    let head = Head::read(state, Some(keeper))?;
    let acknowledged = known::wanted(head.as_ref(), &journal);
    let log = LogStore::open_holding(&state.log(), acknowledged)?;
    if let Some(head) = head.filter(|_| log.size() > 0) {
        head.check(&log)?;
    }
    if let Some(lost) = known::lost_attestations(&log, &journal) {
        tracing::warn!("{lost}");
    }
    let recovered = log.recovered();
    if recovered.truncated_bytes > 0 {
        tracing::warn!(
            bytes = recovered.truncated_bytes,
            "an interrupted write was cut off; it was never acknowledged"
        );
    }
    let mut probe = probe(config);
    let (host, chips) = (probe.host(), probe.inventory());
    let known = keeper.boots.count > 0;
    note_boot(keeper, &host)?;
    note_loss(keeper, &log, &journal, acknowledged)?;
    if log.size() == 0 && acknowledged > 0 {
        state.put_aside_attestations()?;
        journal = Journal::open(&state.anchors())?;
    }
    let mut bodies = opening(&log, keeper, &host, known)?;
    bodies.extend(chips.iter().cloned().map(Body::Chip));
    let recorder = Recorder::new(log, keeper.boots.count);
    match recorder.append(bodies) {
        // The recorder keeps what it could not write.
        Ok(_) | Err(LogError::Full(_)) => {
            Ok(Begun { held: Held { recorder, journal, outbox }, probe, chips })
        }
        Err(error) => Err(error.into()),
    }
}

/// Remembers that the log is lost to which the chain holds this machine: before what is known of it goes aside, and until keys are made for
/// a new enrolment, or that very log is back.
fn note_loss(keeper: &mut Keeper, log: &LogStore, journal: &Journal, acknowledged: u64) -> Result<()> {
    let lost = if log.size() > 0 {
        keeper.lost.filter(|_| known::follows_a_lost_one(log).unwrap_or(true))
    } else if keeper.enrolment == Enrolment::None {
        None
    } else {
        let anchored = journal.finalised(&keeper.ak_name()).last().map_or(0, |last| last.made.signed.size);
        let before = keeper.lost.unwrap_or(Lost { signed: 0, anchored: 0 });
        Some(Lost { signed: acknowledged.max(before.signed), anchored: anchored.max(before.anchored) })
    };
    keeper.change(|identity| identity.lost = lost)
}

fn note_boot(keeper: &mut Keeper, host: &HostFacts) -> Result<()> {
    keeper.change(|identity| {
        if identity.boots.id != Hex32(host.boot_id) || identity.boots.count == 0 {
            identity.boots.count = identity.boots.count.saturating_add(1);
            identity.boots.id = Hex32(host.boot_id);
            identity.boots.recorded = None;
        }
    })
}

fn opening(log: &LogStore, keeper: &mut Keeper, host: &HostFacts, known: bool) -> Result<Vec<Body>> {
    if let Some(gap) = recorder::gap_since_end(log)? {
        return Ok(vec![Body::Gap(gap)]);
    }
    let mut bodies = vec![Body::Join(join(keeper, host))];
    if known {
        tracing::error!("the log is gone; a new one begins, and says so");
        bodies.push(Body::Gap(Gap { from_ms: 0, to_ms: now_ms(), reason: GapReason::LogLost }));
        keeper.change(|identity| identity.boots.recorded = None)?;
    }
    Ok(bodies)
}

fn join(keeper: &Keeper, host: &HostFacts) -> Join {
    Join {
        machine: keeper.machine,
        host: host.machine_id_digest,
        kernel: host.kernel.clone(),
        agent: text(env!("CARGO_PKG_VERSION")),
        cpus: host.cpus,
        memory_mib: host.memory_mib,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        head::tests::known_device,
        identity::{Identity, tests::made_up},
    };

    fn bodies(state: &StateDir, keeper: &mut Keeper) -> Vec<Body> {
        let before = LogStore::open_read_only(&state.log()).map(|log| log.size()).unwrap_or(0);
        let begun = begin(&Config::default(), state, keeper).unwrap();
        begun.held.recorder.look(|log| (before..log.size()).map(|seq| log.read(seq).unwrap().body).collect())
    }

    #[test]
    fn the_first_record_is_the_host_and_every_start_tells_of_the_gap() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let mut keeper = Keeper::new(state.identity(), made_up());
        let first = bodies(&state, &mut keeper);
        assert!(matches!(&first[..], [Body::Join(_), Body::Chip(_), ..]));
        let second = bodies(&state, &mut keeper);
        assert!(matches!(
            &second[..],
            [Body::Gap(Gap { reason: GapReason::Crashed, .. }), Body::Chip(_), ..]
        ));
        assert_eq!(keeper.boots.count, 1);
    }

    #[test]
    fn a_lost_log_is_told_by_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let mut keeper = Keeper::new(state.identity(), made_up());
        bodies(&state, &mut keeper);
        std::fs::remove_dir_all(state.log()).unwrap();
        let lost = bodies(&state, &mut keeper);
        assert!(matches!(&lost[..], [Body::Join(_), Body::Gap(Gap { reason: GapReason::LogLost, .. }), ..]));
        assert_eq!(keeper.lost, None, "nobody holds the machine to it");
    }

    #[test]
    fn the_loss_of_an_enrolled_log_is_kept_until_there_are_new_keys_or_the_log_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let (key, identity) = known_device(7);
        let mut keeper = Keeper::new(state.identity(), identity);
        keeper.change(|identity| identity.enrolment = Enrolment::Enrolled { epoch: 0 }).unwrap();
        bodies(&state, &mut keeper);
        let log = LogStore::open_read_only(&state.log()).unwrap();
        Head::leave(&state, &keeper.origin(), log.size(), log.root(), &key).unwrap();
        bodies(&state, &mut keeper);
        assert_eq!(keeper.lost, None);
        let away = dir.path().join("away");
        std::fs::rename(state.log(), &away).unwrap();
        for _ in 0..2 {
            bodies(&state, &mut keeper);
            assert_eq!(keeper.lost, Some(Lost { signed: log.size(), anchored: 0 }));
        }
        // Lost again: what the chain has is of the first.
        std::fs::remove_dir_all(state.log()).unwrap();
        bodies(&state, &mut keeper);
        assert_eq!(keeper.lost.map(|lost| lost.signed), Some(log.size()));
        assert_eq!(Identity::load(&state.identity()).unwrap().unwrap().lost, keeper.lost);
        std::fs::remove_dir_all(state.log()).unwrap();
        std::fs::rename(&away, state.log()).unwrap();
        bodies(&state, &mut keeper);
        assert_eq!(keeper.lost, None);
    }

    #[test]
    fn a_log_that_was_cut_short_or_whose_head_is_garbage_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let (key, identity) = known_device(7);
        let mut keeper = Keeper::new(state.identity(), identity);
        bodies(&state, &mut keeper);
        let log = LogStore::open_read_only(&state.log()).unwrap();
        Head::leave(&state, &keeper.origin(), log.size() + 1, log.root(), &key).unwrap();
        let refused = |keeper: &mut Keeper| begin(&Config::default(), &state, keeper).err().unwrap();
        assert!(crate::failure::is_damage(&refused(&mut keeper)));
        std::fs::write(state.checkpoint(), "x\n").unwrap();
        let error = refused(&mut keeper);
        assert!(crate::failure::is_damage(&error) && error.to_string().contains("checkpoint"), "{error}");
        assert_eq!(LogStore::open_read_only(&state.log()).unwrap().size(), log.size());
    }
}
