//! One challenge of all GPUs at once: how fast they are, what memory they have, and whether everybody tells of the same chips.
//!
//! Thin: the challenges are `gpu-compute`'s, the comparisons `gpu-probe`'s. **It has not run on a GPU yet.** A GPU that others work on is left
//! alone: it would be told as slow, and they would be disturbed.

use crate::{clock::now_ms, gpu_identity};
use attest::{
    Hash,
    record::{self, Activity, Body, Chip, ChipKind},
};
use gpu_compute::{
    GpuError,
    challenge::{
        Challenger, fingerprint, judge,
        memory::{Memory, Questions},
        on_all,
    },
};
use gpu_probe::{
    Options, Probe,
    finding::{Check, Finding},
    identity::{self, CudaView, Spent},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Tasks of the network are held meanwhile, and come to rest between two of their layers.
const REST: Duration = Duration::from_secs(5);
/// How often, and how far apart, GPUs are looked at: does anybody work on them?
const LOOKS: (u32, Duration) = (3, Duration::from_millis(500));
/// A GPU that is busier than this, ‰, is at work.
const AT_WORK: u16 = 50;
/// Fingerprints that warm a card up and do not count.
const WARMING: u32 = 3;
/// Places of each of a fingerprint's results that are checked.
const SPOTS: u32 = 20;
/// How often walks read all of the memory.
const PASSES: u32 = 8;
/// Blocks and walks of the memory challenge that are checked.
const QUESTIONS: (usize, usize) = (20, 1);
/// Memory is filled by so many bytes or a multiple: with that, the words of the record give the challenge, and anybody can do it again.
const STEP: u64 = 1_000_000_000;

/// What was found about one GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The GPU's number.
    pub gpu: u16,
    /// What was found.
    pub finding: Finding,
    /// The digest of the result, where the check has one.
    pub result: Option<Hash>,
}

impl Found {
    /// For the log; `draw` is what nobody knew before. Where there is no result its digest is zero.
    pub fn body(&self, draw: Hash) -> Body {
        let challenge = Some(record::Challenge { draw, result: self.result.unwrap_or_default() });
        Body::Finding(record::Finding { challenge, ..self.finding.record(self.gpu) })
    }
}

/// Who asks, and for how much.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Where the host's own word on its GPUs is read.
    pub options: Options,
    /// The machine's identifier.
    pub machine: Hash,
    /// Share of the free memory that is filled, %.
    pub memory_percent: u8,
}

/// What became of one GPU.
struct Answer {
    findings: Vec<(Finding, Option<Hash>)>,
    /// int8 operations that were done and checked.
    operations: f64,
}

impl Asker {
    /// Asks all GPUs, each with a seed of its own made of `draw`. It takes some seconds, and where a driver hangs it never ends.
    pub fn ask(&self, draw: &Hash) -> Vec<Found> {
        thread::sleep(REST);
        let mut probe = Probe::open(&self.options);
        let used = used_by_others(&mut probe);
        let (before, since) = (energies(&mut probe), Instant::now());
        let done = on_all(draw, &self.machine, |challenger, seed| {
            Ok::<_, GpuError>(self.one(challenger, &seed, draw, &used))
        });
        let (after, seconds) = (energies(&mut probe), since.elapsed().as_secs_f64());
        let mut found = Vec::new();
        for (gpu, outcome) in (0..).zip(done) {
            let told = match outcome {
                Ok((facts, answer)) => {
                    let uuid = CudaView::from(&facts).uuid();
                    let energy_mj = (before.get(&uuid).copied(), after.get(&uuid).copied());
                    answer.with_energy(energy_mj, seconds)
                }
                Err(error) => vec![(Finding::failed(Check::Memory, error.to_string()), None)],
            };
            found.extend(told.into_iter().map(|(finding, result)| Found { gpu, finding, result }));
        }
        let identity = gpu_identity::look(&self.options).into_iter();
        found.extend(identity.map(|(gpu, finding)| Found { gpu, finding, result: None }));
        found
    }

    fn one(&self, challenger: &mut Challenger, seed: &Hash, draw: &Hash, used: &BTreeSet<String>) -> Answer {
        if used.contains(&CudaView::from(challenger.facts()).uuid()) {
            let why = "others work on this GPU: it was left alone";
            return Answer { findings: vec![(Finding::failed(Check::Memory, why), None)], operations: 0.0 };
        }
        let (speeds, operations) = speeds(challenger, seed);
        let memory = self.memory(challenger, seed, draw);
        let memory = memory.unwrap_or_else(|error| (Finding::failed(Check::Memory, error.to_string()), None));
        Answer { findings: vec![(speeds, None), memory], operations }
    }

    fn memory(
        &self,
        challenger: &mut Challenger,
        seed: &Hash,
        draw: &Hash,
    ) -> Result<(Finding, Option<Hash>), GpuError> {
        let failed = |why: String| Ok((Finding::failed(Check::Memory, why), None));
        // What the fingerprint worked on.
        challenger.forget()?;
        let (free, all) = (challenger.free()?, challenger.facts().memory);
        let Some(bytes) = room(free, all, self.memory_percent) else {
            let (free, all) = (free as f64 / 1e9, all as f64 / 1e9);
            return failed(format!("others hold this GPU's memory: {free:.1} of {all:.1} GB are free"));
        };
        let challenge = match Memory::filling(bytes, PASSES, *seed) {
            Ok(challenge) => challenge,
            Err(error) => return failed(error.to_string()),
        };
        let done = challenger.memory(&challenge)?;
        let questions = Questions::draw(&challenge, &done.digest, draw, QUESTIONS.0, QUESTIONS.1);
        let Some(given) = challenger.disclose(&questions)? else {
            return failed("the GPU holds no answer to what it was asked".into());
        };
        let checked = challenge.verify(&done.digest, &questions, &given);
        let name = &challenger.facts().name;
        let finding = judge::memory(name, &challenge, done.spans.host, Duration::ZERO, checked);
        Ok((finding, Some(done.digest)))
    }
}

impl Answer {
    /// With what the card's own counter says to the work, where any was done.
    fn with_energy(
        self,
        energy_mj: (Option<u64>, Option<u64>),
        seconds: f64,
    ) -> Vec<(Finding, Option<Hash>)> {
        let Self { mut findings, operations } = self;
        if operations > 0.0 {
            findings.push((identity::energy(&Spent { operations, energy_mj, seconds }), None));
        }
        findings
    }
}

/// The fingerprint of a card that is warm, and the operations that it took.
fn speeds(challenger: &mut Challenger, seed: &Hash) -> (Finding, f64) {
    let name = challenger.facts().name.clone();
    let mut print = challenger.fingerprint(seed, SPOTS);
    for _ in 0..WARMING {
        print = print.and_then(|_| challenger.fingerprint(seed, SPOTS));
    }
    match print {
        Ok(print) => (
            judge::fingerprint(&name, &print.rates, print.verified),
            f64::from(WARMING + 1) * fingerprint::OPERATIONS,
        ),
        Err(error) => (Finding::failed(Check::Fingerprint, error.to_string()), 0.0),
    }
}

/// Bytes to fill; none where others hold half of the memory, or nothing is left.
fn room(free: u64, all: u64, percent: u8) -> Option<u64> {
    let bytes = free / 100 * u64::from(percent) / STEP * STEP;
    (free >= all / 2 && bytes > 0).then_some(bytes)
}

/// UUIDs of GPUs that are at work although tasks of the network are held.
fn used_by_others(probe: &mut Probe) -> BTreeSet<String> {
    for _ in 0..LOOKS.0 {
        probe.sample();
        thread::sleep(LOOKS.1);
    }
    let chips = probe.inventory();
    let now = now_ms();
    at_work(&chips, &probe.close_window(now, now))
}

fn at_work(chips: &[Chip], windows: &[Activity]) -> BTreeSet<String> {
    let gpus = chips.iter().filter(|chip| chip.kind == ChipKind::Gpu);
    let works = |chip: &&Chip| {
        let of_chip = |window: &&Activity| (window.kind, window.index) == (ChipKind::Gpu, chip.index);
        let busy = |window: &Activity| window.utilisation.is_some_and(|share| share > AT_WORK);
        windows.iter().find(of_chip).is_some_and(busy)
    };
    gpus.filter(works).map(|chip| chip.id.to_string()).collect()
}

/// What each GPU has used so far by NVML's counter, mJ, by UUID.
fn energies(probe: &mut Probe) -> BTreeMap<String, u64> {
    let gpus = probe.gpu_identities().map(|(_, gpus)| gpus).unwrap_or_default();
    gpus.into_iter().filter_map(|gpu| gpu.uuid.zip(gpu.energy_mj)).collect()
}

/// A challenge's thread has ended without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the challenge ended in a crash")]
pub struct Crashed;

/// A challenge under way, on a thread of its own that nobody waits for: a driver may never answer.
#[derive(Debug)]
pub struct Asking {
    told: mpsc::Receiver<Vec<Found>>,
    since: Instant,
}

impl Asking {
    /// Starts.
    pub fn start(ask: impl FnOnce() -> Vec<Found> + Send + 'static) -> std::io::Result<Self> {
        let (tell, told) = mpsc::channel();
        let work = move || {
            // Nobody may wait for it any more.
            let _ = tell.send(ask());
        };
        thread::Builder::new().name("challenge".into()).spawn(work)?;
        Ok(Self { told, since: Instant::now() })
    }

    /// What came of it, once it has ended.
    pub fn poll(&self) -> Option<Result<Vec<Found>, Crashed>> {
        match self.told.try_recv() {
            Ok(found) => Some(Ok(found)),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Err(Crashed)),
        }
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::tests::{chip, window};

    #[test]
    fn memory_is_filled_by_whole_gigabytes_and_not_beside_others() {
        const GB: u64 = 1_000_000_000;
        assert_eq!(room(143 * GB, 150 * GB, 90), Some(128 * GB));
        assert_eq!(room(75 * GB, 150 * GB, 95), Some(71 * GB));
        assert_eq!(room(74 * GB, 150 * GB, 95), None, "somebody works there");
        assert_eq!(room(GB, GB, 90), None, "nothing is left");
        assert_eq!(room(0, 0, 90), None);
    }

    #[test]
    fn who_works_while_drilling_rests_is_somebody_else() {
        let chips = [0, 1, 2].map(|index| chip(ChipKind::Gpu, index, "H200"));
        let busy = window(ChipKind::Gpu, 0, 0);
        let idle = Activity { utilisation: Some(AT_WORK), ..window(ChipKind::Gpu, 1, 0) };
        let silent = Activity { utilisation: None, ..window(ChipKind::Gpu, 2, 0) };
        // A processor of the same number.
        let other = Activity { kind: ChipKind::Cpu, ..window(ChipKind::Gpu, 1, 0) };
        let found = at_work(&chips, &[other, busy, idle, silent]);
        assert_eq!(found, BTreeSet::from([chips[0].id.to_string()]));
    }

    #[test]
    fn a_record_names_the_draw_and_the_result() {
        let found = |result| Found { gpu: 3, finding: Finding::consistent(Check::Memory, "fine"), result };
        let body = |result| match found(result).body([1; 32]) {
            Body::Finding(found) => (found.gpu, found.challenge.unwrap()),
            other => panic!("{other:?}"),
        };
        assert_eq!(body(Some([2; 32])), (3, record::Challenge { draw: [1; 32], result: [2; 32] }));
        assert_eq!(body(None).1.result, [0; 32]);
    }

    #[test]
    fn energy_is_asked_about_where_work_was_done() {
        let answer = |operations| Answer { findings: Vec::new(), operations };
        assert!(answer(0.0).with_energy((Some(1), Some(2)), 5.0).is_empty());
        let told = answer(1e15).with_energy((None, None), 5.0);
        assert_eq!(told.iter().map(|(finding, _)| finding.check).collect::<Vec<_>>(), [Check::Energy]);
    }

    #[test]
    fn a_thread_that_crashes_is_told_from_one_that_is_at_work() {
        let (go, wait) = mpsc::channel::<()>();
        let asking = Asking::start(move || {
            let _ = wait.recv();
            Vec::new()
        });
        let asking = asking.unwrap();
        assert_eq!(asking.poll(), None);
        drop(go);
        let end = |asking: &Asking| loop {
            if let Some(end) = asking.poll() {
                return end;
            }
            thread::yield_now();
        };
        assert_eq!(end(&asking), Ok(Vec::new()));
        let crashing = Asking::start(|| panic!("in a driver")).unwrap();
        assert_eq!(end(&crashing), Err(Crashed));
    }

    #[test]
    fn a_host_without_gpus_has_nothing_to_tell() {
        let options = Options { nvml: Some("/nonexistent/libnvidia-ml.so".into()), ..Options::default() };
        let mut probe = Probe::open(&options);
        assert!(used_by_others(&mut probe).is_empty() && energies(&mut probe).is_empty());
    }
}
